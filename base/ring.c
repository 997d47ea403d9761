/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/secret.h"

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Counted without end; buffer i is i % RING_SLOTS. */
    size_t filled, drained;
    bool ended, left;
    int end_sys, leave_sys;
    size_t len[RING_SLOTS];
    uint8_t room[RING_SLOTS][RING_PIECE];
};

int
ring_new(struct ring **ret)
{
    struct ring *r = calloc(1, sizeof *r);
    if (r == NULL)
        return E_NOMEM;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    *ret = r;
    return 0;
}

void
ring_free(struct ring **pr)
{
    if (pr == NULL || *pr == NULL)
        return;
    struct ring *r = *pr;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    wipe(r->room, sizeof r->room);
    free(r);
    *pr = NULL;
}

static void
unlock_changed(struct ring *r)
{
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

uint8_t *
ring_fill(struct ring *r, int *ret_sys)
{
    uint8_t *room = NULL;
    pthread_mutex_lock(&r->lock);
    while (!r->left && r->filled - r->drained == RING_SLOTS)
        pthread_cond_wait(&r->changed, &r->lock);
    if (r->left)
        *ret_sys = r->leave_sys;
    else
        room = r->room[r->filled % RING_SLOTS];
    pthread_mutex_unlock(&r->lock);
    return room;
}

void
ring_filled(struct ring *r, size_t len)
{
    pthread_mutex_lock(&r->lock);
    r->len[r->filled++ % RING_SLOTS] = len;
    unlock_changed(r);
}

void
ring_end(struct ring *r, int sys)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    r->end_sys = sys;
    unlock_changed(r);
}

int
ring_settle(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->left && r->drained < r->filled)
        pthread_cond_wait(&r->changed, &r->lock);
    int sys = r->left ? r->leave_sys : 0;
    pthread_mutex_unlock(&r->lock);
    return sys;
}

size_t
ring_drain(struct ring *r, const uint8_t **ret, int *ret_sys)
{
    size_t len = 0;
    pthread_mutex_lock(&r->lock);
    while (!r->ended && r->drained == r->filled)
        pthread_cond_wait(&r->changed, &r->lock);
    if (r->drained < r->filled) {
        *ret = r->room[r->drained % RING_SLOTS];
        len = r->len[r->drained % RING_SLOTS];
    } else {
        *ret_sys = r->end_sys;
    }
    pthread_mutex_unlock(&r->lock);
    return len;
}

void
ring_drained(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    r->drained++;
    unlock_changed(r);
}

void
ring_leave(struct ring *r, int sys)
{
    pthread_mutex_lock(&r->lock);
    r->left = true;
    r->leave_sys = sys;
    unlock_changed(r);
}
