/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "cli/cli.h"

/* The agent has another working folder. */
static int
absolute(const char **path, char out[PATH_MAX], struct err *err)
{
    if (!*path)
        return 0;
    if (!realpath(*path, out))
        return err_set_sys(err, E_INPUT, errno, "PIN file %s cannot be read", *path);
    *path = out;
    return 0;
}

/* The one token, when none is named. */
static int
only_token(struct client *client, char out[256], struct err *err)
{
    json_t *tokens = NULL, *t;
    const char *label = NULL;
    size_t i, n = 0;
    int rc = client_tokens(client, &tokens, err);

    json_array_foreach(tokens, i, t) {
        const char *name = json_string_value(json_object_get(t, "label"));
        if (!name || !*name)
            continue;
        label = name;
        n++;
    }
    if (rc == 0 && n != 1)
        rc = err_set(err, n ? E_AMBIGUOUS : E_NO_TOKEN, n ? "there are several tokens; say which "
                     "with --token (signet tokens lists them)" : "there is no token; insert one");
    if (rc == 0)
        snprintf(out, 256, "%s", label);
    json_decref(tokens);
    return rc;
}

static int
change(struct cli *cli, const struct options *o, bool unblock, struct err *err)
{
    const char *token = options_get(o, "token");
    const char *old_file = options_get(o, unblock ? "puk-file" : "pin-file");
    const char *new_file = options_get(o, "new-pin-file");
    char old_path[PATH_MAX], new_path[PATH_MAX], only[256];
    struct client *client = NULL;
    int rc = absolute(&old_file, old_path, err);

    if (rc == 0)
        rc = absolute(&new_file, new_path, err);
    if (rc == 0)
        rc = cli_client(cli, &client, err);
    if (rc == 0 && !token) {
        rc = only_token(client, only, err);
        token = only;
    }
    if (rc == 0)
        rc = client_pin_change(client, token, unblock, old_file, new_file, err);
    if (rc == 0)
        cli_note(cli, unblock ? "token \"%s\" has a new PIN and is unblocked"
                              : "the PIN of token \"%s\" was changed", token);
    return rc;
}

static int
run_change(struct cli *cli, const struct options *o, struct err *err)
{
    return change(cli, o, false, err);
}

static int
run_unblock(struct cli *cli, const struct options *o, struct err *err)
{
    return change(cli, o, true, err);
}

static const struct option_row change_options[] = {
    {.name = "token", .value = "L", .help = "the token, by label or serial number"},
    {.name = "pin-file", .value = "F", .help = "take the present PIN from the first line of F"},
    {.name = "new-pin-file", .value = "F", .help = "take the new PIN from the first line of F"},
    {.name = NULL},
};

static const struct option_row unblock_options[] = {
    {.name = "token", .value = "L", .help = "the token, by label or serial number"},
    {.name = "puk-file", .value = "F", .help = "take the PUK from the first line of F"},
    {.name = "new-pin-file", .value = "F", .help = "take the new PIN from the first line of F"},
    {.name = NULL},
};

const struct command command_pin_change = {
    .name = "pin change",
    .synopsis = "[--token L] [--pin-file F] [--new-pin-file F]",
    .summary = "change a token's PIN",
    .text = "Asks for the present PIN of the token and, twice, for a new one, and changes it. Not\n"
            "with a locked PIN: see signet pin unblock. Without --token: the only token there is.",
    .example = "signet pin change --token demo",
    .options = change_options,
    .run = run_change,
};

const struct command command_pin_unblock = {
    .name = "pin unblock",
    .synopsis = "[--token L] [--puk-file F] [--new-pin-file F]",
    .summary = "set a new PIN with the PUK",
    .text = "Asks for the token's PUK (on tokens with a security officer, his PIN) and, twice, for\n"
            "a new PIN, and sets it: when the PIN is locked after too many wrong tries, or was\n"
            "never set. A PUK has a limited number of tries, too.",
    .example = "signet pin unblock --token \"PIV_II\"",
    .options = unblock_options,
    .run = run_unblock,
};
