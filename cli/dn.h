/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Distinguished names as people write them: RFC 4514 ("CN=Alice Example,O=Acme,
 * C=DE", most specific first) or OpenSSL's "/C=DE/O=Acme/CN=Alice Example". In both
 * '+' joins the values of one relative name, '\' takes the next character as it is
 * or starts two hex digits of a byte. Text is UTF-8. Pure function.
 */
#ifndef SIGNET_CLI_DN_H
#define SIGNET_CLI_DN_H

#include <openssl/x509.h>

#include "base/err.h"

/* Longest name, in bytes, and most parts in it. */
#define DN_MAX 4096
#define DN_PARTS_MAX 64

/* *ret is the caller's (X509_NAME_free). E_USAGE with a sentence that says which
 * part is wrong. */
int dn_parse(const char *text, X509_NAME **ret, struct err *err) must_check;

#endif
