/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/lockdown.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/thread.h"

/* How often one who waits looks whether his client is still there. */
#define GLANCE_MS 250u

struct lockdown {
    pthread_mutex_t lock;
    pthread_cond_t change;
    atomic_bool locked;
    bool judging;               /* one passphrase at a time */
    unsigned wrong;             /* in a row */
    struct timespec not_before; /* the next one is judged then */
    char hash[CRYPT_OUTPUT_SIZE];
};

struct lockdown *
lockdown_new(void)
{
    struct lockdown *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    thread_cond_init(&l->change);
    atomic_init(&l->locked, false);
    return l;
}

void
lockdown_free(struct lockdown **pl)
{
    struct lockdown *l = pl ? *pl : NULL;

    if (!l)
        return;
    wipe(l->hash, sizeof l->hash);
    pthread_cond_destroy(&l->change);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *pl = NULL;
}

bool
lockdown_stands(const struct lockdown *l)
{
    return l && atomic_load_explicit(&l->locked, memory_order_acquire);
}

int
lockdown_check(const struct agent *a, struct err *err)
{
    if (!lockdown_stands(a->lockdown))
        return 0;
    return err_set(err, E_LOCKED, "the agent is locked and uses no key until it is unlocked "
                   "(signet agent unlock)");
}

/* The passphrase as crypt(3) wants it: with a NUL behind it, and none in it. */
static struct secret *
terminated(const struct secret *passphrase)
{
    size_t len = secret_len(passphrase);
    struct secret *s = len == 0 || memchr(secret_data_view(passphrase), 0, len)
                           ? NULL : secret_new(len + 1);

    if (s && (secret_set(s, secret_data_view(passphrase), len) != 0 ||
              secret_append(s, "", 1) != 0))
        secret_free(&s);
    return s;
}

/* crypt's working storage holds what was derived from the passphrase: locked memory. */
static int
digest(const struct secret *passphrase, const char *setting, char out[CRYPT_OUTPUT_SIZE])
{
    autofree_secret struct secret *phrase = terminated(passphrase);
    struct crypt_data *data = phrase ? secret_malloc(sizeof *data) : NULL;
    const char *hash = NULL;

    if (data) {
        memset(data, 0, sizeof *data);
        hash = crypt_rn((const char *)secret_data_view(phrase), setting, data, sizeof *data);
    }
    if (hash)
        snprintf(out, CRYPT_OUTPUT_SIZE, "%s", hash);
    secret_release(data);
    return hash ? 0 : phrase ? E_SYSTEM : E_PIN_INVALID;
}

int
lockdown_lock(struct lockdown *l, const struct secret *passphrase, struct err *err)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], hash[CRYPT_OUTPUT_SIZE];
    int rc;

    if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting))
        return err_set_sys(err, E_SYSTEM, errno, "the agent cannot be locked: no salt for the "
                           "passphrase");
    rc = digest(passphrase, setting, hash);
    if (rc == E_PIN_INVALID)
        return err_set(err, rc, "a passphrase has at least one character, and none that is zero; "
                       "nothing was locked");
    if (rc != 0)
        return err_set(err, rc, "the agent cannot be locked: the passphrase cannot be hashed");
    pthread_mutex_lock(&l->lock);
    if (atomic_load(&l->locked)) {
        rc = err_set(err, E_LOCKED, "the agent is locked already; unlock it first (signet agent "
                     "unlock)");
    } else {
        memcpy(l->hash, hash, sizeof hash);
        l->wrong = 0;
        l->not_before = (struct timespec){0};
        atomic_store_explicit(&l->locked, true, memory_order_release);
    }
    pthread_mutex_unlock(&l->lock);
    wipe(hash, sizeof hash);
    return rc;
}

static bool
is_over(const struct timespec *until)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Until it is this one's turn to be judged and the pause is over. Lock held. */
static int
await_turn(struct lockdown *l, bool (*gone)(void *), void *arg)
{
    struct timespec until;

    while (atomic_load(&l->locked) && (l->judging || !is_over(&l->not_before))) {
        thread_deadline(&until, GLANCE_MS);
        if (!l->judging && (l->not_before.tv_sec < until.tv_sec ||
                            (l->not_before.tv_sec == until.tv_sec &&
                             l->not_before.tv_nsec < until.tv_nsec)))
            until = l->not_before;
        if (pthread_cond_timedwait(&l->change, &l->lock, &until) == ETIMEDOUT && gone && gone(arg))
            return E_CANCELLED;
    }
    return 0;
}

/* Lock held. */
static void
note(struct lockdown *l, bool right)
{
    unsigned ms = LOCKDOWN_FIRST_MS;

    l->judging = false;
    if (right) {
        wipe(l->hash, sizeof l->hash);
        atomic_store_explicit(&l->locked, false, memory_order_release);
    } else {
        for (unsigned i = 0; i < l->wrong && ms < LOCKDOWN_MOST_MS; i++)
            ms *= 2;
        l->wrong++;
        thread_deadline(&l->not_before, ms < LOCKDOWN_MOST_MS ? ms : LOCKDOWN_MOST_MS);
    }
    pthread_cond_broadcast(&l->change);
}

static bool
same(const char *a, const char *b)
{
    size_t len = strlen(a);
    unsigned char differ = (unsigned char)(len != strlen(b));

    for (size_t i = 0; !differ && i < len; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return !differ;
}

int
lockdown_unlock(struct lockdown *l, const struct secret *passphrase, bool (*gone)(void *),
                void *arg, struct err *err)
{
    char setting[CRYPT_OUTPUT_SIZE], hash[CRYPT_OUTPUT_SIZE] = "";
    int rc;

    pthread_mutex_lock(&l->lock);
    rc = await_turn(l, gone, arg);
    if (rc == 0 && atomic_load(&l->locked)) {
        l->judging = true;
        memcpy(setting, l->hash, sizeof setting);
        pthread_mutex_unlock(&l->lock);
        bool right = digest(passphrase, setting, hash) == 0 && same(hash, setting);
        wipe(setting, sizeof setting);
        wipe(hash, sizeof hash);
        pthread_mutex_lock(&l->lock);
        note(l, right);
        if (!right)
            rc = err_set(err, E_PIN_WRONG, "that passphrase does not unlock the agent; each wrong "
                         "one makes the next wait longer (signet agent stop ends it, and with it "
                         "the lock)");
    } else if (rc != 0) {
        err_set(err, rc, "the client went away while the agent was to be unlocked");
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}
