/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/host_queue.h"

#include <stddef.h>
#include <string.h>

static uint32_t
bit_of(const struct queue *q, const struct lane *lane)
{
    for (unsigned i = 0; i < QUEUE_LANES_MAX; i++)
        if (q->lanes[i] == lane)
            return UINT32_C(1) << i;
    return 0;
}

/* The slot's record, made if need be; NULL when there are too many. */
static struct slot_use *
use_of(struct queue *q, const unsigned long *slot)
{
    struct slot_use *u;

    if (!slot)
        return NULL;
    for (unsigned i = 0; i < q->slot_count; i++)
        if (q->slots[i].slot == *slot)
            return &q->slots[i];
    if (q->slot_count == QUEUE_SLOTS_MAX)
        return NULL;
    u = &q->slots[q->slot_count++];
    *u = (struct slot_use){.slot = *slot, .allowed = UINT32_MAX};
    return u;
}

void
queue_reset(struct queue *q, struct lane *const *lanes, unsigned count)
{
    memset(q->lanes, 0, sizeof q->lanes);
    q->idle = 0;
    for (unsigned i = 0; i < count && i < QUEUE_LANES_MAX; i++) {
        q->lanes[i] = lanes[i];
        q->idle |= UINT32_C(1) << i;
    }
    for (unsigned i = 0; i < q->slot_count; i++) {
        q->slots[i].busy = 0;
        q->slots[i].warm = 0;
        q->slots[i].allowed = UINT32_MAX;
    }
}

/* The idle lanes that may serve it. What is about no slot opens sessions everywhere:
 * it goes to lanes that no slot refuses. */
static uint32_t
choice(struct queue *q, const unsigned long *slot)
{
    const struct slot_use *u = use_of(q, slot);
    uint32_t everywhere = UINT32_MAX;

    if (u)
        return u->limit && u->busy >= u->limit ? 0 : q->idle & u->allowed;
    if (slot)
        return q->idle;
    for (unsigned i = 0; i < q->slot_count; i++)
        if (everywhere & q->slots[i].allowed)
            everywhere &= q->slots[i].allowed;
    return q->idle & everywhere;
}

static void
note_turn(struct queue *q, pid_t owner)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < QUEUE_OWNERS_MAX; i++) {
        if (q->owners[i].owner == owner) {
            oldest = i;
            break;
        }
        if (q->owners[i].turn < q->owners[oldest].turn)
            oldest = i;
    }
    q->owners[oldest].owner = owner;
    q->owners[oldest].turn = ++q->turn;
}

static unsigned long
turn_of(const struct queue *q, pid_t owner)
{
    for (unsigned i = 0; i < QUEUE_OWNERS_MAX; i++)
        if (q->owners[i].owner == owner)
            return q->owners[i].turn;
    return 0;
}

struct lane *
queue_take(struct queue *q, const unsigned long *slot, pid_t owner)
{
    struct slot_use *u = use_of(q, slot);
    uint32_t from = choice(q, slot);
    unsigned i;

    if (from == 0)
        return NULL;
    if (u && (from & u->warm))
        from &= u->warm;
    i = (unsigned)__builtin_ctz(from);
    q->idle &= ~(UINT32_C(1) << i);
    q->busy++;
    if (u)
        u->busy++;
    note_turn(q, owner);
    return q->lanes[i];
}

void
queue_release(struct queue *q, struct lane *lane, const unsigned long *slot, bool idle)
{
    struct slot_use *u = use_of(q, slot);

    q->busy--;
    if (u && u->busy > 0)
        u->busy--;
    if (idle)
        q->idle |= bit_of(q, lane);
}

struct lane *
queue_drop_idle(struct queue *q)
{
    if (q->idle == 0)
        return NULL;
    unsigned i = (unsigned)__builtin_ctz(q->idle);
    q->idle &= ~(UINT32_C(1) << i);
    return q->lanes[i];
}

void
queue_join(struct queue *q, struct waiter *w)
{
    struct waiter **last = &q->first;

    while (*last)
        last = &(*last)->next;
    w->next = NULL;
    *last = w;
    q->waiting++;
}

static void
wake(struct queue *q, struct waiter **link, struct lane *lane)
{
    struct waiter *w = *link;

    *link = w->next;
    q->waiting--;
    w->lane = lane;
    w->done = true;
    pthread_cond_signal(&w->cond);
}

/* Where the one hangs who is next among those that could go; NULL when nobody can. */
static struct waiter **
next_waiter(struct queue *q)
{
    struct waiter **best = NULL;
    unsigned long least = 0;

    for (struct waiter **link = &q->first; *link; link = &(*link)->next) {
        unsigned long turn = turn_of(q, (*link)->owner);
        if ((!best || turn < least) && choice(q, (*link)->slot) != 0) {
            best = link;
            least = turn;
        }
    }
    return best;
}

void
queue_hand_out(struct queue *q)
{
    while (q->idle && q->first) {
        struct waiter **next = next_waiter(q);
        if (!next)
            return;
        wake(q, next, queue_take(q, (*next)->slot, (*next)->owner));
    }
}

void
queue_refuse_all(struct queue *q)
{
    while (q->first)
        wake(q, &q->first, NULL);
}

void
queue_limit(struct queue *q, unsigned long slot, unsigned lanes)
{
    struct slot_use *u = use_of(q, &slot);

    if (u)
        u->limit = lanes;
}

void
queue_note_warm(struct queue *q, const struct lane *lane, unsigned long slot)
{
    struct slot_use *u = use_of(q, &slot);

    if (u)
        u->warm |= bit_of(q, lane);
}

bool
queue_note_full(struct queue *q, const struct lane *lane, unsigned long slot)
{
    struct slot_use *u = use_of(q, &slot);
    uint32_t bit = bit_of(q, lane);

    if (!u || !(u->warm & ~bit))
        return false;
    u->warm &= ~bit;
    u->allowed = u->warm;
    return true;
}
