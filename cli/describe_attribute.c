/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes: one row for each that is known, hex for all others. */
#include "cli/describe_int.h"

#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>

/* Countersignatures and time stamps within each other, at most. */
#define NESTED_MAX 3

static bool
put_oid(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    char name[DESCRIBE_NAME_MAX];

    if (value->type != V_ASN1_OBJECT)
        return false;
    describe_oid_name(value->value.object, name);
    describe_append_string(d, object, "values", name);
    return true;
}

static bool
put_octets(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    const ASN1_STRING *s = value->value.octet_string;

    if (value->type != V_ASN1_OCTET_STRING)
        return false;
    append_hex(d, object, "values", ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    return true;
}

static bool
put_time(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    json_t *room;

    if (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME)
        return false;
    room = describe_group(d, object);
    describe_time(d, room, "time", value->value.asn1_string);
    describe_append_string(d, object, "values", json_string_value(json_object_get(room, "time")));
    json_decref(room);
    return true;
}

static bool
put_string(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    put_any_string(d, object, "text", value);
    return json_object_get(object, "text") != NULL;
}

/* RC2's parameter is its key's bits, in RFC 2268's code; others have none as a rule. */
static void
put_capability(struct describe *d, json_t *object, const ASN1_OBJECT *oid,
               const ASN1_TYPE *parameters)
{
    char name[DESCRIBE_NAME_MAX], text[DESCRIBE_NAME_MAX + 32];
    int64_t n = 0;

    describe_oid_name(oid, name);
    if (parameters != NULL && parameters->type == V_ASN1_INTEGER &&
        ASN1_INTEGER_get_int64(&n, parameters->value.integer) == 1)
        snprintf(text, sizeof text, "%s (%lld)", name, (long long)n);
    else
        snprintf(text, sizeof text, "%s", name);
    describe_append_string(d, object, "values", text);
}

/* RFC 8551, 2.5.2. */
static bool
put_capabilities(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);

    if (list == NULL)
        return false;
    for (int i = 0; i < sk_ASN1_TYPE_num(list); i++) {
        STACK_OF(ASN1_TYPE) *one = elements_of(sk_ASN1_TYPE_value(list, i));
        const ASN1_TYPE *oid = element_at(one, 0, V_ASN1_OBJECT);

        if (oid != NULL)
            put_capability(d, object, oid->value.object,
                           sk_ASN1_TYPE_num(one) > 1 ? sk_ASN1_TYPE_value(one, 1) : NULL);
        elements_free(one);
    }
    elements_free(list);
    return true;
}

/* RFC 8551, 2.5.3: [0] IssuerAndSerialNumber, [1] RecipientKeyIdentifier,
 * [2] SubjectKeyIdentifier. */
static bool
put_preference(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list;
    const ASN1_TYPE *ski;
    size_t len = 0;
    const uint8_t *der = value_der(value, &len);
    int tag = context_tag(value);

    if (tag == 0)
        return put_issuer_serial(d, object, value);
    if (tag == 2 && len > 2 && der[1] == len - 2) {
        describe_hex(d, object, "subject_key_id", der + 2, len - 2, DESCRIBE_HEX_MAX);
        return true;
    }
    list = tag == 1 ? elements_of(value) : NULL;
    ski = element_at(list, 0, V_ASN1_OCTET_STRING);
    if (ski != NULL)
        describe_octets(d, object, "subject_key_id", ski->value.octet_string);
    elements_free(list);
    return json_object_get(object, "subject_key_id") != NULL;
}

/* RFC 6211: digest, [1] signature or [2] MAC algorithm. */
static bool
put_protection(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);
    bool good = list != NULL;

    for (int i = 0; good && i < sk_ASN1_TYPE_num(list); i++) {
        STACK_OF(ASN1_TYPE) *alg = elements_of(sk_ASN1_TYPE_value(list, i));
        const ASN1_TYPE *oid = element_at(alg, 0, V_ASN1_OBJECT);

        good = oid != NULL && put_oid(d, object, oid);
        elements_free(alg);
    }
    elements_free(list);
    return good;
}

static bool
put_countersignature(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    struct cms_countersigner *c = NULL;
    struct cms_signer_facts facts;
    size_t len = 0;
    const uint8_t *der = value_der(value, &len);
    int rc;

    if (der == NULL || d->nested >= NESTED_MAX)
        return false;
    rc = cms_countersigner_read(&c, der, len);
    if (rc == E_NOMEM)
        d->no_memory = true;
    if (rc != 0)
        return false;
    cms_countersigner_facts(c, &facts);
    d->nested++;
    describe_append(d, object, "signers", describe_signer(d, &facts, NULL));
    d->nested--;
    cms_countersigner_free(&c);
    return true;
}

/* A CMS message as a value: a time stamp (RFC 3161). */
static bool
put_message(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    autofree_cms_reader struct cms_reader *reader = NULL;
    struct cms_reader_options options = {.allow_padding = false};
    size_t len = 0;
    const uint8_t *der = value_der(value, &len);
    struct err why;

    if (der == NULL || d->nested >= NESTED_MAX || cms_reader_new(&reader, &options, &why) != 0)
        return false;
    if (cms_reader_update(reader, der, len, &why) != 0 || cms_reader_finish(reader, &why) != 0)
        return false;
    d->nested++;
    describe_put(d, object, "cms", describe_layer(d, reader, 0));
    d->nested--;
    return true;
}

static const struct {
    const char *oid;
    put_value *put;
} rows[] = {
    {"1.2.840.113549.1.9.3", put_oid},
    {"1.2.840.113549.1.9.4", put_octets},
    {"1.2.840.113549.1.9.5", put_time},
    {"1.2.840.113549.1.9.6", put_countersignature},
    {"1.2.840.113549.1.9.13", put_string},
    {"1.2.840.113549.1.9.15", put_capabilities},
    {"1.2.840.113549.1.9.52", put_protection},
    {"1.2.840.113549.1.9.16.2.1", put_receipt_request},
    {"1.2.840.113549.1.9.16.2.2", put_label},
    {"1.2.840.113549.1.9.16.2.4", put_content_hints},
    {"1.2.840.113549.1.9.16.2.5", put_octets},
    {"1.2.840.113549.1.9.16.2.7", put_octets},
    {"1.2.840.113549.1.9.16.2.9", put_labels},
    {"1.2.840.113549.1.9.16.2.10", put_content_reference},
    {"1.2.840.113549.1.9.16.2.11", put_preference},
    {"1.2.840.113549.1.9.16.2.12", put_signing_cert},
    {"1.2.840.113549.1.9.16.2.14", put_message},
    {"1.2.840.113549.1.9.16.2.47", put_signing_cert},
    {"1.3.6.1.4.1.311.16.4", put_issuer_serial},
};

static put_value *
find(const char *oid)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].oid, oid) == 0)
            return rows[i].put;
    return NULL;
}

/* What nobody here knows, or what is not as it should be. */
static void
put_unknown(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_TYPE(value, &der);

    if (len > 0)
        append_hex(d, object, "values", der, (size_t)len);
    OPENSSL_free(der);
    ERR_clear_error();
}

json_t *
describe_attribute(struct describe *d, const X509_ATTRIBUTE *attribute)
{
    X509_ATTRIBUTE *a = (X509_ATTRIBUTE *)(uintptr_t)attribute;
    const ASN1_OBJECT *oid = X509_ATTRIBUTE_get0_object(a);
    json_t *object = describe_item(d);
    char name[DESCRIBE_NAME_MAX], dotted[DESCRIBE_NAME_MAX];
    put_value *put;

    if (object == NULL)
        return NULL;
    OBJ_obj2txt(dotted, sizeof dotted, oid, 1);
    describe_oid_name(oid, name);
    describe_string(d, object, "name", name);
    describe_string(d, object, "oid", dotted);
    put = find(dotted);
    for (int i = 0; i < X509_ATTRIBUTE_count(a); i++) {
        const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(a, i);

        if (put == NULL || !put(d, object, value))
            put_unknown(d, object, value);
    }
    return object;
}
