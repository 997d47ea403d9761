/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recipients with a shared secret: KEKs (RFC 5652, 6.2.3) and passwords (6.2.4, RFC 3211). */
#include "cms/recipient.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#define PWRI_KEK "1.2.840.113549.1.9.16.3.9"
#define SALT_SIZE 16

/* HMACs that PBKDF2 may be made of. */
static const struct {
    int nid;
    int digest;
} prfs[] = {
    { NID_hmacWithSHA1, NID_sha1 },     { NID_hmacWithSHA224, NID_sha224 },
    { NID_hmacWithSHA256, NID_sha256 }, { NID_hmacWithSHA384, NID_sha384 },
    { NID_hmacWithSHA512, NID_sha512 },
};

static int
check_weak(bool weak, const char *name, struct opening *o, struct err *err)
{
    o->weak |= weak;
    return !weak || o->options->allow_weak ? 0 : err_set(err, E_WEAK, "%s is weak", name);
}

int
kek_open(const SN_KEKRI *info, const struct cms_kek *kek, struct opening *o, struct secret *key,
         struct err *err)
{
    const struct cms_wrap *wrap = wrap_read(info->alg);
    char oid[64];
    int rc;

    algor_oid(info->alg, oid, sizeof oid);
    if (wrap == NULL)
        return err_set(err, E_UNSUPPORTED, "key wrap %s is not known", oid);
    rc = check_weak(wrap->weak, wrap->name, o, err);
    if (rc != 0)
        return rc;
    if (secret_len(kek->key) != wrap->key)
        return err_set(err, E_DECRYPT, "%s needs a key of %u bytes, the given one has %zu",
                       wrap->name, wrap->key, secret_len(kek->key));
    rc = key_unwrap(wrap, kek->key, ASN1_STRING_get0_data(info->key),
                    (size_t)ASN1_STRING_length(info->key), key);
    return rc == 0 ? 0 : err_set(err, rc, "the key-encryption key does not fit");
}

static const struct alg_digest *
prf_digest(const X509_ALGOR *prf)
{
    const ASN1_OBJECT *oid;

    if (prf == NULL)
        return alg_digest_by_nid(NID_sha1);
    X509_ALGOR_get0(&oid, NULL, NULL, prf);
    for (size_t i = 0; i < sizeof prfs / sizeof *prfs; i++)
        if (prfs[i].nid == OBJ_obj2nid(oid))
            return alg_digest_by_nid(prfs[i].digest);
    return NULL;
}

/* PBKDF2-params (RFC 8018, A.2). */
static int
derive_fields(const PBKDF2PARAM *p, const struct secret *password, size_t len,
              struct opening *o, struct secret *kek, struct err *err)
{
    const struct alg_digest *digest = prf_digest(p->prf);
    uint64_t iterations = 0, given = len, max = CMS_MAX_ITERATIONS;

    if (o->options->max_iterations != 0 && o->options->max_iterations < max)
        max = o->options->max_iterations;
    if (p->salt->type != V_ASN1_OCTET_STRING ||
        ASN1_INTEGER_get_uint64(&iterations, p->iter) != 1 || iterations == 0 ||
        (p->keylength != NULL && ASN1_INTEGER_get_uint64(&given, p->keylength) != 1) ||
        given != len)
        return err_set(err, E_MALFORMED, "PBKDF2 with parameters that cannot be");
    if (digest == NULL)
        return err_set(err, E_UNSUPPORTED, "PBKDF2 with a function that is not known");
    if (iterations > max - o->iterations)
        return err_set(err, E_LIMIT, "PBKDF2 with %llu iterations; more than %llu are not done for "
                       "one message", (unsigned long long)iterations, (unsigned long long)max);
    o->iterations += iterations;
    if (password_derive(password, digest, p->salt->value.octet_string->data,
                        (size_t)p->salt->value.octet_string->length, iterations, len, kek) != 0)
        return err_set_ossl(err, E_CRYPTO, "PBKDF2 failed");
    return 0;
}

static int
derive(const X509_ALGOR *alg, const struct secret *password, size_t len, struct opening *o,
       struct secret *kek, struct err *err)
{
    PBKDF2PARAM *params = NULL;
    const ASN1_OBJECT *oid;
    const void *value;
    char text[64];
    int type, rc;

    if (alg == NULL)
        return err_set(err, E_UNSUPPORTED, "a password without a derivation");
    X509_ALGOR_get0(&oid, &type, &value, alg);
    algor_oid(alg, text, sizeof text);
    if (OBJ_obj2nid(oid) != NID_id_pbkdf2)
        return err_set(err, E_UNSUPPORTED, "password derivation %s is not known", text);
    if (type == V_ASN1_SEQUENCE)
        params = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBKDF2PARAM));
    ERR_clear_error();
    if (params == NULL)
        return err_set(err, E_MALFORMED, "PBKDF2 without valid parameters");
    rc = derive_fields(params, password, len, o, kek, err);
    PBKDF2PARAM_free(params);
    return rc;
}

/* The cipher inside of id-alg-PWRI-KEK's parameters (RFC 3211, 2.3.3): CBC. */
static int
read_pwri(const X509_ALGOR *alg, struct cipher_params *ret, struct err *err)
{
    X509_ALGOR *inner = NULL;
    const void *value;
    char oid[64];
    int type, rc;

    algor_oid(alg, oid, sizeof oid);
    if (strcmp(oid, PWRI_KEK) != 0)
        return err_set(err, E_UNSUPPORTED, "password key encryption %s is not known", oid);
    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type == V_ASN1_SEQUENCE)
        inner = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
    ERR_clear_error();
    if (inner == NULL)
        return err_set(err, E_MALFORMED, "password key encryption without valid parameters");
    rc = cipher_read(inner, ret, err);
    X509_ALGOR_free(inner);
    if (rc == 0 && (ret->cipher->mode != CMS_MODE_CBC || ret->rc2_bits != 0))
        rc = err_set(err, E_UNSUPPORTED, "password key encryption with %s", ret->cipher->name);
    return rc;
}

int
password_open(const SN_PWRI *info, const struct secret *password, struct opening *o,
              struct secret *key, struct err *err)
{
    autofree_secret struct secret *kek = secret_new(KEY_MAX);
    struct cipher_params params = { 0 };
    int rc = read_pwri(info->alg, &params, err);

    if (rc == 0 && params.cipher != NULL)
        rc = check_weak(params.cipher->weak, params.cipher->name, o, err);
    if (rc == 0 && kek == NULL)
        rc = err_set(err, E_NOMEM, "out of memory for a key");
    if (rc == 0)
        rc = derive(info->derivation, password, params.key_len, o, kek, err);
    if (rc != 0)
        return rc;
    rc = pwri_unwrap(&params, kek, ASN1_STRING_get0_data(info->key),
                     (size_t)ASN1_STRING_length(info->key), key);
    return rc == 0 ? 0 : err_set(err, rc, "the password is wrong");
}

int
kek_make(const struct cms_to *to, const struct secret *key, SN_RECIPIENT **ret, struct err *err)
{
    autofree_buf struct buf *sealed = buf_new();
    const struct cms_wrap *wrap = wrap_of_size(secret_len(to->kek));
    SN_RECIPIENT *r;
    int rc;

    if (wrap == NULL || to->kek_id_len == 0)
        return err_set(err, E_USAGE, "a key-encryption key has 16, 24 or 32 bytes, and a name");
    r = recipient_new(SN_RECIPIENT_KEKRI, 4);
    rc = r == NULL || sealed == NULL ? E_NOMEM : key_wrap(wrap, to->kek, key, sealed);
    if (rc == 0)
        rc = wrap_write(wrap, r->d.kekri->alg);
    if (rc == 0 &&
        (ASN1_OCTET_STRING_set(r->d.kekri->id->id, to->kek_id, (int)to->kek_id_len) != 1 ||
         ASN1_OCTET_STRING_set(r->d.kekri->key, buf_data(sealed), (int)buf_len(sealed)) != 1))
        rc = E_NOMEM;
    if (rc != 0) {
        SN_RECIPIENT_free(r);
        return err_set_ossl(err, rc, "the content key cannot be wrapped");
    }
    *ret = r;
    return 0;
}

static int
write_pwri(const struct cipher_params *params, X509_ALGOR *out)
{
    X509_ALGOR *inner = X509_ALGOR_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(PWRI_KEK, 1);
    ASN1_STRING *packed = NULL;
    int rc = inner == NULL || oid == NULL ? E_NOMEM : cipher_write(params, inner);

    if (rc == 0)
        packed = ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL);
    X509_ALGOR_free(inner);
    if (packed != NULL && X509_ALGOR_set0(out, oid, V_ASN1_SEQUENCE, packed) == 1)
        return 0;
    ASN1_OBJECT_free(oid);
    ASN1_STRING_free(packed);
    return E_NOMEM;
}

static int
seal(const struct cms_to *to, const struct secret *key, SN_PWRI *info)
{
    unsigned iterations = to->iterations == 0 ? CMS_PASSWORD_ITERATIONS : to->iterations;
    struct cipher_params params = { .cipher = cms_cipher_by_name("aes256-cbc"), .key_len = 32,
                                    .iv_len = 16 };
    autofree_secret struct secret *kek = secret_new(KEY_MAX);
    autofree_buf struct buf *sealed = buf_new();
    uint8_t salt[SALT_SIZE];
    int rc;

    if (kek == NULL || sealed == NULL)
        return E_NOMEM;
    if (RAND_bytes(salt, sizeof salt) != 1 || RAND_bytes(params.iv, 16) != 1)
        return E_CRYPTO;
    /* Without keyLength, which the wrapping cipher says: gpgsm does not expect the field. */
    info->derivation = PKCS5_pbkdf2_set((int)iterations, salt, sizeof salt, NID_hmacWithSHA256,
                                        -1);
    rc = info->derivation == NULL ? E_NOMEM : write_pwri(&params, info->alg);
    if (rc == 0)
        rc = password_derive(to->password, alg_digest_by_nid(NID_sha256), salt, sizeof salt,
                             iterations, params.key_len, kek);
    if (rc == 0)
        rc = pwri_wrap(&params, kek, key, sealed);
    if (rc == 0 &&
        ASN1_OCTET_STRING_set(info->key, buf_data(sealed), (int)buf_len(sealed)) != 1)
        rc = E_NOMEM;
    return rc;
}

int
password_make(const struct cms_to *to, const struct secret *key, SN_RECIPIENT **ret,
              struct err *err)
{
    SN_RECIPIENT *r;
    int rc;

    if (secret_len(to->password) == 0 ||
        (to->iterations != 0 && to->iterations < CMS_PASSWORD_ITERATIONS_MIN) ||
        to->iterations > CMS_MAX_ITERATIONS)
        return err_set(err, E_USAGE, "a password that is empty, or with fewer than %u or more than "
                       "%u iterations", CMS_PASSWORD_ITERATIONS_MIN, CMS_MAX_ITERATIONS);
    r = recipient_new(SN_RECIPIENT_PWRI, 0);
    rc = r == NULL ? E_NOMEM : seal(to, key, r->d.pwri);
    if (rc != 0) {
        SN_RECIPIENT_free(r);
        return err_set_ossl(err, rc, "the content key cannot be wrapped");
    }
    *ret = r;
    return 0;
}
