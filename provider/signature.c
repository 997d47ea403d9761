/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures (provider-signature(7)): the digest is made in this process, the agent signs it. RSA
 * v1.5 and PSS (RFC 8017), ECDSA, EdDSA (RFC 8032). Verification is the default provider's. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "provider/algorithm_id.h"
#include "provider/key.h"

struct signing {
    struct provider *provider;
    struct key *key;
    const struct alg_digest *digest;
    EVP_MD *md;
    EVP_MD_CTX *hash;
    enum alg_padding padding;
    const struct alg_digest *mgf1;  /* NULL: the digest */
};

static void *
begin(void *ctx, const char *properties)
{
    struct signing *s = calloc(1, sizeof *s);

    (void)properties;
    if (s) {
        s->provider = ctx;
        s->padding = ALG_PAD_PKCS1;
    }
    return s;
}

static void
end(void *ctx)
{
    struct signing *s = ctx;

    EVP_MD_CTX_free(s->hash);
    EVP_MD_free(s->md);
    key_free(s->key);
    free(s);
}

static void *
duplicate(void *ctx)
{
    const struct signing *from = ctx;
    struct signing *s = begin(from->provider, NULL);

    if (!s)
        return NULL;
    *s = *from;
    s->key = from->key ? key_ref(from->key) : NULL;
    if (s->md && !EVP_MD_up_ref(s->md))
        s->md = NULL;
    s->hash = from->hash ? EVP_MD_CTX_new() : NULL;
    if (from->hash && (!s->hash || !EVP_MD_CTX_copy_ex(s->hash, from->hash))) {
        end(s);
        return NULL;
    }
    return s;
}

static const struct alg_digest *
find_digest(struct signing *s, const char *name, EVP_MD **ret)
{
    EVP_MD *md = EVP_MD_fetch(s->provider->inner, name, NULL);
    const struct alg_digest *d = md ? alg_digest_by_nid(EVP_MD_get_type(md)) : NULL;

    if (!d) {
        provider_fail(s->provider, E_MECHANISM, "digest %.40s: no token signs with it", name);
        EVP_MD_free(md);
        return NULL;
    }
    *ret = md;
    return d;
}

static int
use_digest(struct signing *s, const char *name)
{
    EVP_MD *md = NULL;
    const struct alg_digest *d = find_digest(s, name, &md);

    if (!d)
        return 0;
    EVP_MD_free(s->md);
    s->md = md;
    s->digest = d;
    return 1;
}

static int
use_key(struct signing *s, void *key)
{
    if (!key)
        return s->key != NULL;
    key_free(s->key);
    s->key = key_ref(key);
    return 1;
}

/* The paddings by libcrypto's two ways to say them. */
static const struct {
    int number;
    const char *name;
    enum alg_padding padding;
} paddings[] = {
    {RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15, ALG_PAD_PKCS1},
    {RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS, ALG_PAD_PSS},
};
#define PADDINGS (sizeof paddings / sizeof *paddings)

static int
set_padding(struct signing *s, const OSSL_PARAM *p)
{
    int number = 0;
    bool text = p->data_type == OSSL_PARAM_UTF8_STRING;

    if (!text && !OSSL_PARAM_get_int(p, &number))
        return 0;
    for (size_t i = 0; i < PADDINGS; i++) {
        if (text ? strcmp(p->data, paddings[i].name) != 0 : number != paddings[i].number)
            continue;
        s->padding = paddings[i].padding;
        return 1;
    }
    return provider_fail(s->provider, E_MECHANISM, "tokens sign with RSA by PKCS#1 v1.5 or PSS; "
                         "choose one of these paddings");
}

/* The salt is as long as the digest, as RFC 8017 advises and tokens do; "auto" is that, too. */
static int
set_salt(struct signing *s, const OSSL_PARAM *p)
{
    int n = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING) {
        if (strcmp(p->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0 ||
            strcmp(p->data, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO) == 0)
            return 1;
        n = (int)strtol(p->data, NULL, 10);
    } else if (!OSSL_PARAM_get_int(p, &n)) {
        return 0;
    }
    if (n == RSA_PSS_SALTLEN_DIGEST || n == RSA_PSS_SALTLEN_AUTO ||
        (s->digest && n == (int)s->digest->size))
        return 1;
    return provider_fail(s->provider, E_MECHANISM, "a PSS salt on tokens is as long as the digest; "
                         "ask for rsa_pss_saltlen:digest");
}

static int
set_mgf1(struct signing *s, const OSSL_PARAM *p)
{
    EVP_MD *md = NULL;

    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return 0;
    s->mgf1 = find_digest(s, p->data, &md);
    EVP_MD_free(md);
    return s->mgf1 != NULL;
}

static int
set_params(void *ctx, const OSSL_PARAM params[])
{
    struct signing *s = ctx;
    const OSSL_PARAM *p;

    if (!params)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p && (p->data_type != OSSL_PARAM_UTF8_STRING || !use_digest(s, p->data)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (p && !set_padding(s, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (p && !set_salt(s, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    return !p || set_mgf1(s, p);
}

static const OSSL_PARAM *
known_params(void *ctx, void *provider)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provider;
    return list;
}

static int
tell_padding(const struct signing *s, OSSL_PARAM *p)
{
    for (size_t i = 0; i < PADDINGS; i++)
        if (paddings[i].padding == s->padding)
            return p->data_type == OSSL_PARAM_INTEGER
                       ? OSSL_PARAM_set_int(p, paddings[i].number)
                       : OSSL_PARAM_set_utf8_string(p, paddings[i].name);
    return 0;
}

static int
tell_salt(OSSL_PARAM *p)
{
    return p->data_type == OSSL_PARAM_INTEGER
               ? OSSL_PARAM_set_int(p, RSA_PSS_SALTLEN_DIGEST)
               : OSSL_PARAM_set_utf8_string(p, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
}

static const struct alg_sig *
scheme(const struct signing *s)
{
    bool rsa = s->key->type == ALG_KEY_RSA;

    return alg_sig_find(s->key->type, rsa ? s->padding : ALG_PAD_NONE, s->digest);
}

static int
get_params(void *ctx, OSSL_PARAM params[])
{
    struct signing *s = ctx;
    OSSL_PARAM *p;

    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (p && (!s->key || !algorithm_id_set(scheme(s), p)))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, s->digest ? s->digest->ossl : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, s->mgf1 ? s->mgf1->ossl
                                            : s->digest ? s->digest->ossl : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (p && !tell_salt(p))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    return !p || tell_padding(s, p);
}

static int
start(void *ctx, void *key, const OSSL_PARAM params[])
{
    return use_key(ctx, key) && set_params(ctx, params);
}

/* For ECDSA the digest may go unnamed (openssl pkeyutl): its length tells. */
static const struct alg_digest *
digest_of_length(size_t len)
{
    static const char *const by_size[] = {"sha256", "sha384", "sha512", "sha224", "sha1"};

    for (size_t i = 0; i < sizeof by_size / sizeof *by_size; i++) {
        const struct alg_digest *d = alg_digest_by_name(by_size[i]);
        if (d && d->size == len)
            return d;
    }
    return NULL;
}

static int
check_key(const struct signing *s)
{
    if (!s->key)
        return 0;
    if (!s->key->name[0])
        return provider_fail(s->provider, E_NO_KEY, "this key has no private half on a token");
    if (s->mgf1 && s->mgf1 != s->digest && s->padding == ALG_PAD_PSS)
        return provider_fail(s->provider, E_MECHANISM, "PSS on tokens uses one digest for both; "
                             "leave rsa_mgf1_md out");
    return 1;
}

/* libcrypto asks for the size first. */
static int
tell_size(const struct signing *s, size_t *ret)
{
    int size = EVP_PKEY_get_size(s->key->pub);

    *ret = size > 0 ? (size_t)size : 0;
    return size > 0;
}

static int
sign(void *ctx, unsigned char *sig, size_t *len, size_t max, const unsigned char *data, size_t n)
{
    struct signing *s = ctx;
    const struct alg_sig *how;

    if (!check_key(s))
        return 0;
    if (!sig)
        return tell_size(s, len);
    if (!s->digest && s->key->type == ALG_KEY_EC)
        s->digest = digest_of_length(n);
    how = s->digest ? scheme(s) : NULL;
    if (s->digest && !how)
        return provider_fail(s->provider, E_MECHANISM, "no token signs with %s by an %s key; choose "
                             "another digest", s->digest->name, key_type_name(s->key->type));
    if (!how)
        return provider_fail(s->provider, E_MECHANISM, "no token signs %zu bytes as they are; name "
                             "the digest (openssl pkeyutl -pkeyopt digest:sha256)", n);
    if (n != s->digest->size)
        return provider_fail(s->provider, E_USAGE, "what is to be signed has %zu bytes, a digest "
                             "by %s has %zu", n, s->digest->name, s->digest->size);
    return key_sign(s->key, how, data, n, sig, len, max);
}

/* By the default provider, with the same padding. */
static int
verify(void *ctx, const unsigned char *sig, size_t len, const unsigned char *data, size_t n)
{
    struct signing *s = ctx;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(s->provider->inner, s->key->pub, NULL);
    int ok = c && EVP_PKEY_verify_init(c) > 0 &&
             (!s->md || EVP_PKEY_CTX_set_signature_md(c, s->md) > 0);

    if (ok && s->key->type == ALG_KEY_RSA && s->padding == ALG_PAD_PSS)
        ok = EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_AUTO) > 0;
    ok = ok && EVP_PKEY_verify(c, sig, len, data, n) == 1;
    EVP_PKEY_CTX_free(c);
    return ok;
}

static int
start_digest(void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = ctx;

    if (!use_key(s, key) || !use_digest(s, digest && *digest ? digest : "SHA2-256") ||
        !set_params(s, params))
        return 0;
    if (!s->hash)
        s->hash = EVP_MD_CTX_new();
    return s->hash && EVP_DigestInit_ex2(s->hash, s->md, NULL);
}

static int
update(void *ctx, const unsigned char *data, size_t len)
{
    struct signing *s = ctx;

    return s->hash && EVP_DigestUpdate(s->hash, data, len);
}

static int
finish_sign(void *ctx, unsigned char *sig, size_t *len, size_t max)
{
    struct signing *s = ctx;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!s->hash || !check_key(s))
        return 0;
    if (!sig)
        return tell_size(s, len);
    return EVP_DigestFinal_ex(s->hash, digest, &n) && sign(s, sig, len, max, digest, n);
}

static int
finish_verify(void *ctx, const unsigned char *sig, size_t len)
{
    struct signing *s = ctx;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    return s->hash && EVP_DigestFinal_ex(s->hash, digest, &n) && verify(s, sig, len, digest, n);
}

static int
start_message(void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = ctx;

    (void)params;
    if (digest && *digest)
        return provider_fail(s->provider, E_MECHANISM, "Ed25519 and Ed448 sign the message itself; "
                             "name no digest");
    return use_key(s, key);
}

static int
sign_message(void *ctx, unsigned char *sig, size_t *len, size_t max, const unsigned char *data,
             size_t n)
{
    struct signing *s = ctx;

    if (!check_key(s))
        return 0;
    if (!sig)
        return tell_size(s, len);
    return key_sign(s->key, scheme(s), data, n, sig, len, max);
}

static int
verify_message(void *ctx, const unsigned char *sig, size_t len, const unsigned char *data,
               size_t n)
{
    struct signing *s = ctx;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ok = c && EVP_DigestVerifyInit_ex(c, NULL, NULL, s->provider->inner, NULL, s->key->pub,
                                          NULL) > 0 &&
             EVP_DigestVerify(c, sig, len, data, n) == 1;

    EVP_MD_CTX_free(c);
    return ok;
}

#define COMMON \
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))begin}, \
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))end}, \
    {OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))duplicate}, \
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))get_params}, \
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))known_params}

static const OSSL_DISPATCH of_digests[] = {
    COMMON,
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))known_params},
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))start},
    {OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))sign},
    {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))start},
    {OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))verify},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))start_digest},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))update},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))finish_sign},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))start_digest},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))update},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))finish_verify},
    {0, NULL},
};

static const OSSL_DISPATCH of_messages[] = {
    COMMON,
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))start_message},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))sign_message},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))start_message},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, (void (*)(void))verify_message},
    {0, NULL},
};

const OSSL_ALGORITHM signature_algorithms[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTIES, of_digests, "RSA"},
    {"ECDSA", PROVIDER_PROPERTIES, of_digests, "ECDSA"},
    {"ED25519:1.3.101.112", PROVIDER_PROPERTIES, of_messages, "Ed25519"},
    {"ED448:1.3.101.113", PROVIDER_PROPERTIES, of_messages, "Ed448"},
    {NULL, NULL, NULL, NULL},
};
