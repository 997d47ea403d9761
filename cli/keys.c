/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/table.h"

/* Digits of a key's name that a listing shows; enough to be told as -u KEY. */
#define SHOWN_NAME 16

/* "rsa 2048", "ec P-256", "ed25519". */
static void
kind(const json_t *key, char *out, size_t max)
{
    const char *type = listing_string(key, "type"), *curve = listing_string(key, "curve");
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
    return email ? email : listing_string(cert, "subject");
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
        const char *full = listing_string(key, "name");
        snprintf(name, sizeof name, "%s", full ? full : "");
        kind(key, type, sizeof type);
        const char *cells[] = {name, type, listing_string(key, "token"),
                               listing_string(key, "label"), owner(key)};
        if (rc == 0)
            rc = table_add(table, cells);
    }
    return rc == 0 ? table_put(table, out) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    static const struct listing listing = {
        .what = "keys",
        .none = "no key is there; make one (signet key generate) or insert a token that "
            "has some",
        .fetch = client_keys,
        .put = put_keys,
    };

    (void)o;
    return listing_run(cli, &listing, err);
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
