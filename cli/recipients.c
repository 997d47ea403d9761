/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/certificate_file.h"
#include "cli/password.h"
#include "cli/recipient_text.h"
#include "trust/certificate.h"

/* Places that are asked. */
#define SOURCES_MAX 4

struct recipients {
    struct recipients_wish wish;
    struct recipients_source sources[SOURCES_MAX];
    size_t source_count;
    STACK_OF(X509) *certs;      /* owned; cms_to borrows */
    struct secret *password;
    struct cms_to *to;
    size_t count, room;
};

int
recipients_new(struct recipients **ret, const struct recipients_wish *wish, struct err *err)
{
    struct recipients *r = calloc(1, sizeof *r);

    if (r) {
        r->wish = *wish;
        r->certs = sk_X509_new_null();
    }
    if (!r || !r->certs) {
        recipients_free(&r);
        return err_set(err, E_NOMEM, "out of memory for recipients");
    }
    *ret = r;
    return 0;
}

int
recipients_source(struct recipients *r, const struct recipients_source *source, struct err *err)
{
    if (r->source_count == SOURCES_MAX)
        return err_set(err, E_LIMIT, "certificates can come from %d places at most", SOURCES_MAX);
    r->sources[r->source_count++] = *source;
    return 0;
}

static struct cms_to *
next_place(struct recipients *r, struct err *err)
{
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 8;
        struct cms_to *to = reallocarray(r->to, room, sizeof *to);
        if (!to) {
            err_set(err, E_NOMEM, "out of memory for recipients");
            return NULL;
        }
        r->to = to;
        r->room = room;
    }
    memset(&r->to[r->count], 0, sizeof *r->to);
    return &r->to[r->count];
}

static int
take(struct recipients *r, X509 *cert, struct err *err)
{
    struct cms_to *to;

    for (int i = 0; i < sk_X509_num(r->certs); i++)
        if (X509_cmp(sk_X509_value(r->certs, i), cert) == 0)
            return 0;
    to = next_place(r, err);
    if (!to)
        return E_NOMEM;
    if (sk_X509_push(r->certs, cert) == 0)
        return err_set(err, E_NOMEM, "out of memory for recipients");
    X509_up_ref(cert);
    to->cert = cert;
    to->pkcs1 = r->wish.pkcs1 && EVP_PKEY_get_base_id(X509_get0_pubkey(cert)) == EVP_PKEY_RSA;
    r->count++;
    return 0;
}

static int
add_file(struct recipients *r, const char *path, struct err *err)
{
    const unsigned char *at;
    uint8_t *der = NULL;
    size_t len = 0, others = 0;
    X509 *cert;
    int rc = certificate_file_read(path, &der, &len, &others, err);

    /* The message is not what is malformed here. */
    if (rc == E_MALFORMED)
        return err_set(err, E_INPUT, "recipient %s: the file holds no certificate (PEM or DER)",
                       path);
    if (rc != 0)
        return rc;
    at = der;
    cert = d2i_X509(NULL, &at, (long)len);
    OPENSSL_free(der);
    if (!cert)
        return err_set(err, E_NOMEM, "out of memory for recipients");
    if (others > 0)
        rc = err_set(err, E_INPUT, "recipient %s: the file holds %zu certificates, and whose is "
                     "meant is not to be told; give each recipient's in a file of its own", path,
                     others + 1);
    else
        rc = recipients_add_cert(r, path, cert, err);
    X509_free(cert);
    return rc;
}

static void
note(const struct recipients *r, const char *text)
{
    if (r->wish.note)
        r->wish.note(r->wish.note_arg, text);
}

static int
put_cert(struct buf *out, X509 *cert)
{
    int rc = buf_put_byte(out, '"');

    if (rc == 0)
        rc = certificate_put_name(out, X509_get_subject_name(cert));
    if (rc == 0)
        rc = buf_put_str(out, "\" (");
    if (rc == 0)
        rc = certificate_put_fingerprint(out, cert);
    return rc == 0 ? buf_put_byte(out, ')') : rc;
}

/* Which one was taken of several, and when nobody vouches for it. */
static int
tell(const struct recipients *r, const char *who, const struct choice *c, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    int rc = text ? 0 : E_NOMEM;

    if (rc == 0 && c->rival) {
        rc = buf_putf(text, "recipient %s: two certificates are equally good; taken is ", who);
        if (rc == 0)
            rc = put_cert(text, c->best->cert);
        if (rc == 0)
            rc = buf_put_str(text, ", not ");
        if (rc == 0)
            rc = put_cert(text, c->rival->cert);
    } else if (rc == 0 && r->wish.verbose && c->fit > 1) {
        rc = buf_putf(text, "recipient %s: of %zu certificates that would do, %s is taken, ", who,
                      c->fit, c->best->preferred ? "the one its owner signed with last"
                                                 : "the newest");
        if (rc == 0)
            rc = put_cert(text, c->best->cert);
    }
    if (rc == 0 && buf_len(text) > 0)
        note(r, buf_cstr(text));
    return rc == 0 ? 0 : err_set(err, rc, "out of memory for recipients");
}

static int
not_found(const struct recipients *r, const char *who, struct err *err)
{
    if (r->source_count == 0)
        return err_set(err, E_NO_CERT, "recipient %s: there is no such file; give a certificate "
                       "in PEM or DER", who);
    return err_set(err, E_NO_CERT, "recipient %s: there is no file of that name and no such "
                   "certificate on %s; give a certificate file (PEM or DER)", who,
                   r->sources[r->source_count - 1].name);
}

/* The best of all places so far; those of the first place that has something fit. */
static int
add_named(struct recipients *r, const char *who, struct err *err)
{
    struct choose_wish wish = {.allow_expired = r->wish.allow_expired,
                               .anchors = r->wish.anchors, .path = r->wish.path};
    struct choose_list found = {.count = 0};
    struct choice choice = {.best = NULL};
    bool fit = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->source_count && !fit; i++) {
        rc = r->sources[i].find(r->sources[i].arg, who, &found, err);
        if (rc == 0)
            rc = choose_best(&found, &wish, &choice, err);
        fit = choice.best && choice.fault == CHOOSE_FIT;
    }
    if (rc == 0 && fit)
        rc = tell(r, who, &choice, err);
    if (rc == 0 && fit)
        rc = take(r, choice.best->cert, err);
    else if (rc == 0)
        rc = choice.best ? choose_refuse(who, &choice, err) : not_found(r, who, err);
    choose_list_clear(&found);
    return rc;
}

int
recipients_add(struct recipients *r, const char *who, struct err *err)
{
    if (!*who)
        return err_set(err, E_USAGE, "a recipient is missing after -r; give a certificate file "
                       "or an address");
    return access(who, F_OK) == 0 || strchr(who, '/') ? add_file(r, who, err)
                                                       : add_named(r, who, err);
}

int
recipients_add_address(struct recipients *r, const char *address, struct err *err)
{
    return add_named(r, address, err);
}

int
recipients_add_cert(struct recipients *r, const char *who, X509 *cert, struct err *err)
{
    struct choose_wish wish = {.allow_expired = r->wish.allow_expired,
                               .anchors = r->wish.anchors, .path = r->wish.path};
    struct choose_item item = {.cert = cert, .origin = CHOOSE_GIVEN};
    const struct choose_list one = {.items = &item, .count = 1};
    struct choice choice = {.best = NULL};
    int rc = choose_best(&one, &wish, &choice, err);

    if (rc != 0)
        return rc;
    return choice.fault == CHOOSE_FIT ? take(r, cert, err) : choose_refuse(who, &choice, err);
}

int
recipients_add_password(struct recipients *r, const char *file, struct err *err)
{
    struct cms_to *to = next_place(r, err);
    int rc = to ? password_read(file, &r->password, err) : E_NOMEM;

    if (rc == 0) {
        to->password = r->password;
        r->count++;
    }
    return rc;
}

const struct cms_to *
recipients_list(const struct recipients *r, size_t *ret_count)
{
    *ret_count = r->count;
    return r->to;
}

void
recipients_free(struct recipients **pr)
{
    struct recipients *r = pr ? *pr : NULL;

    if (!r)
        return;
    sk_X509_pop_free(r->certs, X509_free);
    secret_free(&r->password);
    free(r->to);
    free(r);
    *pr = NULL;
}
