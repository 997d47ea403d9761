/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/keywrap.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/* Octets of the count and check bytes before a password-wrapped key (RFC 3211, 2.3). */
#define PWRI_HEAD 4
#define PWRI_MIN 3

static EVP_CIPHER_CTX *
wrap_context(const struct cms_wrap *wrap, const struct secret *kek, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, wrap->ossl, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (ctx != NULL)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (cipher == NULL || ctx == NULL || secret_len(kek) != wrap->key ||
        EVP_CipherInit_ex2(ctx, cipher, secret_data_view(kek), NULL, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

int
key_wrap(const struct cms_wrap *wrap, const struct secret *kek, const struct secret *key,
         struct buf *out)
{
    uint8_t wrapped[KEY_MAX + 64];
    EVP_CIPHER_CTX *ctx;
    int n = 0, rest = 0;
    bool ok;

    if (secret_len(kek) != wrap->key || secret_len(key) > KEY_MAX)
        return E_USAGE;
    ctx = wrap_context(wrap, kek, true);
    ok = ctx != NULL &&
         EVP_CipherUpdate(ctx, wrapped, &n, secret_data_view(key), (int)secret_len(key)) == 1 &&
         EVP_CipherFinal_ex(ctx, wrapped + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? buf_put(out, wrapped, (size_t)n + (size_t)rest) : E_CRYPTO;
}

int
key_unwrap(const struct cms_wrap *wrap, const struct secret *kek, const uint8_t *data,
           size_t len, struct secret *out)
{
    autofree_secret struct secret *room = secret_new(WRAPPED_MAX + 64);
    EVP_CIPHER_CTX *ctx;
    int n = 0, rest = 0;
    bool ok;

    if (len > WRAPPED_MAX || len % 8 != 0 || len < 16)
        return E_MALFORMED;
    if (room == NULL)
        return E_NOMEM;
    ctx = wrap_context(wrap, kek, false);
    if (ctx == NULL)
        return E_CRYPTO;
    ok = EVP_CipherUpdate(ctx, secret_mutable(room), &n, data, (int)len) == 1 &&
         EVP_CipherFinal_ex(ctx, secret_mutable(room) + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    if (!ok || secret_set(out, secret_data_view(room), (size_t)n + (size_t)rest) != 0)
        return E_DECRYPT;
    return 0;
}

/* CBC without padding over whole blocks, in place. */
static int
cbc(const struct cipher_params *p, const struct secret *kek, const uint8_t *iv, uint8_t *data,
    size_t len, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, p->cipher->ossl, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = cipher != NULL && ctx != NULL && secret_len(kek) == p->key_len &&
              EVP_CipherInit_ex2(ctx, cipher, secret_data_view(kek), iv, encrypt, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 && (size_t)n == len;

    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok ? 0 : E_CRYPTO;
}

/* RFC 3211, 2.3.1: count, check, key, random padding; enciphered, and again with
 * the last block as the initialisation vector. */
int
pwri_wrap(const struct cipher_params *p, const struct secret *kek, const struct secret *key,
          struct buf *out)
{
    size_t block = p->iv_len, len = secret_len(key), total = len + PWRI_HEAD;
    autofree_secret struct secret *room = secret_new(KEY_MAX + 64);
    uint8_t *at;
    int rc;

    total = (total + block - 1) / block * block;
    if (total < 2 * block)
        total = 2 * block;
    if (room == NULL)
        return E_NOMEM;
    if (len < PWRI_MIN || len > KEY_MAX)
        return E_USAGE;
    at = secret_mutable(room);
    if (RAND_bytes(at, (int)total) != 1)
        return E_CRYPTO;
    at[0] = (uint8_t)len;
    memcpy(at + PWRI_HEAD, secret_data_view(key), len);
    for (int i = 0; i < 3; i++)
        at[1 + i] = (uint8_t)~at[PWRI_HEAD + i];
    rc = cbc(p, kek, p->iv, at, total, true);
    if (rc == 0) {
        uint8_t iv[CIPHER_IV_MAX];

        memcpy(iv, at + total - block, block);
        rc = cbc(p, kek, iv, at, total, true);
    }
    return rc != 0 ? rc : buf_put(out, at, total);
}

/* 2.3.2: the last block first, which gives the outer initialisation vector. */
int
pwri_unwrap(const struct cipher_params *p, const struct secret *kek, const uint8_t *data,
            size_t len, struct secret *out)
{
    autofree_secret struct secret *room = secret_new(WRAPPED_MAX);
    size_t block = p->iv_len;
    uint8_t iv[CIPHER_IV_MAX], check = 0, *at;
    int rc;

    if (len > WRAPPED_MAX || len < 2 * block || len % block != 0)
        return E_MALFORMED;
    if (room == NULL)
        return E_NOMEM;
    at = secret_mutable(room);
    memcpy(at, data, len);
    memcpy(iv, at + len - block, block);
    rc = cbc(p, kek, at + len - 2 * block, iv, block, false);
    if (rc == 0)
        rc = cbc(p, kek, iv, at, len, false);
    if (rc == 0)
        rc = cbc(p, kek, p->iv, at, len, false);
    if (rc != 0)
        return rc;
    for (int i = 0; i < 3; i++)
        check |= at[1 + i] ^ (uint8_t)~at[PWRI_HEAD + i];
    if (check != 0 || at[0] < PWRI_MIN || at[0] > len - PWRI_HEAD ||
        secret_set(out, at + PWRI_HEAD, at[0]) != 0)
        return E_DECRYPT;
    return 0;
}
