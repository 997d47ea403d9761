/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header block of a mail or of a MIME part (RFC 5322 2.2, RFC 2045 3), with
 * its exact bytes.
 *
 * Life: header_new, header_update with pieces of any size until header_done,
 * header_finish when the input ends before that, then the questions; header_reset
 * makes it ready for the next block; header_free.
 *
 * A block ends with its empty line, which belongs to it. A block whose first line
 * is no field (and no mbox "From " line) is absent: header_done comes as soon as
 * that is clear, header_absent is true, and the bytes already taken are given
 * back by header_rest_view: the body is those, then what update did not use. A later
 * line that is no field is kept as a field without a name and header_malformed
 * is true; signing refuses such a block, reading goes on.
 *
 * Lines end with LF or CRLF; a line that starts with space or tab continues the
 * field above it. Limits: header_new's max bytes, HEADER_FIELDS_MAX fields:
 * E_LIMIT. Not thread-safe.
 */
#ifndef SIGNET_MAIL_HEADER_H
#define SIGNET_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HEADER_MAX        (1024u * 1024) /* bytes of a mail's header block */
#define HEADER_PART_MAX   (64u * 1024)   /* bytes of a part's */
#define HEADER_FIELDS_MAX 10000u
#define HEADER_ABSENT_MAX 1024u          /* most bytes that are given back */

struct header;

/* Views into the block, valid till its next change. */
struct header_field {
    const uint8_t *raw;   /* all of it: name, colon, folds, last line end */
    size_t raw_len;
    const uint8_t *name;  /* name_len 0: this line is no field */
    size_t name_len;
    const uint8_t *value; /* behind the colon, folds as they are, no last line end */
    size_t value_len;
};

int header_new(struct header **ret, size_t max) must_check;
void header_free(struct header **);
void header_reset(struct header *);

/* Takes bytes up to the block's end; *ret_used of them belong to it. */
int header_update(struct header *, const uint8_t *data, size_t len, size_t *ret_used,
                  struct err *err) must_check;
/* The input ended: what was taken is the block. */
int header_finish(struct header *, struct err *err) must_check;

bool header_done(const struct header *);
bool header_absent(const struct header *);
bool header_malformed(const struct header *);
/* The first line, counted from 1, that is no field; 0 when all are. */
size_t header_bad_line(const struct header *);

/* Programs read it differently: it has a line that is no field, a bare CR, or a NUL. */
bool header_doubtful(const struct header *);

/* All bytes of the block, its empty line included. */
const uint8_t *header_bytes_view(const struct header *, size_t *ret_len);
/* The empty line: "\n", "\r\n" or nothing. */
size_t header_blank_len(const struct header *);
/* Bytes taken that are the body's after all (only when absent). */
const uint8_t *header_rest_view(const struct header *, size_t *ret_len);

size_t header_count(const struct header *);
bool header_at(const struct header *, size_t i, struct header_field *ret);
/* The nth (from 0) field of that name, in any case. */
bool header_find(const struct header *, const char *name, size_t nth, struct header_field *ret);

/* Whether the field has that name, in any case. */
bool header_field_is(const struct header_field *, const char *name);
/* Whether its name starts so ("Content-"), in any case. */
bool header_field_starts(const struct header_field *, const char *prefix);

#endif
