/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/ber.h"

#include <inttypes.h>
#include <string.h>

#define BER_OPEN UINT64_MAX
/* Longest tag number, octets: 28 bits are more than any standard uses. */
#define TAG_OCTETS_MAX 4

void
ber_init(struct ber *b)
{
    memset(b, 0, sizeof *b);
}

/* X.690, 8.1.2.4. Returns octets read, 0 for more, or an error. */
static int
read_long_tag(const uint8_t *data, size_t len, uint32_t *ret)
{
    uint32_t tag = 0;

    for (size_t i = 0; i < len; i++) {
        if (i == TAG_OCTETS_MAX)
            return E_LIMIT;
        if (i == 0 && data[i] == 0x80)
            return E_MALFORMED;
        tag = tag << 7 | (data[i] & 0x7f);
        if (data[i] & 0x80)
            continue;
        if (tag < BER_LONG_TAG)
            return E_MALFORMED;
        *ret = tag;
        return (int)i + 1;
    }
    return len > TAG_OCTETS_MAX ? E_LIMIT : 0;
}

/* X.690, 8.1.3; the first octet is there. */
static int
read_length(const uint8_t *data, size_t len, struct ber_header *h)
{
    unsigned octets = data[0] & 0x7f;
    uint64_t value = 0;

    h->minimal = true;
    if (!(data[0] & 0x80)) {
        h->length = data[0];
        return 1;
    }
    if (data[0] == 0xff)
        return E_MALFORMED;
    if (octets == 0) {
        h->length = -1;
        h->minimal = false;
        return h->constructed ? 1 : E_MALFORMED;
    }
    if (len < 1 + (size_t)octets)
        return 0;
    for (unsigned i = 1; i <= octets; i++) {
        if (value >> 55)
            return E_LIMIT;
        value = value << 8 | data[i];
    }
    h->minimal = data[1] != 0 && value > 0x7f;
    h->length = (int64_t)value;
    return 1 + (int)octets;
}

int
ber_read_header(const uint8_t *data, size_t len, struct ber_header *ret)
{
    struct ber_header h = { 0 };
    size_t at = 1;
    int n;

    if (len < 2)
        return 0;
    h.id = data[0] & (uint8_t)~BER_CONSTRUCTED;
    h.constructed = data[0] & BER_CONSTRUCTED;
    h.tag = data[0] & BER_LONG_TAG;
    if (h.tag == BER_LONG_TAG) {
        n = read_long_tag(data + 1, len - 1, &h.tag);
        if (n <= 0)
            return n;
        at += (size_t)n;
        if (at == len)
            return 0;
    }
    h.id_size = at;
    n = read_length(data + at, len - at, &h);
    if (n <= 0)
        return n;
    h.size = at + (size_t)n;
    *ret = h;
    return 1;
}

/* Universal types that are strings: BIT, OCTET, UTF8, and 18 to 22, 25 to 30. */
#define STRING_TAGS (1u << 3 | 1u << 4 | 1u << 12 | 0x1fu << 18 | 0x3fu << 25)

bool
ber_is_string(uint8_t id)
{
    return id < 0x1f && (STRING_TAGS >> id & 1);
}

static uint64_t
limit_of(const struct ber *b)
{
    return b->depth == 0 ? BER_OPEN : b->frames[b->depth - 1].limit;
}

static int
fail_header(const struct ber *b, int code, struct err *err)
{
    uint64_t at = b->offset - b->header_len;

    if (code == E_LIMIT)
        return err_set(err, code,
                       "message: the element at offset %" PRIu64
                       " has a tag or length too big to be true", at);
    return err_set(err, code,
                   "message: no valid BER element at offset %" PRIu64
                   "; the message is damaged or not CMS", at);
}

/* Takes octets until the header is whole: 1, or 0 when input ran out. */
static int
take_header(struct ber *b, const uint8_t **data, size_t *len, struct ber_header *h,
            struct err *err)
{
    for (;;) {
        int rc;

        if (b->offset >= limit_of(b) || b->header_len == sizeof b->header)
            return fail_header(b, E_MALFORMED, err);
        if (*len == 0)
            return 0;
        b->header[b->header_len++] = **data;
        (*data)++;
        (*len)--;
        b->offset++;
        rc = ber_read_header(b->header, b->header_len, h);
        if (rc < 0)
            return fail_header(b, rc, err);
        if (rc == 1)
            return 1;
    }
}

static void
end_event(struct ber *b, struct ber_event *event, size_t len)
{
    *event = (struct ber_event){ .kind = BER_END, .depth = b->depth, .raw = b->header,
                                 .len = len, .offset = b->offset - len };
    b->depth--;
    b->done = b->depth == 0;
}

/* Opens a frame for the header that was read. */
static int
push(struct ber *b, const struct ber_header *h, struct err *err)
{
    uint64_t at = b->offset - b->header_len, limit = limit_of(b);
    struct ber_frame *f = &b->frames[b->depth];

    if (b->depth == CMS_MAX_DEPTH)
        return err_set(err, E_LIMIT,
                       "message: elements at offset %" PRIu64
                       " are nested deeper than %d levels", at, CMS_MAX_DEPTH);
    f->constructed = h->constructed;
    f->end = BER_OPEN;
    f->limit = limit;
    if (h->length >= 0) {
        f->end = f->limit = b->offset + (uint64_t)h->length;
        if (f->end > limit)
            return err_set(err, E_MALFORMED,
                           "message: the element at offset %" PRIu64
                           " is longer than what it is in", at);
    }
    b->depth++;
    return 0;
}

static int
header_event(struct ber *b, const struct ber_header *h, struct ber_event *event,
             struct err *err)
{
    bool open = b->depth > 0 && b->frames[b->depth - 1].end == BER_OPEN;
    int rc;

    if (h->id == 0 && h->tag == 0) {
        /* end-of-contents (X.690, 8.1.5) */
        if (!open || h->constructed || h->length != 0 || h->size != 2)
            return fail_header(b, E_MALFORMED, err);
        end_event(b, event, 2);
        b->header_len = 0;
        return 1;
    }
    rc = push(b, h, err);
    if (rc != 0)
        return rc;
    b->is_ber |= !h->minimal || (h->constructed && ber_is_string(h->id));
    *event = (struct ber_event){ .kind = BER_HEADER, .header = *h, .depth = b->depth,
                                 .raw = b->header, .len = b->header_len,
                                 .offset = b->offset - b->header_len };
    b->header_len = 0;
    return 1;
}

static int
bytes_event(struct ber *b, const struct ber_frame *f, const uint8_t **data, size_t *len,
            struct ber_event *event)
{
    uint64_t left = f->end - b->offset;
    size_t n = *len < left ? *len : (size_t)left;

    if (n == 0)
        return 0;
    *event = (struct ber_event){ .kind = BER_BYTES, .depth = b->depth, .raw = *data,
                                 .len = n, .offset = b->offset };
    *data += n;
    *len -= n;
    b->offset += n;
    return 1;
}

int
ber_next(struct ber *b, const uint8_t **data, size_t *len, struct ber_event *event,
         struct err *err)
{
    struct ber_header h = { 0 };
    int rc;

    if (b->done)
        return 0;
    if (b->depth > 0) {
        const struct ber_frame *f = &b->frames[b->depth - 1];

        if (b->offset == f->end && b->header_len == 0) {
            end_event(b, event, 0);
            return 1;
        }
        if (!f->constructed)
            return bytes_event(b, f, data, len, event);
    }
    rc = take_header(b, data, len, &h, err);
    return rc <= 0 ? rc : header_event(b, &h, event, err);
}

int
ber_finish(const struct ber *b, struct err *err)
{
    if (b->done)
        return 0;
    if (b->offset == 0)
        return err_set(err, E_TRUNCATED, "message: it is empty");
    return err_set(err, E_TRUNCATED,
                   "message: it ends at offset %" PRIu64
                   ", before it is complete; get the whole file again", b->offset);
}

size_t
ber_write_header(uint8_t out[BER_WRITE_MAX], uint8_t id, int64_t length)
{
    size_t octets = 0;

    out[0] = id;
    if (length < 0) {
        out[1] = 0x80;
        return 2;
    }
    if (length < 0x80) {
        out[1] = (uint8_t)length;
        return 2;
    }
    for (uint64_t v = (uint64_t)length; v != 0; v >>= 8)
        octets++;
    out[1] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[2 + i] = (uint8_t)((uint64_t)length >> 8 * (octets - 1 - i));
    return 2 + octets;
}

uint64_t
ber_element_size(uint64_t length)
{
    uint8_t header[BER_WRITE_MAX];

    return ber_write_header(header, 0, (int64_t)length) + length;
}
