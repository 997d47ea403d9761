/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often a rule lets a key be used, and when: rates (N within a second, minute, hour or
 * day), a total, hours of the week.
 *
 * Rates are exact from above: within no span of that length are there more than N uses. A use
 * is forgotten one 64th of the span late at most. They are counted by CLOCK_BOOTTIME, which
 * nobody sets and which goes on while the machine sleeps; a restart of the agent forgets them.
 * A total outlives the agent (agent/counts.h). So that not each use costs a write to the
 * disk, uses are booked ahead, up to a 16th of what is left and 64 at most: after a crash those count
 * as used, after an orderly end they do not.
 *
 * Each counter belongs to a rule (by its id), a key, and, with per_user, a user. What was
 * permitted is used, whatever becomes of the operation.
 *
 * Thread-safe. The rule is borrowed during the call only.
 */
#ifndef SIGNET_AGENT_LIMIT_H
#define SIGNET_AGENT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/hours.h"
#include "agent/metrics.h"

/* Rates of one rule. */
#define LIMITS_RATES_MAX 4u
/* Counters at once; the ones without a use within their spans make room. */
#define LIMITS_COUNTERS_MAX 1024u

struct limit_rate {
    unsigned count;
    unsigned seconds;
};

/* What a rule says; all zero: nothing is limited. */
struct limit_rule {
    const char *name;        /* for sentences */
    const char *id;          /* what its counters belong to; NULL: the name */
    struct limit_rate rates[LIMITS_RATES_MAX];
    unsigned rate_count;
    uint64_t total;          /* 0: any number */
    bool per_user;           /* each user has these for himself */
    struct hours hours;
};

struct limits;

/* "10/minute, 200/day". E_CONFIG with a sentence. */
int limits_parse_rates(const char *, struct limit_rule *, struct err *err) must_check;

/* path: the file of totals, read at their first use. */
struct limits *limits_new(const char *path) must_check;
/* Books back what was booked ahead. */
void limits_free(struct limits **);

/* Asks (take false) or takes one use: 0, E_DENIED with *ret_kind (may be NULL) and a sentence
 * that names the rule, or E_SYSTEM when a total cannot be counted. Ask before a person is
 * bothered, take right before the operation. */
int limits_permit(struct limits *, const struct limit_rule *, const char *key, uid_t uid,
                  bool take, enum metrics_denied *ret_kind, struct err *err) must_check;

/* For tests: other clocks (seconds since 1970, microseconds since some start). */
void limits_set_clocks(struct limits *, time_t (*wall)(void), uint64_t (*boot_us)(void));

#endif
