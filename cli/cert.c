/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/certificate_file.h"
#include "cli/cli.h"

static int
say(struct cli *cli, const char *key, struct err *err)
{
    json_t *object;
    int rc;

    if (!cli->json) {
        cli_note(cli, "the certificate is stored beside key %.16s", key);
        return 0;
    }
    object = json_pack("{s:s}", "key", key);
    rc = object ? cli_print_json(object, err) : err_set(err, E_NOMEM, "out of memory");
    json_decref(object);
    return rc;
}

static int
import(struct cli *cli, const struct options *o, struct err *err)
{
    uint8_t *der = NULL;
    size_t len = 0, others = 0;
    struct client *client = NULL;
    char key[CLIENT_KEY_NAME];
    int rc = certificate_file_read(cli_operand(o, 0), &der, &len, &others, err);

    if (rc == 0)
        rc = cli_client(cli, &client, err);
    if (rc == 0)
        rc = client_cert_import(client, der, len, key, err);
    OPENSSL_free(der);
    if (rc == 0 && others > 0)
        cli_note(cli, "only the first of the file's %zu certificates was stored", others + 1);
    return rc == 0 ? say(cli, key, err) : rc;
}

const struct command command_cert_import = {
    .name = "cert import",
    .synopsis = "FILE",
    .summary = "store a certificate beside its key on the token",
    .text = "Stores the certificate in FILE (PEM or DER, - for standard input) on the token that\n"
            "holds its key. Of several certificates in a PEM file the first is taken.",
    .example = "signet cert import alice.crt",
    .min_operands = 1,
    .max_operands = 1,
    .run = import,
};
