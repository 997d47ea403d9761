/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PKCS#11 side of base/alg.h: for each kind of signature the mechanism, what
 * it is fed and what it gives; for each digest its numbers and its DigestInfo.
 * Const records that live for the process.
 * PKCS#11 2.40 (mechanisms) sections 2.1 and 2.3, 3.0 section 2.3.
 */
#ifndef SIGNET_PKCS11_MECHANISM_H
#define SIGNET_PKCS11_MECHANISM_H

#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "pkcs11/ck.h"

/* Longest DigestInfo, in bytes (19 of prefix and SHA-512). */
#define DIGEST_INFO_MAX 96

enum mech_input {
    MECH_DIGEST_INFO, /* DigestInfo around the digest (RFC 8017, 9.2) */
    MECH_DIGEST,      /* the digest */
    MECH_DIGEST_CUT,  /* its leftmost bytes, at most as many as the group order has */
    MECH_MESSAGE,     /* the data itself */
};

enum mech_output {
    MECH_MODULUS,     /* exactly as long as the modulus */
    MECH_RS,          /* r and s of equal length, to become ECDSA-Sig-Value */
    MECH_AS_IS,
};

struct mechanism {
    enum alg_key_type key;
    enum alg_padding padding;
    CK_MECHANISM_TYPE type;
    enum mech_input input;
    enum mech_output output;
};

struct mech_digest {
    int nid;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
    const uint8_t *prefix; /* of DigestInfo, up to the digest itself */
    size_t prefix_len;
};

/* NULL when no mechanism is known. */
const struct mechanism *mechanism_of(const struct alg_sig *);
const struct mech_digest *mech_digest_of(const struct alg_digest *);

/* Bits for slot_refused(): one per way that a token may refuse. */
unsigned mech_way(enum alg_padding, const struct alg_digest *);

#endif
