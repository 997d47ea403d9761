/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/store_revocation.h"

#include <stdlib.h>

#include "trust/sql.h"

#define SIGN (UINT64_C(1) << 63)

struct adding {
    struct store *store;
    int64_t id;
    struct err *err;
};

struct finding {
    int (*each)(void *arg, const struct store_crl *);
    void *arg;
};

/* As a number of SQLite's, in the same order. */
static int64_t
ordered(uint64_t hash)
{
    return (int64_t)(hash ^ SIGN);
}

static int
take_id(void *arg, const struct sql_row *row)
{
    *(int64_t *)arg = sql_row_int(row, 0);
    return 0;
}

static int
put_page(void *arg, uint64_t first, const uint8_t *data, size_t len)
{
    struct adding *a = arg;
    const struct sql_arg args[] = {sql_int(a->id), sql_int(ordered(first)), sql_blob(data, len)};

    return sql_query(store_sql(a->store), "INSERT INTO crl_page (crl, first, data) VALUES (?, ?, ?)",
                     args, 3, NULL, NULL, a->err);
}

static int
put_row(struct store *s, const struct store_crl *c, size_t entries, int64_t *ret_id,
        struct err *err)
{
    const struct sql_arg args[] = {
        sql_blob(c->sha256, STORE_HASH), sql_int(c->issuer),
        sql_blob(c->header.at, c->header.len), sql_blob(c->digest.at, c->digest.len),
        sql_blob(c->spki, STORE_HASH), sql_int(c->this_update), sql_int(c->next_update),
        sql_blob(c->scope, STORE_HASH), sql_int((int64_t)entries), sql_text(c->source),
        sql_int(time(NULL)),
    };

    return sql_query(store_sql(s), "INSERT INTO crl (sha256, issuer, header, digest, spki, "
                     "this_update, next_update, scope, entries, source, learnt) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT (sha256) DO NOTHING RETURNING id",
                     args, sizeof args / sizeof args[0], take_id, ret_id, err);
}

static int
drop_older(struct store *s, const struct store_crl *c, struct err *err)
{
    const struct sql_arg args[] = {sql_blob(c->scope, STORE_HASH), sql_int(c->issuer),
                                   sql_int(c->this_update)};

    return sql_query(store_sql(s), "DELETE FROM crl WHERE scope = ? AND issuer = ? AND "
                     "this_update < ?", args, 3, NULL, NULL, err);
}

int
store_crl_add(struct store *s, const struct store_crl *c, const struct crl_index *index,
              struct err *err)
{
    struct adding a = {.store = s, .err = err};
    int rc = store_begin(s, err);

    if (rc != 0)
        return rc;
    rc = put_row(s, c, crl_index_count(index), &a.id, err);
    if (rc == 0 && a.id != 0) {
        rc = crl_index_pages(index, put_page, &a);
        if (rc == 0 && c->spki != NULL)
            rc = drop_older(s, c, err);
    }
    return store_end(s, rc, err);
}

static int
take_crl(void *arg, const struct sql_row *row)
{
    struct finding *f = arg;
    struct store_crl c = {.id = sql_row_int(row, 0), .issuer = (uint32_t)sql_row_int(row, 2)};
    size_t sha256_len, spki_len, scope_len;

    c.sha256 = sql_row_blob(row, 1, &sha256_len);
    c.header.at = sql_row_blob(row, 3, &c.header.len);
    c.digest.at = sql_row_blob(row, 4, &c.digest.len);
    c.spki = sql_row_blob(row, 5, &spki_len);
    c.this_update = (time_t)sql_row_int(row, 6);
    c.next_update = (time_t)sql_row_int(row, 7);
    c.scope = sql_row_blob(row, 8, &scope_len);
    c.source = sql_row_text(row, 9);
    if (sha256_len != STORE_HASH || scope_len != STORE_HASH || c.source == NULL ||
        (c.spki != NULL && spki_len != STORE_HASH))
        return 0;
    return f->each(f->arg, &c);
}

int
store_crl_find(struct store *s, uint32_t issuer, int (*each)(void *arg, const struct store_crl *),
               void *arg, struct err *err)
{
    struct finding f = {each, arg};
    const struct sql_arg args[] = {sql_int(issuer), sql_int(STORE_CRLS_MAX)};

    return sql_query(store_sql(s), "SELECT id, sha256, issuer, header, digest, spki, this_update, "
                     "next_update, scope, source FROM crl WHERE issuer = ? "
                     "ORDER BY this_update DESC LIMIT ?", args, 2, take_crl, &f, err);
}

int
store_crl_verified(struct store *s, int64_t id, const uint8_t spki[STORE_HASH], struct err *err)
{
    const struct sql_arg args[] = {sql_blob(spki, STORE_HASH), sql_int(id)};

    return sql_query(store_sql(s), "UPDATE crl SET spki = ? WHERE id = ?", args, 2, NULL, NULL,
                     err);
}

static int
take_blob(void *arg, const struct sql_row *row)
{
    size_t len;
    const uint8_t *data = sql_row_blob(row, 0, &len);

    return len == 0 ? 0 : buf_put(arg, data, len);
}

int
store_crl_page(struct store *s, int64_t id, uint64_t hash, struct buf *page, struct err *err)
{
    const struct sql_arg args[] = {sql_int(id), sql_int(ordered(hash))};

    return sql_query(store_sql(s), "SELECT data FROM crl_page WHERE crl = ? AND first <= ? "
                     "ORDER BY first DESC LIMIT 1", args, 2, take_blob, page, err);
}

int
store_ocsp_put(struct store *s, const uint8_t certid[STORE_HASH], struct span der,
               time_t this_update, time_t next_update, const char *source, struct err *err)
{
    const struct sql_arg args[] = {
        sql_blob(certid, STORE_HASH), sql_blob(der.at, der.len), sql_int(this_update),
        sql_int(next_update), sql_text(source), sql_int(time(NULL)),
    };

    return sql_query(store_sql(s), "INSERT INTO ocsp (certid, der, this_update, next_update, "
                     "source, learnt) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (certid) DO UPDATE "
                     "SET der = excluded.der, this_update = excluded.this_update, "
                     "next_update = excluded.next_update, source = excluded.source, "
                     "learnt = excluded.learnt WHERE excluded.this_update >= this_update",
                     args, sizeof args / sizeof args[0], NULL, NULL, err);
}

int
store_ocsp_get(struct store *s, const uint8_t certid[STORE_HASH], struct buf *der, struct err *err)
{
    const struct sql_arg args[] = {sql_blob(certid, STORE_HASH)};

    return sql_query(store_sql(s), "SELECT der FROM ocsp WHERE certid = ?", args, 1, take_blob,
                     der, err);
}
