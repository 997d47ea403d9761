/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/prompts.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/thread.h"

struct prompts {
    pthread_mutex_t lock;
    struct prompt *first;
};

struct prompts *
prompts_new(void)
{
    struct prompts *ps = calloc(1, sizeof *ps);

    if (ps)
        pthread_mutex_init(&ps->lock, NULL);
    return ps;
}

void
prompts_free(struct prompts **pps)
{
    struct prompts *ps = pps ? *pps : NULL;

    if (!ps)
        return;
    pthread_mutex_destroy(&ps->lock);
    free(ps);
    *pps = NULL;
}

/* An eventfd takes it unless its count is full; then it is readable anyway. */
static void
wake(const struct prompt *p)
{
    thread_ring(p->wake);
}

static void
append(struct prompts *ps, struct prompt *p)
{
    struct prompt **at = &ps->first;

    while (*at)
        at = &(*at)->next;
    *at = p;
}

/* Whose turn it is, or who has been withdrawn, goes on. Takes what woke it. */
static bool
is_called(struct prompts *ps, struct prompt *p)
{
    uint64_t n;

    pthread_mutex_lock(&ps->lock);
    bool yes = ps->first == p || p->withdrawn;
    if (yes && !p->withdrawn && read(p->wake, &n, sizeof n) < 0)
        n = 0;
    pthread_mutex_unlock(&ps->lock);
    return yes;
}

/* 0, or E_CANCELLED when the client went. */
static int
await_call(struct prompts *ps, struct prompt *p, int client)
{
    struct pollfd fds[2] = {{.fd = p->wake, .events = POLLIN},
                            {.fd = client, .events = POLLRDHUP}};

    while (!is_called(ps, p)) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return E_CANCELLED;
        if (fds[1].revents)
            return E_CANCELLED;
    }
    return 0;
}

int
prompts_enter(struct prompts *ps, struct prompt *p, int client, struct err *err)
{
    int rc;

    *p = (struct prompt){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (p->wake < 0)
        return err_set_sys(err, E_SYSTEM, errno, "no dialog can be shown");
    pthread_mutex_lock(&ps->lock);
    append(ps, p);
    pthread_mutex_unlock(&ps->lock);
    rc = await_call(ps, p, client);
    if (rc != 0)
        err_set(err, rc, "the client went away while it waited for a dialog");
    else if (prompts_was_withdrawn(ps, p))
        rc = err_set(err, E_LOCKED, "the agent was locked before the question was asked; unlock "
                     "it (signet agent unlock)");
    if (rc != 0)
        prompts_leave(ps, p);
    return rc;
}

void
prompts_leave(struct prompts *ps, struct prompt *p)
{
    struct prompt **at = &ps->first;

    pthread_mutex_lock(&ps->lock);
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    if (at == &ps->first && ps->first)
        wake(ps->first);
    pthread_mutex_unlock(&ps->lock);
    close(p->wake);
}

void
prompts_withdraw(struct prompts *ps)
{
    pthread_mutex_lock(&ps->lock);
    for (struct prompt *p = ps->first; p; p = p->next) {
        p->withdrawn = true;
        wake(p);
    }
    pthread_mutex_unlock(&ps->lock);
}

bool
prompts_was_withdrawn(struct prompts *ps, const struct prompt *p)
{
    pthread_mutex_lock(&ps->lock);
    bool yes = p->withdrawn;
    pthread_mutex_unlock(&ps->lock);
    return yes;
}

unsigned
prompts_count(struct prompts *ps)
{
    unsigned n = 0;

    pthread_mutex_lock(&ps->lock);
    for (const struct prompt *p = ps->first; p; p = p->next)
        n++;
    pthread_mutex_unlock(&ps->lock);
    return n;
}
