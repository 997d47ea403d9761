/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificates and revocation lists in a file. */
#include <stdlib.h>
#include <string.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/io.h"
#include "cli/certs_int.h"

/* Largest file, in bytes: revocation lists can be long. */
#define FILE_MAX (256u * 1024 * 1024)
/* Things in one file. */
#define THINGS_MAX 100000

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certificates");
}

void
certs_pile_clear(struct certs_pile *p)
{
    sk_X509_pop_free(p->certs, X509_free);
    for (size_t i = 0; i < p->crl_count; i++)
        free(p->crls[i].der);
    free(p->crls);
    memset(p, 0, sizeof *p);
}

static int
put_cert(struct certs_pile *p, X509 *cert, struct err *err)
{
    if (!p->certs)
        p->certs = sk_X509_new_null();
    if (!p->certs || sk_X509_num(p->certs) >= THINGS_MAX || sk_X509_push(p->certs, cert) == 0) {
        X509_free(cert);
        return p->certs ? err_set(err, E_LIMIT, "there are more than %d certificates",
                                  THINGS_MAX)
                        : no_memory(err);
    }
    return 0;
}

static int
put_crl(struct certs_pile *p, const uint8_t *der, size_t len, struct err *err)
{
    struct certs_blob *crls = p->crl_count < THINGS_MAX
                                  ? reallocarray(p->crls, p->crl_count + 1, sizeof *crls)
                                  : NULL;
    uint8_t *copy = crls ? malloc(len) : NULL;

    if (crls)
        p->crls = crls;
    if (!copy)
        return no_memory(err);
    memcpy(copy, der, len);
    p->crls[p->crl_count++] = (struct certs_blob){.der = copy, .len = len};
    return 0;
}

static int
put_x509_crl(struct certs_pile *p, X509_CRL *crl, struct err *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der), rc;

    if (len <= 0)
        return no_memory(err);
    rc = put_crl(p, der, (size_t)len, err);
    OPENSSL_free(der);
    return rc;
}

/* A SignedData's certificates and CRLs; its signatures, if any, say nothing here. */
static int
put_signed(struct certs_pile *p, CMS_ContentInfo *cms, struct err *err)
{
    STACK_OF(X509) *certs;
    STACK_OF(X509_CRL) *crls;
    int rc = 0;

    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
        return err_set(err, E_MALFORMED, "the message in it is not one that carries certificates");
    certs = CMS_get1_certs(cms);
    crls = CMS_get1_crls(cms);
    for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++) {
        X509_up_ref(sk_X509_value(certs, i));
        rc = put_cert(p, sk_X509_value(certs, i), err);
    }
    for (int i = 0; rc == 0 && i < sk_X509_CRL_num(crls); i++)
        rc = put_x509_crl(p, sk_X509_CRL_value(crls, i), err);
    sk_X509_pop_free(certs, X509_free);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return rc;
}

/* What it begins with: the tag of the first thing in a SEQUENCE (V_ASN1_*), or -1; and how long
 * it is in all, 0 when that is not told. */
static int
first_in(const uint8_t *der, size_t len, size_t *ret_len)
{
    const unsigned char *at = der;
    long size = 0;
    int tag = 0, class = 0, how;

    how = ASN1_get_object(&at, &size, &tag, &class, (long)len);
    if ((how & 0x80) || tag != V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL)
        return -1;
    *ret_len = (how & 1) ? 0 : (size_t)(at - der) + (size_t)size;
    how = ASN1_get_object(&at, &size, &tag, &class, (long)len - (at - der));
    return (how & 0x80) || class != V_ASN1_UNIVERSAL ? -1 : tag;
}

/* The next thing, *ret_used bytes of it. E_MALFORMED; E_UNSUPPORTED for a PKCS#12. */
static int
put_der(struct certs_pile *p, const uint8_t *der, size_t len, size_t *ret_used, struct err *err)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms;
    size_t whole = 0;
    X509 *cert;
    int tag = first_in(der, len, &whole), rc = E_MALFORMED;

    *ret_used = whole;
    switch (tag) {
    case V_ASN1_INTEGER:
        return E_UNSUPPORTED;
    case V_ASN1_OBJECT:
        cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
        *ret_used = (size_t)(at - der);
        if (cms)
            rc = put_signed(p, cms, err);
        CMS_ContentInfo_free(cms);
        break;
    case V_ASN1_SEQUENCE:
        cert = whole ? d2i_X509(NULL, &at, (long)whole) : NULL;
        /* A revocation list is not decoded here: there are large ones, and whoever takes it
         * looks at it anyway. */
        rc = cert ? put_cert(p, cert, err) : whole ? put_crl(p, der, whole, err) : E_MALFORMED;
        break;
    default:
        break;
    }
    ERR_clear_error();
    return rc;
}

static bool
is_blank(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", data[i]))
            return false;
    return true;
}

int
certs_pile_der(struct certs_pile *p, const uint8_t *der, size_t len, struct err *err)
{
    size_t used = 0;
    int rc = 0;

    for (size_t done = 0; rc == 0 && done < len && !(done && is_blank(der + done, len - done));
         done += used)
        rc = put_der(p, der + done, len - done, &used, err);
    return rc;
}

/* What PEM calls it, and whether it is of use; keys and the rest are passed over. */
static bool
is_wanted(const char *name)
{
    static const char *const names[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, PEM_STRING_X509_CRL,
                                        PEM_STRING_PKCS7, PEM_STRING_PKCS7_SIGNED, PEM_STRING_CMS,
                                        "PKCS12"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

struct source {
    const struct cli *cli;
    const char *path, *password_file;
};

static int
put_thing(struct certs_pile *p, const struct source *s, const uint8_t *der, size_t len,
          struct err *err)
{
    int rc = certs_pile_der(p, der, len, err);

    return rc == E_UNSUPPORTED
               ? certs_pile_pkcs12(p, s->cli, s->path, der, len, s->password_file, err)
               : rc;
}

/* OpenSSL's TRUSTED CERTIFICATE is a certificate with what another program thinks of it. */
static int
put_trusted(struct certs_pile *p, const uint8_t *der, size_t len, struct err *err)
{
    const unsigned char *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);

    return cert ? put_cert(p, cert, err) : E_MALFORMED;
}

/* *ret_seen: how many blocks there were. */
static int
put_pem(struct certs_pile *p, const struct source *s, const uint8_t *text, size_t len,
        size_t *ret_seen, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long size = 0;
    int rc = bio ? 0 : no_memory(err);

    while (rc == 0 && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
        if (is_wanted(name))
            rc = put_thing(p, s, der, (size_t)size, err);
        else if (strcmp(name, PEM_STRING_X509_TRUSTED) == 0)
            rc = put_trusted(p, der, (size_t)size, err);
        ++*ret_seen;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)size);
    }
    /* A block that is cut off or no base64; the end is another matter. */
    if (rc == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        rc = E_MALFORMED;
    ERR_clear_error();
    BIO_free(bio);
    return rc;
}

static int
read_all(const char *path, uint8_t **ret, size_t *ret_len, struct err *err)
{
    autofree_infile struct infile *in = NULL;
    uint8_t *data = NULL;
    const uint8_t *piece;
    size_t len = 0, room = 0;
    ssize_t n = 0;
    int rc = infile_open(&in, path, err);

    while (rc == 0 && (n = infile_next(in, &piece, err)) > 0) {
        if (len + (size_t)n > FILE_MAX)
            rc = err_set(err, E_INPUT, "%s is longer than certificates and revocation lists can "
                         "be (%u MiB)", path, FILE_MAX >> 20);
        else if (len + (size_t)n > room) {
            uint8_t *more = realloc(data, room = 2 * (len + (size_t)n));
            if (!more)
                rc = no_memory(err);
            else
                data = more;
        }
        if (rc == 0 && data) {
            memcpy(data + len, piece, (size_t)n);
            len += (size_t)n;
        }
    }
    if (rc == 0 && n < 0)
        rc = (int)n;
    if (rc != 0) {
        free(data);
        return rc;
    }
    *ret = data;
    *ret_len = len;
    return 0;
}

int
certs_pile_file(struct certs_pile *p, const struct cli *cli, const char *path,
                const char *password_file, struct err *err)
{
    struct source source = {.cli = cli, .path = path, .password_file = password_file};
    int before = sk_X509_num(p->certs), rc;
    size_t crls = p->crl_count, len = 0, seen = 0;
    uint8_t *data = NULL;
    struct err why = {0};

    rc = read_all(path, &data, &len, err);
    if (rc != 0)
        return rc;
    if (len > 0)
        rc = memmem(data, len, "-----BEGIN ", 11) ? put_pem(p, &source, data, len, &seen, &why)
                                                  : put_thing(p, &source, data, len, &why);
    wipe(data, len);
    free(data);
    if (rc == E_MALFORMED || rc == E_UNSUPPORTED)
        return err_set(err, E_INPUT, "%s is damaged or holds no certificates or revocation lists "
                       "(PEM, DER, PKCS#7 or PKCS#12)%s%s", path, why.text[0] ? ": " : "",
                       why.text);
    if (rc != 0 && err)
        *err = why;
    if (rc == 0 && sk_X509_num(p->certs) <= (before < 0 ? 0 : before) && p->crl_count == crls)
        return err_set(err, E_INPUT, "%s holds no certificates or revocation lists", path);
    return rc;
}
