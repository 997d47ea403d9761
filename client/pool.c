/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ask.h"

struct seat {
    struct client *client;
    dev_t dev;             /* of the socket that was opened */
    ino_t ino;
};

struct pool {
    pthread_mutex_t lock;
    const char *front;
    pid_t owner;           /* whose the idle ones are */
    unsigned count;
    struct seat idle[POOL_IDLE_MAX];
};

int
pool_new(struct pool **ret, const char *front, struct err *err)
{
    struct pool *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(err, E_NOMEM, "out of memory");
    pthread_mutex_init(&p->lock, NULL);
    p->front = front;
    p->owner = getpid();
    *ret = p;
    return 0;
}

/* Whether the descriptor is still the one that was opened. */
static bool
is_ours(const struct seat *s)
{
    struct stat st;

    return fstat(s->client->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == s->dev &&
           st.st_ino == s->ino;
}

static void
drop(struct seat *s, bool inherited)
{
    bool ours = is_ours(s);

    if (ours && !inherited)
        client_free(&s->client);
    else
        client_abandon(&s->client, ours);
}

/* Lock held. */
static void
leave_parents(struct pool *p)
{
    if (p->owner == getpid())
        return;
    while (p->count > 0)
        drop(&p->idle[--p->count], true);
    p->owner = getpid();
}

void
pool_free(struct pool **pp)
{
    struct pool *p = pp ? *pp : NULL;

    if (!p)
        return;
    leave_parents(p);
    while (p->count > 0)
        drop(&p->idle[--p->count], false);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *pp = NULL;
}

static bool
take_idle(struct pool *p, struct seat *ret)
{
    bool got = false;

    pthread_mutex_lock(&p->lock);
    leave_parents(p);
    while (!got && p->count > 0) {
        *ret = p->idle[--p->count];
        got = is_ours(ret);
        if (!got)
            drop(ret, false);
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

static int
take_new(const struct pool *p, struct seat *ret, struct err *err)
{
    const struct client_options opts = {.front = p->front};
    struct home home = {0};
    struct stat st;
    int rc = home_resolve(&home, NULL, err);

    if (rc == 0)
        rc = client_open(&ret->client, &home, &opts, err);
    home_clear(&home);
    if (rc != 0)
        return rc;
    if (fstat(ret->client->fd, &st) != 0) {
        client_free(&ret->client);
        return err_set(err, E_SYSTEM, "the connection to the agent was closed by this program");
    }
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    return 0;
}

static void
give(struct pool *p, struct seat *s)
{
    pthread_mutex_lock(&p->lock);
    leave_parents(p);
    bool keep = !s->client->dead && p->count < POOL_IDLE_MAX;
    if (keep)
        p->idle[p->count++] = *s;
    pthread_mutex_unlock(&p->lock);
    if (!keep)
        drop(s, false);
}

int
pool_run(struct pool *p, int (*work)(struct client *, void *arg, struct err *), void *arg,
         struct err *err)
{
    struct seat s = {0};
    bool was_idle = take_idle(p, &s);
    int rc = was_idle ? 0 : take_new(p, &s, err);

    if (rc != 0)
        return rc;
    rc = work(s.client, arg, err);
    if (rc != 0 && was_idle && s.client->dead) {
        drop(&s, false);
        rc = take_new(p, &s, err);
        if (rc != 0)
            return rc;
        rc = work(s.client, arg, err);
    }
    give(p, &s);
    return rc;
}
