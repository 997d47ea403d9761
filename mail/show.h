/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person reads of a mail's content: its text parts, decoded, in UTF-8, safe on a
 * terminal; everything else named in a line of its own in brackets.
 *
 * Life: show_new; show_update with the content (a MIME entity) in pieces of any size;
 * show_finish; the questions; show_free.
 *
 * Shown are text/plain parts that are no attachments, of a multipart/alternative the
 * first text/plain one; text/html, which is text only after it has been rendered, is named,
 * unless a plain form of it was shown. Messages inside are named and not shown: nothing
 * vouches for their headers. The one exception is a payload that is a message
 * by RFC 8551 3.1 (mail/protected.h): it is the mail. Legacy display elements
 * (RFC 9788) of text/plain parts are left out.
 *
 * Lines end with LF; control characters, invalid UTF-8 and what turns the direction of text
 * are shown as \xNN and \u{NNNN}. A part that cannot be decoded is named so,
 * which is no error. Errors: E_NOMEM, E_LIMIT, the sink's. Memory is constant. Not
 * thread-safe.
 */
#ifndef SIGNET_MAIL_SHOW_H
#define SIGNET_MAIL_SHOW_H

#include <stdbool.h>

#include "base/sink.h"

struct show;
int show_new(struct show **ret, const struct sink *out, struct err *err) must_check;
void show_free(struct show **);
int show_update(struct show *, const uint8_t *data, size_t len, struct err *err) must_check;
int show_finish(struct show *, struct err *err) must_check;

/* A legacy display element was left out. */
bool show_legacy(const struct show *);

#endif
