/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How PINs come to their end: their time is over, or somebody wants them forgotten. */
#include <string.h>

#include "agent/pin_impl.h"

struct pin_login
pin_wipe_login(struct pin *p)
{
    struct pin_login login = p->login;

    memset(&p->login, 0, sizeof p->login);
    atomic_store(&p->dies, 0);
    secret_free(&p->cached);
    return login;
}

void
pin_clear_login(struct pin *p)
{
    struct pin_login login;

    pthread_mutex_lock(&p->lock);
    login = pin_wipe_login(p);
    pthread_mutex_unlock(&p->lock);
    if (login.host && p->all->log_out)
        p->all->log_out(&login);
}

/* When it expires as things stand; 0: nothing is there to expire. */
static time_t
expiry(struct pin *p)
{
    time_t dies = (time_t)atomic_load(&p->dies), idle;

    if (dies == 0)
        return 0;
    idle = (time_t)atomic_load(&p->used) + (time_t)atomic_load(&p->ttl);
    return idle < dies ? idle : dies;
}

bool
pin_expired(struct pin *p)
{
    time_t at = expiry(p);

    return at != 0 && p->all->clock() >= at;
}

/* Whether to log out now: not while somebody is at work, or has the turn. Lock held;
 * true takes the turn. */
static bool
begin_leaving(struct pin *p)
{
    if (p->busy || !pin_expired(p) || atomic_load(&p->users) > 0)
        return false;
    p->busy = p->leaving = true;
    return true;
}

/* Lock held, released meanwhile. */
static void
leave(struct pin *p)
{
    pthread_mutex_unlock(&p->lock);
    pin_clear_login(p);
    pthread_mutex_lock(&p->lock);
    p->busy = p->leaving = false;
    pthread_cond_broadcast(&p->turn_over);
}

static void
expire(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    if (begin_leaving(p))
        leave(p);
    pthread_mutex_unlock(&p->lock);
}

struct soonest {
    time_t now;
    unsigned seconds;
};

static void
expire_one(struct pin *p, void *arg)
{
    struct soonest *s = arg;
    time_t at;

    expire(p);
    at = expiry(p);
    if (at == 0)
        return;
    unsigned left = at > s->now ? (unsigned)(at - s->now) : 1;
    if (s->seconds == 0 || left < s->seconds)
        s->seconds = left;
}

unsigned
pins_expire(struct pins *ps)
{
    struct soonest s = {.now = ps->clock()};

    pins_each(ps, expire_one, &s);
    return s.seconds;
}

void
pin_enter(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->leaving)
        pthread_cond_wait(&p->turn_over, &p->lock);
    if (begin_leaving(p))
        leave(p);
    atomic_fetch_add(&p->users, 1);
    pthread_mutex_unlock(&p->lock);
    if (atomic_load_explicit(&p->dies, memory_order_relaxed) != 0 && !pin_expired(p))
        atomic_store_explicit(&p->used, p->all->clock(), memory_order_relaxed);
}

void
pin_leave(struct pin *p)
{
    atomic_fetch_sub(&p->users, 1);
    if (pin_expired(p))
        pins_wake(p->all);
}

void
pin_forget(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->busy)
        pthread_cond_wait(&p->turn_over, &p->lock);
    p->busy = p->leaving = true;
    leave(p);
    pthread_mutex_unlock(&p->lock);
}

void
pin_removed(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    if (p->busy)
        p->removed = true;
    else
        pin_wipe_login(p);
    pthread_mutex_unlock(&p->lock);
}

void
pin_forget_soon(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    if (p->busy) {
        /* Who leaves is wiping it anyway. */
        p->forget = !p->leaving;
    } else {
        p->busy = p->leaving = true;
        leave(p);
    }
    pthread_mutex_unlock(&p->lock);
}

/* Of before there is the login at most, which a login anew takes the place of. */
void
pin_entered(struct pin *p)
{
    pthread_mutex_lock(&p->lock);
    p->forget = false;
    pthread_mutex_unlock(&p->lock);
}

static void
forget_one(struct pin *p, void *arg)
{
    (void)arg;
    pin_forget_soon(p);
}

/* All PINs go before the first token is logged out of, which may take its time. */
static void
wipe_one(struct pin *p, void *arg)
{
    (void)arg;
    pthread_mutex_lock(&p->lock);
    if (!p->busy)
        secret_free(&p->cached);
    pthread_mutex_unlock(&p->lock);
}

void
pins_forget_all(struct pins *ps)
{
    pins_each(ps, wipe_one, NULL);
    pins_each(ps, forget_one, NULL);
}

static void
count_one(struct pin *p, void *arg)
{
    unsigned *n = arg;

    pthread_mutex_lock(&p->lock);
    *n += p->cached != NULL;
    pthread_mutex_unlock(&p->lock);
}

unsigned
pins_cached(struct pins *ps)
{
    unsigned n = 0;

    pins_each(ps, count_one, &n);
    return n;
}

void
pin_set_times(struct pin *p, unsigned ttl, unsigned ttl_max)
{
    unsigned before;

    pthread_mutex_lock(&p->lock);
    atomic_store(&p->ttl, ttl);
    before = atomic_exchange(&p->ttl_max, ttl_max);
    if (atomic_load(&p->dies) != 0 && before != ttl_max)
        atomic_fetch_add(&p->dies, (long long)ttl_max - (long long)before);
    pthread_mutex_unlock(&p->lock);
    pins_wake(p->all);
}
