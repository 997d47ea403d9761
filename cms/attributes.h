/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signed attributes that a signer may add, and what they say when read (RFC 8551,
 * 2.5.2 and 2.5.3): SMIMECapabilities, the algorithms that the signer can read,
 * best first; sMIMEEncryptionKeyPreference, the certificate to encrypt to; and any
 * other, given as OID and value.
 *
 * They are written by what a struct cms_signer asks for (cms/sign.h), and read from a
 * struct cms_signature (cms/signed.h), of which all results here are borrowed. They
 * are the signer's words: believe them when the signature is intact and trusted.
 * Pure functions.
 */
#ifndef SIGNET_CMS_ATTRIBUTES_H
#define SIGNET_CMS_ATTRIBUTES_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/err.h"

#define CMS_OID_MAX 128
/* Most attributes of the caller's, and most capabilities, of one signer. */
#define CMS_NEW_ATTRIBUTES_MAX 64
#define CMS_CAPABILITIES_MAX 256
/* Most bytes of the parameters of a capability that is written. */
#define CMS_CAPABILITY_MAX 128

/* One attribute with one value, in DER. */
struct cms_new_attribute {
    const char *oid;        /* dotted; none that cms_sign writes by itself */
    const uint8_t *der;
    size_t len;
};

struct cms_capability {
    char oid[CMS_OID_MAX];
    const uint8_t *parameters;  /* DER; NULL when absent */
    size_t len;
};

struct cms_signature;

/* The i-th of SMIMECapabilities: 1; 0 behind the last, or when there are none;
 * E_MALFORMED; E_LIMIT for i from CMS_CAPABILITIES_MAX on. */
int cms_capability_at(const struct cms_signature *, size_t i,
                      struct cms_capability *ret) must_check;

/* The one among certs that sMIMEEncryptionKeyPreference names: 1; 0 when the attribute is
 * absent or names none of them; E_MALFORMED. */
int cms_preferred_cert(const struct cms_signature *, const STACK_OF(X509) *certs,
                       X509 **ret) must_check;

#endif
