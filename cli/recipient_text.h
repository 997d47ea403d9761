/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a message is encrypted for, in words and as JSON. */
#ifndef SIGNET_CLI_RECIPIENT_TEXT_H
#define SIGNET_CLI_RECIPIENT_TEXT_H

#include <jansson.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "cms/decrypt.h"

/* Appends 'certificate 0A1B of "CN=CA"', 'key identifier 0a1b...', 'a password' and the
 * like. */
int recipient_put_text(const struct cms_recipient *, struct buf *out) must_check;
/* Appends the first few of them in one list, and how many more there are. */
int recipients_put_text(const struct cms_recipient *, size_t count,
                        struct buf *out) must_check;
/* {"kind", "algorithm", "issuer", "serial", "ski", "oid"}; NULL when memory is out. */
json_t *recipient_json(const struct cms_recipient *) must_check;

/* Appends a distinguished name in the form of RFC 2253. */
int recipient_put_name(const X509_NAME *, struct buf *out) must_check;

#endif
