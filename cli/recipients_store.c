/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates learnt from mails, as recipients. */
#include <string.h>

#include "cli/recipients.h"
#include "trust/store.h"

static int
find(void *arg, const char *who, STACK_OF(X509) *out, struct err *err)
{
    autoclose_store struct store *store = NULL;
    struct cli *cli = arg;
    int rc;

    if (!strchr(who, '@'))
        return 0;
    rc = store_open(&store, cli->home.state, true, err);
    return rc == 0 && store ? store_find(store, who, out, err) : rc;
}

struct recipients_source
recipients_store(struct cli *cli)
{
    return (struct recipients_source){.name = "your tokens, nor learnt from a signed mail",
                                      .find = find, .arg = cli};
}
