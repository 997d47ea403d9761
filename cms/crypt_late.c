/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Additional data that become known after the content. With A the additional data's
 * blocks, C the ciphertext's (m of them) and L the block of lengths, both MACs are a
 * polynomial in a point h:
 *
 *   A_1 h^(a+m+1) + ... + A_a h^(m+2) + C_1 h^(m+1) + ... + C_m h^2 + L h
 *
 * so the additional data add  (A_1 h^a + ... + A_a h) h^(m+1) + L(A) h  and nothing of
 * the content is needed but its length.
 */
#include "cms/crypt_int.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>

#define BLOCK 16

/* GF(2^128) as NIST SP 800-38D, 6.3 writes it: the first bit is the coefficient of x^0. */
struct gf {
    uint64_t hi, lo;
};

static struct gf
gf_load(const uint8_t *in)
{
    struct gf g = { 0, 0 };

    for (int i = 0; i < 8; i++) {
        g.hi = g.hi << 8 | in[i];
        g.lo = g.lo << 8 | in[8 + i];
    }
    return g;
}

/* Without branches on what is secret. */
static struct gf
gf_mul(struct gf x, struct gf y)
{
    struct gf z = { 0, 0 };

    for (int i = 0; i < 128; i++) {
        uint64_t bit = i < 64 ? x.hi >> (63 - i) & 1 : x.lo >> (127 - i) & 1;
        uint64_t out = y.lo & 1;

        z.hi ^= y.hi & (0 - bit);
        z.lo ^= y.lo & (0 - bit);
        y.lo = y.lo >> 1 | y.hi << 63;
        y.hi = y.hi >> 1 ^ (UINT64_C(0xe1) << 56 & (0 - out));
    }
    return z;
}

/* The exponent, a length, is no secret. */
static struct gf
gf_pow(struct gf base, uint64_t exponent)
{
    struct gf z = { UINT64_C(1) << 63, 0 };

    for (; exponent != 0; exponent >>= 1) {
        if (exponent & 1)
            z = gf_mul(z, base);
        base = gf_mul(base, base);
    }
    return z;
}

static int
hash_key(const struct secret *key, struct gf *ret)
{
    uint8_t zero[BLOCK] = { 0 }, h[2 * BLOCK];
    char name[16];
    EVP_CIPHER_CTX *ctx;
    int n = 0, ok;

    snprintf(name, sizeof name, "AES-%zu-ECB", secret_len(key) * 8);
    ctx = crypt_raw(name, key, NULL, true);
    ok = ctx != NULL && EVP_EncryptUpdate(ctx, h, &n, zero, BLOCK) == 1 && n == BLOCK;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        *ret = gf_load(h);
    wipe(h, sizeof h);
    return ok ? 0 : E_CRYPTO;
}

int
late_gcm(const struct cipher_params *p, const struct secret *key, const uint8_t *aad,
         size_t aad_len, uint64_t size, uint8_t *tag)
{
    struct gf h = { 0, 0 }, sum = { 0, 0 }, lengths = { (uint64_t)aad_len * 8, 0 };
    int rc = hash_key(key, &h);

    if (rc != 0)
        return rc;
    for (size_t at = 0; at < aad_len; at += BLOCK) {
        uint8_t block[BLOCK] = { 0 };
        struct gf b;

        memcpy(block, aad + at, aad_len - at < BLOCK ? aad_len - at : BLOCK);
        b = gf_load(block);
        sum.hi ^= b.hi;
        sum.lo ^= b.lo;
        sum = gf_mul(sum, h);
    }
    sum = gf_mul(sum, gf_pow(h, (size + BLOCK - 1) / BLOCK + 1));
    lengths = gf_mul(lengths, h);
    sum.hi ^= lengths.hi;
    sum.lo ^= lengths.lo;
    for (size_t i = 0; i < p->tag_len; i++)
        tag[i] ^= (uint8_t)((i < 8 ? sum.hi : sum.lo) >> 8 * (7 - i % 8));
    wipe(&h, sizeof h);
    wipe(&sum, sizeof sum);
    return 0;
}

/* The one-time key r, s of Poly1305: the cipher's first 32 octets (RFC 8439, 2.6). */
static int
one_time_key(const struct cipher_params *p, const struct secret *key, uint8_t out[2 * BLOCK])
{
    uint8_t iv[4 + CIPHER_IV_MAX] = { 0 }, zero[2 * BLOCK] = { 0 };
    EVP_CIPHER_CTX *ctx;
    int n = 0, ok;

    memcpy(iv + 4, p->iv, 12);
    ctx = crypt_raw("ChaCha20", key, iv, true);
    ok = ctx != NULL && EVP_EncryptUpdate(ctx, out, &n, zero, sizeof zero) == 1;
    EVP_CIPHER_CTX_free(ctx);
    for (int i = 3; i < BLOCK; i += 4)
        out[i] &= 15;
    for (int i = 4; i < BLOCK; i += 4)
        out[i] &= 252;
    return ok ? 0 : E_CRYPTO;
}

struct poly {
    BN_CTX *ctx;
    BIGNUM *p, *r, *s, *sum, *t, *v;
};

static bool
poly_init(struct poly *y, const uint8_t key[2 * BLOCK])
{
    y->ctx = BN_CTX_secure_new();
    if (y->ctx == NULL)
        return false;
    BN_CTX_start(y->ctx);
    y->p = BN_CTX_get(y->ctx);
    y->r = BN_CTX_get(y->ctx);
    y->s = BN_CTX_get(y->ctx);
    y->sum = BN_CTX_get(y->ctx);
    y->t = BN_CTX_get(y->ctx);
    y->v = BN_CTX_get(y->ctx);
    if (y->v == NULL)
        return false;
    BN_set_flags(y->r, BN_FLG_CONSTTIME);
    BN_zero(y->sum);
    return BN_lebin2bn(key, BLOCK, y->r) != NULL &&
           BN_lebin2bn(key + BLOCK, BLOCK, y->s) != NULL && BN_set_word(y->p, 1) == 1 &&
           BN_lshift(y->p, y->p, 130) == 1 && BN_sub_word(y->p, 5) == 1;
}

static void
poly_clear(struct poly *y)
{
    if (y->ctx == NULL)
        return;
    if (y->v != NULL) {
        BN_clear(y->r);
        BN_clear(y->s);
        BN_clear(y->sum);
        BN_clear(y->t);
        BN_clear(y->v);
    }
    BN_CTX_end(y->ctx);
    BN_CTX_free(y->ctx);
}

/* What the additional data add to the polynomial, to y->sum. */
static bool
poly_late(struct poly *y, const uint8_t *aad, size_t aad_len, uint64_t size)
{
    uint64_t blocks = (size + BLOCK - 1) / BLOCK + 1;

    for (size_t at = 0; at < aad_len; at += BLOCK) {
        uint8_t block[BLOCK + 1] = { 0 };

        memcpy(block, aad + at, aad_len - at < BLOCK ? aad_len - at : BLOCK);
        block[BLOCK] = 1;
        if (BN_lebin2bn(block, sizeof block, y->t) == NULL ||
            BN_add(y->sum, y->sum, y->t) != 1 ||
            BN_mod_mul(y->sum, y->sum, y->r, y->p, y->ctx) != 1)
            return false;
    }
    return BN_set_word(y->v, blocks) == 1 &&
           BN_mod_exp(y->t, y->r, y->v, y->p, y->ctx) == 1 &&
           BN_mod_mul(y->sum, y->sum, y->t, y->p, y->ctx) == 1 &&
           BN_set_word(y->v, aad_len) == 1 &&
           BN_mod_mul(y->t, y->v, y->r, y->p, y->ctx) == 1 &&
           BN_mod_add(y->sum, y->sum, y->t, y->p, y->ctx) == 1;
}

/* Modulo 2^128. */
static bool
poly_mask(BIGNUM *v)
{
    return BN_num_bits(v) <= 128 || BN_mask_bits(v, 128) == 1;
}

/* The candidate with these two bits lost: 1, 0 when it cannot be, or E_CRYPTO. */
static int
poly_candidate(struct poly *y, const uint8_t *tag, unsigned lost, uint8_t out[BLOCK])
{
    BIGNUM *v = y->v;

    /* v = (tag - s mod 2^128) + lost 2^128, the polynomial's value with the data */
    if (BN_lebin2bn(tag, BLOCK, v) == NULL || BN_set_bit(v, 128) != 1 ||
        BN_sub(v, v, y->s) != 1 || BN_set_word(y->t, lost) != 1 ||
        BN_lshift(y->t, y->t, 128) != 1 || !poly_mask(v) || BN_add(v, v, y->t) != 1)
        return E_CRYPTO;
    if (BN_cmp(v, y->p) >= 0)
        return 0;
    if (BN_mod_sub(v, v, y->sum, y->p, y->ctx) != 1 || BN_add(v, v, y->s) != 1)
        return E_CRYPTO;
    return poly_mask(v) && BN_bn2lebinpad(v, out, BLOCK) == BLOCK ? 1 : E_CRYPTO;
}

int
late_poly1305(const struct cipher_params *p, const struct secret *key, const uint8_t *aad,
              size_t aad_len, uint64_t size, const uint8_t *tag,
              uint8_t ret[LATE_TAGS][CIPHER_TAG_MAX])
{
    uint8_t rs[2 * BLOCK] = { 0 };
    struct poly y = { 0 };
    int rc = one_time_key(p, key, rs), count = 0;

    if (rc == 0 && (!poly_init(&y, rs) || !poly_late(&y, aad, aad_len, size)))
        rc = E_CRYPTO;
    for (unsigned lost = 0; rc >= 0 && lost < LATE_TAGS; lost++) {
        rc = poly_candidate(&y, tag, lost, ret[count]);
        count += rc == 1;
    }
    poly_clear(&y);
    wipe(rs, sizeof rs);
    return rc < 0 ? rc : count;
}
