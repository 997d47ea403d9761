/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/attributes_int.h"
#include "cms/ber.h"
#include "cms/der.h"
#include "cms/ess.h"

/* ub-integer-options (RFC 2634, 3.2). */
#define CLASSIFICATION_MAX 256

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define SET (BER_SET | BER_CONSTRUCTED)
#define CONTEXT(n) (BER_CONTEXT(n) | BER_CONSTRUCTED)

static const char *const classifications[] = {
    "unmarked", "unclassified", "restricted", "confidential", "secret", "top-secret",
};
#define CLASSIFICATIONS ((int)(sizeof classifications / sizeof *classifications))

const char *
cms_classification_name(int classification)
{
    return classification >= 0 && classification < CLASSIFICATIONS
               ? classifications[classification]
               : NULL;
}

int
cms_classification_by_name(const char *name)
{
    for (int i = 0; i < CLASSIFICATIONS; i++)
        if (strcmp(classifications[i], name) == 0)
            return i;
    return -1;
}

static int
put_classification(struct buf *out, int classification)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    uint8_t *der = NULL;
    int len = 0, rc = E_NOMEM;

    if (value != NULL && ASN1_INTEGER_set(value, classification) == 1)
        len = i2d_ASN1_INTEGER(value, &der);
    if (len > 0)
        rc = buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    ASN1_INTEGER_free(value);
    return rc;
}

/* A SET in DER is in the order of its tags: INTEGER, OBJECT IDENTIFIER, UTF8String. */
static int
put_fields(struct buf *out, const struct cms_label *label, const ASN1_OBJECT *policy)
{
    int rc = label->classification < 0 ? 0 : put_classification(out, label->classification);

    if (rc == 0)
        rc = der_put(out, BER_OID, OBJ_get0_data(policy), OBJ_length(policy));
    if (rc == 0 && label->mark[0] != '\0')
        rc = der_put(out, V_ASN1_UTF8STRING, label->mark, strlen(label->mark));
    return rc;
}

int
cms_label_put(struct buf *out, const struct cms_label *label)
{
    autofree_buf struct buf *fields = buf_new();
    ASN1_OBJECT *policy = OBJ_txt2obj(label->policy, 1);
    int rc = fields == NULL ? E_NOMEM : 0;

    ERR_clear_error();
    if (policy == NULL || label->category_count > 0 ||
        label->classification > CLASSIFICATION_MAX)
        rc = E_USAGE;
    if (rc == 0)
        rc = put_fields(fields, label, policy);
    if (rc == 0)
        rc = der_put(out, SET, buf_data(fields), buf_len(fields));
    ASN1_OBJECT_free(policy);
    return rc;
}

static int
take_oid(const struct part *value, char ret[CMS_OID_MAX])
{
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &(const uint8_t *){ value->data }, (long)value->len);

    ERR_clear_error();
    if (oid == NULL)
        return E_MALFORMED;
    OBJ_obj2txt(ret, CMS_OID_MAX, oid, 1);
    ASN1_OBJECT_free(oid);
    return 0;
}

/* SecurityCategory: [0] OBJECT IDENTIFIER, [1] value. The tag is implicit. */
static int
take_category(struct part category, char ret[CMS_OID_MAX])
{
    autofree_buf struct buf *der = buf_new();
    struct part type, whole;
    uint8_t id;
    int rc;

    if (der == NULL)
        return E_NOMEM;
    if (part_cut(&category, &id, &type) != 0 || id != BER_CONTEXT(0))
        return E_MALFORMED;
    rc = der_put(der, BER_OID, type.data, type.len);
    whole = (struct part){ buf_data(der), buf_len(der) };
    return rc != 0 ? rc : take_oid(&whole, ret);
}

static int
take_categories(struct part set, struct cms_label *ret)
{
    while (set.len > 0) {
        struct part category;
        uint8_t id;
        int rc;

        if (part_cut(&set, &id, &category) != 0 || id != SEQUENCE)
            return E_MALFORMED;
        if (ret->category_count == CMS_LABEL_CATEGORIES_MAX)
            return E_MALFORMED;
        rc = take_category(category, ret->categories[ret->category_count]);
        if (rc != 0)
            return rc;
        ret->category_count++;
    }
    return 0;
}

static int
take_classification(const struct part *element, struct cms_label *ret)
{
    ASN1_INTEGER *value =
        d2i_ASN1_INTEGER(NULL, &(const uint8_t *){ element->data }, (long)element->len);
    int64_t number = -1;
    bool ok = value != NULL && ASN1_INTEGER_get_int64(&number, value) == 1 && number >= 0 &&
              number <= CLASSIFICATION_MAX;

    ASN1_INTEGER_free(value);
    ERR_clear_error();
    ret->classification = (int)number;
    return ok ? 0 : E_MALFORMED;
}

static int
take_mark(const struct part *value, struct cms_label *ret)
{
    if (value->len > CMS_LABEL_MARK_MAX || memchr(value->data, 0, value->len) != NULL)
        return E_MALFORMED;
    memcpy(ret->mark, value->data, value->len);
    ret->mark[value->len] = '\0';
    return 0;
}

/* ESSSecurityLabel is a SET: its fields come in any order, each once. */
static int
take_field(uint8_t id, const struct part *element, const struct part *value,
           struct cms_label *ret)
{
    switch (id) {
    case BER_OID:
        return ret->policy[0] != '\0' ? E_MALFORMED : take_oid(element, ret->policy);
    case BER_INTEGER:
        return ret->classification >= 0 ? E_MALFORMED : take_classification(element, ret);
    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
        return ret->mark[0] != '\0' ? E_MALFORMED : take_mark(value, ret);
    case SET:
        return ret->category_count > 0 ? E_MALFORMED : take_categories(*value, ret);
    default:
        return E_MALFORMED;
    }
}

int
cms_label_read(const struct cms_signature *s, struct cms_label *ret)
{
    struct part fields;
    uint8_t id;
    int rc = attributes_find(s, CMS_OID_LABEL, &id, &fields);

    if (rc != 1)
        return rc;
    *ret = (struct cms_label){ .classification = -1 };
    if (id != SET)
        return E_MALFORMED;
    while (fields.len > 0) {
        struct part element = fields, value;

        if (part_cut(&fields, &id, &value) != 0)
            return E_MALFORMED;
        element.len = (size_t)(fields.data - element.data);
        rc = take_field(id, &element, &value, ret);
        if (rc != 0)
            return rc;
    }
    return ret->policy[0] == '\0' ? E_MALFORMED : 1;
}
