/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/issuer.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

static int
take(STACK_OF(X509) *out, X509 *cert, size_t *left)
{
    if (*left == 0)
        return 0;
    --*left;
    return X509_add_cert(out, cert, X509_ADD_FLAG_UP_REF) == 1 ? 0 : E_NOMEM;
}

static int
take_pkcs7(STACK_OF(X509) *out, PKCS7 *p7, size_t *left)
{
    STACK_OF(X509) *certs = PKCS7_type_is_signed(p7) && p7->d.sign != NULL ? p7->d.sign->cert
                                                                          : NULL;
    int rc = 0;

    for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++)
        rc = take(out, sk_X509_value(certs, i), left);
    PKCS7_free(p7);
    return rc;
}

static int
take_pem_block(STACK_OF(X509) *out, const char *name, const unsigned char *data, long len,
               size_t *left)
{
    int rc = 0;

    if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0) {
        X509 *cert = d2i_X509(NULL, &data, len);

        if (cert != NULL)
            rc = take(out, cert, left);
        X509_free(cert);
    } else if (strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, "CERTIFICATE CHAIN") == 0) {
        PKCS7 *p7 = d2i_PKCS7(NULL, &data, len);

        if (p7 != NULL)
            rc = take_pkcs7(out, p7, left);
    }
    return rc;
}

static int
take_pem(STACK_OF(X509) *out, const uint8_t *data, size_t len, size_t *left)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    int rc = bio == NULL ? E_NOMEM : 0;

    while (rc == 0 && *left > 0 && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1) {
        rc = take_pem_block(out, name, der, der_len, left);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    return rc;
}

int
issuer_parse(const uint8_t *data, size_t len, STACK_OF(X509) *out)
{
    size_t left = ISSUER_CERTS_MAX;
    const unsigned char *at = data;
    int rc = 0;

    if (len == 0 || len > ISSUER_BYTES_MAX)
        return 0;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    at = data;
    PKCS7 *p7 = cert == NULL ? d2i_PKCS7(NULL, &at, (long)len) : NULL;
    if (cert != NULL)
        rc = take(out, cert, &left);
    else if (p7 != NULL)
        rc = take_pkcs7(out, p7, &left);
    else
        rc = take_pem(out, data, len, &left);
    X509_free(cert);
    ERR_clear_error();
    return rc;
}

/* Addresses, owned: requests borrow them. */
struct asking {
    struct fetch_request requests[ISSUER_FETCHES_MAX];
    char *urls[ISSUER_FETCHES_MAX];
    size_t count;
};

static void
ask(struct asking *a, const ASN1_STRING *uri)
{
    const char *text = (const char *)ASN1_STRING_get0_data(uri);
    size_t len = (size_t)ASN1_STRING_length(uri);

    if (a->count == ISSUER_FETCHES_MAX || len == 0 || len > FETCH_URL_MAX ||
        memchr(text, '\0', len) != NULL)
        return;
    for (size_t i = 0; i < a->count; i++)
        if (strlen(a->urls[i]) == len && memcmp(a->urls[i], text, len) == 0)
            return;
    char *url = OPENSSL_strndup(text, len);
    if (url == NULL)
        return;
    a->urls[a->count] = url;
    a->requests[a->count++] = (struct fetch_request){
        .kind = FETCH_GET, .where = url, .max_bytes = ISSUER_BYTES_MAX};
}

static void
ask_for(struct asking *a, const X509 *cert)
{
    AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    int asked = 0;

    for (int i = 0; asked < ISSUER_URLS_MAX && i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(info, i);

        if (OBJ_obj2nid(d->method) != NID_ad_ca_issuers || d->location->type != GEN_URI)
            continue;
        ask(a, d->location->d.uniformResourceIdentifier);
        asked++;
    }
    AUTHORITY_INFO_ACCESS_free(info);
}

int
issuer_fetch(struct fetcher *fetcher, STACK_OF(X509) *certs, STACK_OF(X509) *out,
             struct err *err)
{
    struct asking a = {.count = 0};
    int rc = 0;

    for (int i = 0; i < sk_X509_num(certs); i++)
        ask_for(&a, sk_X509_value(certs, i));
    ERR_clear_error();
    if (a.count > 0)
        rc = fetcher_run(fetcher, a.requests, a.count, err);
    for (size_t i = 0; i < a.count; i++) {
        const struct fetch_request *r = &a.requests[i];

        for (size_t k = 0; rc == 0 && r->rc == 0 && k < r->count; k++)
            if (issuer_parse(r->values[k].data, r->values[k].len, out) != 0)
                rc = err_set(err, E_NOMEM, "out of memory for issuers' certificates");
        fetch_clear(&a.requests[i]);
        OPENSSL_free(a.urls[i]);
    }
    return rc;
}
