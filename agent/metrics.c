/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/metrics.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Open addressing: at least twice METRICS_SERIES_MAX, a power of two. */
#define SLOTS 256u
/* Longest label of a token that is told, with NUL. */
#define TOKEN_MAX 64u
#define OTHER "other"

const unsigned long metrics_bounds[METRICS_BUCKETS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
    5000000, 30000000,
};

#define X(constant, label) label,
const char *const metrics_denied_names[METRICS_DENIED_COUNT] = {METRICS_DENIALS(X)};
const char *const metrics_prompt_names[METRICS_PROMPT_COUNT] = {METRICS_PROMPTS(X)};
#undef X
const char *const metrics_operation_names[METRICS_OPERATIONS] = {"sign", "decrypt", "derive"};
const char *const metrics_outcome_names[METRICS_OUTCOMES] = {"ok", "denied", "failed"};

typedef atomic_ulong counter;

struct series {
    char key[METRICS_KEY_DIGITS + 1];
    char token[TOKEN_MAX];
    counter outcomes[METRICS_OPERATIONS][METRICS_OUTCOMES];
    counter buckets[METRICS_BUCKETS + 1];
    counter sum_us;
};

struct metrics {
    _Atomic(struct series *) slots[SLOTS];
    atomic_uint used;
    struct series other;
    counter denials[METRICS_DENIED_COUNT];
    counter prompts[METRICS_PROMPT_COUNT];
    counter logins[2], clients[2];
    time_t began;
    atomic_bool dirty;
    atomic_int bell; /* -1: nobody listens */
};

static void
count(counter *c, unsigned long n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static unsigned long
value(counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

struct metrics *
metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    memcpy(m->other.key, OTHER, sizeof OTHER);
    m->began = time(NULL);
    atomic_init(&m->bell, -1);
    return m;
}

void
metrics_free(struct metrics **pm)
{
    struct metrics *m = pm ? *pm : NULL;

    if (!m)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        free(atomic_load(&m->slots[i]));
    if (atomic_load(&m->bell) >= 0)
        close(atomic_load(&m->bell));
    free(m);
    *pm = NULL;
}

void
metrics_touch(struct metrics *m)
{
    const uint64_t one = 1;
    int bell;

    if (!m || atomic_load_explicit(&m->dirty, memory_order_relaxed))
        return;
    if (atomic_exchange(&m->dirty, true))
        return;
    bell = atomic_load(&m->bell);
    if (bell >= 0 && write(bell, &one, sizeof one) < 0)
        return; /* it rings already */
}

int
metrics_bell(struct metrics *m)
{
    int bell = atomic_load(&m->bell);

    if (bell < 0) {
        bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        atomic_store(&m->bell, bell);
    }
    return bell;
}

void
metrics_settle(struct metrics *m)
{
    atomic_store(&m->dirty, false);
}

/* FNV-1a. */
static uint32_t
mix(uint32_t h, const char *text, size_t most)
{
    size_t len = strnlen(text, most);

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h;
}

/* Over both names, as far as they are told. */
static uint32_t
hash(const char *key, const char *token)
{
    return mix(mix(2166136261u, key, METRICS_KEY_DIGITS), token, TOKEN_MAX - 1);
}

static bool
is_of(const struct series *s, const char *key, const char *token)
{
    return strncmp(s->key, key, METRICS_KEY_DIGITS) == 0 &&
           strncmp(s->token, token, TOKEN_MAX - 1) == 0;
}

static struct series *
make(const char *key, const char *token)
{
    struct series *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    memcpy(s->key, key, strnlen(key, METRICS_KEY_DIGITS));
    memcpy(s->token, token, strnlen(token, TOKEN_MAX - 1));
    return s;
}

/* A slot is filled once and never emptied: who finds one taken looks at what is in it. */
static struct series *
find(struct metrics *m, const char *key, const char *token)
{
    uint32_t at = hash(key, token);

    for (unsigned i = 0; i < SLOTS; i++) {
        _Atomic(struct series *) *slot = &m->slots[(at + i) % SLOTS];
        struct series *there = atomic_load_explicit(slot, memory_order_acquire);
        if (!there) {
            if (atomic_fetch_add(&m->used, 1) >= METRICS_SERIES_MAX) {
                atomic_fetch_sub(&m->used, 1);
                return &m->other;
            }
            struct series *fresh = make(key, token);
            if (!fresh)
                return &m->other;
            if (atomic_compare_exchange_strong(slot, &there, fresh))
                return fresh;
            free(fresh);
            atomic_fetch_sub(&m->used, 1);
        }
        if (is_of(there, key, token))
            return there;
    }
    return &m->other;
}

static unsigned
bucket_of(unsigned long us)
{
    unsigned i = 0;

    while (i < METRICS_BUCKETS && us > metrics_bounds[i])
        i++;
    return i;
}

void
metrics_operation(struct metrics *m, const char *key, const char *token,
                  const char *operation, int result, unsigned long latency_us)
{
    unsigned op = METRICS_SIGN;
    struct series *s;

    if (!m)
        return;
    while (op < METRICS_OPERATIONS && strcmp(metrics_operation_names[op], operation) != 0)
        op++;
    if (op == METRICS_OPERATIONS)
        return;
    s = find(m, key ? key : "", token ? token : "");
    count(&s->outcomes[op][result == 0 ? METRICS_OK : result == E_DENIED || result == E_WEAK
                           ? METRICS_REFUSED : METRICS_FAILED], 1);
    if (result == 0) {
        count(&s->buckets[bucket_of(latency_us)], 1);
        count(&s->sum_us, latency_us);
    }
    metrics_touch(m);
}

void
metrics_denial(struct metrics *m, enum metrics_denied why)
{
    if (!m)
        return;
    count(&m->denials[why], 1);
    metrics_touch(m);
}

void
metrics_prompt(struct metrics *m, enum metrics_prompted how)
{
    if (!m)
        return;
    count(&m->prompts[how], 1);
    metrics_touch(m);
}

void
metrics_prompt_result(struct metrics *m, int result)
{
    metrics_prompt(m, result == 0 ? METRICS_PROMPT_ANSWERED
                      : result == E_PIN_NEEDED ? METRICS_PROMPT_IMPOSSIBLE
                      : result == E_PIN_CANCELLED || result == E_CANCELLED || result == E_DENIED
                          ? METRICS_PROMPT_CANCELLED : METRICS_PROMPT_FAILED);
}

void
metrics_login(struct metrics *m, int result)
{
    if (!m)
        return;
    count(&m->logins[result == 0], 1);
    metrics_touch(m);
}

void
metrics_client(struct metrics *m, bool admitted)
{
    if (!m)
        return;
    count(&m->clients[admitted], 1);
    metrics_touch(m);
}

static void
copy_series(struct series *s, struct metrics_series_view *ret)
{
    ret->key = s->key;
    ret->token = s->token;
    for (unsigned o = 0; o < METRICS_OPERATIONS; o++)
        for (unsigned r = 0; r < METRICS_OUTCOMES; r++)
            ret->outcomes[o][r] = value(&s->outcomes[o][r]);
    for (unsigned b = 0; b <= METRICS_BUCKETS; b++)
        ret->buckets[b] = value(&s->buckets[b]);
    ret->sum_us = value(&s->sum_us);
}

bool
metrics_series(struct metrics *m, unsigned i, struct metrics_series_view *ret)
{
    for (unsigned slot = 0; m && slot < SLOTS; slot++) {
        struct series *s = atomic_load_explicit(&m->slots[slot], memory_order_acquire);
        if (s && i-- == 0) {
            copy_series(s, ret);
            return true;
        }
    }
    if (!m || i != 0)
        return false;
    copy_series(&m->other, ret);
    for (unsigned o = 0; o < METRICS_OPERATIONS; o++)
        for (unsigned r = 0; r < METRICS_OUTCOMES; r++)
            if (ret->outcomes[o][r] > 0)
                return true;
    return false;
}

unsigned long
metrics_denials(struct metrics *m, enum metrics_denied why)
{
    return m ? value(&m->denials[why]) : 0;
}

unsigned long
metrics_prompts(struct metrics *m, enum metrics_prompted how)
{
    return m ? value(&m->prompts[how]) : 0;
}

unsigned long
metrics_logins(struct metrics *m, bool good)
{
    return m ? value(&m->logins[good]) : 0;
}

unsigned long
metrics_clients(struct metrics *m, bool admitted)
{
    return m ? value(&m->clients[admitted]) : 0;
}

unsigned long
metrics_began(struct metrics *m)
{
    return m ? (unsigned long)m->began : 0;
}
