/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent counts: operations and their latencies by key and token, denials,
 * questions for PINs, logins, clients.
 *
 * Counting takes no lock and allocates only for a key's first use on a token: counters are
 * atomic and relaxed, a pair's record is put into a table that never shrinks. The table
 * is bounded (METRICS_SERIES_MAX): pairs beyond that are counted together, as key "other".
 * Readers (metrics_json, metrics_text.h) see each counter as it is at that moment.
 *
 * All functions are thread-safe, and take NULL for the struct: then nothing is counted.
 */
#ifndef SIGNET_AGENT_METRICS_H
#define SIGNET_AGENT_METRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Pairs of key and token that have counters of their own. */
#define METRICS_SERIES_MAX 128u
/* Bounds of a latency, in microseconds; one more bucket for what is longer. */
#define METRICS_BUCKETS 15u
extern const unsigned long metrics_bounds[METRICS_BUCKETS];
/* Digits of a key's name that are told. */
#define METRICS_KEY_DIGITS 16u

/* X(constant, label): what kept an operation from a key. */
#define METRICS_DENIALS(X) \
    X(DENIED_LOCKED, "locked") \
    X(DENIED_POLICY, "policy") \
    X(DENIED_CONFIRMATION, "confirmation") \
    X(DENIED_APPROVAL, "approval") \
    X(DENIED_LIMIT, "limit") \
    X(DENIED_HOURS, "hours") \
    X(DENIED_WEAK, "weak") \
    X(DENIED_COMMAND, "command") \
    X(DENIED_CLIENT, "client")
enum metrics_denied {
#define X(constant, label) METRICS_##constant,
    METRICS_DENIALS(X)
#undef X
    METRICS_DENIED_COUNT
};

/* X(constant, label): how a question to a person ended. */
#define METRICS_PROMPTS(X) \
    X(PROMPT_ANSWERED, "answered") \
    X(PROMPT_CANCELLED, "cancelled") \
    X(PROMPT_IMPOSSIBLE, "impossible") \
    X(PROMPT_FAILED, "failed")
enum metrics_prompted {
#define X(constant, label) METRICS_##constant,
    METRICS_PROMPTS(X)
#undef X
    METRICS_PROMPT_COUNT
};

enum metrics_operation { METRICS_SIGN, METRICS_DECRYPT, METRICS_DERIVE, METRICS_OPERATIONS };
enum metrics_outcome { METRICS_OK, METRICS_REFUSED, METRICS_FAILED, METRICS_OUTCOMES };

struct metrics;

struct metrics *metrics_new(void) must_check;
void metrics_free(struct metrics **);

/* A private-key operation ended. key: its name; token: a label or NULL; operation: "sign",
 * "decrypt", "derive"; result: 0 or E_*. */
void metrics_operation(struct metrics *, const char *key, const char *token,
                       const char *operation, int result, unsigned long latency_us);
void metrics_denial(struct metrics *, enum metrics_denied);
/* A question was put to a person, or could not be. */
void metrics_prompt(struct metrics *, enum metrics_prompted);
/* The same from what asking came to: 0 or E_*. */
void metrics_prompt_result(struct metrics *, int result);
/* A PIN was sent to a token: 0 or E_*. */
void metrics_login(struct metrics *, int result);
void metrics_client(struct metrics *, bool admitted);
/* Something that is counted elsewhere has changed: a token host was started anew. */
void metrics_touch(struct metrics *);

/* For who writes them down: an eventfd(2) that is rung when something has changed, once after
 * each metrics_settle. -1 when there can be none. It lives as long as the metrics. */
int metrics_bell(struct metrics *);
void metrics_settle(struct metrics *);

/* As STATUS has them; NULL when memory is out. */
json_t *metrics_json(struct metrics *);

/* What was counted for one pair; a copy. */
struct metrics_series_view {
    const char *key, *token;   /* "" when there was none; good as long as the metrics */
    unsigned long outcomes[METRICS_OPERATIONS][METRICS_OUTCOMES];
    unsigned long buckets[METRICS_BUCKETS + 1], sum_us; /* of those that went well */
};
/* The i-th; false behind the last. */
bool metrics_series(struct metrics *, unsigned i, struct metrics_series_view *ret);
unsigned long metrics_denials(struct metrics *, enum metrics_denied);
unsigned long metrics_prompts(struct metrics *, enum metrics_prompted);
unsigned long metrics_logins(struct metrics *, bool good);
unsigned long metrics_clients(struct metrics *, bool admitted);
/* Seconds since 1970 when counting began. */
unsigned long metrics_began(struct metrics *);

/* Their labels. */
extern const char *const metrics_denied_names[METRICS_DENIED_COUNT];
extern const char *const metrics_prompt_names[METRICS_PROMPT_COUNT];
extern const char *const metrics_operation_names[METRICS_OPERATIONS];
extern const char *const metrics_outcome_names[METRICS_OUTCOMES];

#endif
