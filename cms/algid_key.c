/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/algid.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

static const struct {
    int id;
    enum alg_key_type type;
} keys[] = {
    { EVP_PKEY_RSA, ALG_KEY_RSA },         { EVP_PKEY_RSA_PSS, ALG_KEY_RSA },
    { EVP_PKEY_EC, ALG_KEY_EC },           { EVP_PKEY_ED25519, ALG_KEY_ED25519 },
    { EVP_PKEY_ED448, ALG_KEY_ED448 },     { EVP_PKEY_DSA, ALG_KEY_DSA },
    { EVP_PKEY_X25519, ALG_KEY_X25519 },   { EVP_PKEY_X448, ALG_KEY_X448 },
};

enum alg_key_type
algid_key_type(const EVP_PKEY *key)
{
    int id = EVP_PKEY_get_base_id(key);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].id == id)
            return keys[i].type;
    return ALG_KEY_NONE;
}

bool
algid_is_weak(enum alg_key_type type, int bits)
{
    if (type == ALG_KEY_RSA || type == ALG_KEY_DSA)
        return bits < CMS_WEAK_RSA_BITS;
    return type == ALG_KEY_EC && bits < CMS_WEAK_EC_BITS;
}

bool
algid_key_is_weak(const EVP_PKEY *key)
{
    return algid_is_weak(algid_key_type(key), EVP_PKEY_get_bits(key));
}

/* DSA parameters in a certificate's key, or NULL. */
static const ASN1_STRING *
dsa_parameters(X509 *cert)
{
    const ASN1_OBJECT *oid;
    const void *value;
    X509_ALGOR *alg;
    int type;

    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(cert)) != 1)
        return NULL;
    X509_ALGOR_get0(&oid, &type, &value, alg);
    return OBJ_obj2nid(oid) == NID_dsa && type == V_ASN1_SEQUENCE ? value : NULL;
}

/* The certificate's DSA key with other parameters than its own, of which it has none. */
static EVP_PKEY *
with_parameters(X509 *cert, const ASN1_STRING *parameters)
{
    X509_PUBKEY *whole = X509_PUBKEY_new();
    ASN1_STRING *copy = ASN1_STRING_dup(parameters);
    EVP_PKEY *key = NULL;
    const uint8_t *bits, *at;
    uint8_t *bits_copy, *der = NULL;
    int len;

    X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, X509_get_X509_PUBKEY(cert));
    bits_copy = OPENSSL_memdup(bits, (size_t)len);
    if (whole != NULL && copy != NULL && bits_copy != NULL &&
        X509_PUBKEY_set0_param(whole, OBJ_nid2obj(NID_dsa), V_ASN1_SEQUENCE, copy, bits_copy,
                               len) == 1) {
        copy = NULL;
        bits_copy = NULL;
        len = i2d_X509_PUBKEY(whole, &der);
        at = der;
        key = len <= 0 ? NULL : d2i_PUBKEY(NULL, &at, len);
        OPENSSL_free(der);
    }
    OPENSSL_free(bits_copy);
    ASN1_STRING_free(copy);
    X509_PUBKEY_free(whole);
    return key;
}

static bool
lacks_parameters(X509 *cert)
{
    X509_ALGOR *alg;
    const ASN1_OBJECT *oid;

    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(cert)) != 1)
        return false;
    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    return OBJ_obj2nid(oid) == NID_dsa && dsa_parameters(cert) == NULL;
}

EVP_PKEY *
algid_cert_key(X509 *cert, const STACK_OF(X509) *issuers)
{
    EVP_PKEY *key = NULL;

    if (!lacks_parameters(cert))
        key = X509_get_pubkey(cert);
    for (int i = 0; key == NULL && lacks_parameters(cert) && i < sk_X509_num(issuers); i++) {
        X509 *issuer = sk_X509_value(issuers, i);
        const ASN1_STRING *parameters = dsa_parameters(issuer);

        if (parameters != NULL && X509_check_issued(issuer, cert) == X509_V_OK)
            key = with_parameters(cert, parameters);
    }
    ERR_clear_error();
    return key;
}
