/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/err.h"

int
err_set_ossl(struct err *err, int code, const char *fmt, ...)
{
    unsigned long newest = ERR_peek_last_error();
    va_list ap;
    va_start(ap, fmt);
    err_setv(err, code, fmt, ap);
    va_end(ap);
    if (err != NULL && newest != 0) {
        const char *reason = ERR_reason_error_string(newest);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s",
                 reason != NULL ? reason : "libcrypto gives no reason");
        err->ossl = newest;
    }
    ERR_clear_error();
    return code;
}
