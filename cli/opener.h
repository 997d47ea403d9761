/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's keys, and what else the command line names, as what opens an encrypted
 * message (cms/decrypt.h).
 *
 * Life: opener_new; opener_options goes to a reader (several, one after the other or
 * nested); opener_free when they are freed. The agent is asked for nothing before
 * a message is there that needs it: then its certificates are compared with the
 * recipients, and the key of the first that fits is used.
 *
 * One thread.
 */
#ifndef SIGNET_CLI_OPENER_H
#define SIGNET_CLI_OPENER_H

#include "cli/cli.h"
#include "cms/decrypt.h"

struct opener;

struct opener_wish {
    bool allow_weak;            /* 3DES and RC2 */
    const char *password_file;  /* of a PasswordRecipientInfo; its first line; NULL: none */
};

int opener_new(struct opener **ret, struct cli *, const struct opener_wish *,
               struct err *err) must_check;
/* Borrowed until opener_free. */
const struct cms_decrypt_options *opener_options(struct opener *);
void opener_free(struct opener **);

#endif
