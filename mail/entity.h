/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mail's MIME structure as a stream of events, with its exact bytes (RFC 2045,
 * RFC 2046 5.1). Nothing is kept but the path from the mail to the part that is
 * being read.
 *
 * Life: entity_reader_new with a handler; entity_reader_update with pieces of
 * any size; entity_reader_finish; entity_reader_free. For the mail and for each
 * part the handler sees: begin (the header block is whole), then what it
 * holds, then end.
 *
 * By kind, which begin may lower:
 *   ENTITY_LEAF       body events: the bytes as they are, not decoded
 *   ENTITY_MULTIPART  gap events (preamble, delimiters, epilogue), and its parts,
 *                     each with its own events
 *   ENTITY_PARTS      the same, but each part is a leaf whose body is all of
 *                     it, header included; its begin has header NULL
 *   ENTITY_MESSAGE    message/rfc822: one entity inside, the message
 * A multipart without a usable boundary, or below ENTITY_DEPTH_MAX, is a leaf
 * with `broken` set. Messages are leaves unless the reader was told to open them.
 *
 * The header's bytes at begin, the body's and the gaps' bytes, in the order of
 * the events, are exactly the input. LF and CRLF are both line ends. A missing
 * final delimiter is reported by `unclosed` at end, not as an error. Errors:
 * E_LIMIT for a header that is too large; else what the handler returned.
 * Not thread-safe.
 */
#ifndef SIGNET_MAIL_ENTITY_H
#define SIGNET_MAIL_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mail/boundary.h"
#include "mail/header.h"
#include "mail/param.h"
#include "mail/transfer.h"

#define ENTITY_DEPTH_MAX 32u

enum entity_kind { ENTITY_LEAF, ENTITY_MULTIPART, ENTITY_PARTS, ENTITY_MESSAGE };
enum entity_gap { ENTITY_PREAMBLE, ENTITY_DELIMITER, ENTITY_EPILOGUE };

/* Valid from begin to end; what parent points to, too. */
struct entity {
    enum entity_kind kind;
    const struct entity *parent;  /* NULL for the mail itself */
    unsigned depth;               /* 0 for the mail itself */
    uint64_t index;               /* among its parent's parts, from 0 */
    uint64_t parts;               /* parts begun so far */
    const struct header *header;  /* in begin only; NULL for a part of ENTITY_PARTS */
    const struct media *media;    /* Content-Type; NULL when absent or unreadable */
    enum transfer transfer;       /* Content-Transfer-Encoding */
    bool broken;    /* Content-Type unreadable, repeated or ambiguous, or too deep */
    bool unclosed;  /* at end: no final delimiter came */
};

struct entity_handler {
    int (*begin)(void *arg, struct entity *, struct err *err);
    int (*body)(void *arg, const struct entity *, const uint8_t *data, size_t len,
                struct err *err);
    int (*gap)(void *arg, const struct entity *multipart, enum entity_gap, const uint8_t *data,
               size_t len, struct err *err);
    int (*end)(void *arg, const struct entity *, struct err *err);
    void *arg;
};

struct entity_reader;
/* The handler is copied. */
int entity_reader_new(struct entity_reader **ret, const struct entity_handler *,
                      bool open_messages) must_check;
void entity_reader_free(struct entity_reader **);
int entity_reader_update(struct entity_reader *, const uint8_t *data, size_t len,
                         struct err *err) must_check;
int entity_reader_finish(struct entity_reader *, struct err *err) must_check;
/* The mail's own header, from its begin to entity_reader_free. */
const struct header *entity_reader_header(const struct entity_reader *);

#endif
