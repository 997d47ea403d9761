/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "cli/cli.h"

/* The agent has another working folder. */
static int
passphrase_file(const struct options *o, char store[PATH_MAX], const char **ret, struct err *err)
{
    const char *path = options_get(o, "passphrase-file");

    *ret = NULL;
    if (!path)
        return 0;
    if (!realpath(path, store))
        return err_set_sys(err, E_INPUT, errno, "passphrase file %s cannot be read", path);
    *ret = store;
    return 0;
}

static int
lock(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    char store[PATH_MAX];
    const char *file;
    int rc = passphrase_file(o, store, &file, err);

    if (rc == 0)
        rc = cli_client(cli, &client, err);
    if (rc == 0)
        rc = client_lock(client, file, err);
    if (rc == 0)
        cli_note(cli, "the agent is locked and has forgotten all PINs");
    return rc;
}

static int
unlock(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    char store[PATH_MAX];
    const char *file;
    int rc = passphrase_file(o, store, &file, err);

    if (rc == 0)
        rc = cli_running_client(cli, &client, err);
    if (rc == 0 && !client)
        cli_note(cli, "no agent is running on %s, and none is locked", cli->home.socket);
    if (rc != 0 || !client)
        return rc;
    rc = client_unlock(client, file, err);
    if (rc == 0)
        cli_note(cli, "the agent is unlocked");
    return rc;
}

static const struct option_row options[] = {
    {.name = "passphrase-file", .value = "F", .help = "take the passphrase from the first line "
                                                      "of F"},
    {.name = NULL},
};

const struct command command_agent_lock = {
    .name = "agent lock",
    .synopsis = "[--passphrase-file F]",
    .summary = "have the agent forget PINs and refuse keys until it is unlocked",
    .text = "Asks twice for a passphrase and locks the agent: it forgets all PINs, logs out of all\n"
            "tokens, and refuses every use of a key, every PIN command and every question until\n"
            "signet agent unlock brings the passphrase. Listings and signet agent stop still work.\n"
            "The passphrase is kept by nobody: without it, stop the agent and start another one.",
    .example = "signet agent lock",
    .options = options,
    .run = lock,
};

const struct command command_agent_unlock = {
    .name = "agent unlock",
    .synopsis = "[--passphrase-file F]",
    .summary = "end what agent lock began",
    .text = "Asks for the passphrase of signet agent lock and unlocks the agent. PINs stay forgotten\n"
            "and are asked for when they are needed. After a wrong passphrase the next one takes\n"
            "longer, up to half a minute. With an agent that is not locked there is nothing to do.",
    .example = "signet agent unlock",
    .options = options,
    .run = unlock,
};
