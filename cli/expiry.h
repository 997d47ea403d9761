/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A certificate near its end is announced to whoever signs with it. */
#ifndef SIGNET_CLI_EXPIRY_H
#define SIGNET_CLI_EXPIRY_H

#include "cli/signers.h"

/* A note for each signer whose certificate ends within EXPIRY_DAYS; not with --quiet. */
#define EXPIRY_DAYS 30
void expiry_note(const struct cli *, const struct signers *);

#endif
