/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GETINFO, STATUS, WATCH, STOP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands.h"
#include "agent/forget_events.h"
#include "agent/lockdown.h"
#include "agent/prompts.h"
#include "agent/metrics.h"
#include "agent/server.h"
#include "base/secret.h"
#include "base/text.h"
#include "client/wire.h"
#include "signet-config.h"

/* Version of the protocol: counts what an older client cannot live with. */
#define PROTOCOL 1
/* Longest event, escaped: it must fit one line. */
#define EVENT_MAX 900u

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

/* What it gave up, and what this kernel has nothing for. */
static json_t *
render_sandbox(const struct sandbox_state *s)
{
    json_t *missing = json_array();
    const char *phrase;

    for (unsigned i = 0; missing && (phrase = sandbox_missing(s, i)); i++) {
        if (json_array_append_new(missing, json_string(phrase)) != 0) {
            json_decref(missing);
            return NULL;
        }
    }
    return json_pack("{s:b, s:b, s:b, s:b, s:i, s:o}", "no_new_privileges", s->no_new_privileges,
                     "undumpable", s->undumpable, "no_core", s->no_core, "calls", s->calls,
                     "landlock", s->landlock, "missing", missing);
}

/* What the agent keeps, and when it will forget it. */
static json_t *
add_pins(json_t *o, struct agent *a)
{
    char events[FORGET_EVENTS_STATE_MAX];

    forget_events_state(a->forget_events, events);
    if (o && (json_object_set_new(o, "locked", json_boolean(lockdown_stands(a->lockdown))) != 0 ||
              json_object_set_new(o, "pins", json_integer(pins_cached(a->pins))) != 0 ||
              json_object_set_new(o, "prompts", json_integer(prompts_count(a->prompts))) != 0 ||
              json_object_set_new(o, "forget_on", json_string(events)) != 0)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static int
run_status(struct connection *c, struct words *w, struct err *err)
{
    const struct agent *a = c->agent;
    json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:i}", "version", SIGNET_VERSION,
                          "pid", (int)getpid(), "protocol", PROTOCOL, "socket",
                          a->home->socket, "system", a->home->system, "notified",
                          a->notify != NULL, "uptime", (int)server_uptime(a->server),
                          "connections", (int)server_connections(a->server), "hosts",
                          render_hosts(a->hosts), "metrics", metrics_json(a->metrics), "sandbox",
                          render_sandbox(&a->sandbox),
                          "secrets_unlocked",
                          (int)secret_unlocked_count());
    char *text;
    int rc;

    (void)w;
    o = add_pins(o, c->agent);
    text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return err_set(err, E_NOMEM, "out of memory while rendering the status");
    rc = command_send(c, text, strlen(text), err);
    free(text);
    return rc;
}

/* A status line, flushed; the client may leave at any time. */
static int
send_event(void *arg, const char *event)
{
    struct connection *c = arg;
    autofree_buf struct buf *line = buf_new();

    if (!line || text_put_escaped(line, event, strlen(event)) != 0)
        return E_NOMEM;
    if (buf_len(line) > EVENT_MAX)
        return 0;
    if (assuan_write_status(c->ctx, WIRE_EVENT, buf_cstr(line)) != 0)
        return E_CANCELLED;
    command_flush(c);
    return 0;
}

static int
send_object(struct connection *c, json_t *o)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int rc = text ? send_event(c, text) : E_NOMEM;

    free(text);
    json_decref(o);
    return rc;
}

/* What is there now, and that whatever comes is told from here on. */
static int
send_present(void *arg)
{
    struct connection *c = arg;
    struct snapshot *s = registry_refresh(c->agent->registry);
    int rc = s ? 0 : E_NOMEM;

    for (unsigned i = 0; rc == 0 && i < snapshot_token_count(s); i++) {
        const struct token *t = snapshot_token(s, i);
        if (*t->label || *t->serial)
            rc = send_object(c, json_pack("{s:s, s:s, s:s, s:s, s:I}", "event", "present",
                                          "token", t->label, "serial", t->serial, "module",
                                          t->module, "slot", (json_int_t)t->slot));
    }
    snapshot_unref(&s);
    return rc == 0 ? send_object(c, json_pack("{s:s}", "event", "ready")) : rc;
}

static int
run_watch(struct connection *c, struct words *w, struct err *err)
{
    int rc = watch_attend(c->agent->watch, c->fd, send_present, send_event, c);

    (void)w;
    return rc == 0 ? 0 : err_set(err, rc, "the tokens are no longer watched");
}

static int
run_await_token(struct connection *c, struct words *w, struct err *err)
{
    struct registry *r = c->agent->registry;
    unsigned long seen = w->word[0] ? strtoul(w->word[0], NULL, 10) : 0;
    char text[24];

    if (w->word[0] && !registry_await_arrival(r, seen, c->says.wait * 1000, connection_gone, c))
        return err_set(err, E_NO_TOKEN, "no token was inserted within %u seconds", c->says.wait);
    snprintf(text, sizeof text, "%lu", registry_arrivals(r));
    return command_send(c, text, strlen(text), err);
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
    {"WATCH", run_watch, 0, 0,
     "WATCH\n\nSends status lines EVENT with a JSON object each: the tokens that are\n"
     "there (\"present\"), \"ready\", and from then on \"inserted\" and \"removed\".\nEnds when "
     "the client hangs up."},
    {"AWAIT_TOKEN", run_await_token, 0, 1,
     "AWAIT_TOKEN [<number>]\n\nReplies with how many tokens have come so far. With a number: "
     "waits as\nlong as OPTION wait says until it is another one."},
    {"STOP", run_stop, 0, 0,
     "STOP\n\nEnds the agent. The connection is closed when its socket and its\ntoken hosts "
     "are gone.", .manages = true},
    {0},
};
