/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/overlap.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/ring.h"

/* The threads call read and write, and no more. */
#define STACK_SIZE (64u * 1024)

struct ahead {
    struct ring *ring;
    pthread_t thread;
    int fd;
    bool given;         /* the caller has a buffer */
};

struct behind {
    struct ring *ring;
    pthread_t thread;
    int fd;
    uint8_t *room;      /* NULL: no buffer is begun */
    size_t fill;
};

bool
overlap_helps(void)
{
    cpu_set_t mine;
    return sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 1;
}

/* Signals are for the caller's threads. */
static int
start(pthread_t *ret, void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    if (pthread_attr_init(&attr) != 0)
        return E_NOMEM;
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(ret, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed != 0 ? E_NOMEM : 0;
}

static void *
read_ahead(void *arg)
{
    struct ahead *a = arg;
    uint8_t *room;
    int sys = 0;
    while ((room = ring_fill(a->ring, &sys)) != NULL) {
        ssize_t n = io_read(a->fd, room, RING_PIECE);
        if (n <= 0) {
            ring_end(a->ring, n < 0 ? errno : 0);
            break;
        }
        ring_filled(a->ring, (size_t)n);
    }
    return NULL;
}

int
ahead_new(struct ahead **ret, int fd)
{
    struct ahead *a = calloc(1, sizeof *a);
    if (a == NULL)
        return E_NOMEM;
    a->fd = fd;
    if (ring_new(&a->ring) != 0 || start(&a->thread, read_ahead, a) != 0) {
        ring_free(&a->ring);
        free(a);
        return E_NOMEM;
    }
    *ret = a;
    return 0;
}

ssize_t
ahead_next(struct ahead *a, const uint8_t **ret)
{
    int sys = 0;
    if (a->given)
        ring_drained(a->ring);
    size_t len = ring_drain(a->ring, ret, &sys);
    a->given = len > 0;
    errno = sys;
    return len > 0 ? (ssize_t)len : sys != 0 ? -1 : 0;
}

void
ahead_free(struct ahead **pa)
{
    if (pa == NULL || *pa == NULL)
        return;
    struct ahead *a = *pa;
    ring_leave(a->ring, 0);
    pthread_join(a->thread, NULL);
    ring_free(&a->ring);
    free(a);
    *pa = NULL;
}

static void *
write_behind(void *arg)
{
    struct behind *b = arg;
    const uint8_t *data;
    size_t len;
    int sys = 0;
    while ((len = ring_drain(b->ring, &data, &sys)) > 0) {
        if (io_write_all(b->fd, data, len) != 0) {
            ring_leave(b->ring, errno);
            break;
        }
        ring_drained(b->ring);
    }
    return NULL;
}

int
behind_new(struct behind **ret, int fd)
{
    struct behind *b = calloc(1, sizeof *b);
    if (b == NULL)
        return E_NOMEM;
    b->fd = fd;
    if (ring_new(&b->ring) != 0 || start(&b->thread, write_behind, b) != 0) {
        ring_free(&b->ring);
        free(b);
        return E_NOMEM;
    }
    *ret = b;
    return 0;
}

int
behind_write(struct behind *b, const void *data, size_t len)
{
    const uint8_t *at = data;
    int sys = 0;
    while (len > 0) {
        if (b->room == NULL && (b->room = ring_fill(b->ring, &sys)) == NULL) {
            errno = sys;
            return -1;
        }
        size_t left = RING_PIECE - b->fill, n = len < left ? len : left;
        memcpy(b->room + b->fill, at, n);
        b->fill += n;
        at += n;
        len -= n;
        if (b->fill == RING_PIECE) {
            ring_filled(b->ring, b->fill);
            b->room = NULL;
            b->fill = 0;
        }
    }
    return 0;
}

int
behind_settle(struct behind *b)
{
    if (b->fill > 0) {
        ring_filled(b->ring, b->fill);
        b->room = NULL;
        b->fill = 0;
    }
    int sys = ring_settle(b->ring);
    errno = sys;
    return sys == 0 ? 0 : -1;
}

void
behind_free(struct behind **pb)
{
    if (pb == NULL || *pb == NULL)
        return;
    struct behind *b = *pb;
    ring_end(b->ring, 0);
    pthread_join(b->thread, NULL);
    ring_free(&b->ring);
    free(b);
    *pb = NULL;
}
