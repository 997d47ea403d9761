/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pin.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pin_impl.h"
#include "agent/thread.h"
#include "client/wire.h"

/* Room for refused PINs, each with a byte of length: a token locks long before. */
#define REFUSED_MAX 4000u
/* How often one who waits for a turn looks whether his client is still there. */
#define GLANCE_MS 500u

static time_t
system_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

struct pins *
pins_new(unsigned ttl, unsigned ttl_max, time_t (*clock)(void),
         void (*log_out)(const struct pin_login *))
{
    struct pins *ps = calloc(1, sizeof *ps);

    if (!ps)
        return NULL;
    pthread_mutex_init(&ps->lock, NULL);
    thread_cond_init(&ps->wake);
    ps->ttl = ttl;
    ps->ttl_max = ttl_max;
    ps->clock = clock ? clock : system_clock;
    ps->log_out = log_out;
    return ps;
}

static void
free_pin(struct pin *p)
{
    secret_free(&p->cached);
    secret_free(&p->refused);
    pthread_cond_destroy(&p->turn_over);
    pthread_mutex_destroy(&p->lock);
    free(p->identity);
    free(p->label);
    free(p->serial);
    free(p);
}

void
pins_free(struct pins **pps)
{
    struct pins *ps = pps ? *pps : NULL;

    if (!ps)
        return;
    while (ps->first) {
        struct pin *p = ps->first;
        ps->first = p->next;
        free_pin(p);
    }
    pthread_cond_destroy(&ps->wake);
    pthread_mutex_destroy(&ps->lock);
    free(ps);
    *pps = NULL;
}

static struct pin *
new_pin(struct pins *ps, const struct token *t, char *identity)
{
    struct pin *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    thread_cond_init(&p->turn_over);
    p->label = strdup(t->label);
    p->serial = strdup(t->serial);
    if (!p->label || !p->serial) {
        free_pin(p);
        return NULL;
    }
    atomic_init(&p->ttl, ps->ttl);
    atomic_init(&p->ttl_max, ps->ttl_max);
    p->all = ps;
    p->identity = identity;
    p->next = ps->first;
    ps->first = p;
    return p;
}

struct pin *
pins_get(struct pins *ps, const struct token *t)
{
    char *identity;
    struct pin *p;

    if (asprintf(&identity, "%s\n%s\n%s\n%s", t->manufacturer, t->model, t->serial,
                 t->label) < 0)
        return NULL;
    pthread_mutex_lock(&ps->lock);
    for (p = ps->first; p; p = p->next)
        if (strcmp(p->identity, identity) == 0)
            break;
    if (!p) {
        p = new_pin(ps, t, identity);
        if (p)
            identity = NULL;
    }
    pthread_mutex_unlock(&ps->lock);
    free(identity);
    return p;
}

void
pins_wake(struct pins *ps)
{
    pthread_mutex_lock(&ps->lock);
    ps->pokes++;
    pthread_cond_broadcast(&ps->wake);
    pthread_mutex_unlock(&ps->lock);
}

void
pins_wait(struct pins *ps, unsigned ms)
{
    struct timespec until;

    thread_deadline(&until, ms);
    pthread_mutex_lock(&ps->lock);
    while (ps->pokes == 0)
        if (pthread_cond_timedwait(&ps->wake, &ps->lock, &until) == ETIMEDOUT)
            break;
    ps->pokes = 0;
    pthread_mutex_unlock(&ps->lock);
}

/* States are only ever added at the front: the list behind what was first can be
 * walked without the lock. */
void
pins_each(struct pins *ps, void (*f)(struct pin *, void *arg), void *arg)
{
    pthread_mutex_lock(&ps->lock);
    struct pin *p = ps->first;
    pthread_mutex_unlock(&ps->lock);
    for (; p; p = p->next)
        f(p, arg);
}

unsigned long
pin_logins(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned long n = p->logins;
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* What a person decided, or what the token has said for good, holds for all who
 * waited; what came of one client's means does not. */
static bool
is_shared(int code)
{
    return code == E_PIN_CANCELLED || code == E_PIN_LOCKED || code == E_PIN_WRONG;
}

int
pin_take_turn(struct pin *p, unsigned long seen, bool (*gone)(void *), void *arg,
              struct err *err)
{
    struct timespec until;
    unsigned long failures;
    int rc = 0;

    pthread_mutex_lock(&p->lock);
    failures = p->failures;
    while (p->busy && rc == 0) {
        thread_deadline(&until, GLANCE_MS);
        if (pthread_cond_timedwait(&p->turn_over, &p->lock, &until) == ETIMEDOUT &&
            gone && gone(arg))
            rc = err_set(err, E_CANCELLED, "the client went away while it waited for a PIN");
    }
    if (rc == 0 && p->logins != seen) {
        rc = PIN_OTHERS_DID;
    } else if (rc == 0 && p->failures != failures && is_shared(p->why.code)) {
        rc = p->why.code;
        if (err)
            *err = p->why;
    }
    if (rc == 0)
        p->busy = true;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void
pin_end_turn(struct pin *p, int rc, const struct err *err)
{
    pthread_mutex_lock(&p->lock);
    if (p->removed && rc != 0)
        pin_wipe_login(p);
    while (p->forget) {
        p->forget = false;
        pthread_mutex_unlock(&p->lock);
        pin_clear_login(p);
        pthread_mutex_lock(&p->lock);
    }
    p->busy = p->removed = false;
    if (rc == 0) {
        p->logins++;
    } else if (rc < 0) {
        p->failures++;
        if (err)
            p->why = *err;
        p->why.code = rc;
    }
    pthread_cond_broadcast(&p->turn_over);
    pthread_mutex_unlock(&p->lock);
}

const struct secret *
pin_cached_view(struct pin *p)
{
    return p->cached && !pin_expired(p) && !p->removed ? p->cached : NULL;
}

void
pin_drop(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    secret_free(&p->cached);
    pthread_mutex_unlock(&p->lock);
}

void
pin_store_steal(struct pin *p, struct secret **accepted, const struct pin_login *login)
{
    pthread_mutex_lock(&p->lock);
    secret_free(&p->refused);
    secret_free(&p->cached);
    p->cached = *accepted;
    p->source_failed = false;
    pthread_mutex_unlock(&p->lock);
    *accepted = NULL;
    atomic_store(&p->dies, 0);
    pin_note_login(p, login);
}

/* A login anew with the same PIN does not prolong its life beyond ttl_max. */
void
pin_note_login(struct pin *p, const struct pin_login *login)
{
    time_t now = p->all->clock();

    pthread_mutex_lock(&p->lock);
    p->login = *login;
    pthread_mutex_unlock(&p->lock);
    atomic_store(&p->used, now);
    if (atomic_load(&p->dies) == 0)
        atomic_store(&p->dies, now + (time_t)atomic_load(&p->ttl_max));
    pins_wake(p->all);
}

/* Lock held. */
static bool
is_refused(const struct pin *p, const struct secret *s)
{
    const uint8_t *at = p->refused ? secret_data_view(p->refused) : NULL, *end;

    if (!at)
        return false;
    for (end = at + secret_len(p->refused); at < end; at += 1 + *at)
        if (*at == secret_len(s) && memcmp(at + 1, secret_data_view(s), *at) == 0)
            return true;
    return false;
}

/* Lock held. */
static int
refuse(struct pin *p, const struct secret *s)
{
    uint8_t len = (uint8_t)secret_len(s);
    int rc;

    if (is_refused(p, s))
        return 0;
    if (!p->refused)
        p->refused = secret_new(REFUSED_MAX);
    if (!p->refused || secret_len(s) > WIRE_PIN_MAX ||
        secret_len(p->refused) + 1 + len > REFUSED_MAX)
        return E_LIMIT;
    rc = secret_append(p->refused, &len, 1);
    return rc == 0 ? secret_append(p->refused, secret_data_view(s), len) : rc;
}

int
pin_refuse(struct pin *p, const struct secret *s)
{
    pthread_mutex_lock(&p->lock);
    int rc = refuse(p, s);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

bool
pin_was_refused(struct pin *p, const struct secret *s)
{
    pthread_mutex_lock(&p->lock);
    bool yes = is_refused(p, s);
    pthread_mutex_unlock(&p->lock);
    return yes;
}

void
pin_note_source_failed(struct pin *p)
{
    p->source_failed = true;
}

bool
pin_source_failed(struct pin *p)
{
    return p->source_failed;
}

bool
pin_copy_cached(struct pin *p, struct secret *ret)
{
    pthread_mutex_lock(&p->lock);
    const struct secret *from = p->cached && !p->removed && !pin_expired(p) ? p->cached : NULL;
    bool yes = from && !is_refused(p, from) &&
               secret_set(ret, secret_data_view(from), secret_len(from)) == 0;
    pthread_mutex_unlock(&p->lock);
    return yes;
}

/* The cached one is dropped by whoever next has the turn: that it was refused is enough
 * for it not to be sent. */
void
pin_refuse_now(struct pin *p, const struct secret *s)
{
    pthread_mutex_lock(&p->lock);
    if (refuse(p, s) != 0)
        p->removed = true;
    pthread_mutex_unlock(&p->lock);
}

void
pin_note_error(struct pin *p)
{
    unsigned n = atomic_fetch_add(&p->errors, 1), seconds = PIN_REST_FIRST;

    while (n-- > 0 && seconds < PIN_REST_MAX)
        seconds *= 2;
    if (seconds > PIN_REST_MAX)
        seconds = PIN_REST_MAX;
    /* The clock counts whole seconds: at least so many. */
    atomic_store(&p->rests, (long long)p->all->clock() + seconds + 1);
}

void
pin_note_success(struct pin *p)
{
    if (atomic_load_explicit(&p->errors, memory_order_relaxed) == 0)
        return;
    atomic_store(&p->errors, 0);
    atomic_store(&p->rests, 0);
}

bool
pin_rests(struct pin *p)
{
    long long until = atomic_load_explicit(&p->rests, memory_order_relaxed);

    return until != 0 && (long long)p->all->clock() < until;
}

void
pin_get_login(struct pin *p, struct pin_login *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->login;
    pthread_mutex_unlock(&p->lock);
}

const char *
pin_label(const struct pin *p)
{
    return p->label;
}

const char *
pin_serial(const struct pin *p)
{
    return p->serial;
}
