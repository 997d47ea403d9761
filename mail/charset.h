/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text in the character set that a mail names, as UTF-8, through iconv.
 *
 * Life: charset_new; charset_update with pieces of any size; charset_finish;
 * charset_free. What cannot be converted becomes U+FFFD, a character a byte. Sets that
 * are unknown, absent or no name at all pass as they are: the bytes are shown or
 * escaped by whoever makes them safe (base/text.h).
 *
 * charset_put_header appends a header field's value for people: unfolded, its encoded words
 * (RFC 2047) decoded, nothing made safe yet. Values over CHARSET_HEADER_MAX bytes are cut.
 *
 * Errors: E_NOMEM, or the sink's. Not thread-safe.
 */
#ifndef SIGNET_MAIL_CHARSET_H
#define SIGNET_MAIL_CHARSET_H

#include "base/buf.h"
#include "base/sink.h"

#define CHARSET_HEADER_MAX 4096u

struct charset;
/* name may be NULL. */
int charset_new(struct charset **ret, const char *name, const struct sink *out,
                struct err *err) must_check;
void charset_free(struct charset **);
int charset_update(struct charset *, const uint8_t *data, size_t len,
                   struct err *err) must_check;
int charset_finish(struct charset *, struct err *err) must_check;

int charset_put_header(struct buf *out, const uint8_t *value, size_t len) must_check;

#endif
