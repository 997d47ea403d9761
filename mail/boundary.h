/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds MIME delimiter lines (RFC 2046 5.1.1) in a stream: tells text from
 * boundaries, at the speed of memchr, without copying the text.
 *
 * Life: boundary_new; boundary_push when a multipart opens; boundary_update with
 * pieces of any size; boundary_finish; boundary_free. The text sink may push, pop
 * and switch the mode in between; what comes next is read accordingly.
 *
 * In body mode the line end before a delimiter belongs to the delimiter, and is
 * handed over with it. In header mode (boundary_lines true) text comes line by
 * line, each with its line end, so that the reader of a header can open a
 * multipart before the next line is looked at.
 *
 * A delimiter is a whole line: "--", the boundary, "--" when it closes, and blanks.
 * "--bb" is not the boundary "b". Boundaries of all open multiparts count,
 * the innermost first, so that a missing final delimiter does no harm.
 *
 * All the bytes handed to text and found, in order, are the input. Limits:
 * BOUNDARY_MAX bytes in a boundary, BOUNDARY_DEPTH_MAX open ones; blanks behind
 * a delimiter up to BOUNDARY_PADDING_MAX. Not thread-safe.
 */
#ifndef SIGNET_MAIL_BOUNDARY_H
#define SIGNET_MAIL_BOUNDARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BOUNDARY_MAX         250u /* RFC 2046 allows 70 */
#define BOUNDARY_DEPTH_MAX   32u
#define BOUNDARY_PADDING_MAX 250u

struct boundary;

struct boundary_sink {
    /* *ret_used is len on entry; header mode may take less and give the rest
     * back, having switched to body mode. */
    int (*text)(void *arg, const uint8_t *data, size_t len, size_t *ret_used,
                struct err *err);
    /* A delimiter of the boundary at that level (0 the outermost); data is its
     * line with both line ends. Levels above it are still there: pop them. */
    int (*found)(void *arg, size_t level, bool closing, const uint8_t *data, size_t len,
                 struct err *err);
    void *arg;
};

int boundary_new(struct boundary **ret, const struct boundary_sink *sink) must_check;
void boundary_free(struct boundary **);

/* E_LIMIT, or E_MALFORMED for text that is empty or no boundary can be. */
int boundary_push(struct boundary *, const char *text) must_check;
/* Leaves the first n. */
void boundary_pop(struct boundary *, size_t n);
size_t boundary_depth(const struct boundary *);

void boundary_lines(struct boundary *, bool header_mode);
/* What comes next starts a line. */
void boundary_restart(struct boundary *);

int boundary_update(struct boundary *, const uint8_t *data, size_t len,
                    struct err *err) must_check;
int boundary_finish(struct boundary *, struct err *err) must_check;

#endif
