/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BER (X.690) as events: a tokenizer that is pushed bytes and asked for events.
 *
 * Life: ber_init; then, for each piece of input, ber_next until it returns 0:
 *
 *     while ((rc = ber_next(&ber, &data, &len, &event, err)) == 1)
 *         ... event ...
 *
 * Every element gives one BER_HEADER, for a primitive one any number of
 * BER_BYTES, for a constructed one the events of its children, and one BER_END.
 * Definite, indefinite and non-minimal lengths are understood; what is not DER
 * in them sets is_ber. A child that is longer than its parent, an end-of-contents
 * where none belongs, reserved lengths, and depth over CMS_MAX_DEPTH are errors
 * with the offset. One element is read; what follows it is left in *data.
 *
 * Plain storage of the caller's, owning nothing.
 */
#ifndef SIGNET_CMS_BER_H
#define SIGNET_CMS_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cms/reader.h"

/* Longest header: 1 + 5 octets of tag, 1 + 126 of length (X.690, 8.1.3.5). */
#define BER_HEADER_MAX 133

/* Identifier octet without the constructed bit. */
#define BER_CONSTRUCTED 0x20
#define BER_INTEGER 0x02
#define BER_BIT_STRING 0x03
#define BER_OCTET_STRING 0x04
#define BER_OID 0x06
#define BER_SEQUENCE 0x10
#define BER_SET 0x11
#define BER_CONTEXT(n) (0x80 | (n))
/* Identifier of tag numbers over 30, whose number is in `tag` alone. */
#define BER_LONG_TAG 0x1f

struct ber_header {
    uint8_t id;         /* class and number, without the constructed bit */
    bool constructed;
    bool minimal;       /* shortest form of the length, and definite */
    uint32_t tag;       /* the number, also when it is over 30 */
    int64_t length;     /* -1: indefinite */
    size_t size;        /* octets of the header itself */
    size_t id_size;     /* of which the identifier */
};

/* Reads a header that is whole in memory. 1 when read, 0 when more bytes are
 * needed, E_MALFORMED or E_LIMIT. An end-of-contents reads as id 0, length 0. */
int ber_read_header(const uint8_t *data, size_t len, struct ber_header *ret) must_check;

/* The identifier is of a universal string type: DER knows it only primitive. */
bool ber_is_string(uint8_t id);

enum ber_kind { BER_HEADER, BER_BYTES, BER_END };

struct ber_event {
    enum ber_kind kind;
    struct ber_header header;  /* BER_HEADER alone */
    unsigned depth;            /* of the element; the outermost is 1 */
    uint64_t offset;           /* of raw in the input */
    const uint8_t *raw;        /* header octets, content octets, or 00 00 (or nothing) */
    size_t len;                /* valid until the next call */
};

struct ber_frame {
    uint64_t end;      /* offset behind it; UINT64_MAX when indefinite */
    uint64_t limit;    /* nearest definite end of it or what is around it */
    bool constructed;
};

struct ber {
    struct ber_frame frames[CMS_MAX_DEPTH];
    unsigned depth;
    uint64_t offset;           /* bytes consumed */
    bool is_ber;
    bool done;                 /* the one element was read */
    uint8_t header[BER_HEADER_MAX];
    size_t header_len;
};

void ber_init(struct ber *);

/* 1: *event is filled; 0: all of *data was consumed, or the element is done;
 * else E_MALFORMED, E_LIMIT. */
int ber_next(struct ber *, const uint8_t **data, size_t *len, struct ber_event *event,
             struct err *err) must_check;

/* The input has ended: E_TRUNCATED unless the element is done. */
int ber_finish(const struct ber *, struct err *err) must_check;

/* Writing. Puts a DER header to out (at most BER_WRITE_MAX octets); length -1 is
 * the indefinite form. Returns its size. id has the constructed bit when wanted. */
#define BER_WRITE_MAX 10
size_t ber_write_header(uint8_t out[BER_WRITE_MAX], uint8_t id, int64_t length);
/* Octets of header and content together. */
uint64_t ber_element_size(uint64_t length);

#endif
