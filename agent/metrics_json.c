/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The metrics in STATUS. */
#include "agent/metrics.h"

static int
put(json_t *o, const char *name, unsigned long n)
{
    return json_object_set_new(o, name, json_integer((json_int_t)n));
}

/* The bound below which that share of the operations was, in microseconds: the upper end of
 * its bucket; for what is longer than all bounds, the last one. */
static unsigned long
quantile(const struct metrics_series_view *s, unsigned long total, unsigned percent)
{
    unsigned long seen = 0;

    for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
        seen += s->buckets[i];
        if (seen * 100 >= total * percent)
            return metrics_bounds[i];
    }
    return metrics_bounds[METRICS_BUCKETS - 1];
}

static json_t *
render_latency(const struct metrics_series_view *s)
{
    json_t *buckets = json_array();
    unsigned long total = 0;

    for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
        total += s->buckets[i];
        json_array_append_new(buckets, json_integer((json_int_t)s->buckets[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)total, "sum_us",
                     (json_int_t)s->sum_us, "p50_us", (json_int_t)quantile(s, total, 50),
                     "p99_us", (json_int_t)quantile(s, total, 99), "buckets", buckets);
}

/* The names of operations, their outcomes beneath; and what they come to in all. */
static json_t *
render_series(const struct metrics_series_view *s, unsigned long totals[METRICS_OUTCOMES])
{
    json_t *o = json_pack("{s:s, s:s, s:o}", "key", s->key, "token", s->token, "latency",
                          render_latency(s));

    for (unsigned op = 0; o && op < METRICS_OPERATIONS; op++) {
        json_t *outcomes = json_object();
        unsigned long sum = 0;
        for (unsigned r = 0; r < METRICS_OUTCOMES; r++) {
            sum += s->outcomes[op][r];
            totals[r] += s->outcomes[op][r];
            if (s->outcomes[op][r] > 0)
                put(outcomes, metrics_outcome_names[r], s->outcomes[op][r]);
        }
        if (sum > 0)
            json_object_set(o, metrics_operation_names[op], outcomes);
        json_decref(outcomes);
    }
    return o;
}

json_t *
metrics_json(struct metrics *m)
{
    json_t *o = json_object(), *denials = json_object(), *prompts = json_object();
    json_t *list = json_array(), *bounds = json_array();
    struct metrics_series_view s;
    unsigned long totals[METRICS_OUTCOMES] = {0};

    for (unsigned i = 0; metrics_series(m, i, &s); i++)
        json_array_append_new(list, render_series(&s, totals));
    for (unsigned i = 0; i < METRICS_BUCKETS; i++)
        json_array_append_new(bounds, json_integer((json_int_t)metrics_bounds[i]));
    for (unsigned i = 0; i < METRICS_DENIED_COUNT; i++)
        put(denials, metrics_denied_names[i], metrics_denials(m, i));
    for (unsigned i = 0; i < METRICS_PROMPT_COUNT; i++)
        put(prompts, metrics_prompt_names[i], metrics_prompts(m, i));
    for (unsigned i = 0; i < METRICS_OUTCOMES; i++)
        put(o, metrics_outcome_names[i], totals[i]);
    put(o, "clients", metrics_clients(m, true));
    put(o, "turned_away", metrics_clients(m, false));
    put(o, "logins", metrics_logins(m, true));
    put(o, "logins_failed", metrics_logins(m, false));
    json_object_set_new(o, "denials", denials);
    json_object_set_new(o, "prompts", prompts);
    json_object_set_new(o, "latency_bounds_us", bounds);
    json_object_set_new(o, "keys", list);
    return o;
}
