/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recipients.h"
#include "cli/trust_options.h"

static void
note(void *arg, const char *text)
{
    cli_note(arg, "%s", text);
}

void
recipients_wish_trust(struct recipients_wish *wish, struct cli *cli, const struct trust *trust)
{
    wish->anchors = trust_anchors(trust);
    wish->path = trust_path(trust);
    wish->note = note;
    wish->note_arg = cli;
    wish->verbose = cli->verbose;
}
