/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GENERAL AUTHENTICATE: SP 800-73-4, part 2, 3.2.4 and appendix A. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "piv.h"

#define TAG_TEMPLATE 0x7c
#define TAG_CHALLENGE 0x81
#define TAG_RESPONSE 0x82
#define TAG_EXPONENTIATION 0x85
#define OUT_MAX 1024

/* May the key be used now? An SW_ code. */
static uint16_t
access_rule(const struct piv *card, uint8_t reference)
{
    if (reference == KEY_CARD_AUTHENTICATION)
        return SW_OK;
    if (!card->verified || (reference == KEY_SIGNATURE && !card->fresh))
        return SW_SECURITY;
    return SW_OK;
}

/* The bare private-key operation: padding is the host's (A.1, A.4). */
static bool
rsa(const struct piv_key *k, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    bool good = ctx != NULL && n == (size_t)EVP_PKEY_get_size(k->key) &&
                EVP_PKEY_decrypt_init(ctx) > 0 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
                EVP_PKEY_decrypt(ctx, out, out_len, in, n) > 0;

    EVP_PKEY_CTX_free(ctx);
    return good;
}

static bool
ecdsa(const struct piv_key *k, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    bool good = ctx != NULL && n <= ((size_t)EVP_PKEY_get_bits(k->key) + 7) / 8 &&
                EVP_PKEY_sign_init(ctx) > 0 && EVP_PKEY_sign(ctx, out, out_len, in, n) > 0;

    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* The other side's key, from an uncompressed point. */
static EVP_PKEY *
peer_of(const struct piv_key *k, const uint8_t *point, size_t n)
{
    char group[32] = "";
    size_t len = 0;
    EVP_PKEY *peer = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM params[3];

    EVP_PKEY_get_group_name(k->key, group, sizeof group, &len);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  (void *)(uintptr_t)point, n);
    params[2] = OSSL_PARAM_construct_end();
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &peer, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        peer = NULL;
    EVP_PKEY_CTX_free(ctx);
    return peer;
}

static bool
ecdh(const struct piv_key *k, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
    EVP_PKEY *peer = peer_of(k, in, n);
    EVP_PKEY_CTX *ctx = peer != NULL ? EVP_PKEY_CTX_new(k->key, NULL) : NULL;
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) > 0 &&
                EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
                EVP_PKEY_derive(ctx, out, out_len) > 0;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return good;
}

static bool
operate(const struct piv_key *k, const uint8_t *template, size_t n, uint8_t *out,
        size_t *out_len)
{
    size_t challenge_len = 0, point_len = 0;
    const uint8_t *challenge = tlv_find(template, n, TAG_CHALLENGE, &challenge_len),
                  *point = tlv_find(template, n, TAG_EXPONENTIATION, &point_len);

    if (challenge != NULL && EVP_PKEY_is_a(k->key, "RSA"))
        return rsa(k, challenge, challenge_len, out, out_len);
    if (challenge != NULL)
        return ecdsa(k, challenge, challenge_len, out, out_len);
    /* A.5: only the key management keys agree on keys. */
    if (point != NULL && !EVP_PKEY_is_a(k->key, "RSA") &&
        (k->reference == KEY_MANAGEMENT || k->reference <= KEY_RETIRED_LAST))
        return ecdh(k, point, point_len, out, out_len);
    return false;
}

void
piv_general_authenticate(struct piv *card, const struct apdu *c, struct answer *a)
{
    const struct piv_key *k = piv_find_key(card, c->p2);
    uint8_t out[OUT_MAX];
    size_t template_len = 0, out_len = sizeof out;
    const uint8_t *template = tlv_find(c->data, c->lc, TAG_TEMPLATE, &template_len);
    struct answer inner = {.len = 0};

    if (k == NULL) {
        a->sw = SW_NO_REFERENCE;
    } else if (c->p1 != k->algorithm) {
        a->sw = SW_BAD_P1P2;
    } else if (access_rule(card, c->p2) != SW_OK) {
        a->sw = access_rule(card, c->p2);
    } else if (template == NULL || !operate(k, template, template_len, out, &out_len)) {
        a->sw = SW_BAD_DATA;
    } else {
        tlv_add(&inner, TAG_RESPONSE, out, out_len);
        tlv_add(a, TAG_TEMPLATE, inner.data, inner.len);
    }
}
