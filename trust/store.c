/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "trust/certificate.h"
#include "trust/sql.h"
#include "trust/store_schema.h"

/* A newer mail that says the same is written down only when it is so much newer. */
#define SAME_NEWS_AFTER (24 * 60 * 60)
#define FINGERPRINT 32

struct store {
    struct sql *db;
};

static int
out_of_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory using the certificate store");
}

static int
take_number(void *arg, const struct sql_row *row)
{
    *(int64_t *)arg = sql_row_int(row, 0);
    return 0;
}

static int
version_of(struct store *s, int64_t *ret, struct err *err)
{
    return sql_query(s->db, "PRAGMA user_version", NULL, 0, take_number, ret, err);
}

/* Ends the transaction, as rc wants it. */
static int
finish(struct store *s, int rc, struct err *err)
{
    if (rc == 0)
        rc = sql_exec(s->db, "COMMIT", err);
    /* SQLite may have rolled back by itself. */
    if (rc != 0 && sql_exec(s->db, "ROLLBACK", NULL) != 0)
        return rc;
    return rc;
}

static int
migrate(struct store *s, struct err *err)
{
    char statement[64];
    int64_t version = 0;
    int rc = version_of(s, &version, err);

    if (rc != 0 || version == STORE_VERSION)
        return rc;
    rc = sql_exec(s->db, "BEGIN IMMEDIATE", err);
    if (rc != 0)
        return rc;
    /* Another process may have been faster. */
    rc = version_of(s, &version, err);
    if (rc == 0 && version > STORE_VERSION)
        rc = err_set(err, E_CONFIG, "the certificate store was written by a newer Signet (its "
                     "version is %lld, this one knows %lld); use that one",
                     (long long)version, (long long)STORE_VERSION);
    for (; rc == 0 && version < STORE_VERSION; version++)
        rc = sql_exec(s->db, store_migrations[version], err);
    snprintf(statement, sizeof statement, "PRAGMA user_version = %lld", (long long)STORE_VERSION);
    if (rc == 0)
        rc = sql_exec(s->db, statement, err);
    return finish(s, rc, err);
}

int
store_open(struct store **ret, const char *folder, bool existing_only, struct err *err)
{
    autofree_buf struct buf *path = buf_new();
    struct store *s;
    int rc;

    if (path == NULL || buf_putf(path, "%s/%s", folder, STORE_FILE) != 0)
        return out_of_memory(err);
    if (existing_only && access(buf_cstr(path), F_OK) != 0 && errno == ENOENT) {
        *ret = NULL;
        return 0;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return out_of_memory(err);
    rc = sql_open(&s->db, buf_cstr(path), err);
    if (rc == 0)
        rc = migrate(s, err);
    if (rc != 0)
        store_close(&s);
    else
        *ret = s;
    return rc;
}

void
store_close(struct store **s)
{
    if (s == NULL || *s == NULL)
        return;
    sql_close(&(*s)->db);
    free(*s);
    *s = NULL;
}

/* The address as it is compared: its domain in lower case. */
static char *
normal(const char *address)
{
    char *copy = strdup(address), *at = copy == NULL ? NULL : strrchr(copy, '@');

    for (; at != NULL && *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 0x20);
    return copy;
}

static int
fingerprint(const X509 *cert, uint8_t out[FINGERPRINT])
{
    unsigned len = FINGERPRINT;

    return X509_digest(cert, EVP_sha256(), out, &len) == 1 ? 0 : E_CRYPTO;
}

/* What is on record. */
struct record {
    bool there;
    int64_t signed_at;
    char *capabilities;
    uint8_t fingerprint[FINGERPRINT];
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
    r->has_cert = print != NULL && len == FINGERPRINT;
    if (r->has_cert)
        memcpy(r->fingerprint, print, FINGERPRINT);
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
                     (r->has_cert && memcmp(r->fingerprint, print, FINGERPRINT) == 0);
    bool same = capabilities == NULL ||
                (r->capabilities != NULL && strcmp(r->capabilities, capabilities) == 0);

    return r->there && (signed_at < r->signed_at ||
                        (same_cert && same && signed_at - r->signed_at < SAME_NEWS_AFTER));
}

static int
put_address(struct store *s, const char *address, int64_t id, struct err *err)
{
    struct sql_arg args[] = {sql_text(address), sql_int(id)};

    return sql_query(s->db, "INSERT OR IGNORE INTO address VALUES (?, ?)", args, 2, NULL, NULL,
                     err);
}

static int
put_cert(struct store *s, const struct store_news *n, const uint8_t *print, const char *address,
         int64_t *ret, struct err *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(n->cert, &der);
    struct sql_arg args[] = {sql_blob(print, FINGERPRINT), sql_blob(der, (size_t)len),
                             sql_text(n->source), sql_int(time(NULL))};
    int rc = len <= 0 ? out_of_memory(err) : 0;

    if (rc == 0)
        rc = sql_query(s->db, "INSERT OR IGNORE INTO certificate (fingerprint, der, source, "
                       "learnt) VALUES (?, ?, ?, ?)", args, 4, NULL, NULL, err);
    OPENSSL_free(der);
    if (rc == 0)
        rc = sql_query(s->db, "SELECT id FROM certificate WHERE fingerprint = ?", args, 1,
                       take_number, ret, err);
    return rc == 0 ? put_address(s, address, *ret, err) : rc;
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

static int
write_news(struct store *s, const struct store_news *n, const char *address,
           const char *capabilities, const uint8_t *print, int64_t signed_at, struct err *err)
{
    struct record r = {.there = false};
    int64_t id = 0;
    int rc = sql_exec(s->db, "BEGIN IMMEDIATE", err);

    if (rc != 0)
        return rc;
    rc = read_record(s, address, &r, err);
    if (rc == 0 && !known(&r, n, capabilities, print, signed_at)) {
        if (n->cert != NULL)
            rc = put_cert(s, n, print, address, &id, err);
        if (rc == 0)
            rc = put_peer(s, n, address, id, capabilities, signed_at, err);
    }
    free(r.capabilities);
    return finish(s, rc, err);
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
    uint8_t print[FINGERPRINT] = {0};
    time_t now = time(NULL);
    int64_t signed_at = n->signed_at > now ? now : n->signed_at;
    const char *capabilities = NULL;
    struct record r = {.there = false};
    char *address = normal(n->address);
    int rc = 0;

    if (lines == NULL || address == NULL ||
        (n->capabilities != NULL && put_lines(lines, n->capabilities) != 0))
        rc = out_of_memory(err);
    else if (n->cert != NULL && fingerprint(n->cert, print) != 0)
        rc = err_set_ossl(err, E_CRYPTO, "a certificate's fingerprint cannot be computed");
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
take_cert(void *arg, const struct sql_row *row)
{
    STACK_OF(X509) *out = arg;
    size_t len;
    const uint8_t *at = sql_row_blob(row, 0, &len);
    X509 *cert = at == NULL ? NULL : d2i_X509(NULL, &at, (long)len);

    /* One that cannot be read is of no use, and no harm. */
    if (cert != NULL && sk_X509_push(out, cert) == 0) {
        X509_free(cert);
        return E_NOMEM;
    }
    return 0;
}

int
store_find(struct store *s, const char *who, STACK_OF(X509) *out, struct err *err)
{
    char *address = normal(who);
    struct sql_arg args[] = {sql_text(address), sql_text(address)};
    int rc;

    if (address == NULL)
        return out_of_memory(err);
    rc = sql_query(s->db,
                   "SELECT der FROM address JOIN certificate ON certificate.id = "
                   "address.certificate LEFT JOIN peer ON peer.certificate = certificate.id AND "
                   "peer.address = ? WHERE address.address = ? "
                   "ORDER BY peer.certificate IS NULL, certificate.learnt DESC",
                   args, 2, take_cert, out, err);
    free(address);
    return rc == E_NOMEM ? out_of_memory(err) : rc;
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
    uint8_t print[FINGERPRINT];
    struct sql_arg args[] = {sql_blob(print, sizeof print)};
    int rc;

    if (fingerprint(cert, print) != 0)
        return err_set_ossl(err, E_CRYPTO, "a certificate's fingerprint cannot be computed");
    rc = sql_query(s->db,
                   "SELECT peer.capabilities FROM certificate JOIN peer ON peer.certificate = "
                   "certificate.id WHERE certificate.fingerprint = ?", args, 1, take_capabilities,
                   &listener, err);
    return rc == E_NOMEM ? out_of_memory(err) : rc;
}
