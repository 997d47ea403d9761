/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a mail is from, and what its header says that is shown with the verdict: taken
 * from the protected header where there is one (mail/protected.h), else from the
 * mail's own.
 *
 * Life: binding_take fills the struct and the address fields of the verdict's options, which
 * borrow from it; verdicts are made; binding_tell adds what concerns the mail as a
 * whole to the verdict. One that is not good may not be told of twice.
 *
 * From counts. Sender stands for a From that is absent, as mail programs show it; a
 * mail with neither makes no claim that could be wrong (RFC 8550 3) and is judged by
 * its signer's path alone. From or Sender that is empty, repeated or
 * ambiguous, and a From of several addresses, is no address to judge by, since a
 * reader is shown something else.
 */
#ifndef SIGNET_CLI_BINDING_H
#define SIGNET_CLI_BINDING_H

#include "mail/address.h"
#include "mail/protected.h"
#include "trust/verdict.h"

struct binding {
    struct address from, sender;
    const char *list[1];
    char reason[256];
    const struct header *outer, *header;
    struct protected_header protection;
};

void binding_take(struct binding *, const struct header *outer, const struct protected_header *,
                  struct verdict_options *ret);
/* From, Subject and protection; header-mismatch when fields outside differ. */
int binding_tell(const struct binding *, struct verdict *, struct err *err) must_check;

#endif
