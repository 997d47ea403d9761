/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Line ends in long texts, found sixteen bytes at a time where the processor can: a
 * call of memchr for each line would cost half as much as hashing it.
 *
 * All look at data[0..len) alone.
 */
#ifndef SIGNET_MAIL_LINES_H
#define SIGNET_MAIL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first LF that "-" follows, or about whose next byte nothing is known because it
 * is the last; NULL without one. */
const uint8_t *lines_find_dash(const uint8_t *data, size_t len);

/* The first LF that no CR stands before; after_cr: one stands before data. */
const uint8_t *lines_find_bare(const uint8_t *data, size_t len, bool after_cr);

/* Room that lines_to_crlf needs for len bytes. */
#define LINES_CRLF_MAX(len) (2 * (len) + 16)
/* Copies, each bare LF as CRLF; returns how many bytes that makes. */
size_t lines_to_crlf(const uint8_t *data, size_t len, bool after_cr, uint8_t *out);

#endif
