/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys under keys: key wrap (RFC 3394, 5649, 3217), password wrap (RFC 3211), and the
 * derivations that make a wrapping key of a shared secret (X9.63 and HKDF with the
 * ECC-CMS-SharedInfo of RFC 5753 and 8418) or a password (PBKDF2). Inside of the
 * library; pure functions.
 */
#ifndef SIGNET_CMS_KEYWRAP_H
#define SIGNET_CMS_KEYWRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/buf.h"
#include "base/secret.h"
#include "cms/cipher.h"

/* Longest key that is wrapped, and longest wrapped key, bytes. */
#define KEY_MAX 64
#define WRAPPED_MAX 512

/* Appends the wrapped key. E_CRYPTO, E_USAGE (kek has another size). */
int key_wrap(const struct cms_wrap *, const struct secret *kek, const struct secret *key,
             struct buf *out) must_check;
/* E_DECRYPT when it does not fit the kek, E_MALFORMED for a length that cannot be. out holds
 * KEY_MAX at least. */
int key_unwrap(const struct cms_wrap *, const struct secret *kek, const uint8_t *data,
               size_t len, struct secret *out) must_check;

/* RFC 3211, 2.3: cipher is CBC with its parameters. */
int pwri_wrap(const struct cipher_params *, const struct secret *kek, const struct secret *key,
              struct buf *out) must_check;
int pwri_unwrap(const struct cipher_params *, const struct secret *kek, const uint8_t *data,
                size_t len, struct secret *out) must_check;

/* A key-agreement scheme. */
struct agree_scheme {
    const char *name;                  /* "ecdh-x963-sha256", "ecdh-hkdf-sha256" */
    const char *oid;
    const char *digest;                /* by its name in base/alg.h */
    bool hkdf, cofactor;
};
const struct agree_scheme *agree_scheme_by_oid(const char *oid);
/* The one we write. */
const struct agree_scheme *agree_scheme_find(bool hkdf, const struct alg_digest *);

/* The wrapping key of a shared secret z. wrap_alg: keyInfo, as in the message; ukm may
 * be NULL. out gets the wrap's key size. E_CRYPTO, E_NOMEM. */
int agree_derive(const struct agree_scheme *, const struct cms_wrap *,
                 const X509_ALGOR *wrap_alg, const ASN1_OCTET_STRING *ukm,
                 const struct secret *z, struct secret *out) must_check;

/* ECC-CMS-SharedInfo in DER (RFC 5753, 7.2): its length, *ret to be OPENSSL_freed; not over 0:
 * out of memory. */
int agree_info(const struct cms_wrap *, const X509_ALGOR *wrap_alg, const ASN1_OCTET_STRING *ukm,
               uint8_t **ret);

/* PBKDF2 (RFC 8018, 5.2) into len bytes of out. */
int password_derive(const struct secret *password, const struct alg_digest *,
                    const uint8_t *salt, size_t salt_len, uint64_t iterations, size_t len,
                    struct secret *out) must_check;

#endif
