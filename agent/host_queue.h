/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who gets which lane of a token host next.
 *
 * A waiter gets an idle lane that may serve its slot. Among those that could go, the
 * one whose client was served longest ago goes first, so that a client with a hundred
 * requests does not keep another one waiting; requests of one client keep their order.
 *
 * A slot has as many lanes at once as its limit says: one for a card, whose chip does
 * one thing at a time, else all. A token that has no session left for a further lane
 * (CKR_SESSION_COUNT) is from then on served by those lanes alone that have one.
 *
 * Inside a struct host, and guarded by its lock.
 */
#ifndef SIGNET_AGENT_HOST_QUEUE_H
#define SIGNET_AGENT_HOST_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/lane.h"

/* Slots of one host whose use is counted, and clients whose turns are remembered. */
#define QUEUE_SLOTS_MAX 64u
#define QUEUE_OWNERS_MAX 64u
#define QUEUE_LANES_MAX 32u

/* A thread that waits for a lane. It is woken with a lane, or with none when the host
 * cannot serve it. */
struct waiter {
    pthread_cond_t cond;
    struct lane *lane;
    bool done;
    const unsigned long *slot; /* NULL: the command is about none */
    pid_t owner;
    struct waiter *next;
};

struct slot_use {
    unsigned long slot;
    unsigned busy, limit;      /* limit 0: none */
    uint32_t warm;             /* lanes that have a session there */
    uint32_t allowed;          /* lanes that may serve it */
};

struct queue {
    struct lane *lanes[QUEUE_LANES_MAX];
    uint32_t idle;             /* a bit for each lane */
    unsigned busy;
    struct waiter *first;
    unsigned waiting;
    struct slot_use slots[QUEUE_SLOTS_MAX];
    unsigned slot_count;
    struct {
        pid_t owner;
        unsigned long turn;
    } owners[QUEUE_OWNERS_MAX];
    unsigned long turn;
};

/* A new process: its lanes, all idle; what was learnt of the old one's sessions is
 * forgotten. */
void queue_reset(struct queue *, struct lane *const *lanes, unsigned count);
/* Hands out one idle lane for that slot, or NULL. */
struct lane *queue_take(struct queue *, const unsigned long *slot, pid_t owner);
/* It is no longer in use; idle: it can be handed out again. */
void queue_release(struct queue *, struct lane *, const unsigned long *slot, bool idle);
/* Any idle lane, to be freed; NULL when none is left. */
struct lane *queue_drop_idle(struct queue *);

void queue_join(struct queue *, struct waiter *);
/* Gives idle lanes to waiters; or wakes all of them empty-handed. */
void queue_hand_out(struct queue *);
void queue_refuse_all(struct queue *);

/* At most so many lanes at once for that slot. */
void queue_limit(struct queue *, unsigned long slot, unsigned lanes);
/* The lane has served the slot: it has a session there. */
void queue_note_warm(struct queue *, const struct lane *, unsigned long slot);
/* The token had no session for that lane. True when others may serve it. */
bool queue_note_full(struct queue *, const struct lane *, unsigned long slot);

#endif
