/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key agreement (provider-keyexch(7)): ECDH, X25519, X448 by the agent; the X9.63 KDF, which CMS
 * asks for here (RFC 5753, 7.2), in this process. */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "provider/key.h"

/* The longest shared secret, of P-521, and room. */
#define SECRET_MAX 128
#define DIGEST_NAME_MAX 32

struct exchange {
    struct provider *provider;
    struct key *key, *peer;
    bool x963;
    char digest[DIGEST_NAME_MAX];
    size_t out_len;
    uint8_t *ukm;
    size_t ukm_len;
};

static void *
begin(void *ctx)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (x)
        x->provider = ctx;
    return x;
}

static void
end(void *ctx)
{
    struct exchange *x = ctx;

    key_free(x->key);
    key_free(x->peer);
    free(x->ukm);
    free(x);
}

static int
set_ukm(struct exchange *x, const void *ukm, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        return 0;
    if (len > 0)
        memcpy(copy, ukm, len);
    free(x->ukm);
    x->ukm = copy;
    x->ukm_len = len;
    return 1;
}

static void *
duplicate(void *ctx)
{
    const struct exchange *from = ctx;
    struct exchange *x = begin(from->provider);

    if (!x)
        return NULL;
    *x = *from;
    x->key = from->key ? key_ref(from->key) : NULL;
    x->peer = from->peer ? key_ref(from->peer) : NULL;
    x->ukm = NULL;
    if (from->ukm && !set_ukm(x, from->ukm, from->ukm_len)) {
        end(x);
        return NULL;
    }
    return x;
}

static int
set_kdf(struct exchange *x, const OSSL_PARAM *p)
{
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return 0;
    x->x963 = strcmp(p->data, OSSL_KDF_NAME_X963KDF) == 0;
    if (x->x963 || *(const char *)p->data == '\0')
        return 1;
    return provider_fail(x->provider, E_UNSUPPORTED, "key derivation \"%.40s\" is none for ECDH; "
                         "X963KDF is", (const char *)p->data);
}

static int
set_params(void *ctx, const OSSL_PARAM params[])
{
    struct exchange *x = ctx;
    const OSSL_PARAM *p;
    char *digest = x->digest;

    if (!params)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p && !set_kdf(x, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p && !OSSL_PARAM_get_utf8_string(p, &digest, sizeof x->digest))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p && !OSSL_PARAM_get_size_t(p, &x->out_len))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return !p || (p->data_type == OSSL_PARAM_OCTET_STRING && set_ukm(x, p->data, p->data_size));
}

static int
get_params(void *ctx, OSSL_PARAM params[])
{
    const struct exchange *x = ctx;
    OSSL_PARAM *p;

    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p && !OSSL_PARAM_set_utf8_string(p, x->x963 ? OSSL_KDF_NAME_X963KDF : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, x->digest))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    return !p || OSSL_PARAM_set_size_t(p, x->out_len);
}

static const OSSL_PARAM *
known_params(void *ctx, void *provider)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provider;
    return list;
}

static int
start(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct exchange *x = ctx;

    if (!key)
        return 0;
    key_free(x->key);
    x->key = key_ref(key);
    return set_params(x, params);
}

static int
set_peer(void *ctx, void *peer)
{
    struct exchange *x = ctx;
    struct key *k = peer;

    if (!x->key || !k->pub || k->type != x->key->type ||
        (k->type == ALG_KEY_EC && EVP_PKEY_parameters_eq(k->pub, x->key->pub) != 1))
        return provider_fail(x->provider, E_USAGE, "the other side's key is not of this key's "
                             "kind or curve");
    key_free(x->peer);
    x->peer = key_ref(k);
    return 1;
}

struct agreement {
    const struct exchange *x;
    const unsigned char *point;
    size_t len;
    struct secret *z;
};

static int
agree(struct client *c, void *arg, struct err *err)
{
    struct agreement *a = arg;

    secret_set_len(a->z, 0);
    return client_derive(c, a->x->key->name, a->point, a->len, a->z, err);
}

static int
shared_secret(const struct exchange *x, struct secret *z)
{
    unsigned char *point = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(x->peer->pub, &point);
    struct agreement a = {x, point, len, z};
    struct err err = {0};
    int rc = len > 0 ? pool_run(x->provider->pool, agree, &a, &err)
                     : err_set(&err, E_CRYPTO, "the other side's public key cannot be encoded");

    OPENSSL_free(point);
    return rc == 0 ? 1 : provider_raise(x->provider, &err);
}

static int
x963(const struct exchange *x, const struct secret *z, unsigned char *out)
{
    EVP_KDF *kdf = EVP_KDF_fetch(x->provider->inner, OSSL_KDF_NAME_X963KDF, NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)x->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                          (void *)(uintptr_t)secret_data_view(z), secret_len(z)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, x->ukm, x->ukm_len),
        OSSL_PARAM_construct_end(),
    };
    int ok = ctx && EVP_KDF_derive(ctx, out, x->out_len, params) > 0;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

/* The length of Z, which a caller asks for first. */
static size_t
z_len(const struct exchange *x)
{
    if (x->key->type == ALG_KEY_EC)
        return ((size_t)EVP_PKEY_get_bits(x->key->pub) + 7) / 8;
    return x->key->type == ALG_KEY_X448 ? 56 : 32;
}

static int
derive(void *ctx, unsigned char *out, size_t *len, size_t max)
{
    struct exchange *x = ctx;
    size_t want = x->key && x->x963 ? x->out_len : x->key ? z_len(x) : 0;
    autofree_secret struct secret *z = NULL;

    if (!x->key || !x->peer)
        return 0;
    if (!x->key->name[0])
        return provider_fail(x->provider, E_NO_KEY, "this key has no private half on a token");
    *len = want;
    if (!out)
        return 1;
    z = secret_new(SECRET_MAX);
    if (!z || max < want)
        return provider_fail(x->provider, z ? E_USAGE : E_NOMEM, "no room for a shared secret of "
                             "%zu bytes", want);
    if (!shared_secret(x, z))
        return 0;
    if (x->x963)
        return x963(x, z, out);
    if (secret_len(z) != want)
        return provider_fail(x->provider, E_PROTOCOL, "a shared secret of %zu bytes instead of %zu",
                             secret_len(z), want);
    memcpy(out, secret_data_view(z), want);
    return 1;
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))begin},
    {OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))end},
    {OSSL_FUNC_KEYEXCH_DUPCTX, (void (*)(void))duplicate},
    {OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))start},
    {OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))set_peer},
    {OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))derive},
    {OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, (void (*)(void))known_params},
    {OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, (void (*)(void))known_params},
    {0, NULL},
};

const OSSL_ALGORITHM exchange_algorithms[] = {
    {"ECDH", PROVIDER_PROPERTIES, functions, "ECDH"},
    {"X25519:1.3.101.110", PROVIDER_PROPERTIES, functions, "X25519"},
    {"X448:1.3.101.111", PROVIDER_PROPERTIES, functions, "X448"},
    {NULL, NULL, NULL, NULL},
};
