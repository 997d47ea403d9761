/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

struct watching {
    struct cli *cli;
    struct err *err;
};

static int
put_text(struct buf *out, const json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));

    return text ? text_put_safe(out, text, strlen(text)) : 0;
}

static int
put_line(struct buf *out, const json_t *event)
{
    int rc = put_text(out, event, "event");

    if (!json_object_get(event, "token"))
        return rc == 0 ? buf_put_byte(out, '\n') : rc;
    if (rc == 0)
        rc = buf_put_str(out, " token \"");
    if (rc == 0)
        rc = put_text(out, event, "token");
    if (rc == 0)
        rc = buf_put_str(out, "\", serial number ");
    if (rc == 0)
        rc = put_text(out, event, "serial");
    if (rc == 0)
        rc = buf_put_str(out, ", module ");
    if (rc == 0)
        rc = put_text(out, event, "module");
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

static int
show(void *arg, const char *text)
{
    struct watching *w = arg;
    autofree_buf struct buf *out = buf_new();
    json_t *event = json_loads(text, 0, NULL);
    int rc = event && out ? 0 : E_PROTOCOL;

    if (rc == 0 && w->cli->json)
        rc = buf_putf(out, "%s\n", text);
    else if (rc == 0)
        rc = put_line(out, event);
    json_decref(event);
    if (rc != 0)
        return err_set(w->err, rc, "an event of the agent's cannot be read");
    return cli_print(out, w->err);
}

static int
watch(struct cli *cli, const struct options *o, struct err *err)
{
    struct watching w = {cli, err};
    struct client *client = NULL;
    int rc = cli_client(cli, &client, err);

    (void)o;
    return rc == 0 ? client_watch(client, show, &w, err) : rc;
}

const struct command command_agent_watch = {
    .name = "agent watch",
    .synopsis = "",
    .summary = "tell which tokens come and go",
    .text = "Prints a line for each token that is there (present), \"ready\", and from then on a\n"
            "line for each that is inserted or removed, until it is interrupted or the agent\n"
            "ends. With --json each line is an object.",
    .example = "signet agent watch --json",
    .run = watch,
};
