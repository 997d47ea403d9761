/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "agent/thread.h"

/* Seconds to sleep when nothing can expire, and at most. */
#define SLEEP_MAX 3600u

struct keeper {
    struct agent *agent;
    pthread_t thread;
    atomic_bool stopping;
};

static void *
keep(void *arg)
{
    struct keeper *k = arg;
    struct snapshot *s = registry_get(k->agent->registry);

    snapshot_unref(&s);
    while (!atomic_load(&k->stopping)) {
        unsigned seconds = pins_expire(k->agent->pins);
        if (seconds == 0 || seconds > SLEEP_MAX)
            seconds = SLEEP_MAX;
        pins_wait(k->agent->pins, seconds * 1000);
    }
    return NULL;
}

int
keeper_start(struct keeper **ret, struct agent *agent, struct err *err)
{
    struct keeper *k = calloc(1, sizeof *k);
    int rc;

    if (!k)
        return err_set(err, E_NOMEM, "out of memory while starting");
    k->agent = agent;
    atomic_init(&k->stopping, false);
    rc = thread_start(&k->thread, keep, k);
    if (rc != 0) {
        free(k);
        return err_set_sys(err, E_SYSTEM, rc, "no thread for the agent's housekeeping");
    }
    *ret = k;
    return 0;
}

void
keeper_stop(struct keeper **pk)
{
    struct keeper *k = pk ? *pk : NULL;

    if (!k)
        return;
    atomic_store(&k->stopping, true);
    pins_wake(k->agent->pins);
    pthread_join(k->thread, NULL);
    free(k);
    *pk = NULL;
}
