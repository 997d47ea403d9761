/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMIMEA records (RFC 8162, whose fields are those of RFC 6698): certificates, or what a
 * certificate has to match. Only records that DNSSEC proved say anything. Pure functions.
 */
#ifndef SIGNET_TRUST_SMIMEA_H
#define SIGNET_TRUST_SMIMEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "base/err.h"

enum smimea_usage { SMIMEA_PKIX_TA, SMIMEA_PKIX_EE, SMIMEA_DANE_TA, SMIMEA_DANE_EE };

struct smimea {
    enum smimea_usage usage;
    bool key;               /* of the SubjectPublicKeyInfo, not of the certificate */
    unsigned matching;      /* 0: the thing itself; 1: SHA-256; 2: SHA-512 */
    const uint8_t *data;    /* within the record */
    size_t len;
};

/* E_MALFORMED, and E_UNSUPPORTED for fields of a later standard. */
int smimea_parse(const uint8_t *rdata, size_t len, struct smimea *ret) must_check;
/* Whether the record is for the owner's own certificate (not for who issued it). */
bool smimea_is_own(const struct smimea *);
/* The certificate that the record holds, the caller's; NULL: it holds none. */
X509 *smimea_certificate(const struct smimea *);
bool smimea_matches(const struct smimea *, const X509 *);

#endif
