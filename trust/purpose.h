/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a certificate may be used for in mail (RFC 8550 4.4, RFC 5280 4.2.1.3 and 4.2.1.12).
 *
 * Extended key usage, where there is any, must have emailProtection or anyExtendedKeyUsage, in
 * authorities' certificates too (as all mail programs hold it, and the S/MIME Baseline
 * Requirements 7.1.2.2). Key usage, where there is any: digitalSignature or nonRepudiation to sign,
 * keyEncipherment or keyAgreement to encrypt. Netscape's certificate type is not looked at.
 *
 * Pure functions on borrowed certificates; safe from several threads.
 */
#ifndef SIGNET_TRUST_PURPOSE_H
#define SIGNET_TRUST_PURPOSE_H

#include <openssl/x509.h>

#include "trust/path.h"

/* NULL when the signer's (or recipient's) certificate serves it; else what it lacks, as the
 * end of a sentence that begins with the certificate. */
const char *purpose_missing(const X509 *, enum path_purpose);
/* The same for an authority's. */
const char *purpose_missing_ca(const X509 *, enum path_purpose);

/* Which kind of S/MIME Baseline Requirements certificate it says it is
 * (CA/Browser Forum, 7.1.6.1: 2.23.140.1.5.x.y): "sponsor-validated, strict"; NULL: none. */
const char *purpose_baseline(const X509 *);

#endif
