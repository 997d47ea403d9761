/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header protection (RFC 9788): the mail's own fields inside of its signature or
 * encryption, where nobody on the way changes or reads them.
 *
 * The cryptographic payload is the entity under all layers of signature and encryption
 * of one mail. Its header has, beside its Content-* fields, a copy of the mail's fields
 * in their order, and its Content-Type says hp="clear" (signed) or hp="cipher"
 * (encrypted). With hp="cipher" some fields outside are obscured or missing; HP-Outer
 * fields in the payload say what the sender left outside, so that a change on the way
 * shows.
 *
 * This makes it: protect_put_outer and protect_put_hp_outer for each of the mail's fields,
 * protect_put_type for the Content-Type; mail/rewrite.c does that for mail/sign.h and
 * mail/encrypt.h, which take a struct mail_protection. mail/protected.h reads it.
 *
 * A legacy display element (5.2.2) is a copy of the obscured fields at the start of
 * the main text parts, for programs that show the outer Subject.
 *
 * Pure functions, safe from several threads.
 */
#ifndef SIGNET_MAIL_PROTECT_H
#define SIGNET_MAIL_PROTECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "mail/header.h"

enum protect_mode {
    PROTECT_NONE,
    PROTECT_CLEAR,   /* hp="clear" */
    PROTECT_CIPHER,  /* hp="cipher" */
};

/* What of a mail's fields is seen outside of an encryption (RFC 9788 3). */
enum protect_policy {
    PROTECT_BASELINE, /* hcp_baseline: Subject becomes "[...]", Comments and Keywords go */
    PROTECT_SHY,      /* hcp_shy: and names beside addresses, and the time zone in Date */
    PROTECT_OPEN,     /* hcp_no_confidentiality */
};

/* How a mail's own header is protected; zero: not at all. */
struct mail_protection {
    enum protect_mode mode;
    enum protect_policy policy;  /* with PROTECT_CIPHER, as is */
    bool legacy_display;         /* ... this */
};

/* By its name on the command line, "baseline", "shy", "none". */
bool protect_policy_by_name(const char *name, enum protect_policy *ret);

/* The obscured Subject (RFC 9788 3.2.1). */
#define PROTECT_SUBJECT "[...]"
#define PROTECT_OUTER   "HP-Outer"

/* MIME-Version and Content-*: they describe the part they are in. */
bool protect_structural(const struct header_field *);
/* Not protected, since it is written or removed on the way: Received, Return-Path,
 * DKIM-Signature, ..., and Bcc. */
bool protect_transit(const struct header_field *);

/*
 * All of these append whole fields with their line ends, and fail as buf_put does.
 */

/* The field as it is seen outside of an encryption; nothing when the policy removes it. */
int protect_put_outer(struct buf *out, const struct header_field *, enum protect_policy,
                      const char *eol) must_check;
/* The same as an HP-Outer field. */
int protect_put_hp_outer(struct buf *out, const struct header_field *, enum protect_policy,
                         const char *eol) must_check;
/* Whether that is another one than the field itself. */
bool protect_hides(const struct header_field *, enum protect_policy);
/* A Content-Type field with its hp and hp-legacy-display parameters as given. */
int protect_put_type(struct buf *out, const struct header_field *, enum protect_mode,
                     bool legacy_display, const char *eol) must_check;
/* The legacy display element for a text/plain or text/html (html) part: the hidden ones of
 * the header's user-facing fields. Nothing when none is hidden. UTF-8, lines ending in
 * eol. */
int protect_put_legacy(struct buf *out, const struct header *, enum protect_policy, bool html,
                       const char *eol) must_check;

#endif
