/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Correspondents. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "trust/store_int.h"

/* A newer mail that says the same is written down only when it is so much newer. */
#define SAME_NEWS_AFTER (24 * 60 * 60)

/* What is on record. */
struct record {
    bool there;
    int64_t signed_at;
    char *capabilities;
    uint8_t fingerprint[STORE_FINGERPRINT];
    bool has_cert;
};

static int
take_record(void *arg, const struct sql_row *row)
{
    struct record *r = arg;
    const char *capabilities = sql_row_text(row, 1);
    const uint8_t *print;
    size_t len;

    r->there = true;
    r->signed_at = sql_row_int(row, 0);
    if (capabilities != NULL && (r->capabilities = strdup(capabilities)) == NULL)
        return E_NOMEM;
    print = sql_row_blob(row, 2, &len);
    r->has_cert = print != NULL && len == STORE_FINGERPRINT;
    if (r->has_cert)
        memcpy(r->fingerprint, print, STORE_FINGERPRINT);
    return 0;
}

static int
read_record(struct store *s, const char *address, struct record *ret, struct err *err)
{
    struct sql_arg args[] = {sql_text(address)};

    return sql_query(s->db,
                     "SELECT peer.signed, peer.capabilities, certificate.fingerprint FROM peer "
                     "LEFT JOIN certificate ON certificate.id = peer.certificate "
                     "WHERE peer.address = ?", args, 1, take_record, ret, err);
}

/* Nothing that would have to be written. */
static bool
known(const struct record *r, const struct store_news *n, const char *capabilities,
      const uint8_t *print, int64_t signed_at)
{
    bool same_cert = n->cert == NULL ||
                     (r->has_cert && memcmp(r->fingerprint, print, STORE_FINGERPRINT) == 0);
    bool same = capabilities == NULL ||
                (r->capabilities != NULL && strcmp(r->capabilities, capabilities) == 0);

    return r->there && (signed_at < r->signed_at ||
                        (same_cert && same && signed_at - r->signed_at < SAME_NEWS_AFTER));
}

static int
put_peer(struct store *s, const struct store_news *n, const char *address, int64_t id,
         const char *capabilities, int64_t signed_at, struct err *err)
{
    struct sql_arg args[] = {sql_text(address), id > 0 ? sql_int(id) : sql_text(NULL),
                             sql_text(capabilities), sql_int(signed_at), sql_text(n->source),
                             sql_int(time(NULL))};

    return sql_query(s->db,
                     "INSERT INTO peer VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (address) DO UPDATE "
                     "SET certificate = coalesce(excluded.certificate, certificate), "
                     "capabilities = coalesce(excluded.capabilities, capabilities), "
                     "signed = excluded.signed, source = excluded.source, "
                     "learnt = excluded.learnt", args, 6, NULL, NULL, err);
}

/* Who signed with it vouches for it better than wherever else it was found. */
static int
put_source(struct store *s, int64_t id, const char *source, struct err *err)
{
    struct sql_arg args[] = {sql_text(source), sql_int(id)};

    return sql_query(s->db, "UPDATE certificate SET source = ? WHERE id = ?", args, 2, NULL, NULL,
                     err);
}

static int
write_news(struct store *s, const struct store_news *n, const char *address,
           const char *capabilities, const uint8_t *print, int64_t signed_at, struct err *err)
{
    struct record r = {.there = false};
    int64_t id = 0;
    int rc = store_begin(s, err);

    if (rc != 0)
        return rc;
    rc = read_record(s, address, &r, err);
    if (rc == 0 && !known(&r, n, capabilities, print, signed_at)) {
        if (n->cert != NULL)
            rc = store_put_cert(s, n->cert, n->source, &id, NULL, err);
        if (rc == 0 && id > 0)
            rc = put_source(s, id, n->source, err);
        if (rc == 0 && id > 0)
            rc = store_put_address(s, address, id, err);
        if (rc == 0)
            rc = put_peer(s, n, address, id, capabilities, signed_at, err);
    }
    free(r.capabilities);
    return store_end(s, rc, err);
}

static int
put_lines(struct buf *out, const char *const *list)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && list[i] != NULL && i < STORE_CAPABILITIES_MAX; i++)
        rc = buf_putf(out, "%s\n", list[i]);
    return rc;
}

int
store_learn(struct store *s, const struct store_news *n, struct err *err)
{
    autofree_buf struct buf *lines = buf_new();
    uint8_t print[STORE_FINGERPRINT] = {0};
    time_t now = time(NULL);
    int64_t signed_at = n->signed_at > now ? now : n->signed_at;
    const char *capabilities = NULL;
    struct record r = {.there = false};
    char *address = store_address(n->address);
    int rc = 0;

    if (lines == NULL || address == NULL ||
        (n->capabilities != NULL && put_lines(lines, n->capabilities) != 0))
        rc = store_no_memory(err);
    else if (n->cert != NULL)
        rc = store_fingerprint(n->cert, print, err);
    if (rc == 0 && n->capabilities != NULL)
        capabilities = buf_cstr(lines);
    /* Mostly there is nothing new: then nobody is locked out, and nothing written. */
    if (rc == 0)
        rc = read_record(s, address, &r, err);
    if (rc == 0 && !known(&r, n, capabilities, print, signed_at))
        rc = write_news(s, n, address, capabilities, print, signed_at, err);
    free(r.capabilities);
    free(address);
    return rc;
}

static int
take_cert(void *arg, const struct store_cert *c)
{
    STACK_OF(X509) *out = arg;

    if (sk_X509_push(out, c->cert) == 0)
        return E_NOMEM;
    X509_up_ref(c->cert);
    return 0;
}

int
store_find(struct store *s, const char *who, STACK_OF(X509) *out, struct err *err)
{
    struct store_query query = {.by = STORE_BY_ADDRESS, .address = who};
    int rc = store_search(s, &query, 0, take_cert, out, err);

    return rc == E_NOMEM ? store_no_memory(err) : rc;
}

struct listener {
    void (*each)(void *arg, const char *text);
    void *arg;
};

static int
take_capabilities(void *arg, const struct sql_row *row)
{
    const struct listener *l = arg;
    const char *text = sql_row_text(row, 0);
    char *copy = text == NULL ? NULL : strdup(text), *save = NULL;

    if (text != NULL && copy == NULL)
        return E_NOMEM;
    if (copy != NULL)
        for (char *line = strtok_r(copy, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save))
            l->each(l->arg, line);
    free(copy);
    return 0;
}

int
store_capabilities(struct store *s, const X509 *cert, void (*each)(void *arg, const char *text),
                   void *arg, struct err *err)
{
    struct listener listener = {.each = each, .arg = arg};
    uint8_t print[STORE_FINGERPRINT];
    struct sql_arg args[] = {sql_blob(print, sizeof print)};
    int rc = store_fingerprint(cert, print, err);

    if (rc == 0)
        rc = sql_query(s->db,
                       "SELECT peer.capabilities FROM certificate JOIN peer ON peer.certificate = "
                       "certificate.id WHERE certificate.fingerprint = ?", args, 1,
                       take_capabilities, &listener, err);
    return rc == E_NOMEM ? store_no_memory(err) : rc;
}
