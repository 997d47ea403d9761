/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/certificate.h"

#include <stdlib.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"

/* Certificate (RFC 5280 4.1), its SubjectPublicKeyInfo in two pieces. */
typedef struct {
    ASN1_TIME *not_before, *not_after;
} SN_VALIDITY;

ASN1_SEQUENCE(SN_VALIDITY) = {
    ASN1_SIMPLE(SN_VALIDITY, not_before, ASN1_TIME),
    ASN1_SIMPLE(SN_VALIDITY, not_after, ASN1_TIME),
} static_ASN1_SEQUENCE_END(SN_VALIDITY)

typedef struct {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *key;
} SN_SPKI;

ASN1_SEQUENCE(SN_SPKI) = {
    ASN1_SIMPLE(SN_SPKI, algorithm, X509_ALGOR),
    ASN1_SIMPLE(SN_SPKI, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(SN_SPKI)

typedef struct {
    ASN1_INTEGER *version, *serial;
    X509_ALGOR *signature;
    X509_NAME *issuer, *subject;
    SN_VALIDITY *validity;
    SN_SPKI *spki;
    ASN1_BIT_STRING *issuer_uid, *subject_uid;
    STACK_OF(X509_EXTENSION) *extensions;
} SN_TBS;

ASN1_SEQUENCE(SN_TBS) = {
    ASN1_EXP_OPT(SN_TBS, version, ASN1_INTEGER, 0),
    ASN1_SIMPLE(SN_TBS, serial, ASN1_INTEGER),
    ASN1_SIMPLE(SN_TBS, signature, X509_ALGOR),
    ASN1_SIMPLE(SN_TBS, issuer, X509_NAME),
    ASN1_SIMPLE(SN_TBS, validity, SN_VALIDITY),
    ASN1_SIMPLE(SN_TBS, subject, X509_NAME),
    ASN1_SIMPLE(SN_TBS, spki, SN_SPKI),
    ASN1_IMP_OPT(SN_TBS, issuer_uid, ASN1_BIT_STRING, 1),
    ASN1_IMP_OPT(SN_TBS, subject_uid, ASN1_BIT_STRING, 2),
    ASN1_EXP_SEQUENCE_OF_OPT(SN_TBS, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END(SN_TBS)

typedef struct {
    SN_TBS *tbs;
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *signature;
} SN_CERTIFICATE;

ASN1_SEQUENCE(SN_CERTIFICATE) = {
    ASN1_SIMPLE(SN_CERTIFICATE, tbs, SN_TBS),
    ASN1_SIMPLE(SN_CERTIFICATE, algorithm, X509_ALGOR),
    ASN1_SIMPLE(SN_CERTIFICATE, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(SN_CERTIFICATE)

/* RSAPublicKey (RFC 8017 A.1.1). */
typedef struct {
    ASN1_INTEGER *n, *e;
} SN_RSA_KEY;

ASN1_SEQUENCE(SN_RSA_KEY) = {
    ASN1_SIMPLE(SN_RSA_KEY, n, ASN1_INTEGER),
    ASN1_SIMPLE(SN_RSA_KEY, e, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(SN_RSA_KEY)

static SN_RSA_KEY *
read_rsa(const SN_SPKI *spki)
{
    const unsigned char *at = ASN1_STRING_get0_data(spki->key);

    return (SN_RSA_KEY *)ASN1_item_d2i(NULL, &at, ASN1_STRING_length(spki->key),
                                       ASN1_ITEM_rptr(SN_RSA_KEY));
}

static int
rsa_bits(const SN_SPKI *spki)
{
    SN_RSA_KEY *rsa = read_rsa(spki);
    BIGNUM *n = rsa != NULL ? ASN1_INTEGER_to_BN(rsa->n, NULL) : NULL;
    int bits = n != NULL ? BN_num_bits(n) : 0;

    BN_free(n);
    ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(SN_RSA_KEY));
    return bits;
}

static int
algorithm(const SN_SPKI *spki)
{
    const ASN1_OBJECT *oid;

    X509_ALGOR_get0(&oid, NULL, NULL, spki->algorithm);
    return OBJ_obj2nid(oid);
}

struct cms_certificate {
    uint8_t *der;
    size_t len;
    SN_CERTIFICATE *asn1;
    ASN1_OCTET_STRING *ski;
    int rsa_bits;  /* 0 for other keys */
    EVP_PKEY *key; /* made when asked for */
};

static const SN_TBS *
tbs(const struct cms_certificate *c)
{
    return c->asn1->tbs;
}

static void *
extension(const struct cms_certificate *c, int nid)
{
    return X509V3_get_d2i(tbs(c)->extensions, nid, NULL, NULL);
}

static int
fill(struct cms_certificate *c, const uint8_t *der, size_t len, struct err *err)
{
    const unsigned char *at;

    if (len == 0)
        return err_set(err, E_MALFORMED, "certificate: is empty");
    c->der = OPENSSL_memdup(der, len);
    if (c->der == NULL)
        return err_set(err, E_NOMEM, "out of memory for a certificate");
    c->len = len;
    at = c->der;
    c->asn1 = (SN_CERTIFICATE *)ASN1_item_d2i(NULL, &at, (long)len,
                                              ASN1_ITEM_rptr(SN_CERTIFICATE));
    if (c->asn1 == NULL || at != c->der + len)
        return err_set_ossl(err, E_MALFORMED, "certificate of %zu bytes: cannot be read", len);
    c->ski = extension(c, NID_subject_key_identifier);
    if (algorithm(tbs(c)->spki) == NID_rsaEncryption)
        c->rsa_bits = rsa_bits(tbs(c)->spki);
    ERR_clear_error();
    return 0;
}

int
cms_certificate_read(struct cms_certificate **ret, const uint8_t *der, size_t len,
                     struct err *err)
{
    struct cms_certificate *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return err_set(err, E_NOMEM, "out of memory for a certificate");
    rc = fill(c, der, len, err);
    if (rc != 0)
        cms_certificate_free(&c);
    else
        *ret = c;
    return rc;
}

int
cms_certificate_from_x509(struct cms_certificate **ret, const X509 *x509, struct err *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x509, &der), rc;

    if (len <= 0)
        return err_set_ossl(err, E_NOMEM, "certificate: cannot be encoded");
    rc = cms_certificate_read(ret, der, (size_t)len, err);
    OPENSSL_free(der);
    return rc;
}

void
cms_certificate_free(struct cms_certificate **c)
{
    if (c == NULL || *c == NULL)
        return;
    ASN1_item_free((ASN1_VALUE *)(*c)->asn1, ASN1_ITEM_rptr(SN_CERTIFICATE));
    ASN1_OCTET_STRING_free((*c)->ski);
    EVP_PKEY_free((*c)->key);
    OPENSSL_free((*c)->der);
    free(*c);
    *c = NULL;
}

const uint8_t *
cms_certificate_der(const struct cms_certificate *c, size_t *ret_len)
{
    *ret_len = c->len;
    return c->der;
}

const X509_NAME *
cms_certificate_issuer(const struct cms_certificate *c)
{
    return tbs(c)->issuer;
}

const ASN1_INTEGER *
cms_certificate_serial(const struct cms_certificate *c)
{
    return tbs(c)->serial;
}

const ASN1_TIME *
cms_certificate_not_before(const struct cms_certificate *c)
{
    return tbs(c)->validity->not_before;
}

const ASN1_TIME *
cms_certificate_not_after(const struct cms_certificate *c)
{
    return tbs(c)->validity->not_after;
}

const ASN1_OCTET_STRING *
cms_certificate_ski(const struct cms_certificate *c)
{
    return c->ski;
}

uint32_t
cms_certificate_key_usage(const struct cms_certificate *c)
{
    ASN1_BIT_STRING *bits = extension(c, NID_key_usage);
    uint32_t usage = 0;

    if (bits == NULL)
        return UINT32_MAX;
    /* KU_* are numbered as X509_get_key_usage numbers them: low byte first */
    for (int i = 0; i < bits->length && i < 2; i++)
        usage |= (uint32_t)bits->data[i] << (8 * i);
    ASN1_BIT_STRING_free(bits);
    return usage;
}

int
cms_certificate_allows(const struct cms_certificate *c, int purpose_nid)
{
    EXTENDED_KEY_USAGE *uses = extension(c, NID_ext_key_usage);
    int allowed = uses == NULL;

    for (int i = 0; !allowed && i < sk_ASN1_OBJECT_num(uses); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(uses, i));
        allowed = nid == purpose_nid || nid == NID_anyExtendedKeyUsage;
    }
    EXTENDED_KEY_USAGE_free(uses);
    return allowed;
}

static EVP_PKEY *
key_of_params(const char *type, OSSL_PARAM_BLD *params)
{
    OSSL_PARAM *list = OSSL_PARAM_BLD_to_param(params);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (list == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, list) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(list);
    return key;
}

static EVP_PKEY *
rsa_key(const SN_SPKI *spki)
{
    SN_RSA_KEY *rsa = read_rsa(spki);
    BIGNUM *n = rsa != NULL ? ASN1_INTEGER_to_BN(rsa->n, NULL) : NULL;
    BIGNUM *e = rsa != NULL ? ASN1_INTEGER_to_BN(rsa->e, NULL) : NULL;
    OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (n != NULL && e != NULL && params != NULL &&
        OSSL_PARAM_BLD_push_BN(params, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(params, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_of_params("RSA", params);
    OSSL_PARAM_BLD_free(params);
    BN_free(n);
    BN_free(e);
    ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(SN_RSA_KEY));
    return key;
}

/* A key on a named curve (RFC 5480 2.1.1). */
static EVP_PKEY *
ec_key(const SN_SPKI *spki)
{
    const void *curve;
    int type;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *params;

    X509_ALGOR_get0(NULL, &type, &curve, spki->algorithm);
    if (type != V_ASN1_OBJECT || OBJ_obj2nid(curve) == NID_undef)
        return NULL;
    params = OSSL_PARAM_BLD_new();
    if (params != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(params, OSSL_PKEY_PARAM_GROUP_NAME,
                                        OBJ_nid2sn(OBJ_obj2nid(curve)), 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(params, OSSL_PKEY_PARAM_PUB_KEY,
                                         ASN1_STRING_get0_data(spki->key),
                                         (size_t)ASN1_STRING_length(spki->key)) == 1)
        key = key_of_params("EC", params);
    OSSL_PARAM_BLD_free(params);
    return key;
}

/* Ed25519 and Ed448 (RFC 8410 4). */
static EVP_PKEY *
raw_key(const SN_SPKI *spki)
{
    return EVP_PKEY_new_raw_public_key(algorithm(spki), NULL, ASN1_STRING_get0_data(spki->key),
                                       (size_t)ASN1_STRING_length(spki->key));
}

/* All others, by libcrypto's decoders. */
static EVP_PKEY *
any_key(const SN_SPKI *spki)
{
    uint8_t *der = NULL;
    int len = ASN1_item_i2d((const ASN1_VALUE *)spki, &der, ASN1_ITEM_rptr(SN_SPKI));
    const unsigned char *at = der;
    EVP_PKEY *key = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;

    OPENSSL_free(der);
    return key;
}

static const struct {
    int nid;
    EVP_PKEY *(*make)(const SN_SPKI *);
} makers[] = {
    {NID_rsaEncryption, rsa_key},
    {NID_X9_62_id_ecPublicKey, ec_key},
    {NID_ED25519, raw_key},
    {NID_ED448, raw_key},
};

EVP_PKEY *
cms_certificate_key(const struct cms_certificate *c)
{
    struct cms_certificate *cache = (struct cms_certificate *)(uintptr_t)c;
    const SN_SPKI *spki = tbs(c)->spki;
    int nid = algorithm(spki);

    for (size_t i = 0; cache->key == NULL && i < sizeof makers / sizeof makers[0]; i++)
        if (nid == makers[i].nid)
            cache->key = makers[i].make(spki);
    if (cache->key == NULL)
        cache->key = any_key(spki);
    return cache->key;
}

enum alg_key_type
cms_certificate_key_type(const struct cms_certificate *c)
{
    EVP_PKEY *key;

    if (c->rsa_bits > 0)
        return ALG_KEY_RSA;
    key = cms_certificate_key(c);
    return key != NULL ? algid_key_type(key) : ALG_KEY_NONE;
}

int
cms_certificate_key_bits(const struct cms_certificate *c)
{
    EVP_PKEY *key;

    if (c->rsa_bits > 0)
        return c->rsa_bits;
    key = cms_certificate_key(c);
    return key != NULL ? EVP_PKEY_get_bits(key) : 0;
}

size_t
cms_certificate_signature_size(const struct cms_certificate *c)
{
    switch (cms_certificate_key_type(c)) {
    case ALG_KEY_RSA:
        return ((size_t)cms_certificate_key_bits(c) + 7) / 8;
    case ALG_KEY_ED25519:
    case ALG_KEY_ED448:
        return (size_t)EVP_PKEY_get_size(cms_certificate_key(c));
    default:
        return 0;
    }
}
