/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/der.h"

#include <stdlib.h>
#include <string.h>

#include "cms/ber.h"

#define BER_BOOLEAN 0x01

/* Input that shrinks from the front. */
struct span {
    const uint8_t *data;
    size_t len;
};

static int put_element(struct span *in, struct buf *out, unsigned depth) must_check;

int
der_put(struct buf *out, uint8_t id, const void *content, size_t len)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, id, (int64_t)len);
    int rc = buf_put(out, header, n);

    return rc != 0 ? rc : buf_put(out, content, len);
}

static void
skip(struct span *in, size_t n)
{
    in->data += n;
    in->len -= n;
}

static int
take_header(struct span *in, struct ber_header *h)
{
    int rc = ber_read_header(in->data, in->len, h);

    if (rc <= 0)
        return rc < 0 ? rc : E_MALFORMED;
    skip(in, h->size);
    return h->length >= 0 && (uint64_t)h->length > in->len ? E_MALFORMED : 0;
}

/* Cuts the contents of a definite element out of in; of an indefinite one it is
 * all that is left, and the end is found on the way. */
static struct span
cut_contents(struct span *in, const struct ber_header *h)
{
    struct span inside = *in;

    if (h->length >= 0) {
        inside.len = (size_t)h->length;
        skip(in, inside.len);
    }
    return inside;
}

/* 1: more elements follow; 0: the contents end here. */
static int
more(struct span *inside, const struct ber_header *h)
{
    if (h->length >= 0)
        return inside->len > 0;
    if (inside->len < 2)
        return E_MALFORMED;
    if (inside->data[0] != 0 || inside->data[1] != 0)
        return 1;
    skip(inside, 2);
    return 0;
}

/* Appends the octets of a string's segments; a BIT STRING's first octet, the
 * count of unused bits, may be other than 0 in the last segment only (8.6.4). */
static int
put_segments(struct span *in, const struct ber_header *h, uint8_t type, struct buf *out,
             unsigned depth)
{
    struct span inside = cut_contents(in, h);
    struct ber_header s;
    int rc, left;

    if (depth == CMS_MAX_DEPTH)
        return E_LIMIT;
    while ((left = more(&inside, h)) == 1) {
        rc = take_header(&inside, &s);
        if (rc != 0)
            return rc;
        if (s.id != type && s.id != BER_OCTET_STRING)
            return E_MALFORMED;
        if (s.constructed) {
            rc = put_segments(&inside, &s, type, out, depth + 1);
        } else if (type == BER_BIT_STRING) {
            if (s.length < 1)
                return E_MALFORMED;
            buf_mutable(out)[0] = inside.data[0];
            rc = buf_put(out, inside.data + 1, (size_t)s.length - 1);
            skip(&inside, (size_t)s.length);
        } else {
            rc = buf_put(out, inside.data, (size_t)s.length);
            skip(&inside, (size_t)s.length);
        }
        if (rc != 0)
            return rc;
    }
    if (h->length < 0)
        *in = inside;
    return left;
}

static int
put_string(struct span *in, const struct ber_header *h, struct buf *out, unsigned depth)
{
    autofree_buf struct buf *whole = buf_new();
    int rc;

    if (whole == NULL)
        return E_NOMEM;
    rc = h->id == BER_BIT_STRING ? buf_put_byte(whole, 0) : 0;
    if (rc == 0)
        rc = put_segments(in, h, h->id, whole, depth);
    return rc != 0 ? rc : der_put(out, h->id, buf_data(whole), buf_len(whole));
}

static int
compare(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    int rc = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return rc != 0 ? rc : (a->len > b->len) - (a->len < b->len);
}

/* Cuts body into its elements and counts them; ret may be NULL. */
static int
cut_elements(const struct buf *body, struct span *ret, size_t *ret_count)
{
    struct span rest = { buf_data(body), buf_len(body) };
    size_t count = 0;

    while (rest.len > 0) {
        const uint8_t *start = rest.data;
        struct ber_header h;
        int rc = take_header(&rest, &h);

        if (rc != 0)
            return rc;
        skip(&rest, (size_t)h.length);
        if (ret != NULL)
            ret[count] = (struct span){ start, (size_t)(rest.data - start) };
        count++;
    }
    *ret_count = count;
    return 0;
}

/* Orders the DER elements that body is made of. */
static int
put_sorted(const struct buf *body, struct buf *out)
{
    struct span *elements;
    size_t count;
    int rc = cut_elements(body, NULL, &count);

    if (rc != 0 || count == 0)
        return rc;
    elements = calloc(count, sizeof *elements);
    if (elements == NULL)
        return E_NOMEM;
    rc = cut_elements(body, elements, &count);
    if (rc == 0)
        qsort(elements, count, sizeof *elements, compare);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = buf_put(out, elements[i].data, elements[i].len);
    free(elements);
    return rc;
}

int
der_put_set(struct buf *out, uint8_t id, const struct buf *elements)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, id, (int64_t)buf_len(elements));
    int rc = buf_put(out, header, n);

    return rc != 0 ? rc : put_sorted(elements, out);
}

static int
put_contents(struct span *inside, const struct ber_header *h, struct buf *out, unsigned depth)
{
    int rc, left;

    while ((left = more(inside, h)) == 1) {
        rc = put_element(inside, out, depth + 1);
        if (rc != 0)
            return rc;
    }
    return left;
}

/* The identifier as it was, then the shortest length. */
static int
put_header(struct buf *out, const uint8_t *id, size_t id_size, size_t len)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, 0, (int64_t)len);
    int rc = buf_put(out, id, id_size);

    return rc != 0 ? rc : buf_put(out, header + 1, n - 1);
}

static int
put_constructed(struct span *in, const struct ber_header *h, struct buf *out, unsigned depth)
{
    autofree_buf struct buf *body = buf_new(), *sorted = buf_new();
    const uint8_t *id = in->data - h->size;
    struct span inside = cut_contents(in, h);
    const struct buf *contents = h->id == BER_SET ? sorted : body;
    int rc;

    if (body == NULL || sorted == NULL)
        return E_NOMEM;
    rc = put_contents(&inside, h, body, depth);
    if (rc == 0 && h->length < 0)
        *in = inside;
    if (rc == 0 && h->id == BER_SET)
        rc = put_sorted(body, sorted);
    if (rc == 0)
        rc = put_header(out, id, h->id_size, buf_len(contents));
    return rc != 0 ? rc : buf_put(out, buf_data(contents), buf_len(contents));
}

static int
put_primitive(struct span *in, const struct ber_header *h, struct buf *out)
{
    size_t len = (size_t)h->length;
    bool true_value = h->id == BER_BOOLEAN && len == 1 && in->data[0] != 0;
    int rc = put_header(out, in->data - h->size, h->id_size, len);

    if (rc == 0)
        rc = true_value ? buf_put_byte(out, 0xff) : buf_put(out, in->data, len);
    skip(in, len);
    return rc;
}

static int
put_element(struct span *in, struct buf *out, unsigned depth)
{
    struct ber_header h;
    int rc = take_header(in, &h);

    if (rc != 0)
        return rc;
    if (depth > CMS_MAX_DEPTH)
        return E_LIMIT;
    if (h.tag == 0 && h.id == 0)
        return E_MALFORMED;
    if (!h.constructed)
        return put_primitive(in, &h, out);
    return ber_is_string(h.id) ? put_string(in, &h, out, depth)
                               : put_constructed(in, &h, out, depth);
}

int
der_normalize(const uint8_t *data, size_t len, struct buf *out)
{
    struct span in = { data, len };
    int rc = put_element(&in, out, 1);

    return rc != 0 ? rc : in.len > 0 ? E_MALFORMED : 0;
}
