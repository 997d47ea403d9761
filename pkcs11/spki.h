/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys: a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; RFC 3279, 5480, 8410)
 * from whatever a token offers, and the name that follows from it.
 *
 * spki_from_der() takes a ready one (CKA_PUBLIC_KEY_INFO, a certificate's),
 * spki_from_rsa() modulus and exponent, spki_from_ec() EC_PARAMS and EC_POINT as
 * tokens write them: parameters as object identifier or as PrintableString with
 * a curve's name, the point raw or wrapped in an OCTET STRING. All canonicalise:
 * the same key gives the same bytes, hence the same name, from each source.
 * Filled storage of the caller's; clear it with spki_clear(). Immutable
 * afterwards, and may then be read by several threads.
 */
#ifndef SIGNET_PKCS11_SPKI_H
#define SIGNET_PKCS11_SPKI_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "base/alg.h"
#include "base/err.h"

/* SHA-256 in hex, with NUL. */
#define SPKI_NAME 65
#define SPKI_CURVE_MAX 24
/* Longest RSA modulus taken, in bytes. */
#define SPKI_RSA_MAX 2048

struct spki {
    enum alg_key_type type;
    unsigned bits;
    char curve[SPKI_CURVE_MAX]; /* "P-256", "Ed25519"; empty for RSA */
    char name[SPKI_NAME];       /* lower-case hex SHA-256 of der */
    uint8_t *der;
    size_t len;
    EVP_PKEY *pkey;
};

/* E_MALFORMED, E_UNSUPPORTED (a type or curve that Signet has no name for),
 * E_NOMEM; on failure *ret is blank. */
int spki_from_der(struct spki *ret, const uint8_t *der, size_t len) must_check;
int spki_from_rsa(struct spki *ret, const uint8_t *n, size_t n_len, const uint8_t *e,
                  size_t e_len) must_check;
int spki_from_ec(struct spki *ret, const uint8_t *params, size_t params_len,
                 const uint8_t *point, size_t point_len) must_check;
/* From a key of libcrypto's, which is not consumed. */
int spki_from_pkey(struct spki *ret, EVP_PKEY *pkey) must_check;
int spki_copy(struct spki *ret, const struct spki *from) must_check;
void spki_clear(struct spki *);

/* Bytes of an RSA modulus, of an EC coordinate, of an Edwards or Montgomery key. */
size_t spki_size(const struct spki *);

#endif
