/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates and revocation lists that are no part of a CMS message. */
#include "cli/inspect_int.h"

#include <limits.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

bool
inspect_der(struct describe *d, json_t *into, const uint8_t *der, size_t len)
{
    const uint8_t *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    X509_CRL *crl = NULL;
    bool good = cert != NULL && at == der + len;

    if (good) {
        describe_append(d, into, "certificates", describe_certificate(d, cert));
    } else {
        at = der;
        crl = d2i_X509_CRL(NULL, &at, (long)len);
        good = crl != NULL && at == der + len;
        if (good)
            describe_append(d, into, "crls", describe_crl(d, crl));
    }
    X509_free(cert);
    X509_CRL_free(crl);
    ERR_clear_error();
    return good;
}

static int
fault(struct describe *d, json_t *into, const char *sentence, size_t block, const char *label,
      struct err *err)
{
    struct err why;
    int rc = err_set(&why, E_MALFORMED, "PEM block %zu, %.60s, %s", block, label, sentence);

    rc = describe_fault(d, into, rc, &why);
    if (rc != 0 && err != NULL)
        *err = why;
    return rc;
}

/* OpenSSL's "TRUSTED CERTIFICATE" has its own words behind the certificate. */
static bool
take_block(struct describe *d, json_t *into, const char *label, const uint8_t *der, size_t len)
{
    const uint8_t *at = der;
    X509 *cert;

    if (strcmp(label, PEM_STRING_X509_TRUSTED) != 0)
        return inspect_der(d, into, der, len);
    cert = d2i_X509_AUX(NULL, &at, (long)len);
    if (cert != NULL)
        describe_append(d, into, "certificates", describe_certificate(d, cert));
    X509_free(cert);
    ERR_clear_error();
    return cert != NULL;
}

int
inspect_pem(struct describe *d, json_t *into, const uint8_t *data, size_t len, struct err *err)
{
    BIO *bio = len > INT_MAX ? NULL : BIO_new_mem_buf(data, (int)len);
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    size_t block = 0;
    int rc = bio == NULL ? err_set(err, E_NOMEM, "out of memory") : 0;

    while (rc == 0 && PEM_read_bio(bio, &label, &header, &der, &der_len) == 1) {
        block++;
        if (strstr(label, "PRIVATE KEY") != NULL)
            describe_append_string(d, into, "passed_over", label);
        else if (!take_block(d, into, label, der, (size_t)der_len))
            rc = fault(d, into, "is neither a certificate nor a revocation list", block, label,
                       err);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    if (rc == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        rc = fault(d, into, "is damaged", block + 1, "the next one", err);
    ERR_clear_error();
    BIO_free(bio);
    return rc;
}
