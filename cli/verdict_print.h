/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verdict where the user wants it: as text on standard error (not with --quiet), in colour
 * on a terminal, or with --json as an object on standard output; and with --status-fd in
 * GnuPG's words (cli/status.h). */
#ifndef SIGNET_CLI_VERDICT_PRINT_H
#define SIGNET_CLI_VERDICT_PRINT_H

#include "cli/cli.h"
#include "cli/status.h"
#include "trust/verdict.h"

/* Rows for a command's table of options. */
#define VERDICT_OPTION_ROWS \
    STATUS_OPTION_ROW, \
    {.name = "color", .value = "WHEN", .choices = "auto|always|never", \
     .help = "colour in the verdict"}
#define VERDICT_SYNOPSIS "[--status-fd N] [--color WHEN]"

struct verdict_style {
    bool colour;
    int status_fd;      /* -1: none */
};

/* Colour: --color; else a terminal that is not dumb, and no NO_COLOR. E_USAGE. */
int verdict_style_read(struct verdict_style *, const struct options *, struct err *err) must_check;

/* E_OUTPUT, E_NOMEM. */
int verdict_print(const struct cli *, struct verdict *, const struct verdict_style *,
                  struct err *err) must_check;

#endif
