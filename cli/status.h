/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --status-fd N: what happened in GnuPG's words, for programs that were made for gpgsm
 * (GnuPG's doc/DETAILS). One line each, "[GNUPG:] WORD ...", to the descriptor N.
 *
 * Of a signature: NEWSIG; then GOODSIG, EXPKEYSIG, REVKEYSIG or BADSIG with the SHA-1
 * fingerprint and the signer's name, or ERRSIG and ERROR when nothing could be checked; when
 * it holds VALIDSIG, and TRUST_FULLY or, with our problem word, TRUST_UNDEFINED or TRUST_NEVER.
 * Of a decryption: DECRYPTION_OKAY or DECRYPTION_FAILED. More strictly than gpgsm, a
 * signature whose signer is not vouched for is never TRUST_FULLY: expired ones, those of another
 * address, weak ones.
 *
 * Life: status_open; the lines; nothing to close, N stays the caller's. With the descriptor
 * -1 nothing is written. One thread. Errors: E_USAGE, E_OUTPUT.
 */
#ifndef SIGNET_CLI_STATUS_H
#define SIGNET_CLI_STATUS_H

#include "cli/options.h"
#include "trust/verdict.h"

#define STATUS_OPTION_ROW \
    {.name = "status-fd", .value = "N", .help = "tell in GnuPG's words on descriptor N"}

/* -1 when the option is not there; E_USAGE when it is no number, or not open. */
int status_open(int *ret, const struct options *, struct err *err) must_check;
/* Each signature of the verdict. */
int status_put_verdict(int fd, const struct verdict *, struct err *err) must_check;
int status_put_decrypted(int fd, bool ok, struct err *err) must_check;

#endif
