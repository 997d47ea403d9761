/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a certificate says of its owner, as text that is safe to show and as
 * addresses that are safe to compare.
 *
 * Addresses come from the subjectAltName's rfc822Name and SmtpUTF8Mailbox
 * (RFC 5280 4.2.1.6, RFC 9598), and, marked as such, from the subject's
 * emailAddress attribute (RFC 8551 3: only to be relied on with a note). One that
 * holds a NUL or control character is left out: it equals no address.
 *
 * Pure functions on borrowed certificates; safe from several threads.
 */
#ifndef SIGNET_TRUST_CERTIFICATE_H
#define SIGNET_TRUST_CERTIFICATE_H

#include <stdbool.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

/* Addresses looked at in one certificate; more are ignored. */
#define CERTIFICATE_EMAILS_MAX 256

/* Calls each(arg, address, in_subject) for every address until it returns non-zero,
 * and returns what it returned (0 when all were seen), or E_NOMEM. */
int certificate_each_email(const X509 *, int (*each)(void *arg, const char *address,
                                                     bool in_subject), void *arg) must_check;

/* Whether the two name one mailbox: local parts to the byte (no normalisation, RFC 9598
 * 5), domains as trust/domain.h says. False for what has no '@'. */
bool certificate_same_address(const char *, const char *);

/* Where the certificate has this address. */
enum certificate_match {
    CERTIFICATE_NAMES_NOBODY,  /* it has no addresses at all */
    CERTIFICATE_OTHER,         /* it has others */
    CERTIFICATE_IN_SUBJECT,    /* in the subject alone */
    CERTIFICATE_MATCHES,
};
enum certificate_match certificate_match(const X509 *, const char *address);

/* Whether any address of the certificate is this one. */
bool certificate_has_email(const X509 *, const char *address);

/* Appends the name as RFC 4514 text in UTF-8, made safe (base/text.h). */
int certificate_put_name(struct buf *, const X509_NAME *) must_check;
/* Appends the SHA-256 fingerprint in lower-case hex. */
int certificate_put_fingerprint(struct buf *, const X509 *) must_check;

#endif
