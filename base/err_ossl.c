/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the loading of reasons: nothing else loads some, and not all. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/err.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A program that starts without libcrypto's texts, as `signet` does for they cost it a tenth of
 * its time, gets those that matter when there is a reason to tell. */
static void
load_reasons(void)
{
    static int (*const loaders[])(void) = {
        ERR_load_ASN1_strings, ERR_load_BIO_strings, ERR_load_CMS_strings,
        ERR_load_CRYPTO_strings, ERR_load_EC_strings, ERR_load_EVP_strings,
        ERR_load_OBJ_strings, ERR_load_OCSP_strings, ERR_load_PEM_strings,
        ERR_load_PKCS12_strings, ERR_load_PKCS7_strings, ERR_load_RSA_strings,
        ERR_load_X509_strings, ERR_load_X509V3_strings,
    };
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++)
        (void)loaders[i]();
}

static const char *
reason_of(unsigned long code)
{
    const char *reason = pthread_once(&once, load_reasons) == 0 ? ERR_reason_error_string(code)
                                                                : NULL;

    return reason != NULL ? reason : "libcrypto gives no reason";
}

int
err_set_ossl(struct err *err, int code, const char *fmt, ...)
{
    unsigned long newest = ERR_peek_last_error();
    va_list ap;
    va_start(ap, fmt);
    err_setv(err, code, fmt, ap);
    va_end(ap);
    if (err != NULL && newest != 0) {
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", reason_of(newest));
        err->ossl = newest;
    }
    ERR_clear_error();
    return code;
}
