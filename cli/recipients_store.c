/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificates of the store, as recipients. */
#include <string.h>

#include "cli/recipients.h"
#include "trust/store.h"

struct taker {
    struct choose_list *out;
    struct err *err;
};

static int
take(void *arg, const struct store_cert *c)
{
    struct taker *t = arg;

    /* Who marked it has said enough. */
    return choose_list_add(t->out, c->cert,
                           c->trust == STORE_TRUSTED ? CHOOSE_GIVEN : choose_origin_of(c->source),
                           c->preferred) == 0
               ? 0
               : err_set(t->err, E_NOMEM, "out of memory for recipients");
}

static int
find(void *arg, const char *who, struct choose_list *out, struct err *err)
{
    struct store_query query = {.by = STORE_BY_ADDRESS, .address = who};
    struct taker taker = {.out = out, .err = err};
    autoclose_store struct store *store = NULL;
    struct cli *cli = arg;
    int rc;

    if (!strchr(who, '@'))
        return 0;
    rc = store_open(&store, cli->home.state, true, err);
    return rc == 0 && store ? store_search(store, &query, 0, take, &taker, err) : rc;
}

struct recipients_source
recipients_store(struct cli *cli)
{
    return (struct recipients_source){.name = "your tokens, nor in the certificate store",
                                      .find = find, .arg = cli};
}
