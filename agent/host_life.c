/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread of one token host. It lives as long as the agent uses the host, and
 * must: the kernel's parent-death signal, by which the host dies with us, is tied
 * to the thread that started it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host_impl.h"
#include "agent/thread.h"
#include "base/log.h"

/* The first pause behind a host that served nothing, in milliseconds; each further
 * one is four times as long. The first failure is not paused for. */
#define BACKOFF_FIRST 200u

unsigned
host_pause(unsigned failures)
{
    unsigned ms = BACKOFF_FIRST;

    if (failures < 2)
        return 0;
    while (failures-- > 2 && ms < HOST_BACKOFF_MAX)
        ms *= 4;
    return ms < HOST_BACKOFF_MAX ? ms : HOST_BACKOFF_MAX;
}

void
host_kill(struct host *h, unsigned generation)
{
    if (h->generation != generation || h->state != HOST_RUNNING)
        return;
    h->state = HOST_DYING;
    if (h->pid > 0)
        kill(h->pid, SIGKILL);
    pthread_cond_broadcast(&h->changed);
}

/* Waits for the process's end without reaping it, so that h->pid stays its own
 * until it is reaped under the lock. */
static void
await_end(pid_t pid)
{
    siginfo_t info;

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
}

/* Reaps; lock held. Says how it ended in h->why unless something better is there. */
static void
bury(struct host *h)
{
    int status = 0;

    while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
        ;
    h->pid = 0;
    h->restarts++;
    if (h->stopping)
        return;
    if (WIFSIGNALED(status))
        err_set(&h->why, E_HOST, "module \"%s\": its token host was ended by signal %d (%s)",
                h->conf.name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        err_set(&h->why, E_HOST, "module \"%s\": its token host ended with status %d; the "
                "agent's log may say why", h->conf.name, WEXITSTATUS(status));
    log_warn("%s", h->why.text);
}

/* Opens all lanes; lock not held. On failure those that were opened are freed. */
static int
open_lanes(struct lane **lanes, const int *fds, unsigned count, struct err *err)
{
    unsigned i;
    int rc = 0;

    for (i = 0; i < count && rc == 0; i++)
        rc = lane_open(&lanes[i], fds[i], err);
    if (rc == 0)
        return 0;
    for (unsigned k = i; k < count; k++)
        close(fds[k]);
    for (unsigned k = 0; k + 1 < i; k++)
        lane_free(&lanes[k]);
    return rc;
}

static void
start(struct host *h)
{
    struct lane *lanes[HOST_LANES_MAX];
    int fds[HOST_LANES_MAX] = {0}, rc;
    unsigned count = h->conf.lanes;
    struct err err = {0};
    pid_t pid;

    h->state = HOST_STARTING;
    h->served = false;
    pthread_mutex_unlock(&h->lock);
    rc = host_spawn(&h->conf, count, fds, &pid, &err);
    pthread_mutex_lock(&h->lock);
    if (rc != 0) {
        h->why = err;
        log_error("%s", err.text);
        return;
    }
    h->pid = pid;
    if (h->stopping)
        kill(pid, SIGKILL);
    pthread_mutex_unlock(&h->lock);
    rc = open_lanes(lanes, fds, count, &err);
    pthread_mutex_lock(&h->lock);
    if (rc != 0) {
        kill(pid, SIGKILL);
        bury(h);
        return;
    }
    memcpy(h->idle, lanes, count * sizeof *lanes);
    h->idle_count = count;
    h->generation++;
    h->state = HOST_RUNNING;
    log_info("module \"%s\": token host %d runs", h->conf.name, (int)pid);
    host_hand_out(h);
    pthread_cond_broadcast(&h->changed);
}

/* From RUNNING to no process and no lanes; lock held, released meanwhile. */
static void
outlive(struct host *h)
{
    pid_t pid = h->pid;

    pthread_mutex_unlock(&h->lock);
    await_end(pid);
    pthread_mutex_lock(&h->lock);
    h->state = HOST_DYING;
    while (h->busy > 0)
        pthread_cond_wait(&h->changed, &h->lock);
    while (h->idle_count > 0)
        lane_free(&h->idle[--h->idle_count]);
    bury(h);
}

static void
rest(struct host *h)
{
    unsigned ms = host_pause(h->failures);
    struct timespec until;

    if (ms == 0)
        return;
    h->state = HOST_PAUSED;
    if (ms > BACKOFF_FIRST)
        host_refuse_all(h);
    thread_deadline(&until, ms);
    while (!h->stopping && pthread_cond_timedwait(&h->changed, &h->lock, &until) != ETIMEDOUT)
        ;
}

void *
host_life(void *arg)
{
    struct host *h = arg;

    pthread_mutex_lock(&h->lock);
    while (!h->stopping) {
        start(h);
        if (h->state == HOST_RUNNING)
            outlive(h);
        h->failures = h->served ? 0 : h->failures + 1;
        rest(h);
    }
    h->state = HOST_STOPPED;
    host_refuse_all(h);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}
