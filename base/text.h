/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Foreign text made safe to show, and the percent escapes of the protocol.
 *
 * What comes from a certificate, a token or a mail can hold control characters,
 * invalid UTF-8 or bidirectional overrides. text_put_safe() shows those as \xNN
 * or \u{NNNN} and leaves all else alone.
 */
#ifndef SIGNET_BASE_TEXT_H
#define SIGNET_BASE_TEXT_H

#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the text, made safe. */
int text_put_safe(struct buf *out, const void *text, size_t len) must_check;

/* Appends the text percent-escaped so that it is one Assuan word: controls, '%',
 * '+', and space (as '+'), are escaped. */
int text_put_escaped(struct buf *out, const void *text, size_t len) must_check;
/* Undoes it in place; returns the new length. '+' becomes a space. */
size_t text_unescape(char *text);

/* ISO 8601 in UTC, "2026-11-23T15:04:05Z". */
#define TEXT_TIME_LEN 21
void text_time(time_t, char out[TEXT_TIME_LEN]);
/* Reads "2026-11-23", "2026-11-23T15:04[:05][Z|+hh:mm]"; E_MALFORMED otherwise. */
int text_parse_time(const char *, time_t *ret) must_check;
/* Reads "90", "90s", "10m", "2h", "1d" as seconds. */
int text_parse_duration(const char *, unsigned *ret_seconds) must_check;

#endif
