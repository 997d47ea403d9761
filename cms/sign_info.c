/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cms/algid.h"
#include "cms/attr.h"
#include "cms/attributes_int.h"
#include "cms/sign_int.h"

/* SignerInfo's versions: by issuerAndSerialNumber, by SKI (RFC 5652, 5.3). */
#define VERSION_ISSUER_SERIAL 1
#define VERSION_SKI 3

static int
check_scheme(const struct cms_signer *signer, const struct cms_certificate *cert, bool attributes,
             struct err *err)
{
    const struct alg_sig *scheme = signer->scheme;
    enum alg_key_type type = cms_certificate_key_type(cert);
    int bits = cms_certificate_key_bits(cert);

    if (bits == 0)
        return err_set_ossl(err, E_UNSUPPORTED, "signing: the certificate's key cannot be used");
    if (type != scheme->key)
        return err_set(err, E_USAGE, "signing: %s does not fit the certificate's key, which is "
                       "%s", scheme->name, alg_key_name(type));
    if (scheme->key == ALG_KEY_DSA || (scheme->digest != NULL && scheme->digest->weak))
        return err_set(err, E_WEAK, "signing: %s is too weak; use SHA-256 or better",
                       scheme->name);
    if (algid_is_weak(type, bits))
        return err_set(err, E_WEAK, "signing: a key of %d bits is too weak; use RSA of 2048 "
                       "bits or more", bits);
    if (!attributes && (signer->capabilities != NULL || signer->preferred != NULL ||
                        signer->attribute_count > 0))
        return err_set(err, E_USAGE, "signing: attributes are wanted, and none are to be signed");
    if (scheme->digest == NULL && !attributes)
        return err_set(err, E_UNSUPPORTED, "signing: %s without signed attributes would need "
                       "the whole content in memory", scheme->name);
    return 0;
}

static int
set_sid(SN_SIGNER_INFO *info, const struct cms_signer *signer, const struct cms_certificate *cert,
        struct err *err)
{
    SN_ISSUER_SERIAL *is;
    const ASN1_OCTET_STRING *ski;

    /* template's new made neither: the choice is open */
    if (signer->ski) {
        ski = cms_certificate_ski(cert);
        if (ski == NULL)
            return err_set(err, E_USAGE, "signing: the certificate has no subjectKeyIdentifier "
                           "to be named by");
        info->sid->type = SN_SID_SKI;
        info->sid->d.ski = ASN1_OCTET_STRING_dup(ski);
        return info->sid->d.ski == NULL ? E_NOMEM : 0;
    }
    is = (SN_ISSUER_SERIAL *)ASN1_item_new(SN_ISSUER_SERIAL_it());
    if (is == NULL)
        return E_NOMEM;
    info->sid->type = SN_SID_ISSUER_SERIAL;
    info->sid->d.issuer_serial = is;
    ASN1_INTEGER_free(is->serial);
    is->serial = ASN1_INTEGER_dup(cms_certificate_serial(cert));
    if (is->serial == NULL ||
        X509_NAME_set(&is->issuer, cms_certificate_issuer(cert)) != 1)
        return E_NOMEM;
    return 0;
}

/* In place of the signature, zeroes of its size. */
static int
set_placeholder(struct signing *s)
{
    size_t size = cms_certificate_signature_size(s->cert);

    s->size_known = size > 0;
    if (!s->size_known)
        return 0;
    if (ASN1_STRING_set(s->info->signature, NULL, (int)size) != 1)
        return E_NOMEM;
    memset(s->info->signature->data, 0, size);
    return 0;
}

static int
add_attributes(struct signing *s, time_t when, const ASN1_OBJECT *content_type)
{
    static const uint8_t zeroes[CMS_DIGEST_SIZE_MAX];
    SN_SIGNER_INFO *info = s->info;
    size_t len;
    const uint8_t *cert = cms_certificate_der(s->cert, &len);
    int rc = content_type == NULL ? 0 : attr_add_content_type(&info->signed_attrs, content_type);

    if (rc == 0 && when != CMS_TIME_NONE)
        rc = attr_add_signing_time(&info->signed_attrs, when);
    if (rc == 0)
        rc = attr_add_digest(&info->signed_attrs, zeroes, s->digest->size);
    if (rc == 0)
        rc = attr_add_protection(&info->signed_attrs, info->digest_alg, info->sig_alg);
    if (rc == 0)
        rc = attr_add_signing_cert(&info->signed_attrs, cert, len);
    return rc;
}

static int
read_certificate(struct signing *s, const struct cms_signer *signer, struct err *err)
{
    int rc = 0;

    if (signer->certificate == NULL)
        rc = cms_certificate_from_x509(&s->own_cert, signer->cert, err);
    s->cert = signer->certificate != NULL ? signer->certificate : s->own_cert;
    return rc;
}

int
signing_prepare(struct signing *s, const struct cms_signer *signer,
                const struct cms_sign_options *options, const ASN1_OBJECT *content_type,
                struct err *err)
{
    int rc = read_certificate(s, signer, err);

    if (rc == 0)
        rc = check_scheme(signer, s->cert, !options->no_attributes, err);
    if (rc != 0)
        return rc;
    s->signer = signer;
    s->digest = cms_scheme_digest(signer->scheme);
    s->info = SN_SIGNER_INFO_new();
    if (s->info == NULL || s->digest == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    rc = set_sid(s->info, signer, s->cert, err);
    if (rc == 0 && ASN1_INTEGER_set(s->info->version, signer->ski ? VERSION_SKI
                                                                  : VERSION_ISSUER_SERIAL) != 1)
        rc = E_NOMEM;
    if (rc == 0)
        rc = algid_write_digest(s->digest, s->info->digest_alg);
    if (rc == 0)
        rc = algid_write_sig(signer->scheme, s->info->sig_alg);
    if (rc == 0 && !options->no_attributes)
        rc = add_attributes(s, options->signing_time, content_type);
    if (rc == 0 && !options->no_attributes) {
        rc = attributes_add(&s->info->signed_attrs, signer, err);
        if (rc != 0)
            return rc;
    }
    if (rc == 0)
        rc = set_placeholder(s);
    return rc == 0 || rc == E_USAGE ? rc
                                    : err_set_ossl(err, rc, "signing: cannot prepare %s",
                                                   signer->scheme->name);
}

void
signing_clear(struct signing *s)
{
    SN_SIGNER_INFO_free(s->info);
    s->info = NULL;
    cms_certificate_free(&s->own_cert);
    s->cert = NULL;
}

/* What the callback gets: attributes or their digest, or the content's digest. */
static int
put_message(struct signing *s, const uint8_t *digest, size_t len, struct buf *out)
{
    autofree_buf struct buf *attrs = buf_new();
    const struct alg_digest *d = s->signer->scheme->digest;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    EVP_MD *md;
    int rc;

    if (attrs == NULL)
        return E_NOMEM;
    if (s->info->signed_attrs == NULL)
        return buf_put(out, digest, len);
    rc = attr_set_digest(s->info->signed_attrs, digest, len);
    if (rc == 0)
        rc = attr_put_signed_der(s->info->signed_attrs, d == NULL ? out : attrs);
    if (rc != 0 || d == NULL)
        return rc;
    md = EVP_MD_fetch(NULL, d->ossl, NULL);
    if (md == NULL || EVP_Digest(buf_data(attrs), buf_len(attrs), hash, &hash_len, md, NULL) != 1)
        rc = E_CRYPTO;
    EVP_MD_free(md);
    return rc != 0 ? rc : buf_put(out, hash, hash_len);
}

/* Nothing leaves that the recipient would find bad. */
static int
check_own(const struct signing *s, const struct buf *message, const struct buf *sig,
          struct err *err)
{
    struct algid_sig algorithm = algid_of_scheme(s->signer->scheme);
    EVP_PKEY *key = cms_certificate_key(s->cert);
    struct err why = { 0 };
    int rc = key == NULL ? 0 : algid_verify(key, &algorithm, buf_data(message),
                          buf_len(message), buf_data(sig), buf_len(sig), &why);

    if (rc == 1)
        return 0;
    return err_set(err, E_TOKEN, "signing: what the key's holder returned (%zu bytes) is no "
                   "valid %s signature of the certificate's key; check that key and "
                   "certificate belong together, and the token's driver", buf_len(sig),
                   s->signer->scheme->name);
}

/* Has libcrypto fetch all that check_own needs: as long as a token's signature takes. */
static void
prepare_check(void *signing)
{
    struct signing *s = signing;
    EVP_PKEY *key = cms_certificate_key(s->cert);
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;

    if (ctx != NULL)
        (void)EVP_PKEY_verify_init(ctx);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
}

int
signing_sign(struct signing *s, const struct cms_digests *digests, struct err *err)
{
    autofree_buf struct buf *message = buf_new(), *sig = buf_new();
    const struct cms_signer *signer = s->signer;
    uint8_t digest[CMS_DIGEST_SIZE_MAX];
    size_t len = 0;
    int rc = cms_digests_get(digests, s->digest, digest, &len, err);

    if (rc != 0)
        return rc;
    if (message == NULL || sig == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    rc = put_message(s, digest, len, message);
    if (rc != 0)
        return err_set_ossl(err, rc, "signing: cannot make what is to be signed");
    if (signer->meanwhile != NULL)
        signer->meanwhile(signer->arg, prepare_check, s);
    rc = signer->sign(signer->arg, signer->scheme, buf_data(message), buf_len(message), sig, err);
    if (rc == 0)
        rc = check_own(s, message, sig, err);
    if (rc != 0)
        return rc;
    if (ASN1_OCTET_STRING_set(s->info->signature, buf_data(sig), (int)buf_len(sig)) != 1)
        return err_set(err, E_NOMEM, "signing: out of memory");
    return 0;
}

int
signing_put(const struct signing *s, struct buf *out)
{
    uint8_t *der = NULL;
    int len = i2d_SN_SIGNER_INFO(s->info, &der), rc;

    if (len <= 0)
        return E_NOMEM;
    rc = buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    return rc;
}
