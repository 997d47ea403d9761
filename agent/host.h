/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A token host, seen from the agent: one signet-token process for one PKCS#11
 * module, its lanes, and the thread that starts it, waits for its end and starts
 * it again.
 *
 * Life: host_new, host_start, host_call from any thread, host_stop, host_free. The
 * process runs from host_start on. When it crashes, or hangs for LANE_TIMEOUT, it
 * is killed and started again; each start has a generation number of its own. A
 * host that keeps failing is started ever later (HOST_BACKOFF_MAX).
 *
 * Lanes are handed out as agent/host_queue.h says. All functions
 * are thread-safe. A host is never freed while the agent serves: pointers to it
 * stay good.
 */
#ifndef SIGNET_AGENT_HOST_H
#define SIGNET_AGENT_HOST_H

#include <stdbool.h>
#include <jansson.h>
#include <sys/types.h>

#include "agent/lane.h"
#include "base/err.h"

#define HOST_LANES_DEFAULT 4u
#define HOST_LANES_MAX 32u
/* Longest pause between two starts of a failing host, in milliseconds. */
#define HOST_BACKOFF_MAX 30000u

struct host;

/* What to run. Strings are copied. */
struct host_config {
    const char *name;         /* the module's name in messages and in STATUS */
    const char *path;         /* module file, or NULL: p11-kit's module `name` */
    const char *init_args;    /* or NULL */
    const char *softhsm_conf; /* SOFTHSM2_CONF for this host, or NULL */
    unsigned lanes;           /* 1 to HOST_LANES_MAX; 0: the default, and one for cards */
    bool no_sandbox;          /* it keeps all its rights (pkcs11/host_args.h) */
    bool wait;                /* C_WaitForSlotEvent may be tried (pkcs11/events.h) */
    /* Called by the host's own thread, which it must not hold up: tokens may have come
     * or gone, or the process was started anew. May be NULL. */
    void (*changed)(void *arg);
    void *arg;
};

int host_new(struct host **ret, const struct host_config *, struct err *err) must_check;
int host_start(struct host *, struct err *err) must_check;
/* Kills the process, waits for it and for the lanes to come back. */
void host_stop(struct host *);
void host_free(struct host **);

const char *host_name(const struct host *);
const char *host_path(const struct host *);         /* or NULL */
const char *host_softhsm_conf(const struct host *); /* or NULL */

/* Runs a command on a lane, waiting for a free one. When the host dies over it, it
 * is run anew on the next one as long as *again (NULL: 0) lasts, which is counted
 * down; what came to out or secret before is dropped. E_HOST when there is no host
 * to run it; else as the host says. *ret_generation (may be NULL): the host that
 * answered. */
int host_call(struct host *, const struct lane_command *, unsigned *again,
              unsigned *ret_generation, struct err *err) must_check;
/* The running host's generation, 0 when none runs. */
unsigned host_generation(struct host *);
/* Lanes in use and asked for, to choose the less busy of two. */
unsigned host_load(struct host *);

/* What the slot's token is: a card or another device does one thing at a time, and gets
 * one lane unless the configuration says how many. */
void host_note_device(struct host *, unsigned long slot);
/* A CK_RV by which a token says that another program is at it. */
bool host_is_busy_rv(unsigned long rv);

/* {module, path, pid, lanes, busy, waiting, restarts, state}; NULL when memory is out. */
json_t *host_status(struct host *);

/* host_spawn.c: starts signet-token with `count` lanes, whose agent ends come in
 * ret_fds, and the reading end of its events behind them. no_wait: see pkcs11/events.h. Called by the host's own thread, which must outlive the process. */
int host_spawn(const struct host_config *, unsigned count, bool no_wait, int *ret_fds,
               pid_t *ret_pid, struct err *err) must_check;
/* Runs `signet-token --list` and gives its output. */
int host_list_modules(struct buf *out, struct err *err) must_check;

#endif
