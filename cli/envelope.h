/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a mail is encrypted for: the certificates of -r, or of those in To, Cc and Bcc, and
 * one's own; parted into messages so that those in Bcc learn of nobody and nobody of
 * them; and what each message is encrypted with.
 *
 * Life: envelope_new with the mail's header; envelope_message for each message, from 0;
 * envelope_free. Everything is borrowed from the envelope.
 *
 * Message 0 is for To and Cc (and for all of -r who are not in Bcc); with --separate there
 * is one for each other in Bcc behind it. E_USAGE when those in Bcc could be seen and
 * --separate was not given. E_NO_CERT names those without a certificate. One thread.
 */
#ifndef SIGNET_CLI_ENVELOPE_H
#define SIGNET_CLI_ENVELOPE_H

#include "cli/cli.h"
#include "cli/signers.h"
#include "cms/encrypt.h"
#include "mail/header.h"

struct envelope;

struct envelope_message {
    struct cms_encrypt_options cms;
    const char *bcc;    /* whom in Bcc it is for; NULL for message 0 */
};

/* signers: who signs it, for one's own certificate; may be empty. */
int envelope_new(struct envelope **ret, struct cli *, const struct options *,
                 const struct header *, const struct signers *, struct err *err) must_check;
/* False behind the last. */
bool envelope_message(const struct envelope *, size_t i, struct envelope_message *ret);
void envelope_free(struct envelope **);

#endif
