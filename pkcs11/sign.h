/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing. Warm, it costs C_SignInit and C_Sign and nothing else. Tokens without
 * the padding get it done in software over the bare RSA operation; that they
 * refuse is remembered for the slot.
 *
 * As the last guard of DESIGN's rule 9, weak digests and RSA keys under 2048 bits
 * are refused here whatever the caller decided. Thread-safe between lanes.
 */
#ifndef SIGNET_PKCS11_SIGN_H
#define SIGNET_PKCS11_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/err.h"
#include "pkcs11/lane.h"

/* Longest signature: that of the longest modulus (pkcs11/spki.h), in bytes. */
#define SIGNATURE_MAX SPKI_RSA_MAX

struct signature {
    size_t len;
    uint8_t data[SIGNATURE_MAX];
};

/* data: the digest, exactly of its size, or for EdDSA the message. The signature
 * is as long as the modulus for RSA, an ECDSA-Sig-Value (RFC 3279, 2.2.3) for
 * ECDSA, of RFC 8032's form for EdDSA. E_WEAK, E_MECHANISM (scheme and key or
 * token do not fit), E_PROTOCOL (digest of another length), or of lane_use_key. */
int sign_data(struct lane *, CK_SLOT_ID, const char *key, const struct alg_sig *,
              const uint8_t *data, size_t len, struct signature *ret,
              struct err *err) must_check;

#endif
