/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/crypt_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

struct crypt {
    struct cipher_params params;
    struct secret *key;
    bool encrypt;
    uint64_t size;             /* bytes that came */
    EVP_CIPHER_CTX *ctx;       /* NULL for CCM */
    struct ccm *ccm;
    OSSL_LIB_CTX *legacy;      /* of its own, so that nothing changes for others: RC2 */
    OSSL_PROVIDER *provider;
};

void
crypt_free(struct crypt **pc)
{
    struct crypt *c;

    if (pc == NULL || *pc == NULL)
        return;
    c = *pc;
    EVP_CIPHER_CTX_free(c->ctx);
    ccm_free(&c->ccm);
    if (c->provider != NULL)
        OSSL_PROVIDER_unload(c->provider);
    OSSL_LIB_CTX_free(c->legacy);
    secret_free(&c->key);
    free(c);
    *pc = NULL;
}

EVP_CIPHER_CTX *
crypt_raw(const char *ossl, const struct secret *key, const uint8_t *iv, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ossl, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (cipher == NULL || ctx == NULL ||
        EVP_CipherInit_ex2(ctx, cipher, secret_data_view(key), iv, encrypt, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

static int
fetch(struct crypt *c, EVP_CIPHER **ret, struct err *err)
{
    const struct cms_cipher *what = c->params.cipher;

    if (c->params.rc2_bits != 0) {
        c->legacy = OSSL_LIB_CTX_new();
        c->provider = c->legacy == NULL ? NULL : OSSL_PROVIDER_load(c->legacy, "legacy");
    }
    *ret = EVP_CIPHER_fetch(c->legacy, what->ossl, NULL);
    if (*ret == NULL)
        return err_set_ossl(err, E_UNSUPPORTED, "%s is not in this libcrypto", what->name);
    return 0;
}

/* Key length, effective key bits, nonce length: before key and nonce are set. */
static bool
set_sizes(struct crypt *c)
{
    size_t key = c->params.key_len, bits = (size_t)c->params.rc2_bits, iv = c->params.iv_len;
    OSSL_PARAM params[4], *p = params;

    if (bits != 0) {
        *p++ = OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_KEYLEN, &key);
        *p++ = OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_RC2_KEYBITS, &bits);
    }
    if (c->params.cipher->mode == CMS_MODE_GCM)
        *p++ = OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &iv);
    *p = OSSL_PARAM_construct_end();
    return p == params || EVP_CIPHER_CTX_set_params(c->ctx, params) == 1;
}

static int
start(struct crypt *c, const uint8_t *aad, size_t aad_len, struct err *err)
{
    EVP_CIPHER *cipher = NULL;
    int rc = fetch(c, &cipher, err), n;

    if (rc != 0)
        return rc;
    c->ctx = EVP_CIPHER_CTX_new();
    if (c->ctx == NULL || EVP_CipherInit_ex2(c->ctx, cipher, NULL, NULL, c->encrypt, NULL) != 1 ||
        !set_sizes(c) ||
        EVP_CipherInit_ex2(c->ctx, NULL, secret_data_view(c->key), c->params.iv, c->encrypt,
                           NULL) != 1 ||
        (aad_len > 0 && EVP_CipherUpdate(c->ctx, NULL, &n, aad, (int)aad_len) != 1))
        rc = err_set_ossl(err, E_CRYPTO, "cannot start %s", c->params.cipher->name);
    EVP_CIPHER_free(cipher);
    return rc;
}

int
crypt_new(struct crypt **ret, const struct cipher_params *params, const struct secret *key,
          bool encrypt, int64_t size, const uint8_t *aad, size_t aad_len, struct err *err)
{
    struct crypt *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return err_set(err, E_NOMEM, "out of memory for a cipher");
    c->params = *params;
    c->encrypt = encrypt;
    c->key = secret_new(secret_len(key));
    if (c->key == NULL || secret_set(c->key, secret_data_view(key), secret_len(key)) != 0)
        rc = err_set(err, E_NOMEM, "out of memory for a key");
    else if (secret_len(key) != params->key_len)
        rc = err_set(err, E_USAGE, "a key of %zu bytes does not fit %s", secret_len(key),
                     params->cipher->name);
    else if (params->cipher->mode == CMS_MODE_CCM)
        rc = ccm_new(&c->ccm, params, c->key, encrypt, size, aad, aad_len, err);
    else
        rc = start(c, aad, aad_len, err);
    if (rc != 0)
        crypt_free(&c);
    else
        *ret = c;
    return rc;
}

int
crypt_update(struct crypt *c, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len,
             struct err *err)
{
    int n = 0, rc;

    c->size += len;
    if (c->ccm != NULL) {
        rc = ccm_update(c->ccm, in, len, out, err);
        *ret_len = len;
        return rc;
    }
    if (EVP_CipherUpdate(c->ctx, out, &n, in, (int)len) != 1)
        return err_set_ossl(err, E_CRYPTO, "%s failed after %llu bytes; no message can be longer "
                            "than the cipher allows", c->params.cipher->name,
                            (unsigned long long)c->size);
    *ret_len = (size_t)n;
    return 0;
}

int
crypt_finish_encrypt(struct crypt *c, uint8_t *out, size_t *ret_len, uint8_t *tag,
                     struct err *err)
{
    int n = 0, tag_len = (int)c->params.tag_len;

    *ret_len = 0;
    if (c->ccm != NULL)
        return ccm_finish(c->ccm, NULL, 0, tag, err);
    if (EVP_CipherFinal_ex(c->ctx, out, &n) != 1 ||
        (tag_len > 0 && EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, tag_len, tag) != 1))
        return err_set_ossl(err, E_CRYPTO, "cannot finish %s", c->params.cipher->name);
    *ret_len = (size_t)n;
    return 0;
}

static int
finish_ccm(struct crypt *c, const uint8_t *aad, size_t aad_len, const uint8_t *tag,
           struct err *err)
{
    uint8_t own[CIPHER_TAG_MAX];
    int rc = ccm_finish(c->ccm, aad, aad_len, own, err);

    if (rc == 0 && CRYPTO_memcmp(own, tag, c->params.tag_len) != 0)
        rc = E_DECRYPT;
    wipe(own, sizeof own);
    return rc;
}

/* On a copy, so that another candidate can be tried. */
static bool
tag_fits(const struct crypt *c, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t none[CRYPT_BLOCK];
    int n = 0;
    bool ok = ctx != NULL && EVP_CIPHER_CTX_copy(ctx, c->ctx) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)c->params.tag_len, tag) == 1 &&
              EVP_CipherFinal_ex(ctx, none, &n) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static int
finish_aead(struct crypt *c, const uint8_t *aad, size_t aad_len, const uint8_t *tag,
            struct err *err)
{
    uint8_t tags[LATE_TAGS][CIPHER_TAG_MAX] = { { 0 } };
    int count = 1;
    bool ok = false;

    memcpy(tags[0], tag, c->params.tag_len);
    if (aad_len > 0 && c->params.cipher->mode == CMS_MODE_GCM) {
        int rc = late_gcm(&c->params, c->key, aad, aad_len, c->size, tags[0]);

        count = rc == 0 ? 1 : rc;
    } else if (aad_len > 0) {
        count = late_poly1305(&c->params, c->key, aad, aad_len, c->size, tag, tags);
    }
    if (count < 0)
        return err_set_ossl(err, count, "cannot check the authenticated attributes");
    for (int i = 0; i < count; i++)
        ok |= tag_fits(c, tags[i]);
    ERR_clear_error();
    return ok ? 0 : E_DECRYPT;
}

int
crypt_finish_decrypt(struct crypt *c, const uint8_t *aad, size_t aad_len, const uint8_t *tag,
                     size_t tag_len, uint8_t *out, size_t *ret_len, struct err *err)
{
    int n = 0, ok;

    *ret_len = 0;
    if (tag_len != c->params.tag_len)
        return E_DECRYPT;
    if (c->ccm != NULL)
        return finish_ccm(c, aad, aad_len, tag, err);
    if (tag_len > 0)
        return finish_aead(c, aad, aad_len, tag, err);
    ok = EVP_CipherFinal_ex(c->ctx, out, &n);
    ERR_clear_error();
    *ret_len = ok == 1 ? (size_t)n : 0;
    return ok == 1 ? 0 : E_DECRYPT;
}
