/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header fields inside what is signed or encrypted, to be read: RFC 9788 (parameter "hp"
 * of the payload's Content-Type, HP-Outer fields) and the older way of RFC 8551
 * 3.1, a payload that is a message/rfc822 (unless it says forwarded=yes).
 *
 * Life: protected_find on the payload's header (mail/read.h, inner and wrapped), then
 * the questions. Everything is borrowed from the headers. Pure functions, no limits of
 * their own.
 *
 * Where a header is protected, it is the mail's header: From and Subject are taken
 * from it and from nowhere else. The outer one is what the way made of it. What a
 * person sees in other programs is that one, so where it differs from what the
 * sender put there, the difference is told: fields that are shown to people
 * (PROTECTED_SHOWN in the .c), compared unfolded. With hp="cipher" the sender's
 * HP-Outer fields tell what was put there.
 */
#ifndef SIGNET_MAIL_PROTECTED_H
#define SIGNET_MAIL_PROTECTED_H

#include "base/buf.h"
#include "mail/header.h"

enum protected_form {
    PROTECTED_NOT,
    PROTECTED_CLEAR,    /* hp="clear" */
    PROTECTED_CIPHER,   /* hp="cipher" */
    PROTECTED_MESSAGE,  /* RFC 8551, message/rfc822 */
};

struct protected_header {
    enum protected_form form;
    const struct header *header;  /* NULL with PROTECTED_NOT */
};

/* inner: the payload's own header; wrapped: that of the message it is. Either may be NULL. */
void protected_find(struct protected_header *ret, const struct header *inner,
                    const struct header *wrapped);

/* "none", "clear", "cipher", "message". */
const char *protected_word(enum protected_form);

/* Appends the names of the fields that differ outside: "From, Subject". Nothing
 * when none does. E_NOMEM. */
int protected_put_differences(const struct protected_header *, const struct header *outer,
                              struct buf *out) must_check;

/* A leaf's Content-Type says hp-legacy-display="1": what stands before the first
 * empty line (text/plain) repeats protected fields for older programs, and is not
 * to be shown (RFC 9788 4.5.3). */
struct media;
bool protected_legacy_display(const struct media *);

#endif
