/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/json_read.h"
#include "agent/listings.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/thread.h"

/* Longest listing of one host, in bytes. */
#define LISTING_MAX (64u * 1024 * 1024)

struct asking {
    struct listings *all;
    struct host *host;
    pthread_t thread;
    bool started;        /* the thread is to be joined */
    bool under_way;
    bool overdue;        /* was not waited for */
    int rc;
    struct err err;
    json_t *tokens;      /* the last */
    unsigned generation;
};

struct listings {
    void (*late)(void *arg);
    void *arg;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct asking of[HOSTS_MAX];
    unsigned count;
};

struct listings *
listings_new(void (*late)(void *arg), void *arg)
{
    struct listings *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->late = late;
    l->arg = arg;
    pthread_mutex_init(&l->lock, NULL);
    thread_cond_init(&l->changed);
    return l;
}

void
listings_free(struct listings **pl)
{
    struct listings *l = pl ? *pl : NULL;

    if (!l)
        return;
    for (unsigned i = 0; i < l->count; i++) {
        if (l->of[i].started)
            pthread_join(l->of[i].thread, NULL);
        json_decref(l->of[i].tokens);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *pl = NULL;
}

static int
list(struct host *h, json_t **ret, unsigned *ret_generation, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    struct lane_command command = {.line = "LIST", .out = text};
    unsigned again = 1;
    int rc;

    if (!text)
        return err_set(err, E_NOMEM, "out of memory while listing tokens");
    buf_set_max(text, LISTING_MAX);
    rc = host_call(h, &command, &again, ret_generation, err);
    if (rc == 0)
        *ret = json_read((const char *)buf_data(text), buf_len(text), 0, NULL);
    if (rc == 0 && !*ret)
        rc = err_set(err, E_PROTOCOL, "module \"%s\": its token host's listing is malformed; it "
                     "is of another version than the agent", host_name(h));
    return rc;
}

static void *
ask_one(void *arg)
{
    struct asking *a = arg;
    struct listings *all = a->all;
    struct err err = {0};
    json_t *tokens = NULL;
    unsigned generation = 0;
    int rc = list(a->host, &tokens, &generation, &err);
    bool news;

    pthread_mutex_lock(&all->lock);
    news = a->overdue && (rc != 0 || !json_equal(tokens, a->tokens));
    a->rc = rc;
    a->err = err;
    json_decref(a->tokens);
    a->tokens = tokens;
    a->generation = generation;
    a->under_way = a->overdue = false;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    if (news)
        all->late(all->arg);
    return NULL;
}

/* Lock held. */
static void
begin(struct asking *a)
{
    int rc;

    if (a->under_way)
        return;
    /* It has nothing left to do that takes the lock. */
    if (a->started)
        pthread_join(a->thread, NULL);
    a->under_way = true;
    rc = thread_start(&a->thread, ask_one, a);
    a->started = rc == 0;
    if (rc == 0)
        return;
    a->under_way = false;
    json_decref(a->tokens);
    a->tokens = NULL;
    a->rc = err_set_sys(&a->err, E_SYSTEM, rc, "module \"%s\": no thread to list its tokens",
                        host_name(a->host));
}

/* Lock held. */
static void
await_one(struct asking *a, const struct timespec *until)
{
    while (a->under_way && !a->overdue)
        if (pthread_cond_timedwait(&a->all->changed, &a->all->lock, until) == ETIMEDOUT)
            a->overdue = a->under_way;
}

void
listings_ask(struct listings *l, struct hosts *hosts)
{
    struct timespec soon, later;
    struct host *h;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < HOSTS_MAX && (h = hosts_at(hosts, i)); i++) {
        l->of[i].all = l;
        l->of[i].host = h;
        l->count = i + 1;
        begin(&l->of[i]);
    }
    thread_deadline(&soon, LISTINGS_MS);
    thread_deadline(&later, LISTINGS_FIRST_MS);
    for (unsigned i = 0; i < l->count; i++)
        await_one(&l->of[i], l->of[i].tokens ? &soon : &later);
    pthread_mutex_unlock(&l->lock);
}

bool
listings_get(struct listings *l, unsigned i, struct host **ret_host, struct listing *ret)
{
    pthread_mutex_lock(&l->lock);
    bool there = i < l->count;
    if (there) {
        const struct asking *a = &l->of[i];
        *ret_host = a->host;
        *ret = (struct listing){.tokens = json_incref(a->tokens), .generation = a->generation,
                                .late = a->under_way, .rc = a->rc, .err = a->err};
        if (a->under_way)
            ret->rc = err_set(&ret->err, E_HOST, "module \"%s\" has not answered for a while; "
                              "what it held last is shown", host_name(a->host));
    }
    pthread_mutex_unlock(&l->lock);
    return there;
}

bool
listings_await(struct listings *l)
{
    bool any = false;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < l->count; i++)
        while (l->of[i].overdue) {
            any = true;
            pthread_cond_wait(&l->changed, &l->lock);
        }
    pthread_mutex_unlock(&l->lock);
    return any;
}
