/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/algid.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

static bool
set_padding(EVP_PKEY_CTX *ctx, const struct algid_sig *s, const EVP_MD *md)
{
    bool ok;
    EVP_MD *mgf;

    if (s->padding == ALG_PAD_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
    if (s->padding != ALG_PAD_PSS)
        return EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
    mgf = EVP_MD_fetch(NULL, s->mgf->ossl, NULL);
    ok = mgf != NULL && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, s->salt) == 1;
    EVP_MD_free(mgf);
    return ok;
}

/* 1, 0, or negative when it cannot be set up. */
static int
verify_digest(EVP_PKEY *key, const struct algid_sig *s, const uint8_t *data, size_t len,
              const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_MD *md = EVP_MD_fetch(NULL, s->digest->ossl, NULL);
    int rc = -1;

    if (ctx != NULL && md != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
        set_padding(ctx, s, md))
        rc = EVP_PKEY_verify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_free(md);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

static int
verify_message(EVP_PKEY *key, const uint8_t *data, size_t len, const uint8_t *sig,
               size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = -1;

    if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
        rc = EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return rc;
}

int
algid_verify(EVP_PKEY *key, const struct algid_sig *s, const uint8_t *data, size_t len,
             const uint8_t *sig, size_t sig_len, struct err *err)
{
    int rc;

    if (algid_key_type(key) != s->key) {
        err_set(err, E_BAD_SIGNATURE, "signed as %s, but the certificate's key is %s",
                alg_key_name(s->key), alg_key_name(algid_key_type(key)));
        return 0;
    }
    ERR_set_mark();
    rc = s->digest == NULL ? verify_message(key, data, len, sig, sig_len)
                           : verify_digest(key, s, data, len, sig, sig_len);
    ERR_pop_to_mark();
    if (rc < 0)
        return err_set(err, E_UNSUPPORTED, "this libcrypto cannot check the signature with "
                       "the certificate's key");
    if (rc == 0)
        err_set(err, E_BAD_SIGNATURE, "the signature does not fit the certificate's key");
    return rc;
}
