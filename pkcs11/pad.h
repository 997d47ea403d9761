/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RSA paddings in software, by libcrypto, for tokens that offer the bare RSA
 * operation (CKM_RSA_X_509) but not the padding or its digest. Pure functions;
 * 0, or E_CRYPTO, or what is said below.
 */
#ifndef SIGNET_PKCS11_PAD_H
#define SIGNET_PKCS11_PAD_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "base/alg.h"
#include "base/err.h"
#include "base/secret.h"

/* EMSA-PKCS1-v1_5 (RFC 8017, 9.2) of a ready DigestInfo: size bytes to em. */
int pad_pkcs1(uint8_t *em, size_t size, const uint8_t *info, size_t info_len) must_check;

/* EMSA-PSS (RFC 8017, 9.1) with the digest also in MGF1 and a salt of its size:
 * size bytes to em. key: the public key. */
int pad_pss(uint8_t *em, size_t size, EVP_PKEY *key, const struct alg_digest *digest,
            const uint8_t *hash) must_check;

/* EME-PKCS1-v1_5 decoding (RFC 8017, 7.2.2 step 3) in constant time: the message
 * to out (room for size bytes) and its length, or -1. The caller must not let
 * anyone see which. */
int unpad_pkcs1(uint8_t *out, const uint8_t *em, size_t size) must_check;

struct pad_oaep {
    const struct alg_digest *digest, *mgf; /* of the label, and of MGF1 */
    const uint8_t *label;
    size_t label_len;
};

/* EME-OAEP decoding (RFC 8017, 7.1.2 step 3). em is the bare operation's result, size
 * bytes. E_DECRYPT, in constant time and for one reason only, when it is no such
 * encoding. */
int unpad_oaep(struct secret *out, const uint8_t *em, size_t size,
               const struct pad_oaep *) must_check;

#endif
