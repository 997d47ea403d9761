/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"

static long long
number(const json_t *object, const char *member)
{
    return (long long)json_integer_value(json_object_get(object, member));
}

static const char *
string(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static int
start(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    json_t *status = NULL;
    int rc = cli_client(cli, &client, err);

    (void)o;
    if (rc == 0)
        rc = client_status(client, &status, err);
    if (rc == 0)
        cli_note(cli, "the agent runs as process %lld and listens on %s",
                 number(status, "pid"), cli->home.socket);
    json_decref(status);
    return rc;
}

static int
stop(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    int rc = cli_running_client(cli, &client, err);

    (void)o;
    if (rc == 0 && !client)
        cli_note(cli, "no agent is running on %s", cli->home.socket);
    return rc == 0 && client ? client_stop(client, err) : rc;
}

static int
put_hosts(const json_t *hosts, struct buf *out)
{
    static const char *const headings[] = {"MODULE", "PROCESS", "LANES", "BUSY", "RESTARTS",
                                           "STATE", NULL};
    static const char *const counts[] = {"pid", "lanes", "busy", "restarts"};
    autofree_table struct table *table = table_new(headings);
    const json_t *host;
    size_t i;
    int rc = table ? 0 : E_NOMEM;

    json_array_foreach(hosts, i, host) {
        char n[4][24];
        for (size_t k = 0; k < 4; k++)
            snprintf(n[k], sizeof n[k], "%lld", number(host, counts[k]));
        const char *cells[] = {string(host, "module"), n[0], n[1], n[2], n[3],
                               string(host, "state")};
        if (rc == 0)
            rc = table_add(table, cells);
    }
    return rc == 0 ? table_put(table, out) : rc;
}

static int
put_pins(const json_t *status, struct buf *out)
{
    const char *events = string(status, "forget_on");
    int rc = 0;

    if (json_is_true(json_object_get(status, "locked")))
        rc = buf_put_str(out, "lock         locked (signet agent unlock)\n");
    if (rc == 0)
        rc = buf_putf(out, "PINs         %lld kept; forgotten at: ", number(status, "pins"));
    if (rc == 0)
        rc = text_put_safe(out, events ? events : "?", strlen(events ? events : "?"));
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

/* What could not be had on this kernel. */
static int
put_sandbox(const json_t *sandbox, struct buf *out)
{
    const json_t *missing = json_object_get(sandbox, "missing"), *phrase;
    size_t i;
    int rc = 0;

    if (sandbox && json_array_size(missing) == 0)
        return buf_put_str(out, "sandbox      all that Signet asks of the kernel\n");
    json_array_foreach(missing, i, phrase) {
        const char *text = json_string_value(phrase);
        if (rc == 0)
            rc = buf_put_str(out, "sandbox      not to be had here: ");
        if (rc == 0)
            rc = text_put_safe(out, text ? text : "?", strlen(text ? text : "?"));
        if (rc == 0)
            rc = buf_put_byte(out, '\n');
    }
    return rc;
}

/* What it has done so far, if anything. */
static int
put_operations(const json_t *metrics, struct buf *out)
{
    long long ok = number(metrics, "ok"), denied = number(metrics, "denied");
    long long failed = number(metrics, "failed");

    if (ok + denied + failed == 0)
        return 0;
    return buf_putf(out, "operations   %lld done, %lld denied, %lld failed\n", ok, denied, failed);
}

static int
put_status(const json_t *status, struct buf *out)
{
    const json_t *hosts = json_object_get(status, "hosts");
    const char *version = string(status, "version"), *socket = string(status, "socket");
    int rc = buf_put_str(out, "agent        signet-agent ");

    if (rc == 0)
        rc = text_put_safe(out, version ? version : "?", strlen(version ? version : "?"));
    if (rc == 0)
        rc = buf_putf(out, ", process %lld, up %lld s, %lld connections\nsocket       ",
                      number(status, "pid"), number(status, "uptime"),
                      number(status, "connections"));
    if (rc == 0)
        rc = text_put_safe(out, socket ? socket : "?", strlen(socket ? socket : "?"));
    if (rc == 0)
        rc = buf_put_byte(out, '\n');
    if (rc == 0 && number(status, "secrets_unlocked") > 0)
        rc = buf_putf(out, "warning      %lld secrets could not be locked in memory; raise the "
                      "memlock limit\n", number(status, "secrets_unlocked"));
    if (rc == 0)
        rc = put_pins(status, out);
    if (rc == 0)
        rc = put_sandbox(json_object_get(status, "sandbox"), out);
    if (rc == 0)
        rc = put_operations(json_object_get(status, "metrics"), out);
    if (rc == 0 && json_array_size(hosts) > 0)
        rc = put_hosts(hosts, out);
    return rc;
}

static int
not_running(struct cli *cli, struct err *err)
{
    if (cli->json) {
        json_t *object = json_pack("{s:b, s:s}", "running", 0, "socket", cli->home.socket);
        int rc = object ? cli_print_json(object, err) : err_set(err, E_NOMEM, "out of memory");
        json_decref(object);
        if (rc != 0)
            return rc;
    }
    return err_set(err, E_AGENT, "no agent is running on %s; start one (signet agent start)",
                   cli->home.socket);
}

static int
print_status(struct cli *cli, const struct options *o, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    struct client *client = NULL;
    json_t *status = NULL;
    int rc = cli_running_client(cli, &client, err);

    (void)o;
    if (rc == 0 && !client)
        return not_running(cli, err);
    if (rc == 0)
        rc = client_status(client, &status, err);
    if (rc != 0)
        return rc;
    if (cli->json) {
        json_object_set_new(status, "running", json_true());
        rc = cli_print_json(status, err);
    } else if (!out || put_status(status, out) != 0) {
        rc = err_set(err, E_NOMEM, "out of memory while telling the agent's state");
    } else {
        rc = cli_print(out, err);
    }
    json_decref(status);
    return rc;
}

const struct command command_agent_start = {
    .name = "agent start",
    .synopsis = "",
    .summary = "start the agent (others start it when they need it)",
    .text = "Starts the agent unless it runs already, and waits until it listens. There is one\n"
            "agent for each home. Other commands start it by themselves.",
    .example = "signet agent start",
    .run = start,
};

const struct command command_agent_stop = {
    .name = "agent stop",
    .synopsis = "",
    .summary = "end the agent, which forgets all PINs",
    .text = "Ends the agent and its token hosts and removes its sockets; returns when that is\n"
            "done. Without an agent there is nothing to do, and that is no error.",
    .example = "signet agent stop",
    .run = stop,
};

const struct command command_agent_status = {
    .name = "agent status",
    .synopsis = "",
    .summary = "tell what the agent does",
    .text = "Tells the agent's version, process and socket, and the token host of each PKCS#11\n"
            "module. Exit status 6 when no agent runs.",
    .example = "signet agent status --json",
    .run = print_status,
};
