/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A certificate as a signer needs it: names, validity, uses, key, and its DER
 * (RFC 5280 4.1). Reading one as an X509 makes libcrypto construct every decoder
 * it has, to decode the public key: most of the time that signing a mail took.
 * This reads the same structure with the key left as it is, and makes an EVP_PKEY
 * of it without decoders when it is asked for.
 *
 * Life: cms_certificate_read (or _from_x509), the accessors, cms_certificate_free.
 * All views are borrowed from the certificate. One thread at a time.
 */
#ifndef SIGNET_CMS_CERTIFICATE_H
#define SIGNET_CMS_CERTIFICATE_H

#include <stdint.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/alg.h"
#include "base/err.h"

struct cms_certificate;

/* Reads exactly one DER certificate; E_MALFORMED, E_NOMEM. */
int cms_certificate_read(struct cms_certificate **ret, const uint8_t *der, size_t len,
                         struct err *err) must_check;
int cms_certificate_from_x509(struct cms_certificate **ret, const X509 *,
                              struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_certificate_free(struct cms_certificate **);
#define autofree_cms_certificate __attribute__((cleanup(cms_certificate_free)))

const uint8_t *cms_certificate_der(const struct cms_certificate *, size_t *ret_len);
const X509_NAME *cms_certificate_issuer(const struct cms_certificate *);
const ASN1_INTEGER *cms_certificate_serial(const struct cms_certificate *);
const ASN1_TIME *cms_certificate_not_before(const struct cms_certificate *);
const ASN1_TIME *cms_certificate_not_after(const struct cms_certificate *);
/* subjectKeyIdentifier, or NULL. */
const ASN1_OCTET_STRING *cms_certificate_ski(const struct cms_certificate *);

/* KU_* bits of keyUsage, all of them when there is none (4.2.1.3). */
uint32_t cms_certificate_key_usage(const struct cms_certificate *);
/* Whether extendedKeyUsage is absent, or names this purpose or any (4.2.1.12). */
int cms_certificate_allows(const struct cms_certificate *, int purpose_nid);

/* The key's type and size in bits (0: unusable). For RSA no EVP_PKEY is made for it. */
enum alg_key_type cms_certificate_key_type(const struct cms_certificate *);
int cms_certificate_key_bits(const struct cms_certificate *);
/* Bytes of each signature by the key; 0 when they vary (ECDSA, DSA). */
size_t cms_certificate_signature_size(const struct cms_certificate *);

/* The public key, made at the first call; NULL when libcrypto cannot use it. */
EVP_PKEY *cms_certificate_key(const struct cms_certificate *);

#endif
