/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/limit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/counts.h"
#include "base/log.h"
#include "base/sha256.h"

/* A span is cut in so many parts; one more is touched by each span that ends within one. */
#define PARTS 64u
#define SLOTS (PARTS + 1)

/* Uses that are booked ahead: a part of what is left, and no more than that. */
#define AHEAD_PART 16u
#define AHEAD_MAX 64u

/* Digits of a key's name that are told. */
#define KEY_DIGITS 16

#define BUCKETS 256u

struct window {
    unsigned seconds;
    uint64_t latest;         /* the newest part */
    unsigned uses[SLOTS];    /* by part modulo SLOTS */
};

struct counter {
    struct counter *next;
    uint8_t id[SHA256_SIZE];
    uint64_t used, booked;   /* of the total */
    bool totals;             /* these were read */
    struct window windows[LIMITS_RATES_MAX];
};

struct limits {
    pthread_mutex_t lock;
    char *path;
    struct counts *counts;   /* NULL until a total is wanted */
    struct hours_clock hours;
    struct counter *buckets[BUCKETS];
    unsigned count;
    time_t (*wall)(void);
    uint64_t (*boot_us)(void);
};

static const struct {
    const char *name;
    unsigned seconds;
} spans[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};

static const char *
span_name(unsigned seconds)
{
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        if (spans[i].seconds == seconds)
            return spans[i].name;
    return "span";
}

static bool
take_rate(const char **s, struct limit_rate *ret)
{
    char *end;
    unsigned long n = strtoul(*s, &end, 10);
    size_t len;

    if (**s < '0' || **s > '9' || *end != '/' || n == 0 || n > 1000000000ul)
        return false;
    len = strcspn(++end, ", \t");
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        if (strlen(spans[i].name) == len && strncasecmp(end, spans[i].name, len) == 0) {
            *ret = (struct limit_rate){(unsigned)n, spans[i].seconds};
            *s = end + len;
            return true;
        }
    }
    return false;
}

int
limits_parse_rates(const char *text, struct limit_rule *ret, struct err *err)
{
    struct limit_rate rates[LIMITS_RATES_MAX];
    unsigned count = 0;
    const char *s = text + strspn(text, " \t");

    do {
        if (count == LIMITS_RATES_MAX || !take_rate(&s, &rates[count]))
            break;
        count++;
        s += strspn(s, " \t");
        if (*s == '\0') {
            memcpy(ret->rates, rates, count * sizeof *rates);
            ret->rate_count = count;
            return 0;
        }
    } while (*s++ == ',' && (s += strspn(s, " \t")));
    return err_set(err, E_CONFIG, "the rate \"%.100s\" cannot be read; write it as \"10/minute, "
                   "200/day\", with second, minute, hour or day", text);
}

static time_t
wall_now(void)
{
    return time(NULL);
}

static uint64_t
boot_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

struct limits *
limits_new(const char *path)
{
    struct limits *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    l->path = strdup(path);
    l->wall = wall_now;
    l->boot_us = boot_now;
    if (!l->path)
        limits_free(&l);
    return l;
}

void
limits_set_clocks(struct limits *l, time_t (*wall)(void), uint64_t (*boot_us)(void))
{
    l->wall = wall;
    l->boot_us = boot_us;
}

void
limits_free(struct limits **limits)
{
    struct limits *l = limits ? *limits : NULL;
    struct err err;

    if (!l)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct counter *c = l->buckets[i], *next; c; c = next) {
            next = c->next;
            if (c->totals && c->booked > c->used &&
                counts_put(l->counts, c->id, c->used, &err) != 0)
                log_warn("%s", err.text);
            free(c);
        }
    }
    counts_close(&l->counts);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
    *limits = NULL;
}

static void
make_id(const struct limit_rule *rule, const char *key, uid_t uid, uint8_t id[SHA256_SIZE])
{
    char text[512];
    int n = snprintf(text, sizeof text, "%.64s %ld %.400s", key,
                     rule->per_user ? (long)uid : -1L, rule->id ? rule->id : rule->name);

    sha256(text, n > 0 ? (size_t)n : 0, id);
}

static uint64_t
part_at(const struct window *w, uint64_t now)
{
    uint64_t width = (uint64_t)w->seconds * 1000000u / PARTS;

    return width > 0 ? now / width : 0;
}

/* Empties the parts that have come since. */
static void
move_on(struct window *w, uint64_t part)
{
    if (part - w->latest >= SLOTS)
        memset(w->uses, 0, sizeof w->uses);
    else
        for (uint64_t p = w->latest + 1; p <= part; p++)
            w->uses[p % SLOTS] = 0;
    w->latest = part;
}

static uint64_t
uses_within(const struct window *w)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        n += w->uses[i];
    return n;
}

static bool
is_idle(struct counter *c, uint64_t now)
{
    for (unsigned i = 0; i < LIMITS_RATES_MAX; i++) {
        struct window *w = &c->windows[i];
        if (w->seconds == 0)
            continue;
        move_on(w, part_at(w, now));
        if (uses_within(w) > 0)
            return false;
    }
    return c->booked == c->used;
}

static void
drop_idle(struct limits *l, uint64_t now)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct counter **at = &l->buckets[i]; *at;) {
            struct counter *c = *at;
            if (is_idle(c, now)) {
                *at = c->next;
                free(c);
                l->count--;
            } else {
                at = &c->next;
            }
        }
    }
}

/* NULL: there are too many, or no memory. */
static struct counter *
find(struct limits *l, const uint8_t id[SHA256_SIZE], uint64_t now)
{
    struct counter **bucket = &l->buckets[id[0] % BUCKETS], *c = *bucket;

    while (c && memcmp(c->id, id, SHA256_SIZE) != 0)
        c = c->next;
    if (c)
        return c;
    if (l->count >= LIMITS_COUNTERS_MAX)
        drop_idle(l, now);
    if (l->count >= LIMITS_COUNTERS_MAX)
        return NULL;
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    memcpy(c->id, id, SHA256_SIZE);
    c->next = *bucket;
    *bucket = c;
    l->count++;
    return c;
}

/* Seconds until a further use fits. */
static unsigned long
until_free(const struct window *w, unsigned count, uint64_t now)
{
    uint64_t width = (uint64_t)w->seconds * 1000000u / PARTS, left = uses_within(w);
    uint64_t first = w->latest >= PARTS ? w->latest - PARTS : 0;

    for (uint64_t p = first; p <= w->latest; p++) {
        left -= w->uses[p % SLOTS];
        if (left < count)
            return (unsigned long)(((p + SLOTS) * width - now + 999999u) / 1000000u);
    }
    return w->seconds;
}

static int
check_rates(struct counter *c, const struct limit_rule *rule, const char *key, uint64_t now,
            struct err *err)
{
    for (unsigned i = 0; i < rule->rate_count; i++) {
        const struct limit_rate *rate = &rule->rates[i];
        struct window *w = &c->windows[i];
        if (w->seconds != rate->seconds)
            *w = (struct window){.seconds = rate->seconds};
        move_on(w, part_at(w, now));
        if (uses_within(w) < rate->count)
            continue;
        return err_set(err, E_DENIED, "rule \"%.100s\": key %.*s may be used %u times per %s%s, and "
                       "was; try again in %lu seconds", rule->name, KEY_DIGITS, key, rate->count,
                       span_name(rate->seconds), rule->per_user ? " by each user" : "",
                       until_free(w, rate->count, now));
    }
    return 0;
}

static int
check_total(struct limits *l, struct counter *c, const struct limit_rule *rule, const char *key,
            struct err *err)
{
    int rc = 0;

    if (rule->total == 0)
        return 0;
    if (!l->counts)
        rc = counts_open(&l->counts, l->path, err);
    if (rc != 0)
        return rc;
    if (!c->totals) {
        c->used = c->booked = counts_get(l->counts, c->id);
        c->totals = true;
    }
    if (c->used < rule->total)
        return 0;
    return err_set(err, E_DENIED, "rule \"%.100s\": key %.*s may be used %llu times%s, and was; "
                   "whoever keeps the policy can raise that", rule->name, KEY_DIGITS, key,
                   (unsigned long long)rule->total, rule->per_user ? " by each user" : "");
}

static int
use_total(struct limits *l, struct counter *c, const struct limit_rule *rule, struct err *err)
{
    uint64_t ahead;
    int rc;

    if (rule->total == 0)
        return 0;
    if (c->used == c->booked) {
        ahead = (rule->total - c->used) / AHEAD_PART;
        ahead = ahead < 1 ? 1 : ahead > AHEAD_MAX ? AHEAD_MAX : ahead;
        rc = counts_put(l->counts, c->id, c->used + ahead, err);
        if (rc != 0)
            return rc;
        c->booked = c->used + ahead;
    }
    c->used++;
    return 0;
}

static int
permit(struct limits *l, const struct limit_rule *rule, const char *key, uid_t uid, bool take,
       struct err *err)
{
    uint64_t now = l->boot_us();
    uint8_t id[SHA256_SIZE];
    struct counter *c;
    int rc;

    make_id(rule, key, uid, id);
    c = find(l, id, now);
    if (!c)
        return err_set(err, E_DENIED, "rule \"%.100s\": too many users and keys are counted at "
                       "once; try again later", rule->name);
    rc = check_total(l, c, rule, key, err);
    if (rc == 0)
        rc = check_rates(c, rule, key, now, err);
    if (rc == 0 && take)
        rc = use_total(l, c, rule, err);
    for (unsigned i = 0; rc == 0 && take && i < rule->rate_count; i++)
        c->windows[i].uses[c->windows[i].latest % SLOTS]++;
    return rc;
}

int
limits_permit(struct limits *l, const struct limit_rule *rule, const char *key, uid_t uid,
              bool take, enum metrics_denied *ret_kind, struct err *err)
{
    enum metrics_denied kind = METRICS_DENIED_HOURS;
    int rc = 0;

    if (rule->rate_count == 0 && rule->total == 0 && rule->hours.count == 0)
        return 0;
    pthread_mutex_lock(&l->lock);
    if (rule->hours.count > 0)
        rc = hours_check(&l->hours, &rule->hours, rule->name, l->wall(), l->boot_us(), err);
    if (rc == 0 && (rule->rate_count > 0 || rule->total > 0)) {
        kind = METRICS_DENIED_LIMIT;
        rc = permit(l, rule, key, uid, take, err);
    }
    pthread_mutex_unlock(&l->lock);
    if (rc != 0 && ret_kind)
        *ret_kind = kind;
    return rc;
}
