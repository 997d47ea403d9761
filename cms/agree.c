/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key agreement: ECDH on NIST curves (RFC 5753), X25519 and X448 (RFC 8418), with an
 * ephemeral key of the sender's, or to read also with a static one.
 */
#include "cms/recipient.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"

/* What goes with a type of key; digest: of the KDF we write. */
static const struct {
    enum alg_key_type type;
    int bits;             /* at least so many, for the row to be taken */
    const char *digest;
    bool hkdf;
} defaults[] = {
    { ALG_KEY_X448, 0, "sha512", true },   { ALG_KEY_X25519, 0, "sha256", true },
    { ALG_KEY_EC, 512, "sha512", false },  { ALG_KEY_EC, 384, "sha384", false },
    { ALG_KEY_EC, 0, "sha256", false },
};

static bool
can_agree(enum alg_key_type type)
{
    return type == ALG_KEY_EC || type == ALG_KEY_X25519 || type == ALG_KEY_X448;
}

/* The wrap inside of the key agreement's parameters; *ret_alg is the caller's. */
static int
read_wrap(const X509_ALGOR *alg, const struct cms_wrap **ret, X509_ALGOR **ret_alg,
          struct err *err)
{
    const void *value;
    char oid[64];
    int type;

    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type == V_ASN1_SEQUENCE)
        *ret_alg = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
    ERR_clear_error();
    if (*ret_alg == NULL)
        return err_set(err, E_MALFORMED, "key agreement without valid parameters");
    *ret = wrap_read(*ret_alg);
    if (*ret != NULL)
        return 0;
    algor_oid(*ret_alg, oid, sizeof oid);
    return err_set(err, E_UNSUPPORTED, "key wrap %s is not known", oid);
}

/* Named in the message, or in its originatorInfo, or by the caller. */
static X509 *
find_originator(const SN_ORIGINATOR *o, const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);

        if (o->type == SN_ORIGINATOR_SKI && ski != NULL &&
            ASN1_OCTET_STRING_cmp(ski, o->d.ski) == 0)
            return cert;
        if (o->type == SN_ORIGINATOR_ISSUER_SERIAL &&
            X509_NAME_cmp(X509_get_issuer_name(cert), o->d.issuer_serial->issuer) == 0 &&
            ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), o->d.issuer_serial->serial) == 0)
            return cert;
    }
    return NULL;
}

/* The type that an originatorKey's algorithm names. */
static enum alg_key_type
point_type(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid;
    int nid;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    nid = OBJ_obj2nid(oid);
    return nid == NID_X9_62_id_ecPublicKey ? ALG_KEY_EC
           : nid == NID_X25519             ? ALG_KEY_X25519
           : nid == NID_X448               ? ALG_KEY_X448
                                           : ALG_KEY_NONE;
}

/* A public key of the same parameters as own, from its encoded point. The setter
 * refuses what is not on the curve; nothing else may reach a private key. */
static EVP_PKEY *
peer_of_point(EVP_PKEY *own, const ASN1_BIT_STRING *point)
{
    EVP_PKEY *peer = EVP_PKEY_new();

    if (peer != NULL && EVP_PKEY_copy_parameters(peer, own) == 1 &&
        EVP_PKEY_set1_encoded_public_key(peer, ASN1_STRING_get0_data(point),
                                         (size_t)ASN1_STRING_length(point)) == 1)
        return peer;
    EVP_PKEY_free(peer);
    return NULL;
}

/* For keys without parameters. */
static EVP_PKEY *
peer_of_raw(EVP_PKEY *own, const ASN1_BIT_STRING *point)
{
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_get_id(own), NULL, ASN1_STRING_get0_data(point),
                                       (size_t)ASN1_STRING_length(point));
}

static EVP_PKEY *
find_peer(const SN_ORIGINATOR *o, EVP_PKEY *own, const struct opening *opening)
{
    enum alg_key_type type = algid_key_type(own);
    X509 *cert;

    if (o->type == SN_ORIGINATOR_KEY) {
        if (point_type(o->d.key->alg) != type)
            return NULL;
        return type == ALG_KEY_EC ? peer_of_point(own, o->d.key->key)
                                  : peer_of_raw(own, o->d.key->key);
    }
    cert = find_originator(o, opening->certs);
    if (cert == NULL)
        cert = find_originator(o, opening->options->originators);
    if (cert == NULL || EVP_PKEY_parameters_eq(X509_get0_pubkey(cert), own) == 0 ||
        algid_key_type(X509_get0_pubkey(cert)) != type)
        return NULL;
    return X509_get_pubkey(cert);
}

/* Uncompressed, or raw. The caller frees. 0 when it fails. */
static size_t
point_of(EVP_PKEY *key, uint8_t **ret)
{
    if (algid_key_type(key) == ALG_KEY_EC)
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    return EVP_PKEY_get1_encoded_public_key(key, ret);
}

/* RFC 7748, 6: what a point of small order gives; RFC 8418, 2 wants it refused. */
static bool
is_zero(const struct secret *z)
{
    uint8_t any = 0;

    for (size_t i = 0; i < secret_len(z); i++)
        any |= secret_data_view(z)[i];
    return any == 0;
}

/* Its uncompressed point or raw key in *ret, to be OPENSSL_freed. */
static int
peer_point(const SN_KARI *info, const struct cms_opener *opener, const struct opening *o,
           uint8_t **ret, size_t *ret_len, struct err *err)
{
    EVP_PKEY *own = X509_get0_pubkey(opener->cert);
    EVP_PKEY *peer = find_peer(info->originator, own, o);

    *ret_len = peer == NULL ? 0 : point_of(peer, ret);
    EVP_PKEY_free(peer);
    ERR_clear_error();
    if (*ret_len > 0)
        return 0;
    return err_set(err, E_MALFORMED, "the sender's key is missing, or not of the type or on the "
                   "curve of the recipient's");
}

/* What is agreed on, with whom, and how. */
struct agreement {
    const struct cms_opener *opener;
    const struct agree_scheme *scheme;
    const struct cms_wrap *wrap;
    const X509_ALGOR *wrap_alg;
    const uint8_t *point;
    size_t len;
};

/* Wrapping key from Z, content key from that. */
static int
unwrap(const SN_KARI *info, int i, const struct agree_scheme *scheme,
       const struct cms_wrap *wrap, const X509_ALGOR *wrap_alg, const struct secret *z,
       struct secret *key, struct err *err)
{
    const ASN1_OCTET_STRING *sealed = sk_SN_ENCRYPTED_KEY_value(info->keys, i)->key;
    autofree_secret struct secret *kek = secret_new(KEY_MAX);
    int rc = kek == NULL ? E_NOMEM : agree_derive(scheme, wrap, wrap_alg, info->ukm, z, kek);

    if (rc == 0)
        rc = key_unwrap(wrap, kek, ASN1_STRING_get0_data(sealed),
                        (size_t)ASN1_STRING_length(sealed), key);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "its encrypted key does not unwrap with what the "
                                      "key agreement gives");
}

/* All of it where the private key is. E_MECHANISM where that cannot be. */
static int
unwrap_there(const SN_KARI *info, int i, const struct agreement *a, struct secret *key,
             struct err *err)
{
    const ASN1_OCTET_STRING *sealed = sk_SN_ENCRYPTED_KEY_value(info->keys, i)->key;
    struct cms_agreed agreed = {.point = a->point, .point_len = a->len,
                                .digest = alg_digest_by_name(a->scheme->digest),
                                .wrapped = ASN1_STRING_get0_data(sealed),
                                .wrapped_len = (size_t)ASN1_STRING_length(sealed)};
    uint8_t *shared = NULL;
    int len, rc;

    if (a->opener->agree_unwrap == NULL || a->scheme->hkdf || a->wrap == NULL ||
        wrap_of_size(a->wrap->key) != a->wrap)
        return E_MECHANISM;
    len = agree_info(a->wrap, a->wrap_alg, info->ukm, &shared);
    if (len <= 0)
        return err_set(err, E_NOMEM, "out of memory for a key");
    agreed.kek_size = a->wrap->key;
    agreed.info = shared;
    agreed.info_len = (size_t)len;
    rc = a->opener->agree_unwrap(a->opener->arg, &agreed, key, err);
    OPENSSL_free(shared);
    return rc;
}

static int
agree(const SN_KARI *info, int i, const struct agreement *a, struct secret *key, struct err *err)
{
    autofree_secret struct secret *z = secret_new(CMS_KEY_ROOM);
    struct err second = {0};
    int rc;

    if (z == NULL)
        return err_set(err, E_NOMEM, "out of memory for a key");
    rc = a->opener->agree(a->opener->arg, a->point, a->len, z, err);
    if (rc == E_MECHANISM) {
        int there = unwrap_there(info, i, a, key, &second);
        if (there != E_MECHANISM && there != 0)
            *err = second;
        return there;
    }
    if (rc == 0 && is_zero(z))
        rc = err_set(err, E_MALFORMED, "the sender's key makes no secret");
    return rc == 0 ? unwrap(info, i, a->scheme, a->wrap, a->wrap_alg, z, key, err) : rc;
}

int
agree_open(const SN_KARI *info, int i, const struct cms_opener *opener, struct opening *o,
           struct secret *key, struct err *err)
{
    enum alg_key_type type = algid_key_type(X509_get0_pubkey(opener->cert));
    struct agreement a = {.opener = opener};
    X509_ALGOR *wrap_alg = NULL;
    uint8_t *point = NULL;
    char oid[64];
    int rc;

    algor_oid(info->alg, oid, sizeof oid);
    a.scheme = agree_scheme_by_oid(oid);
    if (!can_agree(type) || opener->agree == NULL)
        return err_set(err, E_MALFORMED, "it is for key agreement, but the certificate's key is "
                       "%s or cannot agree", alg_key_name(type));
    if (a.scheme == NULL)
        return err_set(err, E_UNSUPPORTED, "key agreement %s is not known", oid);
    rc = read_wrap(info->alg, &a.wrap, &wrap_alg, err);
    if (rc == 0 && a.wrap != NULL && a.wrap->weak) {
        o->weak = true;
        rc = o->options->allow_weak ? 0 : err_set(err, E_WEAK, "%s is weak", a.wrap->name);
    }
    if (rc == 0)
        rc = peer_point(info, opener, o, &point, &a.len, err);
    a.wrap_alg = wrap_alg;
    a.point = point;
    if (rc == 0)
        rc = agree(info, i, &a, key, err);
    OPENSSL_free(point);
    X509_ALGOR_free(wrap_alg);
    return rc;
}

static const struct agree_scheme *
choose_scheme(const struct cms_to *to, EVP_PKEY *key)
{
    enum alg_key_type type = algid_key_type(key);

    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (defaults[i].type == type && EVP_PKEY_get_bits(key) >= defaults[i].bits)
            return agree_scheme_find(defaults[i].hkdf,
                                     to->digest != NULL ? to->digest
                                                        : alg_digest_by_name(defaults[i].digest));
    return NULL;
}

/* A fresh key of the recipient's kind. */
static EVP_PKEY *
ephemeral_of(EVP_PKEY *own)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, &key) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static int
derive_z(EVP_PKEY *own, EVP_PKEY *peer, struct secret *z)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    size_t len = secret_max(z);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, secret_mutable(z), &len) == 1;

    EVP_PKEY_CTX_free(ctx);
    if (ok)
        secret_set_len(z, len);
    return ok ? 0 : E_CRYPTO;
}

/* originatorKey: the ephemeral key, parameters absent (RFC 5753, 3.1.1; RFC 8418, 3). */
static int
set_originator(SN_ORIGINATOR *o, EVP_PKEY *ephemeral)
{
    enum alg_key_type type = algid_key_type(ephemeral);
    int nid = type == ALG_KEY_EC ? NID_X9_62_id_ecPublicKey : EVP_PKEY_get_id(ephemeral);
    SN_ORIGINATOR_PUBLIC *public;
    uint8_t *point = NULL;
    size_t len = point_of(ephemeral, &point);

    public = (SN_ORIGINATOR_PUBLIC *)ASN1_item_new(ASN1_ITEM_rptr(SN_ORIGINATOR_PUBLIC));
    o->type = SN_ORIGINATOR_KEY;
    o->d.key = public;
    if (public == NULL || len == 0 ||
        X509_ALGOR_set0(public->alg, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) != 1) {
        OPENSSL_free(point);
        return E_CRYPTO;
    }
    ASN1_STRING_set0(public->key, point, (int)len);
    public->key->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7);
    public->key->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    return 0;
}

static int
set_algorithm(X509_ALGOR *out, const struct agree_scheme *scheme, const X509_ALGOR *wrap_alg)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(scheme->oid, 1);
    ASN1_STRING *packed = ASN1_item_pack((void *)(uintptr_t)wrap_alg, ASN1_ITEM_rptr(X509_ALGOR),
                                         NULL);

    if (oid != NULL && packed != NULL && X509_ALGOR_set0(out, oid, V_ASN1_SEQUENCE, packed) == 1)
        return 0;
    ASN1_OBJECT_free(oid);
    ASN1_STRING_free(packed);
    return E_NOMEM;
}

/* The one recipientEncryptedKey: whom it is for, and the wrapped key. */
static int
add_key(SN_KARI *info, const struct cms_to *to, const struct buf *sealed, struct err *err)
{
    SN_ENCRYPTED_KEY *k = (SN_ENCRYPTED_KEY *)ASN1_item_new(ASN1_ITEM_rptr(SN_ENCRYPTED_KEY));

    if (k == NULL || sk_SN_ENCRYPTED_KEY_push(info->keys, k) <= 0) {
        ASN1_item_free((ASN1_VALUE *)k, ASN1_ITEM_rptr(SN_ENCRYPTED_KEY));
        return err_set(err, E_NOMEM, "out of memory");
    }
    if (ASN1_OCTET_STRING_set(k->key, buf_data(sealed), (int)buf_len(sealed)) != 1)
        return err_set(err, E_NOMEM, "out of memory");
    if (to->ski) {
        k->rid->type = SN_RID_KEY_ID;
        k->rid->d.key_id = (SN_KEY_ID *)ASN1_item_new(ASN1_ITEM_rptr(SN_KEY_ID));
        if (k->rid->d.key_id == NULL)
            return err_set(err, E_NOMEM, "out of memory");
        ASN1_OCTET_STRING_free(k->rid->d.key_id->id);
        k->rid->d.key_id->id = NULL;
        return recipient_ski(to->cert, &k->rid->d.key_id->id, err);
    }
    k->rid->type = SN_RID_ISSUER_SERIAL;
    k->rid->d.issuer_serial = recipient_issuer_serial(to->cert);
    return k->rid->d.issuer_serial == NULL ? err_set(err, E_NOMEM, "out of memory") : 0;
}

static int
seal(EVP_PKEY *own, EVP_PKEY *ephemeral, const struct agree_scheme *scheme,
     const struct cms_wrap *wrap, const X509_ALGOR *wrap_alg, const ASN1_OCTET_STRING *ukm,
     const struct secret *key, struct buf *out)
{
    autofree_secret struct secret *z = secret_new(CMS_KEY_ROOM), *kek = secret_new(KEY_MAX);
    int rc = z == NULL || kek == NULL ? E_NOMEM : derive_z(ephemeral, own, z);

    if (rc == 0)
        rc = agree_derive(scheme, wrap, wrap_alg, ukm, z, kek);
    return rc != 0 ? rc : key_wrap(wrap, kek, key, out);
}

static int
set_ukm(SN_KARI *info, const struct cms_to *to)
{
    if (to->ukm_len == 0)
        return 0;
    info->ukm = ASN1_OCTET_STRING_new();
    return info->ukm != NULL && ASN1_OCTET_STRING_set(info->ukm, to->ukm, (int)to->ukm_len) == 1
               ? 0 : E_NOMEM;
}

static int
fill(SN_KARI *info, const struct cms_to *to, const struct agree_scheme *scheme,
     const struct secret *key, struct err *err)
{
    autofree_buf struct buf *sealed = buf_new();
    /* HMAC keys may be longer than any wrapping key */
    size_t strongest = 32, len = secret_len(key);
    const struct cms_wrap *wrap = wrap_of_size(len < strongest ? len : strongest);
    EVP_PKEY *own = X509_get0_pubkey(to->cert), *ephemeral = ephemeral_of(own);
    X509_ALGOR *wrap_alg = X509_ALGOR_new();
    int rc = sealed == NULL || wrap_alg == NULL || wrap == NULL ? E_NOMEM
             : ephemeral == NULL                                ? E_CRYPTO
                                                                : 0;

    if (rc == 0)
        rc = wrap_write(wrap, wrap_alg);
    if (rc == 0)
        rc = set_originator(info->originator, ephemeral);
    if (rc == 0)
        rc = set_algorithm(info->alg, scheme, wrap_alg);
    if (rc == 0)
        rc = set_ukm(info, to);
    if (rc == 0)
        rc = seal(own, ephemeral, scheme, wrap, wrap_alg, info->ukm, key, sealed);
    rc = rc != 0 ? err_set_ossl(err, rc, "no key agreement with its key")
                 : add_key(info, to, sealed, err);
    X509_ALGOR_free(wrap_alg);
    EVP_PKEY_free(ephemeral);
    return rc;
}

int
agree_make(const struct cms_to *to, const struct secret *key, SN_RECIPIENT **ret,
           struct err *err)
{
    EVP_PKEY *own = X509_get0_pubkey(to->cert);
    const struct agree_scheme *scheme = own == NULL ? NULL : choose_scheme(to, own);
    SN_RECIPIENT *r;
    int rc;

    if (scheme == NULL)
        return err_set(err, E_UNSUPPORTED, "nothing can be encrypted to its %s key",
                       own == NULL ? "unreadable" : alg_key_name(algid_key_type(own)));
    r = recipient_new(SN_RECIPIENT_KARI, 3);
    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    rc = fill(r->d.kari, to, scheme, key, err);
    if (rc != 0)
        SN_RECIPIENT_free(r);
    else
        *ret = r;
    return rc;
}
