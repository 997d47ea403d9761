/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int
forget(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    int rc = cli_running_client(cli, &client, err);

    /* Without an agent nobody remembers a PIN. */
    if (rc != 0 || !client)
        return rc;
    return client_pin_forget(client, cli_operand(o, 0), err);
}

const struct command command_pin_forget = {
    .name = "pin forget",
    .synopsis = "[TOKEN]",
    .summary = "make the agent forget PINs and log out",
    .text = "Makes the agent forget the PIN of the token with this label (all PINs without one)\n"
            "and log out of it. The next use of a key there asks for the PIN again.",
    .example = "signet pin forget demo",
    .max_operands = 1,
    .run = forget,
};
