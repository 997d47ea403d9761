/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/table.h"

/* What a person must know about the PIN, in words; first match. */
static const char *
state(const json_t *token)
{
    static const struct {
        const char *flag;
        bool is;
        const char *text;
    } states[] = {
        {"initialized", false, "not initialized"},
        {"user_pin_initialized", false, "no PIN set"},
        {"pin_locked", true, "PIN is locked"},
        {"pin_final_try", true, "one PIN try left"},
        {"pin_count_low", true, "a wrong PIN was entered"},
        {"login_required", false, "needs no PIN"},
    };
    const json_t *flags = json_object_get(token, "flags");

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const json_t *flag = json_object_get(flags, states[i].flag);
        if (json_is_boolean(flag) && json_is_true(flag) == states[i].is)
            return states[i].text;
    }
    return json_is_true(json_object_get(token, "logged_in")) ? "logged in" : "ready";
}

static int
put_tokens(const json_t *list, struct buf *out)
{
    static const char *const headings[] = {"TOKEN", "MODEL", "SERIAL", "MODULE", "KEYS",
                                           "STATE", NULL};
    autofree_table struct table *table = table_new(headings);
    const json_t *token;
    size_t i;
    int rc = table ? 0 : E_NOMEM;

    json_array_foreach(list, i, token) {
        char keys[24];
        snprintf(keys, sizeof keys, "%lld",
                 (long long)json_integer_value(json_object_get(token, "keys")));
        const char *cells[] = {listing_string(token, "label"), listing_string(token, "model"),
                               listing_string(token, "serial"), listing_string(token, "module"),
                               keys, state(token)};
        if (rc == 0)
            rc = table_add(table, cells);
    }
    return rc == 0 ? table_put(table, out) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    static const struct listing listing = {
        .what = "tokens",
        .none = "no token is there; insert one, or make one (signet token create)",
        .fetch = client_tokens,
        .put = put_tokens,
    };

    (void)o;
    return listing_run(cli, &listing, err);
}

const struct command command_tokens = {
    .name = "tokens",
    .synopsis = "",
    .summary = "list the tokens that are there",
    .text = "Lists the tokens (smart cards, HSMs, software tokens) of every PKCS#11 module that\n"
            "p11-kit or signet.conf names, how many keys each shows, and how its PIN stands.",
    .example = "signet tokens\nsignet tokens --json",
    .run = run,
};
