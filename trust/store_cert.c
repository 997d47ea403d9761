/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates: their rows, and what they are found by. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "trust/certificate.h"
#include "trust/store_int.h"

#define SHA1 20
/* Fewest bytes of a fingerprint's beginning. */
#define PREFIX_MIN 4
/* What answers to no question: nothing more is wanted. */
#define ENOUGH 1

#define COLUMNS "certificate.der, certificate.fingerprint, certificate.source, " \
                "certificate.learnt, mark.trust, mark.marked, "
#define JOINS "LEFT JOIN mark ON mark.certificate = certificate.id "

/* By store_query.by. A prefix is what lies between itself and its successor. */
static const char *const questions[] = {
    [STORE_ALL] = "SELECT " COLUMNS "0 FROM certificate " JOINS "ORDER BY certificate.id",
    [STORE_BY_ADDRESS] =
        "SELECT " COLUMNS "peer.certificate IS NOT NULL FROM address "
        "JOIN certificate ON certificate.id = address.certificate " JOINS
        "LEFT JOIN peer ON peer.address = address.address AND peer.certificate = certificate.id "
        "WHERE address.address = ? "
        "ORDER BY peer.certificate IS NULL, certificate.learnt DESC, certificate.id DESC",
    [STORE_BY_KEY] = "SELECT " COLUMNS "0 FROM certificate " JOINS
                     "WHERE spki BETWEEN ? AND ? ORDER BY certificate.id",
    [STORE_BY_SUBJECT] = "SELECT " COLUMNS "0 FROM certificate " JOINS
                         "WHERE subject = ? ORDER BY certificate.id",
    [STORE_BY_ISSUER_SERIAL] = "SELECT " COLUMNS "0 FROM certificate " JOINS
                               "WHERE issuer = ? AND serial = ? ORDER BY certificate.id",
    [STORE_BY_FINGERPRINT] =
        "SELECT " COLUMNS "0 FROM certificate " JOINS "WHERE certificate.id IN "
        "(SELECT id FROM certificate WHERE fingerprint BETWEEN ?1 AND ?2 "
        "UNION SELECT id FROM certificate WHERE sha1 BETWEEN ?1 AND ?2) ORDER BY certificate.id",
    [STORE_BY_TRUST] = "SELECT " COLUMNS "0 FROM mark "
                       "JOIN certificate ON certificate.id = mark.certificate "
                       "WHERE mark.trust = ? ORDER BY certificate.id",
};

const char *
store_question(unsigned by)
{
    return by < sizeof questions / sizeof *questions ? questions[by] : NULL;
}

static int
crypto_failed(struct err *err)
{
    return err_set_ossl(err, E_CRYPTO, "a certificate's fingerprint cannot be computed");
}

int
store_fingerprint(const X509 *cert, uint8_t out[STORE_FINGERPRINT], struct err *err)
{
    unsigned len = STORE_FINGERPRINT;

    return X509_digest(cert, EVP_sha256(), out, &len) == 1 ? 0 : crypto_failed(err);
}

/* What a certificate is found by. */
struct marks {
    uint8_t sha1[SHA1], spki[STORE_FINGERPRINT];
    int64_t subject, issuer;
    struct buf *serial;
};

static int
name_hash(const X509_NAME *name, int64_t *ret)
{
    int ok = 0;

    *ret = (int64_t)X509_NAME_hash_ex(name, NULL, NULL, &ok);
    return ok == 1 ? 0 : E_CRYPTO;
}

static int
put_serial(struct buf *out, const ASN1_INTEGER *serial)
{
    int rc = buf_put_byte(out, ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? '-' : '+');

    return rc != 0 ? rc : buf_put(out, ASN1_STRING_get0_data(serial),
                                  (size_t)ASN1_STRING_length(serial));
}

static int
compute(const X509 *cert, struct marks *m)
{
    unsigned len = SHA1;
    uint8_t *spki = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki), rc = E_CRYPTO;

    if (n > 0 && X509_digest(cert, EVP_sha1(), m->sha1, &len) == 1 &&
        EVP_Digest(spki, (size_t)n, m->spki, NULL, EVP_sha256(), NULL) == 1 &&
        name_hash(X509_get_subject_name(cert), &m->subject) == 0 &&
        name_hash(X509_get_issuer_name(cert), &m->issuer) == 0)
        rc = put_serial(m->serial, X509_get0_serialNumber(cert));
    OPENSSL_free(spki);
    return rc;
}

struct addressee {
    struct store *store;
    int64_t id;
    struct err *err;
};

static int
each_email(void *arg, const char *email, bool in_subject)
{
    struct addressee *a = arg;
    char *address = store_address(email);
    int rc = address != NULL ? store_put_address(a->store, address, a->id, a->err)
                             : store_no_memory(a->err);

    (void)in_subject;
    free(address);
    return rc;
}

int
store_put_address(struct store *s, const char *address, int64_t id, struct err *err)
{
    struct sql_arg args[] = {sql_text(address), sql_int(id)};

    return sql_query(s->db, "INSERT OR IGNORE INTO address VALUES (?, ?)", args, 2, NULL, NULL,
                     err);
}

static int
put_emails(struct store *s, const X509 *cert, int64_t id, struct err *err)
{
    struct addressee a = {.store = s, .id = id, .err = err};
    int rc = certificate_each_email(cert, each_email, &a);

    return rc == E_NOMEM ? store_no_memory(err) : rc;
}

static int
insert(struct store *s, X509 *cert, const uint8_t *print, const char *source, struct err *err)
{
    autofree_buf struct buf *serial = buf_new();
    struct marks m = {.subject = 0, .serial = serial};
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    int rc = serial == NULL || len <= 0 ? store_no_memory(err) : compute(cert, &m);

    if (rc == E_CRYPTO)
        rc = crypto_failed(err);
    if (rc == 0) {
        struct sql_arg args[] = {sql_blob(print, STORE_FINGERPRINT), sql_blob(der, (size_t)len),
                                 sql_text(source), sql_int(time(NULL)), sql_blob(m.sha1, SHA1),
                                 sql_blob(m.spki, sizeof m.spki), sql_int(m.subject),
                                 sql_int(m.issuer),
                                 sql_blob(buf_data(m.serial), buf_len(m.serial))};

        rc = sql_query(s->db, "INSERT INTO certificate (fingerprint, der, source, learnt, sha1, "
                       "spki, subject, issuer, serial) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       args, sizeof args / sizeof *args, NULL, NULL, err);
    }
    OPENSSL_free(der);
    return rc;
}

static int
find_id(struct store *s, const uint8_t *print, int64_t *ret, struct err *err)
{
    struct sql_arg args[] = {sql_blob(print, STORE_FINGERPRINT)};

    *ret = 0;
    return sql_query(s->db, "SELECT id FROM certificate WHERE fingerprint = ?", args, 1,
                     store_take_number, ret, err);
}

int
store_put_cert(struct store *s, X509 *cert, const char *source, int64_t *ret_id, bool *ret_new,
               struct err *err)
{
    uint8_t print[STORE_FINGERPRINT];
    int64_t id = 0;
    bool new = false;
    int rc = store_fingerprint(cert, print, err);

    if (rc == 0)
        rc = find_id(s, print, &id, err);
    if (rc == 0 && id == 0) {
        new = true;
        rc = insert(s, cert, print, source, err);
        if (rc == 0)
            rc = find_id(s, print, &id, err);
        if (rc == 0)
            rc = put_emails(s, cert, id, err);
    }
    if (rc != 0)
        return rc;
    *ret_id = id;
    if (ret_new != NULL)
        *ret_new = new;
    return 0;
}

int
store_add(struct store *s, X509 *cert, const char *source, bool *ret_new, struct err *err)
{
    uint8_t print[STORE_FINGERPRINT];
    int64_t id = 0;
    bool new = false;
    int rc = store_fingerprint(cert, print, err);

    /* Mostly it is there: then nobody is locked out. */
    if (rc == 0)
        rc = find_id(s, print, &id, err);
    if (rc == 0 && id == 0) {
        rc = store_begin(s, err);
        if (rc == 0)
            rc = store_end(s, store_put_cert(s, cert, source, &id, &new, err), err);
    }
    if (rc == 0 && ret_new != NULL)
        *ret_new = new;
    return rc;
}

int
store_add_for(struct store *s, X509 *cert, const char *address, const char *source, bool *ret_new,
              struct err *err)
{
    char *normal = store_address(address);
    int64_t id = 0;
    int rc = normal == NULL ? store_no_memory(err) : store_begin(s, err);

    if (rc != 0) {
        free(normal);
        return rc;
    }
    rc = store_put_cert(s, cert, source, &id, ret_new, err);
    if (rc == 0)
        rc = store_put_address(s, normal, id, err);
    free(normal);
    return store_end(s, rc, err);
}

struct filling {
    struct store *store;
    struct err *err;
};

static int
fill_one(void *arg, const struct sql_row *row)
{
    autofree_buf struct buf *serial = buf_new();
    struct marks m = {.subject = 0, .serial = serial};
    struct filling *f = arg;
    int64_t id = sql_row_int(row, 0);
    size_t len;
    const uint8_t *at = sql_row_blob(row, 1, &len);
    X509 *cert = at == NULL ? NULL : d2i_X509(NULL, &at, (long)len);
    int rc = serial == NULL ? store_no_memory(f->err) : 0;

    /* One that cannot be read is not found, and no harm. */
    if (rc == 0 && cert != NULL && compute(cert, &m) == 0) {
        struct sql_arg args[] = {sql_blob(m.sha1, SHA1), sql_blob(m.spki, sizeof m.spki),
                                 sql_int(m.subject), sql_int(m.issuer),
                                 sql_blob(buf_data(m.serial), buf_len(m.serial)), sql_int(id)};

        rc = sql_query(f->store->db, "UPDATE certificate SET sha1 = ?, spki = ?, subject = ?, "
                       "issuer = ?, serial = ? WHERE id = ?", args, sizeof args / sizeof *args,
                       NULL, NULL, f->err);
        if (rc == 0)
            rc = put_emails(f->store, cert, id, f->err);
    }
    X509_free(cert);
    return rc;
}

int
store_fill(struct store *s, struct err *err)
{
    struct filling f = {.store = s, .err = err};

    /* The order keeps the walk off the index that is being written. */
    return sql_query(s->db, "SELECT id, der FROM certificate WHERE +spki IS NULL ORDER BY id",
                     NULL, 0, fill_one, &f, err);
}

struct search {
    const struct store_query *query;
    size_t left;            /* 0: no limit */
    int (*each)(void *arg, const struct store_cert *);
    void *arg;
    int result;
};

/* Names were looked up by a hash of few bits. */
static bool
is_meant(const struct store_query *q, const X509 *cert)
{
    if (q->by == STORE_BY_SUBJECT)
        return X509_NAME_cmp(X509_get_subject_name(cert), q->name) == 0;
    return q->by != STORE_BY_ISSUER_SERIAL ||
           X509_NAME_cmp(X509_get_issuer_name(cert), q->name) == 0;
}

static int
take_row(void *arg, const struct sql_row *row)
{
    struct search *s = arg;
    size_t len, print_len;
    const uint8_t *at = sql_row_blob(row, 0, &len), *print = sql_row_blob(row, 1, &print_len);
    const char *source = sql_row_text(row, 2);
    X509 *cert = at == NULL ? NULL : d2i_X509(NULL, &at, (long)len);
    int stop = 0;

    /* One that cannot be read is of no use, and no harm. */
    if (cert != NULL && print != NULL && print_len == STORE_FINGERPRINT &&
        is_meant(s->query, cert)) {
        struct store_cert c = {
            .cert = cert,
            .fingerprint = print,
            .source = source == NULL ? "" : source,
            .learnt = (time_t)sql_row_int(row, 3),
            .trust = (enum store_trust)sql_row_int(row, 4),
            .marked = (time_t)sql_row_int(row, 5),
            .preferred = sql_row_int(row, 6) != 0,
        };
        s->result = s->each(s->arg, &c);
        if (s->result != 0 || (s->left > 0 && --s->left == 0))
            stop = ENOUGH;
    }
    X509_free(cert);
    return stop;
}

static int
no_marks(struct store *s, struct search *search, struct err *err)
{
    int rc = sql_query(s->db, "SELECT " COLUMNS "0 FROM certificate " JOINS
                       "WHERE mark.trust IS NULL ORDER BY certificate.id", NULL, 0, take_row,
                       search, err);

    return rc == ENOUGH ? search->result : rc;
}

/* Looked up by bytes, or their beginning. */
static bool
is_hash(const struct store_query *q)
{
    return q->by == STORE_BY_FINGERPRINT || q->by == STORE_BY_KEY;
}

/* The arguments of the question: what is needed for them is the caller's. */
static int
arguments(const struct store_query *q, struct sql_arg args[2], size_t *ret_count, char **address,
          struct buf *bytes)
{
    int64_t hash = 0;
    int rc = 0;

    *ret_count = q->by == STORE_ALL ? 0 : 1;
    if (q->by == STORE_BY_ADDRESS) {
        *address = store_address(q->address);
        args[0] = sql_text(*address);
        return *address == NULL ? E_NOMEM : 0;
    }
    if (q->by == STORE_BY_TRUST)
        args[0] = sql_int(q->trust);
    if (q->by == STORE_BY_SUBJECT || q->by == STORE_BY_ISSUER_SERIAL) {
        rc = name_hash(q->name, &hash);
        args[0] = sql_int(hash);
    }
    if (rc == 0 && q->by == STORE_BY_ISSUER_SERIAL)
        rc = put_serial(bytes, q->serial);
    if (is_hash(q)) {
        args[0] = sql_blob(q->bytes, q->len);
        rc = buf_put(bytes, q->bytes, q->len);
        /* The last of those that begin so. */
        for (size_t i = q->len; rc == 0 && i < STORE_FINGERPRINT; i++)
            rc = buf_put_byte(bytes, 0xff);
    }
    if (q->by == STORE_BY_ISSUER_SERIAL || is_hash(q)) {
        *ret_count = 2;
        args[1] = sql_blob(buf_data(bytes), buf_len(bytes));
    }
    return rc;
}

int
store_search(struct store *s, const struct store_query *q, size_t limit,
             int (*each)(void *arg, const struct store_cert *), void *arg, struct err *err)
{
    struct search search = {.query = q, .left = limit, .each = each, .arg = arg};
    autofree_buf struct buf *bytes = buf_new();
    struct sql_arg args[2] = {sql_int(0), sql_int(0)};
    char *address = NULL;
    size_t count = 0;
    int rc;

    if (q->by == STORE_BY_TRUST && q->trust == STORE_NO_MARK)
        return no_marks(s, &search, err);
    if (is_hash(q) && (q->len < PREFIX_MIN || q->len > STORE_FINGERPRINT))
        return err_set(err, E_USAGE, "a fingerprint or a key's name is looked up by %d to %d bytes of it",
                       PREFIX_MIN, STORE_FINGERPRINT);
    rc = bytes == NULL ? E_NOMEM : arguments(q, args, &count, &address, bytes);
    if (rc == E_NOMEM)
        rc = store_no_memory(err);
    else if (rc != 0)
        rc = crypto_failed(err);
    if (rc == 0)
        rc = sql_query(s->db, questions[q->by], args, count, take_row, &search, err);
    free(address);
    return rc == ENOUGH ? search.result : rc;
}

int
store_remove(struct store *s, const uint8_t fingerprint[STORE_FINGERPRINT], struct err *err)
{
    struct sql_arg args[] = {sql_int(0)};
    int64_t id = 0;
    int rc = store_begin(s, err);

    if (rc != 0)
        return rc;
    rc = find_id(s, fingerprint, &id, err);
    if (rc == 0 && id == 0)
        rc = err_set(err, E_NO_CERT, "the certificate is not in the store");
    args[0] = sql_int(id);
    if (rc == 0)
        rc = sql_query(s->db, "DELETE FROM certificate WHERE id = ?", args, 1, NULL, NULL, err);
    return store_end(s, rc, err);
}

int
store_mark(struct store *s, X509 *cert, enum store_trust trust, const char *source,
           struct err *err)
{
    int64_t id = 0;
    int rc = store_begin(s, err);

    if (rc != 0)
        return rc;
    rc = store_put_cert(s, cert, source, &id, NULL, err);
    if (rc == 0) {
        struct sql_arg args[] = {sql_int(id), sql_int(trust), sql_int(time(NULL))};

        rc = trust == STORE_NO_MARK
                 ? sql_query(s->db, "DELETE FROM mark WHERE certificate = ?", args, 1, NULL, NULL,
                             err)
                 : sql_query(s->db, "INSERT INTO mark VALUES (?, ?, ?) ON CONFLICT (certificate) "
                             "DO UPDATE SET trust = excluded.trust, marked = excluded.marked",
                             args, 3, NULL, NULL, err);
    }
    return store_end(s, rc, err);
}

static int
take_time(void *arg, const struct sql_row *row)
{
    *(time_t *)arg = (time_t)sql_row_int(row, 0);
    return 0;
}

int
store_distrusted(struct store *s, const uint8_t spki[STORE_FINGERPRINT], time_t *ret,
                 struct err *err)
{
    struct sql_arg args[] = {sql_int(STORE_DISTRUSTED), sql_blob(spki, STORE_FINGERPRINT)};

    *ret = 0;
    return sql_query(s->db, "SELECT coalesce(max(mark.marked), 0) FROM mark JOIN certificate ON "
                     "certificate.id = mark.certificate WHERE mark.trust = ? AND "
                     "certificate.spki = ?", args, 2, take_time, ret, err);
}
