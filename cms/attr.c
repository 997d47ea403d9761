/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/attr.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/der.h"

static void
oid_text(const X509_ATTRIBUTE *attr, char out[ATTR_OID_MAX])
{
    /* libcrypto's function takes no const, and changes nothing */
    OBJ_obj2txt(out, ATTR_OID_MAX, X509_ATTRIBUTE_get0_object((X509_ATTRIBUTE *)(uintptr_t)attr),
                1);
}

/* data and len as X509_ATTRIBUTE_set1_data takes them. */
static int
add(STACK_OF(X509_ATTRIBUTE) **attrs, const char *oid, int type, const void *data, int len)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_ATTRIBUTE *attr = NULL;

    if (object != NULL)
        attr = X509_ATTRIBUTE_create_by_OBJ(NULL, object, type, data, len);
    ASN1_OBJECT_free(object);
    if (*attrs == NULL)
        *attrs = sk_X509_ATTRIBUTE_new_null();
    if (attr == NULL || *attrs == NULL || sk_X509_ATTRIBUTE_push(*attrs, attr) <= 0) {
        X509_ATTRIBUTE_free(attr);
        return E_NOMEM;
    }
    return 0;
}

int
attr_add_content_type(STACK_OF(X509_ATTRIBUTE) **attrs, const ASN1_OBJECT *type)
{
    return add(attrs, ATTR_CONTENT_TYPE, V_ASN1_OBJECT, type, -1);
}

/* UTCTime up to 2049, then GeneralizedTime (RFC 5652, 11.3). */
int
attr_add_signing_time(STACK_OF(X509_ATTRIBUTE) **attrs, time_t when)
{
    ASN1_TIME *t = ASN1_TIME_set(NULL, when);
    int rc = t == NULL ? E_CRYPTO : add(attrs, ATTR_SIGNING_TIME, ASN1_STRING_type(t), t, -1);

    ASN1_TIME_free(t);
    return rc;
}

int
attr_add_digest(STACK_OF(X509_ATTRIBUTE) **attrs, const uint8_t *digest, size_t len)
{
    return add(attrs, ATTR_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, digest, (int)len);
}

static int
add_sequence(STACK_OF(X509_ATTRIBUTE) **attrs, const char *oid, uint8_t *der, int len)
{
    int rc = len <= 0 ? E_NOMEM : add(attrs, oid, V_ASN1_SEQUENCE, der, len);

    OPENSSL_free(der);
    return rc;
}

static int
add_protection(STACK_OF(X509_ATTRIBUTE) **attrs, SN_PROTECTION *p)
{
    uint8_t *der = NULL;
    int len = i2d_SN_PROTECTION(p, &der);

    return add_sequence(attrs, ATTR_PROTECTION, der, len);
}

int
attr_add_protection(STACK_OF(X509_ATTRIBUTE) **attrs, X509_ALGOR *digest, X509_ALGOR *sig)
{
    return add_protection(attrs, &(SN_PROTECTION){ .digest_alg = digest, .sig_alg = sig });
}

int
attr_add_mac_protection(STACK_OF(X509_ATTRIBUTE) **attrs, X509_ALGOR *digest, X509_ALGOR *mac)
{
    return add_protection(attrs, &(SN_PROTECTION){ .digest_alg = digest, .mac_alg = mac });
}

/* ESSCertIDv2 with SHA-256, which is its default and so not written, and without
 * issuerSerial, which the hash makes superfluous. */
int
attr_add_signing_cert(STACK_OF(X509_ATTRIBUTE) **attrs, const uint8_t *cert, size_t cert_len)
{
    SN_ESS_V2 *ess = SN_ESS_V2_new();
    SN_ESS_CERT_ID *id = calloc(1, sizeof *id);
    uint8_t hash[EVP_MAX_MD_SIZE], *der = NULL;
    unsigned hash_len;
    int len = 0;

    if (ess != NULL && id != NULL)
        id->hash = ASN1_OCTET_STRING_new();
    if (ess != NULL && id != NULL && id->hash != NULL &&
        EVP_Digest(cert, cert_len, hash, &hash_len, EVP_sha256(), NULL) == 1 &&
        ASN1_OCTET_STRING_set(id->hash, hash, (int)hash_len) == 1 &&
        sk_SN_ESS_CERT_ID_push(ess->certs, id) > 0) {
        len = i2d_SN_ESS_V2(ess, &der);
        (void)sk_SN_ESS_CERT_ID_pop(ess->certs);
    }
    if (id != NULL)
        ASN1_OCTET_STRING_free(id->hash);
    free(id);
    SN_ESS_V2_free(ess);
    return add_sequence(attrs, ATTR_SIGNING_CERT_V2, der, len);
}

/* Finds the only attribute of that type: 1, 0, or E_MALFORMED. */
static int
find(const STACK_OF(X509_ATTRIBUTE) *attrs, const char *oid, X509_ATTRIBUTE **ret)
{
    char text[ATTR_OID_MAX];
    int found = 0;

    for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++) {
        oid_text(sk_X509_ATTRIBUTE_value(attrs, i), text);
        if (strcmp(text, oid) != 0)
            continue;
        if (found++)
            return E_MALFORMED;
        *ret = sk_X509_ATTRIBUTE_value(attrs, i);
    }
    return found;
}

int
attr_get(const STACK_OF(X509_ATTRIBUTE) *attrs, const char *oid, int type, const ASN1_TYPE **ret)
{
    X509_ATTRIBUTE *attr = NULL;
    const ASN1_TYPE *value;
    int rc = find(attrs, oid, &attr);

    if (rc <= 0)
        return rc;
    value = X509_ATTRIBUTE_count(attr) == 1 ? X509_ATTRIBUTE_get0_type(attr, 0) : NULL;
    if (value == NULL || (type != 0 && value->type != type))
        return E_MALFORMED;
    *ret = value;
    return 1;
}

int
attr_set_digest(STACK_OF(X509_ATTRIBUTE) *attrs, const uint8_t *digest, size_t len)
{
    const ASN1_TYPE *value = NULL;
    int rc = attr_get(attrs, ATTR_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, &value);

    if (rc != 1 || ASN1_OCTET_STRING_set(value->value.octet_string, digest, (int)len) != 1)
        return E_INTERNAL;
    return 0;
}

int
attr_get_time(const STACK_OF(X509_ATTRIBUTE) *attrs, time_t *ret)
{
    const ASN1_TYPE *value = NULL;
    struct tm tm = { 0 };
    int rc = attr_get(attrs, ATTR_SIGNING_TIME, 0, &value);

    if (rc <= 0)
        return rc;
    if (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME)
        return E_MALFORMED;
    if (ASN1_TIME_to_tm(value->value.asn1_string, &tm) != 1)
        return E_MALFORMED;
    *ret = timegm(&tm);
    return 1;
}

int
attr_put_signed_der(const STACK_OF(X509_ATTRIBUTE) *attrs, struct buf *out)
{
    uint8_t *set = NULL;
    int len = i2d_SN_ATTRIBUTES(attrs, &set), rc;

    if (len <= 0)
        return E_NOMEM;
    rc = der_normalize(set, (size_t)len, out);
    OPENSSL_free(set);
    return rc;
}
