/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GETINFO, STATUS, STOP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands.h"
#include "agent/server.h"
#include "base/secret.h"
#include "signet-config.h"

/* Version of the protocol: counts what an older client cannot live with. */
#define PROTOCOL 1

static int
run_getinfo(struct connection *c, struct words *w, struct err *err)
{
    char pid[16], protocol[16];
    const struct {
        const char *name, *value;
    } table[] = {
        {"version", SIGNET_VERSION},
        {"pid", pid},
        {"socket_name", c->agent->home->socket},
        {"protocol", protocol},
    };

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(protocol, sizeof protocol, "%d", PROTOCOL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, w->word[0]) == 0)
            return command_send(c, table[i].value, strlen(table[i].value), err);
    return err_set(err, E_USAGE, "GETINFO knows version, pid, socket_name and protocol, not "
                   "\"%.40s\"", w->word[0]);
}

static json_t *
render_hosts(struct hosts *hosts)
{
    json_t *list = json_array();
    struct host *h;

    for (unsigned i = 0; list && (h = hosts_at(hosts, i)); i++) {
        if (json_array_append_new(list, host_status(h)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int
run_status(struct connection *c, struct words *w, struct err *err)
{
    const struct agent *a = c->agent;
    json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:i, s:i, s:o, s:i}", "version", SIGNET_VERSION,
                          "pid", (int)getpid(), "protocol", PROTOCOL, "socket",
                          a->home->socket, "uptime", (int)server_uptime(a->server),
                          "connections", (int)server_connections(a->server), "hosts",
                          render_hosts(a->hosts), "secrets_unlocked",
                          (int)secret_unlocked_count());
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int rc;

    (void)w;
    json_decref(o);
    if (!text)
        return err_set(err, E_NOMEM, "out of memory while rendering the status");
    rc = command_send(c, text, strlen(text), err);
    free(text);
    return rc;
}

static int
run_stop(struct connection *c, struct words *w, struct err *err)
{
    (void)w;
    (void)err;
    server_stop(c->agent->server, c->fd);
    return 0;
}

const struct command commands_agent[] = {
    {"GETINFO", run_getinfo, 1, 1,
     "GETINFO version|pid|socket_name|protocol\n\nReplies with that word about the agent."},
    {"STATUS", run_status, 0, 0,
     "STATUS\n\nReplies with a JSON object about the agent and its token hosts."},
    {"STOP", run_stop, 0, 0,
     "STOP\n\nEnds the agent. The connection is closed when its socket and its\ntoken hosts "
     "are gone."},
    {0},
};
