/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside a token host's record: host.c hands out lanes, host_life.c starts and
 * buries processes. Everything but `conf` is guarded by `lock`. */
#ifndef SIGNET_AGENT_HOST_IMPL_H
#define SIGNET_AGENT_HOST_IMPL_H

#include <pthread.h>

#include "agent/host.h"
#include "agent/host_queue.h"

enum host_state {
    HOST_STARTING,
    HOST_RUNNING,
    HOST_DYING,    /* no lane is handed out; those in use are coming back */
    HOST_PAUSED,   /* failed; started again at resume_at */
    HOST_STOPPED,
};

struct host {
    struct host_config conf; /* strings owned */
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* state, queue.busy, stopping */
    pthread_t thread;
    bool started;
    bool stopping;
    enum host_state state;
    pid_t pid;               /* 0 when there is no process to kill */
    unsigned generation;
    unsigned restarts;
    unsigned failures;       /* starts in a row that served nothing */
    bool served;             /* this process has answered a command */
    struct queue queue;
    unsigned card_lanes;     /* at once for a card; 0: as many as there are */
    int events;              /* what the process tells of its tokens, or -1 */
    bool no_wait;            /* its module cannot wait for events */
    struct err why;          /* of the last end, for those who ask meanwhile */
};

/* host_life.c: the thread; and killing the process of that generation, if it still
 * is the running one (lock held). */
void *host_life(void *host);
void host_kill(struct host *, unsigned generation);
/* Milliseconds to pause after so many failures in a row. */
unsigned host_pause(unsigned failures);

#endif
