/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of the Enhanced Security Services (RFC 2634, RFC 5035). */
#include "cli/describe_int.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cms/ess.h"

/* ContentHints (2.9): a description and a content type. */
bool
put_content_hints(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);
    const ASN1_TYPE *text = element_at(list, 0, V_ASN1_UTF8STRING);
    const ASN1_TYPE *type = element_at(list, text != NULL ? 1 : 0, V_ASN1_OBJECT);
    char name[DESCRIBE_NAME_MAX];

    if (type != NULL) {
        describe_oid_name(type->value.object, name);
        describe_append_string(d, object, "values", name);
        if (text != NULL)
            put_any_string(d, object, "description", text);
    }
    elements_free(list);
    return type != NULL;
}

static void
put_classification(struct describe *d, json_t *object, const ASN1_INTEGER *n)
{
    int64_t value = -1;
    const char *name = ASN1_INTEGER_get_int64(&value, n) == 1 && value >= 0 && value < INT_MAX
                           ? cms_classification_name((int)value)
                           : NULL;

    if (name != NULL)
        describe_string(d, object, "classification", name);
    else
        describe_integer(d, object, "classification", n);
    ERR_clear_error();
}

/* SecurityCategories: each a SEQUENCE { [0] OID, [1] value }. */
static void
put_categories(struct describe *d, json_t *object, const ASN1_TYPE *set)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(set);

    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++) {
        size_t len = 0;
        const uint8_t *der = value_der(sk_ASN1_TYPE_value(list, i), &len);

        if (der != NULL)
            append_hex(d, object, "categories", der, len);
    }
    elements_free(list);
}

/* ESSSecurityLabel (3.2), a SET: which element is which, its type tells. */
bool
put_label(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = value->type == V_ASN1_SET ? elements_of(value) : NULL;
    json_t *label = list == NULL ? NULL : describe_group(d, object);
    char name[DESCRIBE_NAME_MAX];

    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++) {
        const ASN1_TYPE *t = sk_ASN1_TYPE_value(list, i);

        if (t->type == V_ASN1_OBJECT) {
            describe_oid_name(t->value.object, name);
            describe_string(d, label, "policy", name);
        } else if (t->type == V_ASN1_INTEGER) {
            put_classification(d, label, t->value.integer);
        } else if (t->type == V_ASN1_SET) {
            put_categories(d, label, t);
        } else {
            put_any_string(d, label, "privacy_mark", t);
        }
    }
    elements_free(list);
    if (label == NULL)
        return false;
    describe_append(d, object, "labels", label);
    return true;
}

/* EquivalentLabels (3.4). */
bool
put_labels(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);
    bool good = list != NULL;

    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++)
        good = put_label(d, object, sk_ASN1_TYPE_value(list, i)) && good;
    elements_free(list);
    return good;
}

/* Addresses in GeneralNames (or in a tagged list of them); others by their kind. */
static void
put_names(struct describe *d, json_t *object, const char *key, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);

    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++) {
        size_t len = 0;
        const uint8_t *at = value_der(sk_ASN1_TYPE_value(list, i), &len);
        GENERAL_NAME *name = at == NULL ? NULL : d2i_GENERAL_NAME(NULL, &at, (long)len);
        json_t *room = describe_group(d, object);

        if (name != NULL && name->type == GEN_EMAIL)
            describe_text(d, room, "name", ASN1_STRING_get0_data(name->d.rfc822Name),
                          (size_t)ASN1_STRING_length(name->d.rfc822Name));
        else if (name != NULL && name->type == GEN_DIRNAME)
            describe_name(d, room, "name", name->d.directoryName);
        else
            describe_string(d, room, "name", "a name of another kind");
        describe_append_string(d, object, key, json_string_value(json_object_get(room, "name")));
        json_decref(room);
        GENERAL_NAME_free(name);
    }
    elements_free(list);
    ERR_clear_error();
}

/* ReceiptsFrom (2.7): [0] INTEGER, 0 all, 1 first tier; or [1] a list of GeneralNames. */
static void
put_receipts_from(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = context_tag(value) == 1 ? elements_of(value) : NULL;
    size_t len = 0;
    const uint8_t *der = value_der(value, &len);

    if (context_tag(value) == 0 && len == 3)
        describe_append_string(d, object, "receipts_from",
                               der[2] == 0 ? "all recipients" : "first-tier recipients");
    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++)
        put_names(d, object, "receipts_from", sk_ASN1_TYPE_value(list, i));
    elements_free(list);
}

bool
put_receipt_request(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value), *to;
    const ASN1_TYPE *id = element_at(list, 0, V_ASN1_OCTET_STRING);
    const ASN1_TYPE *receipts_to = element_at(list, 2, V_ASN1_SEQUENCE);

    if (id == NULL || sk_ASN1_TYPE_num(list) < 3) {
        elements_free(list);
        return false;
    }
    describe_octets(d, object, "content_identifier", id->value.octet_string);
    put_receipts_from(d, object, sk_ASN1_TYPE_value(list, 1));
    to = receipts_to == NULL ? NULL : elements_of(receipts_to);
    for (int i = 0; i < sk_ASN1_TYPE_num(to); i++)
        put_names(d, object, "receipts_to", sk_ASN1_TYPE_value(to, i));
    elements_free(to);
    elements_free(list);
    return true;
}

/* ContentReference (2.11): type, content identifier, signature of the original. */
bool
put_content_reference(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);
    const ASN1_TYPE *type = element_at(list, 0, V_ASN1_OBJECT);
    const ASN1_TYPE *id = element_at(list, 1, V_ASN1_OCTET_STRING);
    const ASN1_TYPE *signature = element_at(list, 2, V_ASN1_OCTET_STRING);
    char name[DESCRIBE_NAME_MAX];
    bool good = type != NULL && id != NULL && signature != NULL;

    if (good) {
        describe_oid_name(type->value.object, name);
        describe_string(d, object, "type", name);
        describe_octets(d, object, "content_identifier", id->value.octet_string);
        describe_octets(d, object, "signature", signature->value.octet_string);
    }
    elements_free(list);
    return good;
}

/* ESSCertID and ESSCertIDv2 (RFC 5035, 4): [algorithm,] hash [, issuerSerial]. */
static bool
put_cert_id(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value), *alg = NULL;
    const ASN1_TYPE *first = element_at(list, 0, V_ASN1_SEQUENCE), *oid;
    const ASN1_TYPE *hash = element_at(list, first == NULL ? 0 : 1, V_ASN1_OCTET_STRING);
    bool good = hash != NULL;

    if (good && first != NULL) {
        char name[DESCRIBE_NAME_MAX];

        alg = elements_of(first);
        oid = element_at(alg, 0, V_ASN1_OBJECT);
        if (oid != NULL) {
            describe_oid_name(oid->value.object, name);
            describe_append_string(d, object, "digests", name);
        }
    }
    if (good)
        append_hex(d, object, "values", ASN1_STRING_get0_data(hash->value.octet_string),
                   (size_t)ASN1_STRING_length(hash->value.octet_string));
    elements_free(alg);
    elements_free(list);
    return good;
}

bool
put_signing_cert(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value), *certs;
    const ASN1_TYPE *first = element_at(list, 0, V_ASN1_SEQUENCE);
    bool good;

    certs = first == NULL ? NULL : elements_of(first);
    good = sk_ASN1_TYPE_num(certs) > 0;
    for (int i = 0; good && i < sk_ASN1_TYPE_num(certs); i++)
        good = put_cert_id(d, object, sk_ASN1_TYPE_value(certs, i));
    elements_free(certs);
    elements_free(list);
    return good;
}
