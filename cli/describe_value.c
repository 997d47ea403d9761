/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of attributes taken apart: what describe_attribute.c and describe_ess.c share. */
#include "cli/describe_int.h"

#include <stdio.h>
#include <openssl/err.h>

#include "base/hex.h"

#define TAG_SEQUENCE 0x30
#define TAG_CONTEXT 0x80
#define TAG_CLASS 0xc0
#define TAG_NUMBER 0x1f

const uint8_t *
value_der(const ASN1_TYPE *value, size_t *ret_len)
{
    if (value->type != V_ASN1_SEQUENCE && value->type != V_ASN1_SET &&
        value->type != V_ASN1_OTHER)
        return NULL;
    *ret_len = (size_t)ASN1_STRING_length(value->value.asn1_string);
    return *ret_len == 0 ? NULL : ASN1_STRING_get0_data(value->value.asn1_string);
}

STACK_OF(ASN1_TYPE) *
elements_of(const ASN1_TYPE *value)
{
    size_t len = 0;
    const uint8_t *der = value_der(value, &len), *at;
    STACK_OF(ASN1_TYPE) *list;
    uint8_t *copy;

    if (der == NULL || len > VALUE_MAX || (copy = OPENSSL_memdup(der, len)) == NULL)
        return NULL;
    copy[0] = TAG_SEQUENCE;
    at = copy;
    list = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)len);
    ERR_clear_error();
    if (list != NULL && at != copy + len) {
        elements_free(list);
        list = NULL;
    }
    OPENSSL_free(copy);
    return list;
}

void
elements_free(STACK_OF(ASN1_TYPE) *list)
{
    sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
}

const ASN1_TYPE *
element_at(const STACK_OF(ASN1_TYPE) *list, int i, int type)
{
    const ASN1_TYPE *t = i < sk_ASN1_TYPE_num(list) ? sk_ASN1_TYPE_value(list, i) : NULL;

    return t != NULL && t->type == type ? t : NULL;
}

int
context_tag(const ASN1_TYPE *value)
{
    size_t len = 0;
    const uint8_t *der = value->type == V_ASN1_OTHER ? value_der(value, &len) : NULL;

    return der == NULL || (der[0] & TAG_CLASS) != TAG_CONTEXT ? -1 : der[0] & TAG_NUMBER;
}

bool
put_issuer_serial(struct describe *d, json_t *object, const ASN1_TYPE *value)
{
    STACK_OF(ASN1_TYPE) *list = elements_of(value);
    const ASN1_TYPE *issuer = element_at(list, 0, V_ASN1_SEQUENCE);
    const ASN1_TYPE *serial = element_at(list, 1, V_ASN1_INTEGER);
    X509_NAME *name = NULL;
    const uint8_t *at;
    size_t len = 0;

    if (issuer != NULL && serial != NULL) {
        at = value_der(issuer, &len);
        name = d2i_X509_NAME(NULL, &at, (long)len);
    }
    if (name != NULL) {
        describe_name(d, object, "issuer", name);
        describe_integer(d, object, "serial", serial->value.integer);
    }
    elements_free(list);
    ERR_clear_error();
    X509_NAME_free(name);
    return name != NULL;
}

void
put_any_string(struct describe *d, json_t *object, const char *key, const ASN1_TYPE *value)
{
    unsigned char *utf8 = NULL;
    int len = value->type == V_ASN1_OTHER || value->type == V_ASN1_SEQUENCE ||
                      value->type == V_ASN1_SET || value->type == V_ASN1_OBJECT ||
                      value->type == V_ASN1_BOOLEAN || value->type == V_ASN1_NULL
                  ? -1
                  : ASN1_STRING_to_UTF8(&utf8, value->value.asn1_string);

    if (len >= 0)
        describe_text(d, object, key, utf8, (size_t)len);
    OPENSSL_free(utf8);
    ERR_clear_error();
}

void
append_hex(struct describe *d, json_t *object, const char *key, const uint8_t *data, size_t len)
{
    char hex[2 * DESCRIBE_HEX_MAX + 32];
    size_t shown = len < DESCRIBE_HEX_MAX ? len : DESCRIBE_HEX_MAX;

    hex_encode(data, shown, hex);
    if (shown < len)
        snprintf(hex + 2 * shown, sizeof hex - 2 * shown, "... (%zu bytes)", len);
    describe_append_string(d, object, key, hex);
}
