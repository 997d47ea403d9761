/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/listing.h"

const char *
listing_string(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static int
print(struct cli *cli, const struct listing *l, const json_t *list, struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    if (cli->json)
        return cli_print_json(list, err);
    if (json_array_size(list) == 0) {
        cli_note(cli, "%s", l->none);
        return 0;
    }
    if (!out || l->put(list, out) != 0)
        return err_set(err, E_NOMEM, "out of memory while listing %s", l->what);
    return cli_print(out, err);
}

int
listing_run(struct cli *cli, const struct listing *l, struct err *err)
{
    struct client *client = NULL;
    json_t *list = NULL;
    int rc = cli_client(cli, &client, err);

    if (rc == 0)
        rc = l->fetch(client, &list, err);
    if (rc == 0)
        rc = print(cli, l, list, err);
    json_decref(list);
    return rc;
}
