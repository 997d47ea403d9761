/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/cipher.h"

#include <string.h>
#include <strings.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/attr.h"

/* Shortest tags taken, bytes: RFC 5084, 3.2 for GCM; for CCM half of what it could be,
 * since shorter ones are within reach of guessing. */
#define GCM_TAG_MIN 12
#define CCM_TAG_MIN 8
/* CCM's nonce, bytes (RFC 5084, 3.1); what it leaves of 15 counts the content. */
#define CCM_NONCE_MIN 7
#define CCM_NONCE_MAX 13

#define AES "2.16.840.1.101.3.4.1."

static const struct cms_cipher ciphers[] = {
    { "aes128-cbc", "AES-128-CBC", AES "2", CMS_MODE_CBC, 16, 16, 0, false },
    { "aes192-cbc", "AES-192-CBC", AES "22", CMS_MODE_CBC, 24, 16, 0, false },
    { "aes256-cbc", "AES-256-CBC", AES "42", CMS_MODE_CBC, 32, 16, 0, false },
    { "aes128-gcm", "AES-128-GCM", AES "6", CMS_MODE_GCM, 16, 12, 16, false },
    { "aes192-gcm", "AES-192-GCM", AES "26", CMS_MODE_GCM, 24, 12, 16, false },
    { "aes256-gcm", "AES-256-GCM", AES "46", CMS_MODE_GCM, 32, 12, 16, false },
    { "aes128-ccm", "AES-128-CCM", AES "7", CMS_MODE_CCM, 16, 12, 16, false },
    { "aes192-ccm", "AES-192-CCM", AES "27", CMS_MODE_CCM, 24, 12, 16, false },
    { "aes256-ccm", "AES-256-CCM", AES "47", CMS_MODE_CCM, 32, 12, 16, false },
    { "chacha20-poly1305", "ChaCha20-Poly1305", "1.2.840.113549.1.9.16.3.18", CMS_MODE_CHACHA,
      32, 12, 16, false },
    { "3des-cbc", "DES-EDE3-CBC", "1.2.840.113549.3.7", CMS_MODE_CBC, 24, 8, 0, true },
    { "rc2-cbc", "RC2-CBC", "1.2.840.113549.3.2", CMS_MODE_CBC, 0, 8, 0, true },
};

static const struct cms_wrap wraps[] = {
    { "aes128-wrap", "AES-128-WRAP", AES "5", 16, false },
    { "aes192-wrap", "AES-192-WRAP", AES "25", 24, false },
    { "aes256-wrap", "AES-256-WRAP", AES "45", 32, false },
    { "aes128-wrap-pad", "AES-128-WRAP-PAD", AES "8", 16, false },
    { "aes192-wrap-pad", "AES-192-WRAP-PAD", AES "28", 24, false },
    { "aes256-wrap-pad", "AES-256-WRAP-PAD", AES "48", 32, false },
    { "3des-wrap", "DES3-WRAP", "1.2.840.113549.1.9.16.3.6", 24, true },
};

/* rc2ParameterVersion of effective key bits under 256 (RFC 3370, 5.2). */
static const struct {
    int64_t version;
    int bits;
} rc2_versions[] = { { 160, 40 }, { 120, 64 }, { 58, 128 } };

/* GCMParameters and CCMParameters (RFC 5084, 3.1 and 3.2). */
typedef struct {
    ASN1_OCTET_STRING *nonce;
    ASN1_INTEGER *icv_len;    /* NULL: 12 */
} SN_AEAD;

ASN1_SEQUENCE(SN_AEAD) = {
    ASN1_SIMPLE(SN_AEAD, nonce, ASN1_OCTET_STRING),
    ASN1_OPT(SN_AEAD, icv_len, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(SN_AEAD)

/* RC2CBCParameter (RFC 3370, 5.2). */
typedef struct {
    ASN1_INTEGER *version;
    ASN1_OCTET_STRING *iv;
} SN_RC2;

ASN1_SEQUENCE(SN_RC2) = {
    ASN1_SIMPLE(SN_RC2, version, ASN1_INTEGER),
    ASN1_SIMPLE(SN_RC2, iv, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SN_RC2)

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct cms_cipher *
cms_cipher_at(size_t i)
{
    return i < COUNT(ciphers) ? &ciphers[i] : NULL;
}

const struct cms_cipher *
cms_cipher_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(ciphers); i++)
        if (strcasecmp(ciphers[i].name, name) == 0)
            return &ciphers[i];
    return NULL;
}

const struct cms_wrap *
cms_wrap_at(size_t i)
{
    return i < COUNT(wraps) ? &wraps[i] : NULL;
}

const struct cms_wrap *
cms_wrap_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(wraps); i++)
        if (strcasecmp(wraps[i].name, name) == 0)
            return &wraps[i];
    return NULL;
}

void
algor_oid(const X509_ALGOR *alg, char *out, size_t max)
{
    const ASN1_OBJECT *oid;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    OBJ_obj2txt(out, (int)max, oid, 1);
}

/* An initialisation vector or nonce of a length that the mode takes. */
static int
read_iv(struct cipher_params *p, const ASN1_OCTET_STRING *iv, size_t min, size_t max)
{
    int len = ASN1_STRING_length(iv);

    if (len < (int)min || len > (int)max)
        return E_MALFORMED;
    memcpy(p->iv, ASN1_STRING_get0_data(iv), (size_t)len);
    p->iv_len = (size_t)len;
    return 0;
}

static int
read_aead(struct cipher_params *p, const ASN1_STRING *packed)
{
    bool ccm = p->cipher->mode == CMS_MODE_CCM;
    SN_AEAD *aead = ASN1_item_unpack(packed, ASN1_ITEM_rptr(SN_AEAD));
    int64_t tag = 12;
    int rc = E_MALFORMED;

    if (aead != NULL &&
        (aead->icv_len == NULL || ASN1_INTEGER_get_int64(&tag, aead->icv_len) == 1))
        rc = read_iv(p, aead->nonce, ccm ? CCM_NONCE_MIN : 1,
                     ccm ? CCM_NONCE_MAX : CIPHER_IV_MAX);
    ASN1_item_free((ASN1_VALUE *)aead, ASN1_ITEM_rptr(SN_AEAD));
    if (rc != 0 || tag < (ccm ? CCM_TAG_MIN : GCM_TAG_MIN) || tag > CIPHER_TAG_MAX ||
        (ccm && tag % 2 != 0))
        return E_MALFORMED;
    p->tag_len = (size_t)tag;
    return 0;
}

static int
read_rc2(struct cipher_params *p, const ASN1_STRING *packed)
{
    SN_RC2 *rc2 = ASN1_item_unpack(packed, ASN1_ITEM_rptr(SN_RC2));
    int64_t version = 0;
    int rc = E_MALFORMED;

    if (rc2 != NULL && ASN1_INTEGER_get_int64(&version, rc2->version) == 1)
        rc = read_iv(p, rc2->iv, p->cipher->iv, p->cipher->iv);
    ASN1_item_free((ASN1_VALUE *)rc2, ASN1_ITEM_rptr(SN_RC2));
    for (size_t i = 0; rc == 0 && i < COUNT(rc2_versions); i++)
        if (rc2_versions[i].version == version)
            p->rc2_bits = rc2_versions[i].bits;
    p->key_len = (size_t)p->rc2_bits / 8;
    return rc == 0 && p->rc2_bits == 0 ? E_UNSUPPORTED : rc;
}

static int
read_params(struct cipher_params *p, int type, const void *value)
{
    bool packed = p->cipher->mode == CMS_MODE_GCM || p->cipher->mode == CMS_MODE_CCM;

    if (packed)
        return type == V_ASN1_SEQUENCE ? read_aead(p, value) : E_MALFORMED;
    if (p->cipher->key == 0)
        return type == V_ASN1_SEQUENCE ? read_rc2(p, value) : E_MALFORMED;
    return type == V_ASN1_OCTET_STRING ? read_iv(p, value, p->cipher->iv, p->cipher->iv)
                                       : E_MALFORMED;
}

int
cipher_read(const X509_ALGOR *alg, struct cipher_params *ret, struct err *err)
{
    struct cipher_params p = { 0 };
    char oid[ATTR_OID_MAX];
    const void *value;
    int type, rc;

    algor_oid(alg, oid, sizeof oid);
    for (size_t i = 0; i < COUNT(ciphers); i++)
        if (strcmp(ciphers[i].oid, oid) == 0)
            p.cipher = &ciphers[i];
    if (p.cipher == NULL)
        return err_set(err, E_UNSUPPORTED, "content encryption %s is not known", oid);
    p.key_len = p.cipher->key;
    p.tag_len = p.cipher->tag;
    X509_ALGOR_get0(NULL, &type, &value, alg);
    rc = read_params(&p, type, value);
    ERR_clear_error();
    if (rc != 0)
        return err_set(err, rc, "%s with parameters that it cannot have", p.cipher->name);
    *ret = p;
    return 0;
}

static ASN1_STRING *
pack_aead(const struct cipher_params *p)
{
    SN_AEAD *aead = (SN_AEAD *)ASN1_item_new(ASN1_ITEM_rptr(SN_AEAD));
    ASN1_STRING *packed = NULL;
    bool ok = aead != NULL && ASN1_OCTET_STRING_set(aead->nonce, p->iv, (int)p->iv_len) == 1;

    if (ok && p->tag_len != 12) {
        aead->icv_len = ASN1_INTEGER_new();
        ok = aead->icv_len != NULL && ASN1_INTEGER_set(aead->icv_len, (long)p->tag_len) == 1;
    }
    if (ok)
        ASN1_item_pack(aead, ASN1_ITEM_rptr(SN_AEAD), &packed);
    ASN1_item_free((ASN1_VALUE *)aead, ASN1_ITEM_rptr(SN_AEAD));
    return packed;
}

static ASN1_STRING *
pack_iv(const struct cipher_params *p)
{
    ASN1_OCTET_STRING *iv = ASN1_OCTET_STRING_new();

    if (iv != NULL && ASN1_OCTET_STRING_set(iv, p->iv, (int)p->iv_len) == 1)
        return iv;
    ASN1_OCTET_STRING_free(iv);
    return NULL;
}

/* Sets an algorithm by its dotted OID; takes value. */
static int
set_algor(X509_ALGOR *out, const char *oid, int type, ASN1_STRING *value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);

    if (object != NULL && X509_ALGOR_set0(out, object, type, value) == 1)
        return 0;
    ASN1_OBJECT_free(object);
    ASN1_STRING_free(value);
    return E_NOMEM;
}

int
cipher_write(const struct cipher_params *p, X509_ALGOR *out)
{
    bool packed = p->cipher->mode == CMS_MODE_GCM || p->cipher->mode == CMS_MODE_CCM;
    ASN1_STRING *value = packed ? pack_aead(p) : pack_iv(p);

    if (value == NULL)
        return E_NOMEM;
    return set_algor(out, p->cipher->oid, packed ? V_ASN1_SEQUENCE : V_ASN1_OCTET_STRING, value);
}

/* AES key wrap has no parameters (RFC 3565, 2.3.2), but some write NULL, which
 * 3DES must have (RFC 3370, 4.3.1). */
const struct cms_wrap *
wrap_read(const X509_ALGOR *alg)
{
    char oid[ATTR_OID_MAX];
    int type;

    algor_oid(alg, oid, sizeof oid);
    X509_ALGOR_get0(NULL, &type, NULL, alg);
    for (size_t i = 0; i < COUNT(wraps); i++)
        if (strcmp(wraps[i].oid, oid) == 0)
            return type == V_ASN1_UNDEF || type == V_ASN1_NULL ? &wraps[i] : NULL;
    return NULL;
}

int
wrap_write(const struct cms_wrap *wrap, X509_ALGOR *out)
{
    return set_algor(out, wrap->oid, V_ASN1_UNDEF, NULL);
}

const struct cms_wrap *
wrap_of_size(size_t key_len)
{
    for (size_t i = 0; i < COUNT(wraps); i++)
        if (wraps[i].key == key_len && !wraps[i].weak)
            return &wraps[i];
    return NULL;
}
