/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/keywrap.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#define SECG "1.3.132.1."
#define X963 "1.3.133.16.840.63.0."
#define SMIME_ALG "1.2.840.113549.1.9.16.3."

/* RFC 5753, 7.1.4 and RFC 8418, 2. */
static const struct agree_scheme schemes[] = {
    { "ecdh-x963-sha1", X963 "2", "sha1", false, false },
    { "ecdh-x963-sha224", SECG "11.0", "sha224", false, false },
    { "ecdh-x963-sha256", SECG "11.1", "sha256", false, false },
    { "ecdh-x963-sha384", SECG "11.2", "sha384", false, false },
    { "ecdh-x963-sha512", SECG "11.3", "sha512", false, false },
    { "ecdh-cofactor-x963-sha1", X963 "3", "sha1", false, true },
    { "ecdh-cofactor-x963-sha224", SECG "14.0", "sha224", false, true },
    { "ecdh-cofactor-x963-sha256", SECG "14.1", "sha256", false, true },
    { "ecdh-cofactor-x963-sha384", SECG "14.2", "sha384", false, true },
    { "ecdh-cofactor-x963-sha512", SECG "14.3", "sha512", false, true },
    { "ecdh-hkdf-sha256", SMIME_ALG "19", "sha256", true, false },
    { "ecdh-hkdf-sha384", SMIME_ALG "20", "sha384", true, false },
    { "ecdh-hkdf-sha512", SMIME_ALG "21", "sha512", true, false },
};

/* ECC-CMS-SharedInfo (RFC 5753, 7.2). */
typedef struct {
    X509_ALGOR *key_info;
    ASN1_OCTET_STRING *entity_u;    /* [0], the ukm */
    ASN1_OCTET_STRING *supp_pub;    /* [2], bits of the wrapping key */
} SN_SHARED_INFO;

ASN1_SEQUENCE(SN_SHARED_INFO) = {
    ASN1_SIMPLE(SN_SHARED_INFO, key_info, X509_ALGOR),
    ASN1_EXP_OPT(SN_SHARED_INFO, entity_u, ASN1_OCTET_STRING, 0),
    ASN1_EXP(SN_SHARED_INFO, supp_pub, ASN1_OCTET_STRING, 2),
} static_ASN1_SEQUENCE_END(SN_SHARED_INFO)

const struct agree_scheme *
agree_scheme_by_oid(const char *oid)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(schemes[i].oid, oid) == 0)
            return &schemes[i];
    return NULL;
}

const struct agree_scheme *
agree_scheme_find(bool hkdf, const struct alg_digest *digest)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (schemes[i].hkdf == hkdf && !schemes[i].cofactor &&
            strcmp(schemes[i].digest, digest->name) == 0)
            return &schemes[i];
    return NULL;
}

int
agree_info(const struct cms_wrap *wrap, const X509_ALGOR *wrap_alg, const ASN1_OCTET_STRING *ukm,
           uint8_t **ret)
{
    uint8_t bits[4] = { 0, 0, (uint8_t)(wrap->key >> 5), (uint8_t)(wrap->key << 3) };
    ASN1_OCTET_STRING *supp = ASN1_OCTET_STRING_new();
    SN_SHARED_INFO info = { .key_info = (X509_ALGOR *)(uintptr_t)wrap_alg,
                            .entity_u = (ASN1_OCTET_STRING *)(uintptr_t)ukm,
                            .supp_pub = supp };
    int len = -1;

    if (supp != NULL && ASN1_OCTET_STRING_set(supp, bits, sizeof bits) == 1)
        len = ASN1_item_i2d((ASN1_VALUE *)&info, ret, ASN1_ITEM_rptr(SN_SHARED_INFO));
    ASN1_OCTET_STRING_free(supp);
    return len;
}

static OSSL_PARAM
octets(const char *name, const uint8_t *data, size_t len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, len);
}

static int
derive(const char *kdf_name, const OSSL_PARAM *params, size_t len, struct secret *out)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok = ctx != NULL && len <= secret_max(out) &&
              EVP_KDF_derive(ctx, secret_mutable(out), len, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    if (ok)
        secret_set_len(out, len);
    return ok ? 0 : E_CRYPTO;
}

/* In HKDF the ukm is also the salt (RFC 8418, 2.2). */
int
agree_derive(const struct agree_scheme *scheme, const struct cms_wrap *wrap,
             const X509_ALGOR *wrap_alg, const ASN1_OCTET_STRING *ukm, const struct secret *z,
             struct secret *out)
{
    const struct alg_digest *digest = alg_digest_by_name(scheme->digest);
    uint8_t *info = NULL;
    int len = agree_info(wrap, wrap_alg, ukm, &info), rc;
    OSSL_PARAM params[5], *p = params;

    if (len <= 0)
        return E_NOMEM;
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *)(uintptr_t)digest->ossl, 0);
    *p++ = octets(OSSL_KDF_PARAM_KEY, secret_data_view(z), secret_len(z));
    *p++ = octets(OSSL_KDF_PARAM_INFO, info, (size_t)len);
    if (scheme->hkdf && ukm != NULL)
        *p++ = octets(OSSL_KDF_PARAM_SALT, ASN1_STRING_get0_data(ukm),
                      (size_t)ASN1_STRING_length(ukm));
    *p = OSSL_PARAM_construct_end();
    rc = derive(scheme->hkdf ? "HKDF" : "X963KDF", params, wrap->key, out);
    OPENSSL_free(info);
    return rc;
}

int
password_derive(const struct secret *password, const struct alg_digest *digest,
                const uint8_t *salt, size_t salt_len, uint64_t iterations, size_t len,
                struct secret *out)
{
    int lenient = 1;    /* salts and counts of others are as they are */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest->ossl,
                                         0),
        octets(OSSL_KDF_PARAM_PASSWORD, secret_data_view(password), secret_len(password)),
        octets(OSSL_KDF_PARAM_SALT, salt, salt_len),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &iterations),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &lenient),
        OSSL_PARAM_construct_end(),
    };

    return derive("PBKDF2", params, len, out);
}
