/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key agreement on a token that does not give Z away (HSMs in FIPS mode, pkcs11/quirk.h,
 * derive-hidden): the X9.63 KDF of RFC 5753, 7.2, runs on the token too (CKD_SHA256_KDF and
 * its like), and so does the AES key unwrap (RFC 3394) when the wrapping key cannot be read
 * either. What comes out is the content key. Thread-safe between lanes.
 */
#ifndef SIGNET_PKCS11_DERIVE_UNWRAP_H
#define SIGNET_PKCS11_DERIVE_UNWRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* Longest wrapped key, in bytes. */
#define DERIVE_WRAPPED_MAX 72

struct derive_unwrap {
    const uint8_t *point;             /* the peer's, as derive_secret takes it */
    size_t point_len;
    const struct alg_digest *digest;  /* of the KDF */
    const uint8_t *info;              /* ECC-CMS-SharedInfo in DER */
    size_t info_len;
    size_t kek_size;                  /* 16, 24 or 32 */
    const uint8_t *wrapped;
    size_t wrapped_len;
};

/* out has room for DERIVE_WRAPPED_MAX. E_DECRYPT when the key does not unwrap; E_MECHANISM
 * when the token can do none of it or keeps the content key as well; E_USAGE; or of
 * derive_secret. */
int derive_and_unwrap(struct lane *, CK_SLOT_ID slot, const char *key,
                      const struct derive_unwrap *, struct secret *out,
                      struct err *err) must_check;

#endif
