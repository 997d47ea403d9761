/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <errno.h>

#include "cli/cli.h"

/* The agent has another working folder, and remembers the file's name. */
static int
absolute(const char *path, char out[PATH_MAX], struct err *err)
{
    struct stat st;

    if (!realpath(path, out))
        return err_set_sys(err, E_INPUT, errno, "PIN file %s cannot be read", path);
    if (stat(out, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, E_INPUT, "PIN file %s is no regular file; name a file whose first "
                       "line is the PIN", path);
    return 0;
}

static int
create(struct cli *cli, const struct options *o, struct err *err)
{
    const char *label = options_get(o, "label"), *pin_file = options_get(o, "pin-file");
    struct client *client = NULL;
    char path[PATH_MAX];
    int rc = 0;

    if (!label || !*label)
        return err_set(err, E_USAGE, "the new token needs a name; give it with --label");
    if (pin_file) {
        rc = absolute(pin_file, path, err);
        pin_file = path;
    }
    if (rc == 0)
        rc = cli_client(cli, &client, err);
    if (rc == 0)
        rc = client_token_create(client, label, pin_file, err);
    if (rc == 0)
        cli_note(cli, "token \"%s\" is made; put a key on it (signet key generate --token \"%s\" "
                 "--type p256)", label, label);
    return rc;
}

static const struct option_row create_options[] = {
    {.name = "label", .value = "L", .help = "the token's name"},
    {.name = "pin-file", .value = "F",
     .help = "take the PIN from the first line of F, now and later"},
    {.name = NULL},
};

const struct command command_token_create = {
    .name = "token create",
    .synopsis = "--label L [--pin-file F]",
    .summary = "make a software token",
    .text = "Makes a token in software (SoftHSM), kept in Signet's state folder, for those\n"
            "without a card. Its PIN is asked for, or with --pin-file read from a file that\n"
            "the agent then uses whenever the PIN is needed.",
    .example = "signet token create --label demo\n"
               "signet token create --label build --pin-file /run/secrets/build-pin",
    .options = create_options,
    .run = create,
};
