/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread of one token host. It lives as long as the agent uses the host, and
 * must: the kernel's parent-death signal, by which the host dies with us, is tied
 * to the thread that started it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
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
await_reapable(pid_t pid)
{
    siginfo_t info;

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
}

/* What the process says of its tokens. False when it says no more. */
static bool
take_events(struct host *h)
{
    char text[512];
    ssize_t n = read(h->events, text, sizeof text - 1);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    text[n] = '\0';
    if (strstr(text, "nowait")) {
        log_warn("module \"%s\" answers nothing while it waits for events; its slots are asked "
                 "for now and then instead", h->conf.name);
        h->no_wait = true;
    }
    if (h->conf.changed)
        h->conf.changed(h->conf.arg);
    return true;
}

/* Until the process's end, passing on what it says meanwhile. */
static void
await_end(struct host *h, pid_t pid)
{
    struct pollfd p[] = {{.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN},
                         {.fd = h->events, .events = POLLIN}};

    while (p[0].fd >= 0 && !p[0].revents) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents && !take_events(h))
            p[1].fd = -1;
    }
    if (p[0].fd >= 0)
        close(p[0].fd);
    await_reapable(pid);
    /* Its last words. */
    if (p[1].fd >= 0 && fcntl(h->events, F_SETFL, O_NONBLOCK) == 0)
        take_events(h);
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
    int fds[HOST_LANES_MAX + 1] = {0}, rc;
    unsigned count = h->conf.lanes;
    struct err err = {0};
    pid_t pid;

    h->state = HOST_STARTING;
    h->served = false;
    pthread_mutex_unlock(&h->lock);
    rc = host_spawn(&h->conf, count, h->no_wait, fds, &pid, &err);
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
        close(fds[count]);
        kill(pid, SIGKILL);
        bury(h);
        return;
    }
    queue_reset(&h->queue, lanes, count);
    h->events = fds[count];
    h->generation++;
    h->state = HOST_RUNNING;
    log_info("module \"%s\": token host %d runs", h->conf.name, (int)pid);
    queue_hand_out(&h->queue);
    pthread_cond_broadcast(&h->changed);
}

/* From RUNNING to no process and no lanes; lock held, released meanwhile. */
static void
outlive(struct host *h)
{
    pid_t pid = h->pid;
    struct lane *lane;

    if (h->generation > 1 && h->conf.changed)
        h->conf.changed(h->conf.arg);
    pthread_mutex_unlock(&h->lock);
    await_end(h, pid);
    close(h->events);
    pthread_mutex_lock(&h->lock);
    h->state = HOST_DYING;
    while (h->queue.busy > 0)
        pthread_cond_wait(&h->changed, &h->lock);
    while ((lane = queue_drop_idle(&h->queue)))
        lane_free(&lane);
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
        queue_refuse_all(&h->queue);
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
    queue_refuse_all(&h->queue);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}
