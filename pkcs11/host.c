/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11/events.h"
#include "pkcs11/host_lane.h"
#include "pkcs11/module.h"

/* Sent by the kernel when the thread that started us ends; our parent may well
 * live on, so this asks for a look at getppid(), no more. */
#define PARENT_SIGNAL SIGHUP

struct host;

struct host_lane {
    struct host *host;
    int fd;      /* the server's */
    int watch;   /* a duplicate, so that the number stays ours to poll */
    bool closed; /* the agent's end is gone */
};

struct host {
    struct module *module; /* NULL: see fault */
    struct err fault;
    struct host_lane lanes[HOST_LANES_MAX];
    unsigned lane_count;
    atomic_uint ended;     /* lanes whose thread is done */
    int event;             /* eventfd: a thread is done */
    int signals;           /* signalfd */
    int told;              /* takes events, or -1 */
    struct events *events;
    pid_t parent;
};

static void *
lane_thread(void *arg)
{
    struct host_lane *l = arg;
    uint64_t one = 1;

    host_lane_serve(l->fd, l->host->module, &l->host->fault);
    /* Our duplicate keeps the socket open: tell the agent (and our own poll). */
    shutdown(l->watch, SHUT_RDWR);
    atomic_fetch_add(&l->host->ended, 1);
    if (write(l->host->event, &one, sizeof one) < 0)
        return NULL; /* the grace time ends the process then */
    return NULL;
}

/* The descriptor behind the lanes', moved out of their way. It must not hold us up. */
static int
take_event_pipe(struct host *h, unsigned count, struct err *err)
{
    int fd = HOST_FIRST_FD + (int)count;

    h->told = fcntl(fd, F_DUPFD_CLOEXEC, fd + 1 + (int)count);
    if (h->told < 0 || fcntl(h->told, F_SETFL, O_NONBLOCK) != 0)
        return err_set_sys(err, E_USAGE, errno, "descriptor %d takes no events", fd);
    close(fd);
    return 0;
}

static int
take_sockets(struct host *h, unsigned count, struct err *err)
{
    struct stat st;

    for (unsigned i = 0; i < count; i++) {
        struct host_lane *l = &h->lanes[i];
        l->host = h;
        l->fd = HOST_FIRST_FD + (int)i;
        if (fstat(l->fd, &st) != 0 || !S_ISSOCK(st.st_mode))
            return err_set(err, E_USAGE, "descriptor %d is no socket; signet-token is started "
                           "by signet-agent (signet agent start)", l->fd);
    }
    for (unsigned i = 0; i < count; i++) {
        struct host_lane *l = &h->lanes[i];
        l->watch = fcntl(l->fd, F_DUPFD_CLOEXEC, HOST_FIRST_FD + (int)count);
        if (l->watch < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0)
            return err_set_sys(err, E_SYSTEM, errno, "cannot take over descriptor %d", l->fd);
    }
    h->lane_count = count;
    return 0;
}

/* All signals wait for the main thread, which gets those it wants as data. */
static int
take_signals(struct host *h, struct err *err)
{
    sigset_t all, ours;

    sigfillset(&all);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, PARENT_SIGNAL);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    h->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    h->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->signals < 0 || h->event < 0)
        return err_set_sys(err, E_SYSTEM, errno, "cannot set up the token host");
    h->parent = getppid();
    prctl(PR_SET_PDEATHSIG, PARENT_SIGNAL);
    return 0;
}

static int
start_lanes(struct host *h, struct err *err)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = 0;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (unsigned i = 0; i < h->lane_count && rc == 0; i++)
        rc = pthread_create(&thread, &attr, lane_thread, &h->lanes[i]);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : err_set_sys(err, E_SYSTEM, rc, "cannot start a lane");
}

static int64_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* True when we are asked to end, or the agent is gone. */
static bool
read_signals(struct host *h)
{
    struct signalfd_siginfo info;
    bool end = false;

    while (read(h->signals, &info, sizeof info) == (ssize_t)sizeof info)
        end |= info.ssi_signo != PARENT_SIGNAL || getppid() != h->parent;
    return end;
}

/* Lanes finish what they do and then find their socket ended. */
static void
close_lanes(struct host *h)
{
    for (unsigned i = 0; i < h->lane_count; i++)
        shutdown(h->lanes[i].watch, SHUT_RD);
}

/* Waits for something to happen, at most until the deadline (0: none). Returns
 * true when the end has come into sight. */
static bool
watch(struct host *h, int64_t deadline)
{
    struct pollfd p[HOST_LANES_MAX + 2];
    int64_t left = deadline ? deadline - now_ms() : -1;
    unsigned open = 0;
    bool end = false;
    uint64_t count;

    for (unsigned i = 0; i < h->lane_count; i++)
        p[i] = (struct pollfd){h->lanes[i].closed ? -1 : h->lanes[i].watch, 0, 0};
    p[h->lane_count] = (struct pollfd){h->signals, POLLIN, 0};
    p[h->lane_count + 1] = (struct pollfd){h->event, POLLIN, 0};
    if (deadline && left < 0)
        left = 0;
    if (poll(p, h->lane_count + 2, (int)left) < 0)
        return false;
    for (unsigned i = 0; i < h->lane_count; i++) {
        if (p[i].revents & (POLLHUP | POLLERR | POLLNVAL))
            h->lanes[i].closed = true;
        open += !h->lanes[i].closed;
    }
    if (p[h->lane_count].revents & POLLIN)
        end = read_signals(h);
    if ((p[h->lane_count + 1].revents & POLLIN) && read(h->event, &count, sizeof count) < 0)
        end = true;
    if (end)
        close_lanes(h);
    return end || open == 0;
}

static void
finish(struct host *h)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t alarm_only;

    /* A module that hangs in C_Finalize is ended by the alarm. */
    sigaction(SIGALRM, &dfl, NULL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(HOST_GRACE_MS / 1000);
    events_stop(&h->events);
    if (h->module)
        module_calls(h->module)->C_Finalize(NULL);
}

/* Without it tokens that come and go are noticed when they are used. */
static void
start_events(struct host *h, const struct host_args *args)
{
    if (h->told >= 0 && h->module && events_start(&h->events, h->module, h->told,
                                                  !args->no_wait, NULL) != 0)
        h->events = NULL;
}

int
host_serve(const struct host_args *args, struct err *err)
{
    struct host *h = calloc(1, sizeof *h);
    int64_t deadline = 0;
    int rc = 0;

    if (!h)
        return err_set(err, E_NOMEM, "out of memory");
    h->told = -1;
    if (args->events)
        rc = take_event_pipe(h, args->lanes, err);
    if (rc == 0)
        rc = take_sockets(h, args->lanes, err);
    if (rc == 0)
        rc = take_signals(h, err);
    if (rc == 0) {
        if (module_open(&h->module, &args->module, &h->fault) != 0)
            h->module = NULL;
        rc = start_lanes(h, err);
        start_events(h, args);
    }
    if (rc != 0) {
        module_free(&h->module);
        free(h);
        return rc;
    }
    while (atomic_load(&h->ended) < h->lane_count && (!deadline || now_ms() < deadline))
        if (watch(h, deadline) && !deadline)
            deadline = now_ms() + HOST_GRACE_MS;
    if (atomic_load(&h->ended) == h->lane_count)
        finish(h);
    _exit(0);
}
