/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/metrics_text.h"

#include <string.h>

#include "agent/metrics.h"
#include "agent/server.h"
#include "base/secret.h"
#include "signet-config.h"

/* A label's value: what ends it is escaped. */
static int
put_label(struct buf *out, const char *name, const char *value)
{
    int rc = buf_putf(out, "%s=\"", name);

    for (; rc == 0 && *value; value++) {
        if (*value == '\\' || *value == '"')
            rc = buf_put_byte(out, '\\');
        if (rc == 0 && *value == '\n')
            rc = buf_put_str(out, "\\n");
        else if (rc == 0)
            rc = buf_put_byte(out, (uint8_t)*value);
    }
    return rc == 0 ? buf_put_byte(out, '"') : rc;
}

static int
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_putf(out, "# HELP signet_%s %s\n# TYPE signet_%s %s\n", name, help, name, type);
}

static int
put_single(struct buf *out, const char *name, const char *type, const char *help,
           unsigned long value)
{
    int rc = put_head(out, name, type, help);

    return rc == 0 ? buf_putf(out, "signet_%s %lu\n", name, value) : rc;
}

/* signet_NAME{LABEL="VALUE"} N */
static int
put_one(struct buf *out, const char *name, const char *label, const char *value,
        unsigned long n)
{
    int rc = buf_putf(out, "signet_%s{", name);

    if (rc == 0)
        rc = put_label(out, label, value);
    return rc == 0 ? buf_putf(out, "} %lu\n", n) : rc;
}

static int
put_pair(struct buf *out, const char *name, const struct metrics_series_view *s)
{
    int rc = buf_putf(out, "signet_%s{", name);

    if (rc == 0)
        rc = put_label(out, "key", s->key);
    if (rc == 0)
        rc = buf_put_byte(out, ',');
    return rc == 0 ? put_label(out, "token", s->token) : rc;
}

static int
put_operations(struct buf *out, struct metrics *m)
{
    struct metrics_series_view s;
    int rc = put_head(out, "operations_total", "counter",
                      "Private-key operations by key, token and how they ended.");

    for (unsigned i = 0; rc == 0 && metrics_series(m, i, &s); i++)
        for (unsigned op = 0; op < METRICS_OPERATIONS; op++)
            for (unsigned r = 0; rc == 0 && r < METRICS_OUTCOMES; r++) {
                if (s.outcomes[op][r] == 0)
                    continue;
                rc = put_pair(out, "operations_total", &s);
                if (rc == 0)
                    rc = buf_putf(out, ",operation=\"%s\",result=\"%s\"} %lu\n",
                                  metrics_operation_names[op], metrics_outcome_names[r],
                                  s.outcomes[op][r]);
            }
    return rc;
}

static int
put_bucket(struct buf *out, const struct metrics_series_view *s, unsigned i, unsigned long n)
{
    int rc = put_pair(out, "operation_duration_seconds_bucket", s);

    if (rc == 0 && i < METRICS_BUCKETS)
        return buf_putf(out, ",le=\"%g\"} %lu\n", (double)metrics_bounds[i] / 1e6, n);
    return rc == 0 ? buf_putf(out, ",le=\"+Inf\"} %lu\n", n) : rc;
}

static int
put_latencies(struct buf *out, struct metrics *m)
{
    struct metrics_series_view s;
    int rc = put_head(out, "operation_duration_seconds", "histogram",
                      "How long private-key operations that went well took.");

    for (unsigned i = 0; rc == 0 && metrics_series(m, i, &s); i++) {
        unsigned long n = 0;
        for (unsigned b = 0; rc == 0 && b <= METRICS_BUCKETS; b++) {
            n += s.buckets[b];
            rc = put_bucket(out, &s, b, n);
        }
        if (rc == 0)
            rc = put_pair(out, "operation_duration_seconds_sum", &s);
        if (rc == 0)
            rc = buf_putf(out, "} %lu.%06lu\n", s.sum_us / 1000000, s.sum_us % 1000000);
        if (rc == 0)
            rc = put_pair(out, "operation_duration_seconds_count", &s);
        if (rc == 0)
            rc = buf_putf(out, "} %lu\n", n);
    }
    return rc;
}

static int
put_events(struct buf *out, struct metrics *m)
{
    int rc = put_head(out, "denials_total", "counter", "Requests refused, and by what.");

    for (unsigned i = 0; rc == 0 && i < METRICS_DENIED_COUNT; i++)
        rc = put_one(out, "denials_total", "reason", metrics_denied_names[i],
                     metrics_denials(m, i));
    if (rc == 0)
        rc = put_head(out, "pin_prompts_total", "counter",
                      "Questions for a PIN, and how they ended.");
    for (unsigned i = 0; rc == 0 && i < METRICS_PROMPT_COUNT; i++)
        rc = put_one(out, "pin_prompts_total", "outcome", metrics_prompt_names[i],
                     metrics_prompts(m, i));
    if (rc == 0)
        rc = put_head(out, "logins_total", "counter", "PINs sent to tokens.");
    if (rc == 0)
        rc = put_one(out, "logins_total", "result", "ok", metrics_logins(m, true));
    if (rc == 0)
        rc = put_one(out, "logins_total", "result", "failed", metrics_logins(m, false));
    if (rc == 0)
        rc = put_head(out, "clients_total", "counter", "Clients that connected.");
    if (rc == 0)
        rc = put_one(out, "clients_total", "result", "admitted", metrics_clients(m, true));
    return rc == 0 ? put_one(out, "clients_total", "result", "refused", metrics_clients(m, false))
                   : rc;
}

/* One metric of all hosts; member NULL: whether it runs. */
static int
put_hosts(struct buf *out, const json_t *hosts, const char *name, const char *type,
          const char *help, const char *member)
{
    int rc = put_head(out, name, type, help);
    const json_t *host;
    size_t i;

    json_array_foreach(hosts, i, host) {
        const char *state = json_string_value(json_object_get(host, "state"));
        bool runs = state && strcmp(state, "running") == 0;
        if (rc == 0)
            rc = put_one(out, name, "module",
                         json_string_value(json_object_get(host, "module")),
                         member ? (unsigned long)json_integer_value(json_object_get(host, member))
                                : runs);
    }
    return rc;
}

static int
put_all_hosts(struct buf *out, struct hosts *hosts)
{
    static const struct {
        const char *name, *type, *help, *member;
    } table[] = {
        {"token_host_up", "gauge", "Whether the module's token host runs.", NULL},
        {"token_host_restarts_total", "counter", "Token hosts started anew.", "restarts"},
        {"token_host_lanes", "gauge", "Operations that the host can run at once.", "lanes"},
        {"token_host_busy", "gauge", "Lanes in use.", "busy"},
        {"token_host_waiting", "gauge", "Requests that wait for a lane.", "waiting"},
    };
    json_t *list = json_array();
    struct host *h;
    int rc = list ? 0 : E_NOMEM;

    for (unsigned i = 0; rc == 0 && (h = hosts_at(hosts, i)); i++)
        rc = json_array_append_new(list, host_status(h)) == 0 ? 0 : E_NOMEM;
    for (size_t i = 0; rc == 0 && i < sizeof table / sizeof *table; i++)
        rc = put_hosts(out, list, table[i].name, table[i].type, table[i].help, table[i].member);
    json_decref(list);
    return rc;
}

int
metrics_text(const struct agent *a, struct buf *out)
{
    int rc = put_head(out, "agent_info", "gauge", "The agent's version.");

    if (rc == 0)
        rc = put_one(out, "agent_info", "version", SIGNET_VERSION, 1);
    if (rc == 0)
        rc = put_single(out, "start_time_seconds", "gauge", "When the agent was started.",
                        metrics_began(a->metrics));
    if (rc == 0)
        rc = put_single(out, "connections", "gauge", "Clients that are connected.",
                        a->server ? server_connections(a->server) : 0);
    if (rc == 0)
        rc = put_single(out, "secrets_unlocked", "gauge",
                        "Secrets whose memory could not be locked.", secret_unlocked_count());
    if (rc == 0)
        rc = put_operations(out, a->metrics);
    if (rc == 0)
        rc = put_latencies(out, a->metrics);
    if (rc == 0)
        rc = put_events(out, a->metrics);
    return rc == 0 ? put_all_hosts(out, a->hosts) : rc;
}
