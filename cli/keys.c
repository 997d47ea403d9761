/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"

/* Digits of a key's name that a listing shows; enough to be told as -u KEY. */
#define SHOWN_NAME 16

static const char *
string(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* "rsa 2048", "ec P-256", "ed25519". */
static void
kind(const json_t *key, char *out, size_t max)
{
    const char *type = string(key, "type"), *curve = string(key, "curve");
    long long bits = json_integer_value(json_object_get(key, "bits"));

    if (!type)
        type = "?";
    if (strcmp(type, "rsa") == 0)
        snprintf(out, max, "%s %lld", type, bits);
    else if (strcmp(type, "ec") == 0 && curve)
        snprintf(out, max, "%s %s", type, curve);
    else
        snprintf(out, max, "%s", type);
}

/* Whom the key is for: the first address, else the subject, of its certificates. */
static const char *
owner(const json_t *key)
{
    const json_t *cert = json_array_get(json_object_get(key, "certificates"), 0);
    const char *email = json_string_value(json_array_get(json_object_get(cert, "emails"), 0));

    if (!cert)
        return "no certificate";
    return email ? email : string(cert, "subject");
}

static int
put_keys(const json_t *list, struct buf *out)
{
    static const char *const headings[] = {"KEY", "TYPE", "TOKEN", "LABEL", "CERTIFICATE", NULL};
    autofree_table struct table *table = table_new(headings);
    const json_t *key;
    size_t i;
    int rc = table ? 0 : E_NOMEM;

    json_array_foreach(list, i, key) {
        char name[SHOWN_NAME + 1], type[64];
        snprintf(name, sizeof name, "%s", string(key, "name") ? string(key, "name") : "");
        kind(key, type, sizeof type);
        const char *cells[] = {name, type, string(key, "token"), string(key, "label"),
                               owner(key)};
        if (rc == 0)
            rc = table_add(table, cells);
    }
    return rc == 0 ? table_put(table, out) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    struct client *client = NULL;
    json_t *list = NULL;
    int rc = cli_client(cli, &client, err);

    (void)o;
    if (rc == 0)
        rc = client_keys(client, &list, err);
    if (rc != 0)
        return rc;
    if (cli->json)
        rc = cli_print_json(list, err);
    else if (json_array_size(list) == 0)
        cli_note(cli, "no key is there; make one (signet key generate) or insert a token that "
                 "has some");
    else if (!out || put_keys(list, out) != 0)
        rc = err_set(err, E_NOMEM, "out of memory while listing keys");
    else
        rc = cli_print(out, err);
    json_decref(list);
    return rc;
}

const struct command command_keys = {
    .name = "keys",
    .synopsis = "",
    .summary = "list the keys on all tokens",
    .text = "Lists the private keys on all tokens, with the certificates beside them. A key's\n"
            "name is the SHA-256 of its public key; with -u KEY other commands take the name\n"
            "or 8 digits or more of its start, an e-mail address, a label, a certificate's\n"
            "fingerprint, or a pkcs11: URI.",
    .example = "signet keys\nsignet keys --json | jq -r '.[].name'",
    .run = run,
};
