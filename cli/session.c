/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every subcommand may need once: configuration and agent. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"

int
cli_conf(struct cli *cli, const struct conf **ret, struct err *err)
{
    if (!cli->conf) {
        int rc = conf_load(&cli->conf, &cli->home, err);
        if (rc != 0)
            return rc;
    }
    *ret = cli->conf;
    return 0;
}

static void
show_notice(void *arg, const char *sentence)
{
    cli_note(arg, "%s", sentence);
}

static int
connect_agent(struct cli *cli, bool no_start, struct err *err)
{
    struct client_options opts = {
        .batch = cli->batch,
        .no_start = no_start,
        .ask_pin = cli->batch || !ask_pin_can() ? NULL : ask_pin,
        .ask_confirm = cli->batch || !ask_pin_can() ? NULL : ask_confirm,
        .notice = show_notice,
        .arg = cli,
        .wait = cli->wait,
        .front = "cli",
    };

    return client_open(&cli->client, &cli->home, &opts, err);
}

int
cli_client(struct cli *cli, struct client **ret, struct err *err)
{
    if (!cli->client) {
        int rc = connect_agent(cli, false, err);
        if (rc != 0)
            return rc;
    }
    *ret = cli->client;
    return 0;
}

int
cli_running_client(struct cli *cli, struct client **ret, struct err *err)
{
    struct err mine;
    int rc;

    err_clear(&mine);
    rc = cli->client ? 0 : connect_agent(cli, true, &mine);
    if (rc != 0 && (mine.sys == ENOENT || mine.sys == ECONNREFUSED)) {
        *ret = NULL;
        return 0;
    }
    if (rc != 0) {
        if (err)
            *err = mine;
        return rc;
    }
    *ret = cli->client;
    return 0;
}

void
cli_clear(struct cli *cli)
{
    client_free(&cli->client);
    conf_free(&cli->conf);
    home_clear(&cli->home);
}
