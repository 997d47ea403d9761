/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Feeds a stream whole, byte by byte, and cut in two at every place; collects
 * what comes out. Aborts the test on failure.
 */
#ifndef SIGNET_TESTS_MAIL_PIECES_H
#define SIGNET_TESTS_MAIL_PIECES_H

#include "base/buf.h"
#include "base/sink.h"

/* The ways of feeding len bytes: way 0 is whole, way len byte by byte, the others
 * cut at that place. Inputs over PIECES_MAX bytes are cut at some places only. */
#define PIECES_MAX 600u
#define EVERY_WAY(way, len) \
    for (size_t way = 0; way <= (len); way = pieces_next(way, (len)))

size_t pieces_next(size_t way, size_t len);

typedef int (*pieces_update)(void *arg, const uint8_t *data, size_t len, struct err *err);

/* The first failure, or 0. Each piece lies in memory of its own size, so that
 * ASan sees reads beyond it. */
int pieces_feed(pieces_update, void *arg, const void *data, size_t len, size_t way,
                struct err *err);

/* A sink that appends to the buffer. */
struct sink pieces_sink(struct buf *);
/* Asserts that the buffer is the text, and shows both when not. */
void pieces_is(struct buf *, const char *text);
/* Writes the text at that place, without its NUL. */
void pieces_put(char *at, const char *text);
/* A new string: every LF of the text as CRLF. */
char *pieces_crlf(const char *text);

#endif
