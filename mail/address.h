/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a mail says it is from: the one addr-spec in its From or Sender field
 * (RFC 5322 3.4, 3.6.2; RFC 6532 for UTF-8).
 *
 * A verdict compares it with the signer's certificate, so a reading that another
 * program or a person could have taken differently is not made: it is ADDRESS_AMBIGUOUS
 * with a reason. Plain forms are read: `a@b`, `Name <a@b>`, `"Name" <a@b>`,
 * `=?utf-8?q?Name?= <a@b>`, `a@b (Name)`, folded between words.
 * Ambiguous are: the field given twice or empty; groups; source routes; comments or
 * blanks within the address; a name or comment that holds another address, also in an
 * encoded word; encoded words in the address; control characters, NULs and
 * invalid UTF-8; text behind the address; unbalanced quotes.
 *
 * The local part is given without needless quotes, the domain in lower case. Pure
 * functions; struct address is the caller's storage. Limit: ADDRESS_MAX bytes;
 * longer ones are ambiguous.
 */
#ifndef SIGNET_MAIL_ADDRESS_H
#define SIGNET_MAIL_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "mail/header.h"

#define ADDRESS_MAX       998u
#define ADDRESS_VALUE_MAX (64u * 1024)

enum address_state {
    ADDRESS_NONE,      /* no such field */
    ADDRESS_ONE,       /* exactly one: `text` is it */
    ADDRESS_SEVERAL,   /* well-formed, but more than one; `text` is the first */
    ADDRESS_AMBIGUOUS,
};

struct address {
    enum address_state state;
    const char *reason;          /* for people, when not ADDRESS_ONE; static */
    char text[ADDRESS_MAX + 1];  /* "" unless ADDRESS_ONE or ADDRESS_SEVERAL */
};

/* From a field's value (folds and all). */
void address_read(struct address *, const uint8_t *value, size_t len);
/* From the header's field of that name, which must be there once. */
void address_from_header(struct address *, const struct header *, const char *field);

#endif
