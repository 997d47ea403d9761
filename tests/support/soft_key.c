/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/soft_key.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#define SIGNATURE_MAX 1024

static bool
sign_digest(EVP_PKEY *key, const struct alg_sig *scheme, const uint8_t *data, size_t len,
            uint8_t *sig, size_t *sig_len)
{
    const EVP_MD *md = EVP_get_digestbynid(scheme->digest->nid);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1;

    if (ok && scheme->padding == ALG_PAD_PSS)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
         EVP_PKEY_sign(ctx, sig, sig_len, data, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool
sign_data(EVP_PKEY *key, const uint8_t *data, size_t len, uint8_t *sig, size_t *sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, sig, sig_len, data, len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

int
soft_key_sign(void *key, const struct alg_sig *scheme, const uint8_t *data, size_t len,
              struct buf *out, struct err *err)
{
    uint8_t sig[SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    bool ok = scheme->digest ? sign_digest(key, scheme, data, len, sig, &sig_len)
                             : sign_data(key, data, len, sig, &sig_len);

    return ok ? buf_put(out, sig, sig_len)
              : err_set_ossl(err, E_CRYPTO, "the key cannot sign with %s", scheme->name);
}

static bool
set_oaep(EVP_PKEY_CTX *ctx, const struct cms_unwrap *u)
{
    void *label = u->label_len == 0 ? NULL : OPENSSL_memdup(u->label, u->label_len);

    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, u->digest->ossl, NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, u->mgf->ossl, NULL) == 1 &&
           (!label || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)u->label_len) == 1);
}

int
soft_key_unwrap(void *key, const struct cms_unwrap *u, struct secret *out, struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = secret_max(out);
    bool ok = ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
              (u->padding != ALG_PAD_OAEP || set_oaep(ctx, u)) &&
              EVP_PKEY_decrypt(ctx, secret_mutable(out), &len, u->ciphertext, u->len) == 1;

    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return err_set_ossl(err, E_DECRYPT, "the key cannot unwrap");
    secret_set_len(out, len);
    return 0;
}

static EVP_PKEY *
peer_of(EVP_PKEY *own, const uint8_t *point, size_t len)
{
    EVP_PKEY *peer;

    if (EVP_PKEY_get_base_id(own) != EVP_PKEY_EC)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_get_id(own), NULL, point, len);
    peer = EVP_PKEY_new();
    if (peer && EVP_PKEY_copy_parameters(peer, own) == 1 &&
        EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1)
        return peer;
    EVP_PKEY_free(peer);
    return NULL;
}

int
soft_key_agree(void *key, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    EVP_PKEY *peer = peer_of(key, point, len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t size = secret_max(z);
    bool ok = peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, secret_mutable(z), &size) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    if (!ok)
        return err_set_ossl(err, E_DECRYPT, "the key cannot agree");
    secret_set_len(z, size);
    return 0;
}

struct cms_opener
soft_key_opener(X509 *cert, EVP_PKEY *key)
{
    bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;

    return (struct cms_opener){.cert = cert, .unwrap = rsa ? soft_key_unwrap : NULL,
                               .agree = rsa ? NULL : soft_key_agree, .arg = key};
}
