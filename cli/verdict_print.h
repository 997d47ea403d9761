/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verdict where the user wants it: as text on standard error (not with --quiet), or with
 * --json as an object on standard output. */
#ifndef SIGNET_CLI_VERDICT_PRINT_H
#define SIGNET_CLI_VERDICT_PRINT_H

#include "cli/cli.h"
#include "trust/verdict.h"

/* E_OUTPUT, E_NOMEM. */
int verdict_print(const struct cli *, const struct verdict *, struct err *err) must_check;

#endif
