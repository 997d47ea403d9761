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
 * shows. All other fields than the payload's have no say when hp is there.
 *
 * Making: protect_put_outer and protect_put_hp_outer for each of the mail's
 * fields, protect_put_type for the Content-Type; mail/rewrite.c does that for
 * mail/sign.h and mail/encrypt.h. A legacy display element (5.2.2) is a copy of the
 * obscured fields at the start of text parts, for programs that show the outer Subject.
 *
 * Reading: protect_mode of the payload's Content-Type; then each field that is shown is
 * the payload's (header_find), and protect_compare says whether the one outside is as
 * the sender left it.
 *
 * Pure functions, safe from several threads.
 */
#ifndef SIGNET_MAIL_PROTECT_H
#define SIGNET_MAIL_PROTECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "mail/header.h"
#include "mail/param.h"

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
/* By its name on the command line, "baseline", "shy", "none". */
bool protect_policy_by_name(const char *name, enum protect_policy *ret);

/* The obscured Subject (RFC 9788 3.2.1). */
#define PROTECT_SUBJECT "[...]"
#define PROTECT_OUTER   "HP-Outer"

/* MIME-Version and Content-*: they describe the part they are in. */
bool protect_structural(const struct header_field *);
/* Neither protected nor compared, since it is written or removed on the way: Received,
 * Return-Path, DKIM-Signature, ..., and Bcc. */
bool protect_transit(const struct header_field *);

/*
 * Making. All append whole fields with their line ends, and fail as buf_put does.
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

/*
 * Reading.
 */

/* By the payload's Content-Type; PROTECT_NONE for NULL, an absent, unknown or ambiguous
 * hp. */
enum protect_mode protect_mode(const struct media *payload);
/* Whether a text part says that it starts with a legacy display element. */
bool protect_legacy_display(const struct media *part);

/* An HP-Outer field taken apart: the name and value of the field that was outside, views
 * into it. False when it is no HP-Outer field, or none that can be read. */
bool protect_hp_outer(const struct header_field *, struct header_field *ret);

enum protect_outside {
    PROTECT_SAME,      /* as the sender left it (hidden, maybe) */
    PROTECT_CHANGED,   /* another value, or another number of fields */
    PROTECT_ADDED,     /* outside only */
    PROTECT_REMOVED,   /* the sender had it outside */
};
/* The fields of that name outside, as against what the sender left there: with
 * PROTECT_CIPHER what HP-Outer says, else the payload's own. Folds, and blanks around the
 * value, do not count. */
enum protect_outside protect_compare(const struct header *payload, enum protect_mode,
                                     const struct header *outside, const char *name);
/* Whether the payload's fields of that name were hidden by the sender: encrypted, and
 * not outside with the same value. */
bool protect_hidden(const struct header *payload, enum protect_mode, const char *name);

#endif
