/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses in a field such as To, Cc or Bcc (RFC 5322 3.4: mailboxes, groups,
 * comments, folds; RFC 6532 for UTF-8), to find out whom a mail is for.
 *
 * Unlike mail/address.h, which refuses to guess who a mail is from, this reads what a
 * mailer would deliver to: obsolete routes and comments anywhere are passed over. What is
 * no list of addresses is an error, never a shorter list.
 *
 * Life: mailboxes_new; mailboxes_add with each field's value; the questions;
 * mailboxes_free. An address is there once, local parts compared to the byte and
 * domains in any case. Local parts are given without needless quotes, domains in lower
 * case. Limit: MAILBOXES_MAX addresses of ADDRESS_MAX bytes. Not thread-safe.
 */
#ifndef SIGNET_MAIL_MAILBOXES_H
#define SIGNET_MAIL_MAILBOXES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mail/header.h"

#define MAILBOXES_MAX 4096u

struct mailboxes;
int mailboxes_new(struct mailboxes **ret) must_check;
void mailboxes_free(struct mailboxes **);

/* E_MALFORMED (the sentence tells what cannot be read), E_LIMIT, E_NOMEM. A value
 * without an address in it is none of these. */
int mailboxes_add(struct mailboxes *, const uint8_t *value, size_t len,
                  struct err *err) must_check;
/* All fields of that name. */
int mailboxes_add_fields(struct mailboxes *, const struct header *, const char *name,
                         struct err *err) must_check;

size_t mailboxes_count(const struct mailboxes *);
/* Borrowed; NULL behind the last. */
const char *mailboxes_at(const struct mailboxes *, size_t i);

#endif
