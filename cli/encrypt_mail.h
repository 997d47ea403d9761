/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `signet encrypt` on a mail (cli/encrypt.c does bare messages, and calls this unless
 * --cms is given).
 *
 * It takes from the options: recipient (-r), cipher, sign, key (-u), output (-o), and
 * those of ENCRYPT_MAIL_ROWS, which the command's table of options has to hold. Opens,
 * writes and commits by itself.
 */
#ifndef SIGNET_CLI_ENCRYPT_MAIL_H
#define SIGNET_CLI_ENCRYPT_MAIL_H

#include "cli/cli.h"

#define ENCRYPT_MAIL_ROWS \
    {.name = "triple", .help = "mail: sign, encrypt, and sign again"}, \
    {.name = "opaque", .help = "mail, with --sign: sign as application/pkcs7-mime"}, \
    {.name = "compress", .help = "mail: compress before encrypting"}, \
    {.name = "no-self", .help = "mail: do not encrypt to yourself as well"}, \
    {.name = "separate", .help = "mail: a message of its own for each Bcc recipient (OUT.1, ...)"}, \
    {.name = "protect-headers", .value = "POLICY", \
     .help = "mail: what is hidden outside (baseline)", .choices = "baseline|shy|none"}, \
    {.name = "no-protect-headers", .help = "mail: leave the header unprotected"}, \
    {.name = "legacy-display", .help = "mail: repeat hidden fields in the text, for old programs"}

int encrypt_mail(struct cli *, const struct options *, struct err *err) must_check;

#endif
