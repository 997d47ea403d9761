/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/err.h>

#include "base/hex.h"
#include "base/text.h"
#include "trust/certificate.h"

/* What an object and its keys cost beside their values, bytes. */
#define ITEM_COST 100u

int
describe_failed(const struct describe *d, struct err *err)
{
    return d->no_memory ? err_set(err, E_NOMEM, "out of memory while describing the input") : 0;
}

static bool
has_room(const struct describe *d)
{
    return d->bytes < DESCRIBE_BYTES_MAX;
}

static json_t *
made(struct describe *d, json_t *value)
{
    if (value == NULL)
        d->no_memory = true;
    return value;
}

json_t *
describe_item(struct describe *d)
{
    if (d->items >= DESCRIBE_ITEMS_MAX || !has_room(d)) {
        d->items_left_out++;
        return NULL;
    }
    d->items++;
    d->bytes += ITEM_COST;
    return made(d, json_object());
}

json_t *
describe_part(struct describe *d)
{
    if (d->parts >= DESCRIBE_PARTS_MAX || !has_room(d)) {
        d->parts_left_out++;
        return NULL;
    }
    d->parts++;
    d->bytes += ITEM_COST;
    return made(d, json_object());
}

json_t *
describe_group(struct describe *d, const json_t *parent)
{
    return parent == NULL ? NULL : made(d, json_object());
}

void
describe_put(struct describe *d, json_t *object, const char *key, json_t *value)
{
    if (value == NULL)
        return;
    if (object == NULL)
        json_decref(value);
    else if (json_object_set_new(object, key, value) != 0)
        d->no_memory = true;
}

void
describe_append(struct describe *d, json_t *object, const char *key, json_t *value)
{
    json_t *array = json_object_get(object, key);

    if (value == NULL || object == NULL) {
        json_decref(value);
        return;
    }
    if (array == NULL) {
        describe_put(d, object, key, made(d, json_array()));
        array = json_object_get(object, key);
    }
    if (json_array_append_new(array, value) != 0)
        d->no_memory = true;
}

/* Cuts at a character, as the safe text is ASCII or valid UTF-8. */
static int
cut(struct buf *text)
{
    size_t len = buf_len(text), end = DESCRIBE_TEXT_MAX;

    if (len <= end)
        return 0;
    while (end > 0 && (buf_data(text)[end] & 0xc0) == 0x80)
        end--;
    buf_trim(text, len - end);
    return buf_put_str(text, "...");
}

/* A JSON string of foreign text. */
static json_t *
safe(struct describe *d, const void *text, size_t len)
{
    autofree_buf struct buf *out = buf_new();

    if (len > DESCRIBE_TEXT_MAX + 1)
        len = DESCRIBE_TEXT_MAX + 1;
    if (out == NULL || text_put_safe(out, text, len) != 0 || cut(out) != 0) {
        d->no_memory = true;
        return NULL;
    }
    d->bytes += buf_len(out);
    return made(d, json_stringn((const char *)buf_data(out), buf_len(out)));
}

void
describe_text(struct describe *d, json_t *object, const char *key, const void *text, size_t len)
{
    if (object != NULL)
        describe_put(d, object, key, safe(d, text, len));
}

void
describe_string(struct describe *d, json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        describe_text(d, object, key, text, strlen(text));
}

void
describe_append_string(struct describe *d, json_t *object, const char *key, const char *text)
{
    if (object == NULL || text == NULL)
        return;
    if (has_room(d))
        describe_append(d, object, key, safe(d, text, strlen(text)));
    else
        d->items_left_out++;
}

void
describe_number(struct describe *d, json_t *object, const char *key, uint64_t n)
{
    if (object != NULL)
        describe_put(d, object, key, made(d, json_integer((json_int_t)n)));
}

void
describe_true(struct describe *d, json_t *object, const char *key)
{
    describe_put(d, object, key, json_true());
}

void
describe_hex(struct describe *d, json_t *object, const char *key, const uint8_t *data, size_t len,
             size_t max)
{
    char hex[2 * DESCRIBE_HEX_MAX + 64];
    size_t shown = len < max ? len : max;

    if (shown > DESCRIBE_HEX_MAX)
        shown = DESCRIBE_HEX_MAX;
    hex_encode(data, shown, hex);
    if (shown < len)
        snprintf(hex + 2 * shown, sizeof hex - 2 * shown, "... (%zu bytes)", len);
    describe_string(d, object, key, hex);
}

void
describe_octets(struct describe *d, json_t *object, const char *key, const ASN1_STRING *s)
{
    if (s != NULL)
        describe_hex(d, object, key, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s),
                     DESCRIBE_HEX_MAX);
}

/* Hex, as serial numbers are written everywhere; a negative one says so. */
void
describe_integer(struct describe *d, json_t *object, const char *key, const ASN1_INTEGER *n)
{
    BIGNUM *bn = n == NULL || ASN1_STRING_length(n) > (int)DESCRIBE_TEXT_MAX / 2
                     ? NULL
                     : ASN1_INTEGER_to_BN(n, NULL);
    char *hex = bn == NULL ? NULL : BN_bn2hex(bn);

    for (char *c = hex; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    if (hex != NULL)
        describe_string(d, object, key, hex);
    else
        describe_octets(d, object, key, n);
    OPENSSL_free(hex);
    BN_free(bn);
    ERR_clear_error();
}

void
describe_time(struct describe *d, json_t *object, const char *key, const ASN1_TIME *t)
{
    struct tm tm;
    char text[40];

    if (t == NULL)
        return;
    if (ASN1_TIME_to_tm(t, &tm) == 1) {
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        describe_string(d, object, key, text);
        return;
    }
    ERR_clear_error();
    describe_text(d, object, key, ASN1_STRING_get0_data(t), (size_t)ASN1_STRING_length(t));
}

/* The name is safe already; made safe again it stays as it is. */
void
describe_name(struct describe *d, json_t *object, const char *key, const X509_NAME *name)
{
    autofree_buf struct buf *text = buf_new();

    if (object == NULL || name == NULL)
        return;
    if (text == NULL || certificate_put_name(text, name) != 0)
        d->no_memory = true;
    else
        describe_text(d, object, key, buf_data(text), buf_len(text));
    ERR_clear_error();
}

static bool
is_fault(int rc)
{
    return rc == E_MALFORMED || rc == E_TRUNCATED || rc == E_LIMIT || rc == E_UNSUPPORTED ||
           rc == E_ALTERED;
}

int
describe_fault(struct describe *d, json_t *object, int rc, const struct err *err)
{
    if (rc == 0 || !is_fault(rc))
        return rc;
    describe_string(d, object, "error", err_text(err));
    if (d->rc == 0) {
        d->rc = rc;
        d->err = *err;
    }
    return 0;
}
