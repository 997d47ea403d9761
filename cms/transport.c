/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key transport: RSA PKCS#1 v1.5 (RFC 3370, 4.2.1) and OAEP (RFC 4055, section 4). */
#include "cms/recipient.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "cms/algid.h"

/* Longest OAEP label taken, bytes. */
#define LABEL_MAX 1024
/* Longest RSA ciphertext, bytes. */
#define MODULUS_MAX 2048

/* The label (RFC 4055, 4.1): pSpecified with an OCTET STRING, borrowed from param. */
static int
read_label(const X509_ALGOR *source, struct cms_unwrap *ret)
{
    const ASN1_OBJECT *oid;
    const void *value;
    int type;

    if (source == NULL)
        return 0;
    X509_ALGOR_get0(&oid, &type, &value, source);
    if (OBJ_obj2nid(oid) != NID_pSpecified || type != V_ASN1_OCTET_STRING)
        return E_MALFORMED;
    ret->label = ASN1_STRING_get0_data(value);
    ret->label_len = (size_t)ASN1_STRING_length(value);
    return ret->label_len > LABEL_MAX ? E_LIMIT : 0;
}

static int
read_oaep_fields(const RSA_OAEP_PARAMS *oaep, struct cms_unwrap *ret, struct err *err)
{
    const struct alg_digest *sha1 = alg_digest_by_nid(NID_sha1);
    int rc = read_label(oaep->pSourceFunc, ret);

    ret->padding = ALG_PAD_OAEP;
    ret->digest = oaep->hashFunc == NULL ? sha1 : algid_read_digest(oaep->hashFunc);
    ret->mgf = oaep->maskGenFunc == NULL ? sha1 : algid_read_mgf(oaep->maskGenFunc);
    if (rc != 0)
        return err_set(err, rc, "RSA-OAEP with a label that cannot be");
    if (ret->digest == NULL || ret->mgf == NULL)
        return err_set(err, E_UNSUPPORTED,
                       "RSA-OAEP with a digest or mask generation that is not known");
    return 0;
}

/* Parameters must be there (RFC 4055, 4.1); *ret_params has what ret borrows. */
static int
read_oaep(const X509_ALGOR *alg, RSA_OAEP_PARAMS **ret_params, struct cms_unwrap *ret,
          struct err *err)
{
    const void *value;
    int type;

    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type == V_ASN1_SEQUENCE)
        *ret_params = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
    ERR_clear_error();
    if (*ret_params == NULL)
        return err_set(err, E_MALFORMED, "RSA-OAEP without valid parameters");
    return read_oaep_fields(*ret_params, ret, err);
}

static int
read_scheme(const X509_ALGOR *alg, RSA_OAEP_PARAMS **ret_params, struct cms_unwrap *ret,
            struct err *err)
{
    const ASN1_OBJECT *oid;
    char text[64];
    int type, nid;

    X509_ALGOR_get0(&oid, &type, NULL, alg);
    nid = OBJ_obj2nid(oid);
    if (nid == NID_rsaesOaep)
        return read_oaep(alg, ret_params, ret, err);
    if (nid != NID_rsaEncryption) {
        algor_oid(alg, text, sizeof text);
        return err_set(err, E_UNSUPPORTED, "key transport %s is not known", text);
    }
    if (type != V_ASN1_NULL && type != V_ASN1_UNDEF)
        return err_set(err, E_MALFORMED, "RSA PKCS#1 v1.5 with parameters that it does not have");
    ret->padding = ALG_PAD_PKCS1;
    return 0;
}

/* The name that the agent's protocol has for it, when it has one. */
static const char *
scheme_name(const struct cms_unwrap *u, char *room, size_t max)
{
    if (u->padding == ALG_PAD_PKCS1)
        return "rsa-pkcs1";
    if (u->digest == NULL || u->digest != u->mgf || u->label_len > 0)
        return NULL;
    snprintf(room, max, "rsa-oaep-%s", u->digest->name);
    return room;
}

/* Takes a, or b when choose_b, without a branch on which. */
static void
choose(uint8_t *a, const uint8_t *b, size_t len, bool choose_b)
{
    uint8_t mask = (uint8_t)(0 - (unsigned)choose_b);

    for (size_t i = 0; i < len; i++)
        a[i] = (uint8_t)((a[i] & ~mask) | (b[i] & mask));
}

/* RFC 3218, 2.3: drawn before, taken when what was unwrapped is no such key. */
static int
unwrap_pkcs1(const struct cms_unwrap *u, const struct cms_opener *opener, struct secret *key,
             struct err *err)
{
    autofree_secret struct secret *random = secret_new(KEY_MAX);
    struct err ignored = { 0 };
    int rc;

    if (random == NULL)
        return err_set(err, E_NOMEM, "out of memory for a key");
    if (u->expected > KEY_MAX || RAND_bytes(secret_mutable(random), (int)u->expected) != 1)
        return err_set_ossl(err, E_CRYPTO, "no random bytes");
    rc = opener->unwrap(opener->arg, u, key, &ignored);
    if (rc != 0 && rc != E_DECRYPT) {
        if (err != NULL)
            *err = ignored;
        return rc;
    }
    choose(secret_mutable(key), secret_data_view(random), u->expected,
           (rc != 0) | (secret_len(key) != u->expected));
    secret_set_len(key, u->expected);
    return 0;
}

static int
unwrap_oaep(const struct cms_unwrap *u, const struct cms_opener *opener, struct secret *key,
            struct err *err)
{
    int rc = opener->unwrap(opener->arg, u, key, err);

    if (rc == 0 && u->expected != 0 && secret_len(key) != u->expected)
        rc = err_set(err, E_DECRYPT, "the unwrapped key has another length than the content's "
                     "cipher needs");
    return rc;
}

int
transport_open(const SN_KTRI *info, const struct cms_opener *opener, struct opening *o,
               struct secret *key, struct err *err)
{
    struct cms_unwrap u = { .ciphertext = ASN1_STRING_get0_data(info->key),
                            .len = (size_t)ASN1_STRING_length(info->key),
                            .expected = o->expected };
    enum alg_key_type type = algid_key_type(X509_get0_pubkey(opener->cert));
    RSA_OAEP_PARAMS *params = NULL;
    char name[48];
    int rc;

    if (type != ALG_KEY_RSA || opener->unwrap == NULL)
        return err_set(err, E_MALFORMED, "it is for an RSA key, but the certificate's is %s or "
                       "cannot unwrap", alg_key_name(type));
    rc = read_scheme(info->alg, &params, &u, err);
    if (rc == 0 && u.len > MODULUS_MAX)
        rc = err_set(err, E_LIMIT, "its encrypted key is longer than %d bytes", MODULUS_MAX);
    if (rc == 0) {
        u.scheme = scheme_name(&u, name, sizeof name);
        if (o->any_length && u.padding == ALG_PAD_OAEP)
            u.expected = 0;
        rc = u.padding == ALG_PAD_PKCS1 ? unwrap_pkcs1(&u, opener, key, err)
                                        : unwrap_oaep(&u, opener, key, err);
    }
    RSA_OAEP_PARAMS_free(params);
    return rc;
}

/* A digest with NULL for parameters, as RFC 4055, 2.1 has it here. */
static X509_ALGOR *
digest_algor(const struct alg_digest *digest)
{
    X509_ALGOR *alg = X509_ALGOR_new();

    if (alg == NULL || X509_ALGOR_set0(alg, OBJ_nid2obj(digest->nid), V_ASN1_NULL, NULL) == 1)
        return alg;
    X509_ALGOR_free(alg);
    return NULL;
}

static X509_ALGOR *
mgf_algor(const struct alg_digest *digest)
{
    X509_ALGOR *alg = X509_ALGOR_new(), *inner = digest_algor(digest);
    ASN1_STRING *packed = NULL;

    if (alg != NULL && inner != NULL)
        ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), &packed);
    X509_ALGOR_free(inner);
    if (packed != NULL &&
        X509_ALGOR_set0(alg, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed) == 1)
        return alg;
    ASN1_STRING_free(packed);
    X509_ALGOR_free(alg);
    return NULL;
}

static X509_ALGOR *
label_algor(const struct cms_to *to)
{
    X509_ALGOR *alg = X509_ALGOR_new();
    ASN1_OCTET_STRING *label = ASN1_OCTET_STRING_new();

    if (alg != NULL && label != NULL &&
        ASN1_OCTET_STRING_set(label, to->label, (int)to->label_len) == 1 &&
        X509_ALGOR_set0(alg, OBJ_nid2obj(NID_pSpecified), V_ASN1_OCTET_STRING, label) == 1)
        return alg;
    ASN1_OCTET_STRING_free(label);
    X509_ALGOR_free(alg);
    return NULL;
}

/* What is a DEFAULT is left out, as DER wants it (X.690, 11.5). */
static int
write_oaep(const struct cms_to *to, const struct alg_digest *digest,
           const struct alg_digest *mgf, X509_ALGOR *out)
{
    RSA_OAEP_PARAMS *p = RSA_OAEP_PARAMS_new();
    ASN1_STRING *packed = NULL;
    bool ok = p != NULL;

    if (ok && digest->nid != NID_sha1)
        ok = (p->hashFunc = digest_algor(digest)) != NULL;
    if (ok && mgf->nid != NID_sha1)
        ok = (p->maskGenFunc = mgf_algor(mgf)) != NULL;
    if (ok && to->label_len > 0)
        ok = (p->pSourceFunc = label_algor(to)) != NULL;
    ok = ok && ASN1_item_pack(p, ASN1_ITEM_rptr(RSA_OAEP_PARAMS), &packed) != NULL &&
         X509_ALGOR_set0(out, OBJ_nid2obj(NID_rsaesOaep), V_ASN1_SEQUENCE, packed) == 1;
    if (!ok)
        ASN1_STRING_free(packed);
    RSA_OAEP_PARAMS_free(p);
    return ok ? 0 : E_NOMEM;
}

static bool
set_oaep(EVP_PKEY_CTX *ctx, const struct cms_to *to, const struct alg_digest *digest,
         const struct alg_digest *mgf)
{
    uint8_t *label = to->label_len == 0 ? NULL : OPENSSL_memdup(to->label, to->label_len);

    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest->ossl, NULL) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf->ossl, NULL) == 1 &&
        (to->label_len == 0 ||
         (label != NULL &&
          EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)to->label_len) == 1)))
        return true;
    OPENSSL_free(label);
    return false;
}

static int
encrypt_key(const struct cms_to *to, const struct alg_digest *digest,
            const struct alg_digest *mgf, const struct secret *key, ASN1_OCTET_STRING *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(to->cert), NULL);
    uint8_t sealed[MODULUS_MAX];
    size_t len = sizeof sealed;
    bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
              (to->pkcs1 ? EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1
                         : set_oaep(ctx, to, digest, mgf)) &&
              EVP_PKEY_encrypt(ctx, sealed, &len, secret_data_view(key), secret_len(key)) == 1 &&
              ASN1_OCTET_STRING_set(out, sealed, (int)len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? 0 : E_CRYPTO;
}

static int
set_rid(const struct cms_to *to, SN_SID *rid, struct err *err)
{
    if (to->ski) {
        rid->type = SN_SID_SKI;
        return recipient_ski(to->cert, &rid->d.ski, err);
    }
    rid->type = SN_SID_ISSUER_SERIAL;
    rid->d.issuer_serial = recipient_issuer_serial(to->cert);
    return rid->d.issuer_serial == NULL ? err_set(err, E_NOMEM, "out of memory") : 0;
}

int
transport_make(const struct cms_to *to, const struct secret *key, SN_RECIPIENT **ret,
               struct err *err)
{
    const struct alg_digest *sha256 = alg_digest_by_nid(NID_sha256);
    const struct alg_digest *digest = to->digest != NULL ? to->digest : sha256;
    const struct alg_digest *mgf = to->mgf != NULL ? to->mgf : digest;
    SN_RECIPIENT *r;
    int rc;

    if (to->label_len > LABEL_MAX)
        return err_set(err, E_LIMIT, "an OAEP label of more than %d bytes", LABEL_MAX);
    r = recipient_new(SN_RECIPIENT_KTRI, to->ski ? 2 : 0);
    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    rc = set_rid(to, r->d.ktri->rid, err);
    if (rc == 0) {
        rc = to->pkcs1 ? (X509_ALGOR_set0(r->d.ktri->alg, OBJ_nid2obj(NID_rsaEncryption),
                                          V_ASN1_NULL, NULL) == 1 ? 0 : E_NOMEM)
                       : write_oaep(to, digest, mgf, r->d.ktri->alg);
        if (rc == 0)
            rc = encrypt_key(to, digest, mgf, key, r->d.ktri->key);
        if (rc != 0)
            rc = err_set_ossl(err, rc, "its RSA key cannot encrypt the content key");
    }
    if (rc != 0)
        SN_RECIPIENT_free(r);
    else
        *ret = r;
    return rc;
}
