/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first of the two passes over a mail that is to be signed: what it is made of,
 * and which of its parts must be transfer-encoded so that no relay on the way
 * changes a byte of what was signed (RFC 8551 3.1.2, 3.1.3). mail/sign.h makes
 * the second pass with what this one found.
 *
 * Life: scan_new, scan_update with the whole mail in pieces of any size,
 * scan_finish, the questions (scan_plan in the order of the entities), scan_free.
 *
 * A leaf with 8-bit bytes, NULs, bare CRs, lines over 998 bytes, or lines that start with
 * "From " is encoded:
 * text (but not UTF-16) as quoted-printable, everything else as base64; what is encoded already but
 * has long lines, anew in the same way. Composites that say 8bit or binary then
 * say 7bit. Never touched: what is inside a multipart/signed or
 * multipart/encrypted, whose own signature it would break, and leaves whose
 * encoding is unknown; scan_fragile is then true. Messages (message/rfc822) are looked
 * into: they may not be encoded themselves (RFC 2046 5.2.1).
 *
 * Limits: SCAN_CHANGES_MAX parts to change (E_LIMIT). Not thread-safe.
 */
#ifndef SIGNET_MAIL_SCAN_H
#define SIGNET_MAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCAN_CHANGES_MAX (256u * 1024)

enum scan_plan {
    SCAN_KEEP,    /* byte for byte */
    SCAN_QP,      /* encode, whatever it was, as quoted-printable */
    SCAN_BASE64,
    SCAN_LABEL,   /* a composite: its Content-Transfer-Encoding becomes 7bit */
};

struct scan;
int scan_new(struct scan **ret) must_check;
void scan_free(struct scan **);
int scan_update(struct scan *, const uint8_t *data, size_t len, struct err *err) must_check;
int scan_finish(struct scan *, struct err *err) must_check;

/* Bytes of the whole mail. */
uint64_t scan_size(const struct scan *);
/* There is a header with a field in it. */
bool scan_has_header(const struct scan *);
/* The first line ends with CRLF. */
bool scan_crlf(const struct scan *);
/* Bytes behind the header in canonical form (before any change by the plan). */
uint64_t scan_body_canonical(const struct scan *);
/* The body has 8-bit bytes; and all of them are UTF-8. */
bool scan_eight_bit(const struct scan *);
bool scan_utf8(const struct scan *);
/* Some part must be changed. */
bool scan_changes(const struct scan *);
/* Something that relays may change cannot be protected. */
bool scan_fragile(const struct scan *);

/* What to do with the entity that is begun as the nth, from 0 (the mail). */
enum scan_plan scan_plan(const struct scan *, uint64_t nth);

#endif
