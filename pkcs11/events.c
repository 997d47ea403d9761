/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11/slot.h"

/* Events without any change: so many in one minute and the wait is not believed. */
#define LIES_MAX 10
#define MINUTE_MS 60000
/* A change that the list of slots has shown first is the waiter's, too, if it reports
 * within this time. */
#define LATE_MS 2000
/* Events that are fetched at most at one tick. */
#define DRAIN_MAX 64
/* How long events_stop waits for calls to return. */
#define STOP_MS 500
/* Clocks that differ by more than before: the machine has slept. */
#define SLEPT_MS 2000

enum trust { TRUST_NONE, TRUST_TRYING, TRUST_FULL };

struct events {
    struct module *module;
    int fd;
    bool may_wait;
    bool may_ask;          /* C_WaitForSlotEvent without blocking works */
    pthread_t poller, waiter;
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t wake;
    bool stopping, poller_done, waiter_done, waiting, probed;
    bool in_call;          /* the waiter is in the module, for who knows how long */
    unsigned told;         /* events the waiter reported and the poller has not seen */
    CK_SLOT_ID told_slot;
    enum trust trust;
    /* The poller's own: */
    CK_SLOT_ID ids[MODULE_SLOTS_MAX];
    CK_ULONG count;
    unsigned long mark;    /* of what was last announced */
    unsigned lies;
    int64_t lies_since, changed_at, sleep_offset;
};

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* Until woken, or for ms (negative: without end). Lock held. */
static bool
wait_lock_held(struct events *e, int64_t ms)
{
    struct timespec until;

    if (ms < 0)
        return pthread_cond_wait(&e->wake, &e->lock) == 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&e->wake, &e->lock, &until) != ETIMEDOUT;
}

static void
say(struct events *e, const char *line)
{
    /* A full pipe holds such a line already. */
    if (write(e->fd, line, strlen(line)) < 0)
        return;
}

static int
compare_ids(const void *a, const void *b)
{
    CK_SLOT_ID x = *(const CK_SLOT_ID *)a, y = *(const CK_SLOT_ID *)b;

    return (x > y) - (x < y);
}

/* The slots with a token; true when they are others than before. */
static bool
list_slots(struct events *e)
{
    const struct ck_calls *ck = module_calls(e->module);
    CK_SLOT_ID ids[MODULE_SLOTS_MAX];
    CK_ULONG count = 0;
    CK_RV rv;
    bool other;

    module_enter(e->module);
    /* The size query is what makes modules look for new slots (PKCS#11 2.40, 5.5). */
    rv = ck->C_GetSlotList(CK_TRUE, NULL, &count);
    if (rv == CKR_OK && count > 0) {
        count = MODULE_SLOTS_MAX;
        rv = ck->C_GetSlotList(CK_TRUE, ids, &count);
    }
    module_leave(e->module);
    if (rv != CKR_OK)
        return false;
    if (count > 0)
        qsort(ids, count, sizeof *ids, compare_ids);
    other = count != e->count || (count && memcmp(ids, e->ids, count * sizeof *ids) != 0);
    memcpy(e->ids, ids, count * sizeof *ids);
    e->count = count;
    return other;
}

/* A mark of which tokens are where. */
static unsigned long
mark_slots(struct module *m)
{
    struct slot *slots[MODULE_SLOTS_MAX];
    size_t count = module_slots(m, slots);
    unsigned long mark = 5381;

    for (size_t i = 0; i < count; i++)
        mark = mark * 1000003 + slot_id(slots[i]) * 33 + slot_epoch(slots[i]);
    return mark;
}

/* The same token again after an event in its slot: when we were logged in and are no
 * more, it was away, or was reset. */
static void
check_return(struct events *e, CK_SLOT_ID id)
{
    const struct ck_calls *ck = module_calls(e->module);
    struct slot *slot = module_slot(e->module, id);
    CK_SESSION_INFO info = {0};
    CK_SESSION_HANDLE session;

    if (!slot || !slot_logged_in(slot))
        return;
    if (ck->C_OpenSession(id, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return;
    if (ck->C_GetSessionInfo(session, &info) == CKR_OK &&
        info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS) {
        slot_gone(slot);
        if (slot_look(slot) != CKR_OK)
            slot_gone(slot);
    }
    ck->C_CloseSession(session);
}

/* Looks at all tokens and tells the agent if they are others, or if other slots are
 * listed; whether they are. */
static bool
look(struct events *e, bool listed, bool touched, CK_SLOT_ID id)
{
    unsigned long mark;
    bool other;

    module_enter(e->module);
    if (module_refresh(e->module, NULL) == 0 && touched)
        check_return(e, id);
    module_leave(e->module);
    mark = mark_slots(e->module);
    other = listed || mark != e->mark;
    e->mark = mark;
    if (other)
        say(e, EVENTS_CHANGED);
    return other;
}

/* Events that the module has noted, asked for without blocking. */
static bool
fetch_events(struct events *e, CK_SLOT_ID *ret)
{
    const struct ck_calls *ck = module_calls(e->module);
    bool any = false;
    CK_SLOT_ID id = 0;
    CK_RV rv = CKR_OK;

    module_enter(e->module);
    for (int i = 0; i < DRAIN_MAX && rv == CKR_OK; i++) {
        rv = ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, NULL);
        if (rv == CKR_OK) {
            any = true;
            *ret = id;
        }
    }
    module_leave(e->module);
    if (rv != CKR_OK && rv != CKR_NO_EVENT)
        e->may_ask = false;
    return any;
}

static bool
has_slept(struct events *e)
{
    int64_t offset = clock_ms(CLOCK_BOOTTIME) - now_ms(), before = e->sleep_offset;

    e->sleep_offset = offset;
    return offset - before > SLEPT_MS;
}

/* What the waiter's report was worth. Lock held. */
static void
judge(struct events *e, bool changed)
{
    int64_t now = now_ms();

    if (changed || now - e->changed_at <= LATE_MS) {
        if (e->trust == TRUST_TRYING)
            e->trust = TRUST_FULL;
        return;
    }
    if (now - e->lies_since > MINUTE_MS) {
        e->lies_since = now;
        e->lies = 0;
    }
    if (++e->lies > LIES_MAX)
        e->trust = TRUST_NONE;
}

static void
tick(struct events *e, bool told, CK_SLOT_ID id)
{
    bool touched = told, other = list_slots(e), changed = false;

    if (!e->waiting && e->may_ask && fetch_events(e, &id))
        touched = true;
    if (other || touched || has_slept(e) || mark_slots(e->module) != e->mark)
        changed = look(e, other, touched, id);
    pthread_mutex_lock(&e->lock);
    if (told)
        judge(e, changed);
    if (changed)
        e->changed_at = now_ms();
    pthread_mutex_unlock(&e->lock);
}

static void *
wait_for_events(void *arg)
{
    struct events *e = arg;
    const struct ck_calls *ck = module_calls(e->module);
    CK_SLOT_ID id = 0;
    CK_RV rv;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping && e->trust != TRUST_NONE) {
        e->in_call = true;
        pthread_mutex_unlock(&e->lock);
        rv = ck->C_WaitForSlotEvent(0, &id, NULL);
        pthread_mutex_lock(&e->lock);
        e->in_call = false;
        if (rv != CKR_OK) {
            e->trust = TRUST_NONE;
        } else {
            e->told++;
            e->told_slot = id;
        }
        pthread_cond_broadcast(&e->wake);
        /* One report at a time: a module that reports without end costs one look each
         * time, and is soon not believed. */
        while (e->told > 0 && !e->stopping)
            wait_lock_held(e, -1);
    }
    e->waiting = false;
    e->waiter_done = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static void *
probe(void *arg)
{
    struct events *e = arg;
    CK_ULONG count = 0;

    (void)module_calls(e->module)->C_GetSlotList(CK_TRUE, NULL, &count);
    pthread_mutex_lock(&e->lock);
    e->probed = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static int
start_thread(pthread_t *ret, void *(*run)(void *), struct events *e)
{
    return pthread_create(ret, NULL, run, e);
}

/* Begins to wait for events, and sees whether the module still answers. Lock held. */
static void
try_to_wait(struct events *e)
{
    int64_t until = now_ms() + EVENTS_PROBE_MS;
    pthread_t prober;

    e->may_wait = false;
    e->trust = TRUST_TRYING;
    e->waiting = true;
    e->waiter_done = false;
    if (start_thread(&e->waiter, wait_for_events, e) != 0) {
        e->waiting = false;
        e->waiter_done = true;
        e->trust = TRUST_NONE;
        return;
    }
    pthread_detach(e->waiter);
    /* Gives the waiter the time to take what locks there are. */
    wait_lock_held(e, 50);
    if (e->waiter_done || start_thread(&prober, probe, e) != 0)
        return;
    pthread_detach(prober);
    while (!e->probed && !e->stopping && now_ms() < until)
        wait_lock_held(e, until - now_ms());
    if (e->probed || e->stopping)
        return;
    say(e, EVENTS_NO_WAIT);
    _exit(1);
}

/* Whether tokens can come and go. */
static bool
is_needed(struct module *m)
{
    const struct ck_calls *ck = module_calls(m);
    CK_SLOT_ID ids[MODULE_SLOTS_MAX];
    CK_ULONG count = MODULE_SLOTS_MAX;
    CK_SLOT_INFO info;
    bool yes;

    module_enter(m);
    yes = ck->C_GetSlotList(CK_FALSE, ids, &count) != CKR_OK || count == 0 || !ck->C_GetSlotInfo;
    for (CK_ULONG i = 0; i < count && !yes; i++)
        yes = ck->C_GetSlotInfo(ids[i], &info) == CKR_OK &&
              (info.flags & CKF_REMOVABLE_DEVICE);
    module_leave(m);
    return yes;
}

static void
poll_slots(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        if (e->may_wait && module_work(e->module) == 0)
            try_to_wait(e);
        if (e->told == 0 && !e->stopping)
            wait_lock_held(e, e->trust == TRUST_FULL ? -1 : EVENTS_POLL_MS);
        if (e->stopping)
            break;
        bool told = e->told > 0;
        CK_SLOT_ID id = e->told_slot;
        pthread_mutex_unlock(&e->lock);
        tick(e, told, id);
        pthread_mutex_lock(&e->lock);
        if (told) {
            e->told = 0;
            pthread_cond_broadcast(&e->wake);
        }
    }
    pthread_mutex_unlock(&e->lock);
}

static void *
run(void *arg)
{
    struct events *e = arg;

    if (is_needed(e->module)) {
        has_slept(e);
        list_slots(e);
        e->mark = mark_slots(e->module);
        poll_slots(e);
    }
    pthread_mutex_lock(&e->lock);
    e->poller_done = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

int
events_start(struct events **ret, struct module *m, int fd, bool may_wait, struct err *err)
{
    struct events *e = calloc(1, sizeof *e);
    const struct ck_calls *ck = module_calls(m);
    pthread_condattr_t attr;
    int rc;

    if (!e)
        return err_set(err, E_NOMEM, "out of memory");
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->lock, NULL);
    e->module = m;
    e->fd = fd;
    e->waiter_done = true;
    e->may_ask = ck->C_WaitForSlotEvent;
    /* A module for one thread would be held by the wait. */
    e->may_wait = may_wait && ck->C_WaitForSlotEvent && !module_is_single_thread(m);
    rc = start_thread(&e->poller, run, e);
    if (rc != 0) {
        free(e);
        return err_set_sys(err, E_SYSTEM, rc, "no thread to watch the slots");
    }
    pthread_detach(e->poller);
    *ret = e;
    return 0;
}

void
events_stop(struct events **ep)
{
    struct events *e = ep ? *ep : NULL;
    int64_t until = now_ms() + STOP_MS;
    bool done;

    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_broadcast(&e->wake);
    while ((!e->poller_done || (!e->waiter_done && !e->in_call)) && now_ms() < until)
        wait_lock_held(e, until - now_ms());
    done = e->poller_done && e->waiter_done;
    pthread_mutex_unlock(&e->lock);
    *ep = NULL;
    if (!done)
        return;
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
