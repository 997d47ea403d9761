/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/locks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct lock {
    pthread_cond_t free;
    bool held;
    pthread_t owner;   /* while held */
    unsigned depth;
    struct lock *next;
};

/* The functions of C_Initialize get no argument of ours. One guard for all is enough for
 * modules that wait for a card. */
static struct {
    pthread_mutex_t guard;
    struct lock *first;
} locks = {.guard = PTHREAD_MUTEX_INITIALIZER};

static bool
is_mine(const struct lock *l)
{
    return l->held && pthread_equal(l->owner, pthread_self());
}

static CK_RV
create(void **ret)
{
    struct lock *l = calloc(1, sizeof *l);

    if (!l)
        return CKR_HOST_MEMORY;
    pthread_cond_init(&l->free, NULL);
    pthread_mutex_lock(&locks.guard);
    l->next = locks.first;
    locks.first = l;
    pthread_mutex_unlock(&locks.guard);
    *ret = l;
    return CKR_OK;
}

static CK_RV
destroy(void *mutex)
{
    struct lock **at = &locks.first, *l;

    pthread_mutex_lock(&locks.guard);
    while (*at && *at != mutex)
        at = &(*at)->next;
    l = *at;
    if (l)
        *at = l->next;
    pthread_mutex_unlock(&locks.guard);
    if (!l)
        return CKR_MUTEX_BAD;
    pthread_cond_destroy(&l->free);
    free(l);
    return CKR_OK;
}

static CK_RV
lock(void *mutex)
{
    struct lock *l = mutex;

    pthread_mutex_lock(&locks.guard);
    while (l->held && !is_mine(l))
        pthread_cond_wait(&l->free, &locks.guard);
    l->held = true;
    l->owner = pthread_self();
    l->depth++;
    pthread_mutex_unlock(&locks.guard);
    return CKR_OK;
}

/* Under guard. */
static void
give_back(struct lock *l)
{
    l->depth = 0;
    l->held = false;
    pthread_cond_signal(&l->free);
}

static CK_RV
unlock(void *mutex)
{
    struct lock *l = mutex;
    CK_RV rv = CKR_OK;

    pthread_mutex_lock(&locks.guard);
    if (!is_mine(l))
        rv = CKR_MUTEX_NOT_LOCKED;
    else if (--l->depth == 0)
        give_back(l);
    pthread_mutex_unlock(&locks.guard);
    return rv;
}

void
locks_offer(CK_C_INITIALIZE_ARGS *a)
{
    a->CreateMutex = create;
    a->DestroyMutex = destroy;
    a->LockMutex = lock;
    a->UnlockMutex = unlock;
}

unsigned
locks_release(void)
{
    unsigned count = 0;

    pthread_mutex_lock(&locks.guard);
    for (struct lock *l = locks.first; l; l = l->next)
        if (is_mine(l)) {
            give_back(l);
            count++;
        }
    pthread_mutex_unlock(&locks.guard);
    return count;
}
