/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/algid.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "cms/digests.h"

/* What goes with an identifier; digest NID_undef: digestAlgorithm tells. */
struct sig_row {
    int nid;
    enum alg_key_type key;
    enum alg_padding padding;
    int digest;
};

static const struct sig_row rows[] = {
    { NID_rsaEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_undef },
    { NID_md5WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_md5 },
    { NID_sha1WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha1 },
    { NID_sha1WithRSA, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha1 },
    { NID_sha224WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha224 },
    { NID_sha256WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha256 },
    { NID_sha384WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha384 },
    { NID_sha512WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha512 },
    { NID_sha512_256WithRSAEncryption, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha512_256 },
    { NID_RSA_SHA3_224, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha3_224 },
    { NID_RSA_SHA3_256, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha3_256 },
    { NID_RSA_SHA3_384, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha3_384 },
    { NID_RSA_SHA3_512, ALG_KEY_RSA, ALG_PAD_PKCS1, NID_sha3_512 },
    { NID_rsassaPss, ALG_KEY_RSA, ALG_PAD_PSS, NID_undef },
    { NID_X9_62_id_ecPublicKey, ALG_KEY_EC, ALG_PAD_NONE, NID_undef },
    { NID_ecdsa_with_SHA1, ALG_KEY_EC, ALG_PAD_NONE, NID_sha1 },
    { NID_ecdsa_with_SHA224, ALG_KEY_EC, ALG_PAD_NONE, NID_sha224 },
    { NID_ecdsa_with_SHA256, ALG_KEY_EC, ALG_PAD_NONE, NID_sha256 },
    { NID_ecdsa_with_SHA384, ALG_KEY_EC, ALG_PAD_NONE, NID_sha384 },
    { NID_ecdsa_with_SHA512, ALG_KEY_EC, ALG_PAD_NONE, NID_sha512 },
    { NID_ecdsa_with_SHA3_224, ALG_KEY_EC, ALG_PAD_NONE, NID_sha3_224 },
    { NID_ecdsa_with_SHA3_256, ALG_KEY_EC, ALG_PAD_NONE, NID_sha3_256 },
    { NID_ecdsa_with_SHA3_384, ALG_KEY_EC, ALG_PAD_NONE, NID_sha3_384 },
    { NID_ecdsa_with_SHA3_512, ALG_KEY_EC, ALG_PAD_NONE, NID_sha3_512 },
    { NID_dsa, ALG_KEY_DSA, ALG_PAD_NONE, NID_undef },
    { NID_dsaWithSHA1, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha1 },
    { NID_dsaWithSHA1_2, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha1 },
    { NID_dsa_with_SHA224, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha224 },
    { NID_dsa_with_SHA256, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha256 },
    { NID_dsa_with_SHA384, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha384 },
    { NID_dsa_with_SHA512, ALG_KEY_DSA, ALG_PAD_NONE, NID_sha512 },
    { NID_ED25519, ALG_KEY_ED25519, ALG_PAD_NONE, NID_undef },
    { NID_ED448, ALG_KEY_ED448, ALG_PAD_NONE, NID_undef },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct sig_row *
row_by_nid(int nid)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].nid == nid)
            return &rows[i];
    return NULL;
}

/* The row to write; identifiers with the digest are behind the general one,
 * which RSA alone uses: rsaEncryption is what every reader knows (RFC 3370, 3.2),
 * except with SHA-3 (RFC 9688, 3.2). */
static const struct sig_row *
row_by_scheme(const struct alg_sig *s)
{
    bool sha3 = s->digest != NULL && strncmp(s->digest->name, "sha3", 4) == 0;
    bool general = s->digest == NULL || s->padding == ALG_PAD_PSS ||
                   (s->key == ALG_KEY_RSA && !sha3);
    int digest = general ? NID_undef : s->digest->nid;

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].key == s->key && rows[i].padding == s->padding &&
            rows[i].digest == digest)
            return &rows[i];
    return NULL;
}

static int
nid_of(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    return OBJ_obj2nid(oid);
}

/* Parameters that say nothing: absent, or NULL. */
static bool
no_parameters(const X509_ALGOR *alg)
{
    int type;

    X509_ALGOR_get0(NULL, &type, NULL, alg);
    return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

const struct alg_digest *
algid_read_digest(const X509_ALGOR *alg)
{
    return no_parameters(alg) ? cms_digest_by_nid(nid_of(alg)) : NULL;
}

const struct alg_digest *
algid_read_mgf(const X509_ALGOR *mgf)
{
    const struct alg_digest *digest = NULL;
    const void *value;
    X509_ALGOR *inner;
    int type;

    if (mgf == NULL)
        return cms_digest_by_nid(NID_sha1);
    X509_ALGOR_get0(NULL, &type, &value, mgf);
    if (nid_of(mgf) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return NULL;
    inner = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
    if (inner != NULL)
        digest = algid_read_digest(inner);
    X509_ALGOR_free(inner);
    return digest;
}

static int
read_pss_fields(const RSA_PSS_PARAMS *pss, struct algid_sig *ret, struct err *err)
{
    int64_t salt = 20, trailer = 1;

    ret->digest = pss->hashAlgorithm == NULL ? cms_digest_by_nid(NID_sha1)
                                             : algid_read_digest(pss->hashAlgorithm);
    ret->mgf = algid_read_mgf(pss->maskGenAlgorithm);
    if (ret->digest == NULL || ret->mgf == NULL)
        return err_set(err, E_UNSUPPORTED,
                       "RSA-PSS with a digest or mask generation that is not known");
    if ((pss->saltLength != NULL && ASN1_INTEGER_get_int64(&salt, pss->saltLength) != 1) ||
        salt < 0 || salt > 2048)
        return err_set(err, E_MALFORMED, "RSA-PSS with a salt length that cannot be");
    if ((pss->trailerField != NULL &&
         ASN1_INTEGER_get_int64(&trailer, pss->trailerField) != 1) || trailer != 1)
        return err_set(err, E_UNSUPPORTED, "RSA-PSS with another trailer than 1");
    ret->salt = (int)salt;
    return 0;
}

static int
read_pss(const X509_ALGOR *alg, struct algid_sig *ret, struct err *err)
{
    RSA_PSS_PARAMS *pss = NULL;
    const void *value;
    int type, rc;

    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type == V_ASN1_SEQUENCE)
        pss = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    if (pss == NULL)
        return err_set_ossl(err, E_MALFORMED, "RSA-PSS without valid parameters");
    rc = read_pss_fields(pss, ret, err);
    RSA_PSS_PARAMS_free(pss);
    return rc;
}

int
algid_read_sig(const X509_ALGOR *alg, const struct alg_digest *content_digest,
               struct algid_sig *ret, struct err *err)
{
    const struct sig_row *row = row_by_nid(nid_of(alg));
    const ASN1_OBJECT *oid;
    char text[64];

    *ret = (struct algid_sig){ 0 };
    if (row == NULL) {
        X509_ALGOR_get0(&oid, NULL, NULL, alg);
        OBJ_obj2txt(text, sizeof text, oid, 0);
        return err_set(err, E_UNSUPPORTED, "signature algorithm %s is not known", text);
    }
    ret->key = row->key;
    ret->padding = row->padding;
    if (row->padding == ALG_PAD_PSS)
        return read_pss(alg, ret, err);
    if (row->key == ALG_KEY_RSA && !no_parameters(alg))
        return err_set(err, E_MALFORMED, "RSA with parameters that it does not have");
    if (row->key == ALG_KEY_ED25519 || row->key == ALG_KEY_ED448)
        return 0;
    ret->digest = row->digest == NID_undef ? content_digest : cms_digest_by_nid(row->digest);
    return ret->digest != NULL ? 0 : err_set(err, E_UNSUPPORTED, "digest is not known");
}

struct algid_sig
algid_of_scheme(const struct alg_sig *s)
{
    struct algid_sig sig = { .key = s->key, .padding = s->padding, .digest = s->digest };

    if (s->padding == ALG_PAD_PSS) {
        sig.mgf = s->digest;
        sig.salt = (int)s->digest->size;
    }
    return sig;
}

/* SHA-2 and SHA-3 without parameters (RFC 5754, 2; RFC 8702, 3.1). */
int
algid_write_digest(const struct alg_digest *d, X509_ALGOR *out)
{
    return X509_ALGOR_set0(out, OBJ_nid2obj(d->nid), V_ASN1_UNDEF, NULL) == 1 ? 0 : E_NOMEM;
}

/* RFC 4055, 3.1: hash, MGF1 with the same hash, salt; the trailer is the default. */
static int
write_pss(const struct alg_digest *d, X509_ALGOR *out)
{
    RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
    ASN1_STRING *mgf = NULL, *packed = NULL;
    bool ok = pss != NULL;

    if (ok) {
        pss->hashAlgorithm = X509_ALGOR_new();
        pss->maskGenAlgorithm = X509_ALGOR_new();
        pss->saltLength = ASN1_INTEGER_new();
        ok = pss->hashAlgorithm != NULL && pss->maskGenAlgorithm != NULL &&
             pss->saltLength != NULL && algid_write_digest(d, pss->hashAlgorithm) == 0 &&
             ASN1_INTEGER_set(pss->saltLength, (long)d->size) == 1 &&
             ASN1_item_pack(pss->hashAlgorithm, ASN1_ITEM_rptr(X509_ALGOR), &mgf) != NULL;
    }
    if (ok) {
        ok = X509_ALGOR_set0(pss->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE,
                             mgf) == 1;
        mgf = ok ? NULL : mgf;
    }
    ok = ok && ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed) != NULL &&
         X509_ALGOR_set0(out, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed) == 1;
    if (!ok)
        ASN1_STRING_free(packed);
    ASN1_STRING_free(mgf);
    RSA_PSS_PARAMS_free(pss);
    return ok ? 0 : E_NOMEM;
}

int
algid_write_sig(const struct alg_sig *s, X509_ALGOR *out)
{
    const struct sig_row *row = row_by_scheme(s);
    int parameters;

    if (row == NULL)
        return E_UNSUPPORTED;
    if (s->padding == ALG_PAD_PSS)
        return write_pss(s->digest, out);
    parameters = s->key == ALG_KEY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF;
    return X509_ALGOR_set0(out, OBJ_nid2obj(row->nid), parameters, NULL) == 1 ? 0 : E_NOMEM;
}

bool
algid_equal(const X509_ALGOR *a, const X509_ALGOR *b)
{
    const ASN1_OBJECT *x, *y;

    X509_ALGOR_get0(&x, NULL, NULL, a);
    X509_ALGOR_get0(&y, NULL, NULL, b);
    if (OBJ_cmp(x, y) != 0)
        return false;
    return (no_parameters(a) && no_parameters(b)) || X509_ALGOR_cmp(a, b) == 0;
}

void
algid_name(const struct algid_sig *s, char *out, size_t max)
{
    const struct alg_sig *known = alg_sig_find(s->key, s->padding, s->digest);

    if (known != NULL)
        snprintf(out, max, "%s", known->name);
    else
        snprintf(out, max, "%s%s%s%s", s->key == ALG_KEY_EC ? "ecdsa" : alg_key_name(s->key),
                 s->padding == ALG_PAD_PSS ? "-pss" : s->padding ? "-pkcs1" : "",
                 s->digest != NULL ? "-" : "", s->digest != NULL ? s->digest->name : "");
}
