/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/x509v3.h>

#include "cli/certificate_file.h"
#include "cli/password.h"
#include "cli/recipient_text.h"

/* Places that are asked. */
#define SOURCES_MAX 4
#define RSA_BITS_MIN 2048

struct recipients {
    struct recipients_wish wish;
    struct recipients_source sources[SOURCES_MAX];
    size_t source_count;
    STACK_OF(X509) *certs;      /* owned; cms_to borrows */
    struct secret *password;
    struct cms_to *to;
    size_t count, room;
};

/* What speaks against a certificate, the least first. */
enum fault { FIT, EXPIRED, NOT_YET, TOO_WEAK, NOT_MEANT, NO_SUCH_KEY };

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

/* How the key is encrypted to (RFC 5280, 4.2.1.3), as a bit of the key usage; 0: not. */
static uint32_t
usage_of(EVP_PKEY *key)
{
    switch (key ? EVP_PKEY_get_base_id(key) : NID_undef) {
    case EVP_PKEY_RSA:
        return KU_KEY_ENCIPHERMENT;
    case EVP_PKEY_EC:
    case EVP_PKEY_X25519:
    case EVP_PKEY_X448:
        return KU_KEY_AGREEMENT;
    default:
        return 0;
    }
}

static enum fault
judge(const struct recipients *r, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    uint32_t usage = usage_of(key);

    if (usage == 0)
        return NO_SUCH_KEY;
    if (!(X509_get_key_usage(cert) & usage))
        return NOT_MEANT;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        return TOO_WEAK;
    if (!r->wish.allow_expired && X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        return NOT_YET;
    if (!r->wish.allow_expired && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        return EXPIRED;
    return FIT;
}

static int
put_time(const ASN1_TIME *time, struct buf *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return buf_put_str(out, "an unreadable time");
    return buf_putf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static int
refuse(const char *who, X509 *cert, enum fault fault, struct err *err)
{
    autofree_buf struct buf *name = buf_new(), *when = buf_new();
    EVP_PKEY *key = X509_get0_pubkey(cert);
    int rc = name && when ? recipient_put_name(X509_get_subject_name(cert), name) : E_NOMEM;

    if (rc == 0)
        rc = put_time(fault == NOT_YET ? X509_get0_notBefore(cert) : X509_get0_notAfter(cert),
                      when);
    if (rc != 0)
        return err_set(err, rc, "out of memory for recipients");
    if (fault == EXPIRED)
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" expired on %s; "
                       "get the new one, or give --allow-expired", who, buf_cstr(name),
                       buf_cstr(when));
    if (fault == NOT_YET)
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" is valid from %s "
                       "on alone; check this machine's clock, or give --allow-expired", who,
                       buf_cstr(name), buf_cstr(when));
    if (fault == TOO_WEAK)
        return err_set(err, E_WEAK, "recipient %s: the key of \"%s\" is RSA with %d bits, too "
                       "weak to encrypt to; get a certificate of a key of %d bits or more", who,
                       buf_cstr(name), EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    if (fault == NOT_MEANT)
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" is not made for "
                       "encryption (its key usage lacks %s); ask for the one that is", who,
                       buf_cstr(name), usage_of(key) == KU_KEY_ENCIPHERMENT ? "keyEncipherment"
                                                                             : "keyAgreement");
    return err_set(err, E_NO_CERT, "recipient %s: the key of \"%s\" can sign, but nobody can "
                   "encrypt to it; ask for a certificate with an RSA, EC or X25519 key", who,
                   buf_cstr(name));
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
    enum fault fault;
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
    fault = judge(r, cert);
    if (others > 0)
        rc = err_set(err, E_INPUT, "recipient %s: the file holds %zu certificates, and whose is "
                     "meant is not to be told; give each recipient's in a file of its own", path,
                     others + 1);
    else
        rc = fault == FIT ? take(r, cert, err) : refuse(path, cert, fault, err);
    X509_free(cert);
    return rc;
}

static bool
is_newer(X509 *a, X509 *b)
{
    return ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b)) > 0;
}

/* The newest of the best. */
static X509 *
choose(const struct recipients *r, STACK_OF(X509) *found, enum fault *ret)
{
    X509 *best = NULL;

    for (int i = 0; i < sk_X509_num(found); i++) {
        X509 *cert = sk_X509_value(found, i);
        enum fault fault = judge(r, cert);
        if (!best || fault < *ret || (fault == *ret && is_newer(cert, best))) {
            best = cert;
            *ret = fault;
        }
    }
    return best;
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

static int
add_named(struct recipients *r, const char *who, struct err *err)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    X509 *cert = NULL, *kept = NULL;
    enum fault fault = FIT, kept_fault = FIT;
    int rc = found ? 0 : err_set(err, E_NOMEM, "out of memory for recipients");

    for (size_t i = 0; rc == 0 && i < r->source_count && !(cert && fault == FIT); i++) {
        rc = r->sources[i].find(r->sources[i].arg, who, found, err);
        cert = choose(r, found, &fault);
        if (cert && !kept) {
            kept = cert;
            kept_fault = fault;
        }
    }
    if (rc == 0 && cert && fault == FIT)
        rc = take(r, cert, err);
    else if (rc == 0)
        rc = kept ? refuse(who, kept, kept_fault, err) : not_found(r, who, err);
    sk_X509_pop_free(found, X509_free);
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
    enum fault fault = judge(r, cert);

    return fault == FIT ? take(r, cert, err) : refuse(who, cert, fault, err);
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
