/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing a message that is signed: a signer more beside the others (cms/addsign.h), or a
 * countersignature on one of them (cms/countersign.h), in one pass over the message.
 *
 * What one puts one's name next to is checked first: a message of which a signature does
 * not hold, or content that is not the one that was signed, is refused before a key is
 * asked (E_ALTERED, E_BAD_SIGNATURE). Who the others are, and whether they can be trusted, is
 * not asked; a signature that cannot be checked, without its certificate say, is noted.
 *
 * One thread.
 */
#ifndef SIGNET_CLI_SIGN_AGAIN_H
#define SIGNET_CLI_SIGN_AGAIN_H

#include "base/io.h"
#include "base/sink.h"
#include "cli/cli.h"
#include "cli/signers.h"

struct sign_again {
    const struct cli *cli;
    struct infile *in;              /* the message: DER, BER, PEM or base64 */
    struct infile *content;         /* what it is detached from, or NULL */
    const struct signers *signers;  /* to add; one, to countersign */
    size_t countersign;             /* whose signature, from 1; 0: add */
    struct sink out;
};

int sign_again(const struct sign_again *, struct err *err) must_check;

#endif
