/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int
print_name(struct cli *cli, const char *name, struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    if (cli->json) {
        json_t *object = json_pack("{s:s}", "name", name);
        int rc = object ? cli_print_json(object, err) : err_set(err, E_NOMEM, "out of memory");
        json_decref(object);
        return rc;
    }
    if (!out || buf_putf(out, "%s\n", name) != 0)
        return err_set(err, E_NOMEM, "out of memory");
    return cli_print(out, err);
}

static int
generate(struct cli *cli, const struct options *o, struct err *err)
{
    const char *token = options_get(o, "token"), *type = options_get(o, "type");
    struct client *client = NULL;
    char name[CLIENT_KEY_NAME];
    int rc;

    if (!token)
        return err_set(err, E_USAGE, "on which token? give it with --token (signet tokens lists "
                       "them)");
    if (!type)
        return err_set(err, E_USAGE, "what kind of key? give it with --type (p256 is a good one)");
    rc = cli_client(cli, &client, err);
    if (rc == 0)
        rc = client_key_generate(client, token, type, options_get(o, "label"), name, err);
    return rc == 0 ? print_name(cli, name, err) : rc;
}

static const struct option_row generate_options[] = {
    {.name = "token", .value = "L", .help = "the token to make it on"},
    {.name = "type", .value = "TYPE", .help = "the kind of key",
     .choices = "rsa2048|rsa3072|rsa4096|p256|p384|p521|ed25519|x25519"},
    {.name = "label", .value = "L", .help = "the key's label on the token"},
    {.name = NULL},
};

const struct command command_key_generate = {
    .name = "key generate",
    .synopsis = "--token L --type TYPE [--label L]",
    .summary = "make a key on a token",
    .text = "Makes a key pair on a token, which the private key never leaves, and prints the\n"
            "key's name.",
    .example = "signet key generate --token demo --type rsa3072 --label mail",
    .options = generate_options,
    .run = generate,
};
