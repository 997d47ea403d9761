/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/attributes.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/hex.h"
#include "cms/attr.h"
#include "cms/attributes_int.h"
#include "cms/ber.h"
#include "cms/der.h"
#include "cms/signed.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define SET (BER_SET | BER_CONSTRUCTED)
#define CONTEXT(n) (BER_CONTEXT(n) | BER_CONSTRUCTED)

int
part_cut(struct part *from, uint8_t *ret_id, struct part *ret)
{
    struct ber_header h;

    if (ber_read_header(from->data, from->len, &h) != 1 || h.length < 0 ||
        (uint64_t)h.length > from->len - h.size)
        return E_MALFORMED;
    *ret_id = from->data[0];
    *ret = (struct part){ from->data + h.size, (size_t)h.length };
    from->data += h.size + ret->len;
    from->len -= h.size + ret->len;
    return 0;
}

int
part_only(struct part from, uint8_t *ret_id, struct part *ret)
{
    int rc = part_cut(&from, ret_id, ret);

    return rc == 0 && from.len > 0 ? E_MALFORMED : rc;
}

int
attributes_find(const struct cms_signature *s, const char *oid, uint8_t *ret_id, struct part *ret)
{
    int found = 0;

    for (size_t i = 0; i < s->attribute_count; i++) {
        const struct cms_attribute *a = &s->attributes[i];
        struct part set;
        uint8_t id;

        if (!a->is_signed || strcmp(a->oid, oid) != 0)
            continue;
        if (found++ || part_only((struct part){ a->der, a->len }, &id, &set) != 0 ||
            part_only(set, ret_id, ret) != 0)
            return E_MALFORMED;
    }
    return found;
}

static int
read_capability(struct part one, struct cms_capability *ret)
{
    const uint8_t *oid = one.data, *at = oid;
    ASN1_OBJECT *object;
    struct part value;
    uint8_t id;

    if (part_cut(&one, &id, &value) != 0 || id != BER_OID)
        return E_MALFORMED;
    object = d2i_ASN1_OBJECT(NULL, &at, (long)(one.data - oid));
    ERR_clear_error();
    if (object == NULL)
        return E_MALFORMED;
    OBJ_obj2txt(ret->oid, sizeof ret->oid, object, 1);
    ASN1_OBJECT_free(object);
    ret->parameters = one.len == 0 ? NULL : one.data;
    ret->len = one.len;
    if (one.len > 0 && part_only(one, &id, &value) != 0)
        return E_MALFORMED;
    return 1;
}

int
cms_capability_at(const struct cms_signature *s, size_t i, struct cms_capability *ret)
{
    struct part list, one = { 0 };
    struct cms_capability c;
    uint8_t id;
    int rc = attributes_find(s, ATTR_CAPABILITIES, &id, &list);

    if (rc != 1)
        return rc;
    if (id != SEQUENCE)
        return E_MALFORMED;
    if (i >= CMS_CAPABILITIES_MAX)
        return E_LIMIT;
    for (size_t n = 0; n <= i; n++) {
        if (list.len == 0)
            return 0;
        if (part_cut(&list, &id, &one) != 0 || id != SEQUENCE)
            return E_MALFORMED;
    }
    rc = read_capability(one, &c);
    if (rc == 1)
        *ret = c;
    return rc;
}

static X509 *
by_key_id(struct part ski, const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(sk_X509_value(certs, i));

        if (own != NULL && (size_t)ASN1_STRING_length(own) == ski.len &&
            memcmp(ASN1_STRING_get0_data(own), ski.data, ski.len) == 0)
            return sk_X509_value(certs, i);
    }
    return NULL;
}

/* The contents of an IssuerAndSerialNumber. */
static int
by_issuer_serial(struct part names, const STACK_OF(X509) *certs, X509 **ret)
{
    const uint8_t *at = names.data, *end = at + names.len;
    X509_NAME *issuer = d2i_X509_NAME(NULL, &at, (long)names.len);
    ASN1_INTEGER *serial = issuer == NULL ? NULL : d2i_ASN1_INTEGER(NULL, &at, end - at);
    int rc = serial == NULL || at != end ? E_MALFORMED : 0;

    for (int i = 0; rc == 0 && *ret == NULL && i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        if (X509_NAME_cmp(issuer, X509_get_issuer_name(cert)) == 0 &&
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0)
            *ret = cert;
    }
    X509_NAME_free(issuer);
    ASN1_INTEGER_free(serial);
    ERR_clear_error();
    return rc;
}

int
cms_preferred_cert(const struct cms_signature *s, const STACK_OF(X509) *certs, X509 **ret)
{
    struct part value, ski;
    X509 *found = NULL;
    uint8_t id;
    int rc = attributes_find(s, ATTR_KEY_PREFERENCE, &id, &value);

    if (rc != 1)
        return rc;
    rc = 0;
    if (id == CONTEXT(0))
        rc = by_issuer_serial(value, certs, &found);
    else if (id == CONTEXT(1) && part_cut(&value, &id, &ski) == 0 && id == BER_OCTET_STRING)
        found = by_key_id(ski, certs);
    else if (id == BER_CONTEXT(2))
        found = by_key_id(value, certs);
    else
        rc = E_MALFORMED;
    if (rc != 0)
        return rc;
    if (found != NULL)
        *ret = found;
    return found != NULL;
}

/* Appends Attribute: its type, and a SET of the one value. */
static int
add_value(STACK_OF(X509_ATTRIBUTE) **attrs, const char *oid, const uint8_t *der, size_t len)
{
    autofree_buf struct buf *inside = buf_new(), *whole = buf_new();
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_ATTRIBUTE *attr = NULL;
    const uint8_t *at;
    int rc = inside == NULL || whole == NULL || *attrs == NULL ? E_NOMEM : 0;

    if (object == NULL)
        rc = E_USAGE;
    if (rc == 0)
        rc = der_put(inside, BER_OID, OBJ_get0_data(object), OBJ_length(object));
    if (rc == 0)
        rc = der_put(inside, SET, der, len);
    if (rc == 0)
        rc = der_put(whole, SEQUENCE, buf_data(inside), buf_len(inside));
    ASN1_OBJECT_free(object);
    if (rc != 0)
        return rc;
    at = buf_data(whole);
    attr = d2i_X509_ATTRIBUTE(NULL, &at, (long)buf_len(whole));
    if (attr == NULL || sk_X509_ATTRIBUTE_push(*attrs, attr) <= 0) {
        X509_ATTRIBUTE_free(attr);
        return E_USAGE;
    }
    return 0;
}

static int
put_capability(const char *text, struct buf *out)
{
    autofree_buf struct buf *one = buf_new();
    const char *blank = strchrnul(text, ' ');
    char oid[CMS_OID_MAX];
    uint8_t parameters[CMS_CAPABILITY_MAX];
    size_t len = 0;
    ASN1_OBJECT *object;
    int rc = one == NULL ? E_NOMEM : 0;

    if (rc == 0 && *blank != '\0')
        rc = hex_decode(blank + 1, strlen(blank + 1), parameters, sizeof parameters, &len);
    if (rc != 0 || (size_t)(blank - text) >= sizeof oid)
        return rc != E_NOMEM ? E_USAGE : rc;
    memcpy(oid, text, (size_t)(blank - text));
    oid[blank - text] = '\0';
    object = OBJ_txt2obj(oid, 1);
    rc = object == NULL ? E_USAGE : 0;
    if (rc == 0)
        rc = der_put(one, BER_OID, OBJ_get0_data(object), OBJ_length(object));
    if (rc == 0)
        rc = buf_put(one, parameters, len);
    if (rc == 0)
        rc = der_put(out, SEQUENCE, buf_data(one), buf_len(one));
    ASN1_OBJECT_free(object);
    return rc;
}

static int
add_capabilities(STACK_OF(X509_ATTRIBUTE) **attrs, const char *const *oids, struct err *err)
{
    autofree_buf struct buf *list = buf_new(), *value = buf_new();
    int rc = list == NULL || value == NULL ? E_NOMEM : 0;

    for (size_t i = 0; rc == 0 && oids[i] != NULL; i++) {
        rc = i == CMS_CAPABILITIES_MAX ? E_LIMIT : put_capability(oids[i], list);
        if (rc != 0)
            return err_set_ossl(err, rc, "signing: capability %zu (%s) is no OID in dotted form, "
                                "or one too many", i, oids[i]);
    }
    if (rc == 0)
        rc = der_put(value, SEQUENCE, buf_data(list), buf_len(list));
    if (rc == 0)
        rc = add_value(attrs, ATTR_CAPABILITIES, buf_data(value), buf_len(value));
    return rc == 0 ? 0 : err_set_ossl(err, rc, "signing: cannot encode SMIMECapabilities");
}

/* As [0] IssuerAndSerialNumber, which every reader knows. */
static int
add_preference(STACK_OF(X509_ATTRIBUTE) **attrs, const X509 *cert, struct err *err)
{
    autofree_buf struct buf *names = buf_new(), *value = buf_new();
    uint8_t *issuer = NULL, *serial = NULL;
    int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    int rc = names == NULL || value == NULL || issuer_len <= 0 || serial_len <= 0 ? E_NOMEM : 0;

    if (rc == 0)
        rc = buf_put(names, issuer, (size_t)issuer_len);
    if (rc == 0)
        rc = buf_put(names, serial, (size_t)serial_len);
    if (rc == 0)
        rc = der_put(value, CONTEXT(0), buf_data(names), buf_len(names));
    if (rc == 0)
        rc = add_value(attrs, ATTR_KEY_PREFERENCE, buf_data(value), buf_len(value));
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "signing: cannot encode "
                                      "sMIMEEncryptionKeyPreference");
}

/* There already, or only the library may write it, or only unsigned (RFC 5652, 11). */
static bool
is_taken(const STACK_OF(X509_ATTRIBUTE) *attrs, const char *oid)
{
    static const char *const own[] = {
        ATTR_CONTENT_TYPE, ATTR_MESSAGE_DIGEST, ATTR_SIGNING_TIME, ATTR_COUNTERSIGNATURE,
        ATTR_PROTECTION, ATTR_SIGNING_CERT, ATTR_SIGNING_CERT_V2,
    };
    const ASN1_TYPE *value = NULL;

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], oid) == 0)
            return true;
    return attr_get(attrs, oid, 0, &value) != 0;
}

static int
add_given(STACK_OF(X509_ATTRIBUTE) **attrs, const struct cms_new_attribute *a, struct err *err)
{
    autofree_buf struct buf *der = buf_new();
    ASN1_OBJECT *object = OBJ_txt2obj(a->oid, 1);
    char oid[CMS_OID_MAX] = "";
    int rc;

    /* "01.2" is 1.2, too */
    if (object != NULL)
        OBJ_obj2txt(oid, sizeof oid, object, 1);
    ASN1_OBJECT_free(object);
    ERR_clear_error();
    if (der == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    if (*oid == '\0')
        return err_set(err, E_USAGE, "signing: attribute %s is no OID in dotted form", a->oid);
    if (is_taken(*attrs, oid))
        return err_set(err, E_USAGE, "signing: attribute %s is written by itself, or given twice",
                       oid);
    if (der_normalize(a->der, a->len, der) != 0 || buf_len(der) != a->len ||
        memcmp(buf_data(der), a->der, a->len) != 0)
        return err_set(err, E_USAGE, "signing: the value of attribute %s is not one DER element",
                       oid);
    rc = add_value(attrs, oid, a->der, a->len);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "signing: cannot encode attribute %s", oid);
}

int
attributes_add(STACK_OF(X509_ATTRIBUTE) **attrs, const struct cms_signer *signer,
               struct err *err)
{
    int rc = 0;

    if (signer->attribute_count > CMS_NEW_ATTRIBUTES_MAX)
        return err_set(err, E_LIMIT, "signing: more than %d attributes", CMS_NEW_ATTRIBUTES_MAX);
    if (signer->capabilities != NULL)
        rc = add_capabilities(attrs, signer->capabilities, err);
    if (rc == 0 && signer->preferred != NULL)
        rc = add_preference(attrs, signer->preferred, err);
    for (size_t i = 0; rc == 0 && i < signer->attribute_count; i++)
        rc = add_given(attrs, &signer->attributes[i], err);
    return rc;
}
