/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/mechanism.h"

#include <openssl/obj_mac.h>

static const struct mechanism mechanisms[] = {
    {ALG_KEY_RSA, ALG_PAD_PKCS1, CKM_RSA_PKCS, MECH_DIGEST_INFO, MECH_MODULUS},
    {ALG_KEY_RSA, ALG_PAD_PSS, CKM_RSA_PKCS_PSS, MECH_DIGEST, MECH_MODULUS},
    {ALG_KEY_EC, ALG_PAD_NONE, CKM_ECDSA, MECH_DIGEST_CUT, MECH_RS},
    {ALG_KEY_ED25519, ALG_PAD_NONE, CKM_EDDSA, MECH_MESSAGE, MECH_AS_IS},
};

/* RFC 8017, 9.2, note 1; SHA-3's identifiers are in the same arc. */
static const uint8_t sha1_prefix[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                      0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
#define SHA_PREFIX(last, total, size) \
    {0x30, total, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, \
     last, 0x05, 0x00, 0x04, size}
static const uint8_t sha224_prefix[] = SHA_PREFIX(0x04, 0x2d, 0x1c);
static const uint8_t sha256_prefix[] = SHA_PREFIX(0x01, 0x31, 0x20);
static const uint8_t sha384_prefix[] = SHA_PREFIX(0x02, 0x41, 0x30);
static const uint8_t sha512_prefix[] = SHA_PREFIX(0x03, 0x51, 0x40);
static const uint8_t sha3_256_prefix[] = SHA_PREFIX(0x08, 0x31, 0x20);
static const uint8_t sha3_384_prefix[] = SHA_PREFIX(0x09, 0x41, 0x30);
static const uint8_t sha3_512_prefix[] = SHA_PREFIX(0x0a, 0x51, 0x40);

static const struct mech_digest digests[] = {
    {NID_sha1, CKM_SHA_1, CKG_MGF1_SHA1, sha1_prefix, sizeof sha1_prefix},
    {NID_sha224, CKM_SHA224, CKG_MGF1_SHA224, sha224_prefix, sizeof sha224_prefix},
    {NID_sha256, CKM_SHA256, CKG_MGF1_SHA256, sha256_prefix, sizeof sha256_prefix},
    {NID_sha384, CKM_SHA384, CKG_MGF1_SHA384, sha384_prefix, sizeof sha384_prefix},
    {NID_sha512, CKM_SHA512, CKG_MGF1_SHA512, sha512_prefix, sizeof sha512_prefix},
    {NID_sha3_256, CKM_SHA3_256, CKG_MGF1_SHA3_256, sha3_256_prefix, sizeof sha3_256_prefix},
    {NID_sha3_384, CKM_SHA3_384, CKG_MGF1_SHA3_384, sha3_384_prefix, sizeof sha3_384_prefix},
    {NID_sha3_512, CKM_SHA3_512, CKG_MGF1_SHA3_512, sha3_512_prefix, sizeof sha3_512_prefix},
};
#define DIGESTS (sizeof digests / sizeof *digests)

const struct mechanism *
mechanism_of(const struct alg_sig *sig)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (mechanisms[i].key == sig->key && mechanisms[i].padding == sig->padding)
            return &mechanisms[i];
    return NULL;
}

const struct mech_digest *
mech_digest_of(const struct alg_digest *digest)
{
    for (size_t i = 0; digest && i < DIGESTS; i++)
        if (digests[i].nid == digest->nid)
            return &digests[i];
    return NULL;
}

/* PKCS#1 v1.5 signing is one way whatever the digest: the token does not see it. */
unsigned
mech_way(enum alg_padding padding, const struct alg_digest *digest)
{
    const struct mech_digest *d = mech_digest_of(digest);
    unsigned at = d ? (unsigned)(d - digests) : 0;

    if (padding == ALG_PAD_PSS)
        return 1u << (1 + at);
    if (padding == ALG_PAD_OAEP)
        return 1u << (1 + DIGESTS + at);
    return 1u;
}
