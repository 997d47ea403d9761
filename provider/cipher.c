/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RSA decryption (provider-asym_cipher(7)): OAEP (RFC 8017, 7.1), and v1.5 with implicit
 * rejection, which is the agent's. Encryption is the default provider's. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire.h"
#include "provider/key.h"

/* A TLS premaster secret (RFC 5246, 7.4.7.1). */
#define PREMASTER_SIZE 48

struct cipher {
    struct provider *provider;
    struct key *key;
    int padding;                    /* RSA_*_PADDING */
    const struct alg_digest *digest, *mgf1;
    uint8_t label[WIRE_LABEL_MAX];
    size_t label_len;
    unsigned client_version;
};

static void *
begin(void *ctx)
{
    struct cipher *c = calloc(1, sizeof *c);

    if (c) {
        c->provider = ctx;
        c->padding = RSA_PKCS1_PADDING;
    }
    return c;
}

static void
end(void *ctx)
{
    struct cipher *c = ctx;

    key_free(c->key);
    free(c);
}

static void *
duplicate(void *ctx)
{
    const struct cipher *from = ctx;
    struct cipher *c = begin(from->provider);

    if (!c)
        return NULL;
    *c = *from;
    c->key = from->key ? key_ref(from->key) : NULL;
    return c;
}

static const struct alg_digest *
digest_by_name(const struct cipher *c, const OSSL_PARAM *p)
{
    EVP_MD *md = p->data_type == OSSL_PARAM_UTF8_STRING
                     ? EVP_MD_fetch(c->provider->inner, p->data, NULL) : NULL;
    const struct alg_digest *d = md ? alg_digest_by_nid(EVP_MD_get_type(md)) : NULL;

    EVP_MD_free(md);
    if (!d)
        provider_fail(c->provider, E_MECHANISM, "OAEP with a digest that no token knows");
    return d;
}

static const struct {
    const char *name;
    int padding;
} paddings[] = {
    {OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
    {OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
};

static int
set_padding(struct cipher *c, const OSSL_PARAM *p)
{
    int n = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING) {
        for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++)
            if (strcmp(p->data, paddings[i].name) == 0)
                n = paddings[i].padding;
    } else if (!OSSL_PARAM_get_int(p, &n)) {
        return 0;
    }
    if (n != RSA_PKCS1_PADDING && n != RSA_PKCS1_OAEP_PADDING && n != RSA_PKCS1_WITH_TLS_PADDING)
        return provider_fail(c->provider, E_MECHANISM, "tokens decrypt with RSA by PKCS#1 v1.5 or "
                             "OAEP; choose one of these paddings");
    c->padding = n;
    return 1;
}

static int
set_label(struct cipher *c, const OSSL_PARAM *p)
{
    if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size > sizeof c->label)
        return provider_fail(c->provider, E_LIMIT, "an OAEP label has %d bytes at most",
                             WIRE_LABEL_MAX);
    if (p->data_size > 0)
        memcpy(c->label, p->data, p->data_size);
    c->label_len = p->data_size;
    return 1;
}

static int
set_params(void *ctx, const OSSL_PARAM params[])
{
    struct cipher *c = ctx;
    const OSSL_PARAM *p;

    if (!params)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p && !set_padding(c, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p && !(c->digest = digest_by_name(c, p)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p && !(c->mgf1 = digest_by_name(c, p)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    if (p && !OSSL_PARAM_get_uint(p, &c->client_version))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    return !p || set_label(c, p);
}

static int
get_params(void *ctx, OSSL_PARAM params[])
{
    const struct cipher *c = ctx;
    const char *digest = c->digest ? c->digest->ossl : "SHA1";
    OSSL_PARAM *p;

    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p && p->data_type == OSSL_PARAM_INTEGER && !OSSL_PARAM_set_int(p, c->padding))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, digest))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, c->mgf1 ? c->mgf1->ossl : digest))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    return !p || OSSL_PARAM_set_octet_ptr(p, c->label, c->label_len);
}

static const OSSL_PARAM *
known_params(void *ctx, void *provider)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provider;
    return list;
}

static int
start(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct cipher *c = ctx;

    if (!key)
        return 0;
    key_free(c->key);
    c->key = key_ref(key);
    return set_params(c, params);
}

struct decryption {
    const struct cipher *cipher;
    const unsigned char *in;
    size_t in_len;
    struct secret *out;
};

static int
decrypt_at(struct client *client, void *arg, struct err *err)
{
    struct decryption *d = arg;
    const struct cipher *c = d->cipher;
    struct client_decrypt how = {.scheme = "rsa-pkcs1"};
    char scheme[32];

    if (c->padding == RSA_PKCS1_OAEP_PADDING) {
        snprintf(scheme, sizeof scheme, "rsa-oaep-%s", c->digest ? c->digest->name : "sha1");
        how.scheme = scheme;
        how.mgf = c->mgf1 && c->mgf1 != c->digest ? c->mgf1->name : NULL;
        how.label = c->label_len > 0 ? c->label : NULL;
        how.label_len = c->label_len;
    } else if (c->padding == RSA_PKCS1_WITH_TLS_PADDING) {
        how.expect = PREMASTER_SIZE;
    }
    secret_set_len(d->out, 0);
    return client_decrypt(client, c->key->name, &how, d->in, d->in_len, d->out, err);
}

/* What the client said it speaks stands in the secret's first bytes; another one makes the
 * handshake fail later, like any wrong secret. */
static void
check_version(const struct cipher *c, unsigned char *out)
{
    unsigned version = (unsigned)out[0] << 8 | out[1];

    if (c->padding == RSA_PKCS1_WITH_TLS_PADDING && c->client_version != 0)
        out[PREMASTER_SIZE - 1] ^= version != c->client_version;
}

static int
decrypt(void *ctx, unsigned char *out, size_t *len, size_t max, const unsigned char *in, size_t n)
{
    struct cipher *c = ctx;
    autofree_secret struct secret *plain = NULL;
    struct err err = {0};
    int rc;

    if (!c->key || !c->key->name[0])
        return provider_fail(c->provider, E_NO_KEY, "this key has no private half on a token");
    if (!out) {
        *len = (size_t)EVP_PKEY_get_size(c->key->pub);
        return 1;
    }
    plain = secret_new(2048);
    struct decryption d = {c, in, n, plain};
    rc = plain ? pool_run(c->provider->pool, decrypt_at, &d, &err)
               : err_set(&err, E_NOMEM, "out of memory while decrypting");
    if (rc == 0 && secret_len(plain) > max)
        rc = err_set(&err, E_USAGE, "the buffer has %zu bytes, the plaintext %zu", max,
                     secret_len(plain));
    if (rc != 0)
        return provider_raise(c->provider, &err);
    memcpy(out, secret_data_view(plain), secret_len(plain));
    *len = secret_len(plain);
    if (*len == PREMASTER_SIZE)
        check_version(c, out);
    return 1;
}

static int
encrypt(void *ctx, unsigned char *out, size_t *len, size_t max, const unsigned char *in, size_t n)
{
    struct cipher *c = ctx;
    EVP_PKEY_CTX *e = EVP_PKEY_CTX_new_from_pkey(c->provider->inner, c->key->pub, NULL);
    OSSL_PARAM params[4] = {OSSL_PARAM_construct_end()}, *p = params;
    bool oaep = c->padding == RSA_PKCS1_OAEP_PADDING;
    int ok;

    *len = max;
    if (oaep && c->digest)
        *p++ = OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
                                                (char *)(uintptr_t)c->digest->ossl, 0);
    if (oaep && c->mgf1)
        *p++ = OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                                                (char *)(uintptr_t)c->mgf1->ossl, 0);
    if (oaep && c->label_len > 0)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, c->label,
                                                 c->label_len);
    *p = OSSL_PARAM_construct_end();
    ok = e && EVP_PKEY_encrypt_init(e) > 0 && EVP_PKEY_CTX_set_rsa_padding(e, c->padding) > 0 &&
         EVP_PKEY_CTX_set_params(e, params) > 0 && EVP_PKEY_encrypt(e, out, len, in, n) > 0;
    EVP_PKEY_CTX_free(e);
    return ok;
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))begin},
    {OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))end},
    {OSSL_FUNC_ASYM_CIPHER_DUPCTX, (void (*)(void))duplicate},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))start},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))decrypt},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, (void (*)(void))start},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT, (void (*)(void))encrypt},
    {OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))known_params},
    {OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))known_params},
    {0, NULL},
};

const OSSL_ALGORITHM cipher_algorithms[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTIES, functions, "RSA"},
    {NULL, NULL, NULL, NULL},
};
