/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "provider/algorithm_id.h"

#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* NIDs of key types. */
static const struct {
    enum alg_key_type type;
    int nid;
    int parameters;     /* V_ASN1_NULL for RSA (RFC 4055, 5), none for the others */
} types[] = {
    {ALG_KEY_RSA, NID_rsaEncryption, V_ASN1_NULL},
    {ALG_KEY_EC, NID_X9_62_id_ecPublicKey, V_ASN1_UNDEF},
    {ALG_KEY_ED25519, NID_ED25519, V_ASN1_UNDEF},
    {ALG_KEY_ED448, NID_ED448, V_ASN1_UNDEF},
};

/* sha256 with NULL: what RFC 4055, 2.1 wants to be written. */
static X509_ALGOR *
digest_id(const struct alg_digest *d)
{
    X509_ALGOR *a = X509_ALGOR_new();

    if (a && X509_ALGOR_set0(a, OBJ_nid2obj(d->nid), V_ASN1_NULL, NULL))
        return a;
    X509_ALGOR_free(a);
    return NULL;
}

static X509_ALGOR *
mgf1_id(const struct alg_digest *d)
{
    X509_ALGOR *a = X509_ALGOR_new(), *inside = digest_id(d);
    ASN1_STRING *packed = inside ? ASN1_item_pack(inside, ASN1_ITEM_rptr(X509_ALGOR), NULL) : NULL;

    X509_ALGOR_free(inside);
    if (a && packed && X509_ALGOR_set0(a, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed))
        return a;
    ASN1_STRING_free(packed);
    X509_ALGOR_free(a);
    return NULL;
}

/* RSASSA-PSS-params: MGF1 with the same digest, a salt of its length (RFC 8017, A.2.3). */
static ASN1_STRING *
pss_parameters(const struct alg_digest *d)
{
    RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
    ASN1_STRING *packed = NULL;

    if (!pss)
        return NULL;
    pss->hashAlgorithm = digest_id(d);
    pss->maskGenAlgorithm = mgf1_id(d);
    pss->saltLength = ASN1_INTEGER_new();
    if (pss->hashAlgorithm && pss->maskGenAlgorithm && pss->saltLength &&
        ASN1_INTEGER_set(pss->saltLength, (long)d->size))
        packed = ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
    RSA_PSS_PARAMS_free(pss);
    return packed;
}

static bool
fill(X509_ALGOR *a, const struct alg_sig *how)
{
    ASN1_STRING *pss;
    int nid;

    if (how->padding == ALG_PAD_PSS) {
        pss = pss_parameters(how->digest);
        if (pss && X509_ALGOR_set0(a, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, pss))
            return true;
        ASN1_STRING_free(pss);
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == how->key)
            return (how->digest ? OBJ_find_sigid_by_algs(&nid, how->digest->nid, types[i].nid)
                                : (nid = types[i].nid)) &&
                   X509_ALGOR_set0(a, OBJ_nid2obj(nid), types[i].parameters, NULL);
    return false;
}

bool
algorithm_id_set(const struct alg_sig *how, OSSL_PARAM *p)
{
    X509_ALGOR *a = how ? X509_ALGOR_new() : NULL;
    unsigned char *der = NULL;
    int len = a && fill(a, how) ? i2d_X509_ALGOR(a, &der) : 0;
    bool ok = len > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)len);

    OPENSSL_free(der);
    X509_ALGOR_free(a);
    return ok;
}
