/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RSA decryption of content keys.
 *
 * PKCS#1 v1.5 never fails because of what is inside the ciphertext (DESIGN, rule
 * 6; RFC 3218): a padding the module refuses, whatever error it reports, and a
 * key of another length than expected both give a key of the expected length,
 * HMAC-SHA256 of key name and ciphertext under a key that is random per process; where no length
 * is expected, its length is made up the same way.
 * The same ciphertext gives the same key, and real and made-up are chosen between
 * without a branch. Errors are for what has nothing to do with the plaintext: no
 * such key, no login, a lost token.
 *
 * OAEP tells failure, but only one kind of it. Digests that the token refuses, two
 * different ones, and labels are done in software over the bare RSA operation. Thread-safe between lanes.
 */
#ifndef SIGNET_PKCS11_DECRYPT_H
#define SIGNET_PKCS11_DECRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* Room that `out` must have, in bytes. */
#define DECRYPT_MAX SPKI_RSA_MAX

/* Longest OAEP label, in bytes. */
#define DECRYPT_LABEL_MAX 256

/* A way to decrypt, by its name in the protocol: "rsa-pkcs1", "rsa-oaep-sha256". */
struct decrypt_scheme {
    enum alg_padding padding;        /* ALG_PAD_PKCS1 or ALG_PAD_OAEP */
    const struct alg_digest *digest; /* of OAEP */
    const struct alg_digest *mgf;    /* of its MGF1; by name the same */
    uint8_t label[DECRYPT_LABEL_MAX];
    size_t label_len;                /* by name 0 */
};
/* E_UNSUPPORTED for a name that is none. */
int decrypt_scheme_by_name(const char *name, struct decrypt_scheme *ret) must_check;
/* Another digest for MGF1, a label in hex. E_USAGE when the scheme is not OAEP,
 * E_UNSUPPORTED for a digest that is none, E_MALFORMED for what is no hex, E_LIMIT for too
 * long a label. */
int decrypt_scheme_set_mgf(struct decrypt_scheme *, const char *digest) must_check;
int decrypt_scheme_set_label(struct decrypt_scheme *, const char *hex) must_check;

/* expected: length of the wrapped key, for rsa-pkcs1 (E_USAGE when it cannot be), 0 when it is
 * not known; ignored for OAEP. E_MALFORMED for a ciphertext longer than the modulus,
 * E_DECRYPT for a failed OAEP, or of lane_use_key. */
int decrypt_data(struct lane *, CK_SLOT_ID, const char *key, const struct decrypt_scheme *,
                 size_t expected, const uint8_t *data, size_t len, struct secret *out,
                 struct err *err) must_check;

#endif
