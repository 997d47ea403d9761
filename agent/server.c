/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/connection.h"
#include "agent/metrics.h"
#include "agent/notify.h"
#include "agent/socket.h"
#include "agent/thread.h"
#include "base/io.h"
#include "base/log.h"

/* Pause when no descriptor or memory is left to accept with, in milliseconds. */
#define BREATHER_MS 50
/* Seconds that a client may leave its answers lying before it is hung up on. */
#define UNREAD_SECONDS 30
/* Descriptors that are not clients': lanes of token hosts, files, pinentry. */
#define OTHER_DESCRIPTORS 256u
/* Seconds between two lines in the log about clients that were turned away. */
#define TOLD_SECONDS 10

struct client {
    struct server *server;
    int fd;
    struct peer peer;
    struct client *next, **link;
};

struct server {
    struct agent *agent;
    int listener, wake, signals;
    unsigned max;
    time_t began;
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct client *first;
    unsigned count;
    int last;              /* the connection that sent STOP, or -1 */
    bool stopping;
    unsigned turned_away;  /* since that was told; both are server_run's alone */
    time_t told;
};

static time_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

void
server_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGHUP);
}

static int
open_signals(void)
{
    sigset_t set;

    server_signals(&set);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* So many clients as there can be descriptors for. */
static unsigned
make_room(unsigned max)
{
    const rlim_t want = (rlim_t)max + OTHER_DESCRIPTORS;
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= want)
        return max;
    l.rlim_cur = want < l.rlim_max ? want : l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0 && getrlimit(RLIMIT_NOFILE, &l) != 0)
        return max;
    if (l.rlim_cur >= want)
        return max;
    unsigned fit = (unsigned)(l.rlim_cur > 2 * OTHER_DESCRIPTORS ? l.rlim_cur - OTHER_DESCRIPTORS
                                                                 : l.rlim_cur / 2);
    fit = fit < max ? fit : max;
    log_warn("max-connections is %u, but the limit of open files (ulimit -n) has room for %u "
             "clients; so many are served", max, fit);
    return fit;
}

int
server_new(struct server **ret, struct agent *agent, int listener, unsigned max,
           struct err *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(err, E_NOMEM, "out of memory while starting");
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->left);
    s->agent = agent;
    s->listener = listener;
    s->max = make_room(max);
    s->began = now();
    s->last = -1;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->signals = open_signals();
    if (s->wake < 0 || s->signals < 0) {
        err_set_sys(err, E_SYSTEM, errno, "the agent cannot wait for events");
        server_free(&s);
        return E_SYSTEM;
    }
    *ret = s;
    return 0;
}

void
server_free(struct server **ps)
{
    struct server *s = ps ? *ps : NULL;

    if (!s)
        return;
    if (s->wake >= 0)
        close(s->wake);
    if (s->signals >= 0)
        close(s->signals);
    pthread_cond_destroy(&s->left);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *ps = NULL;
}

/* A client's thread. The descriptor is closed only when the server has forgotten
 * it: server_drain must not hang up on another one of that number. */
static void *
attend(void *arg)
{
    struct client *c = arg;
    struct server *s = c->server;

    connection_serve(s->agent, c->fd, &c->peer);
    pthread_mutex_lock(&s->lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    close(c->fd);
    s->count--;
    pthread_cond_broadcast(&s->left);
    pthread_mutex_unlock(&s->lock);
    free(c);
    return NULL;
}

/* Whether this user has as many clients as one user may. Lock held. */
static bool
has_share(const struct server *s, uid_t uid)
{
    unsigned share = s->max / SERVER_SHARE, n = 0;

    if (!s->agent->home->system || uid == 0 || uid == geteuid())
        return false;
    for (const struct client *c = s->first; c; c = c->next)
        n += c->peer.uid == uid;
    return n >= (share > 0 ? share : 1);
}

static bool
enter(struct server *s, struct client *c)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->count < s->max && !s->stopping && !has_share(s, c->peer.uid);
    if (room) {
        c->next = s->first;
        c->link = &s->first;
        if (c->next)
            c->next->link = &c->next;
        s->first = c;
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

static void
turn_away(int fd)
{
    static const char full[] =
        "S ERROR E_AGENT the+agent+has+too+many+clients;+try+again+later,+or+raise+"
        "max-connections+([agent]+in+signet.conf)\nERR 83886180 Too many clients\n";

    if (send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("a client was turned away unheard");
    close(fd);
}

/* Who tries ten thousand times shall not fill the log with it. */
static void
note_turned_away(struct server *s, const struct client *c)
{
    s->turned_away++;
    if (s->told != 0 && now() - s->told < TOLD_SECONDS)
        return;
    log_warn("a client of user %u was turned away (%u since this was last said): there are %u at "
             "once at most, or that user has a share of them", (unsigned)c->peer.uid,
             s->turned_away, s->max);
    s->told = now();
    s->turned_away = 0;
}

static void
admit(struct server *s, int fd)
{
    const struct timeval patience = {.tv_sec = UNREAD_SECONDS};
    struct client *c = calloc(1, sizeof *c);
    pthread_t thread;

    if (!c || socket_peer(fd, s->agent->home->system, &c->peer) != 0) {
        metrics_client(s->agent->metrics, false);
        free(c);
        close(fd);
        return;
    }
    c->server = s;
    c->fd = fd;
    if (!enter(s, c)) {
        note_turned_away(s, c);
        metrics_client(s->agent->metrics, false);
        free(c);
        turn_away(fd);
        return;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        log_debug("a client may leave its answers lying: %s", strerror(errno));
    int rc = thread_start(&thread, attend, c);
    metrics_client(s->agent->metrics, rc == 0);
    if (rc == 0) {
        pthread_detach(thread);
        return;
    }
    log_error("no thread for a client: %s", strerror(rc));
    pthread_mutex_lock(&s->lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    s->count--;
    pthread_mutex_unlock(&s->lock);
    free(c);
    turn_away(fd);
}

static void
accept_one(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        admit(s, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        poll(NULL, 0, BREATHER_MS);
}

static void
reload(struct agent *a)
{
    struct err err = {0};

    notify_reloading(a->notify);
    if (a->reload && a->reload(a, &err) != 0) {
        log_error("%s; what was read before stays", err_text(&err));
        notify_ready(a->notify, err_text(&err));
    } else {
        notify_ready(a->notify, a->home->socket);
    }
}

/* What signals ask for: true to end, which SIGHUP is no reason to. */
static bool
take_signals(struct server *s)
{
    struct signalfd_siginfo info;

    while (io_read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            return true;
        if (info.ssi_signo == SIGHUP)
            reload(s->agent);
    }
    return false;
}

/* To the watchdog of the service manager, and only when the locks that every client needs
 * can be had. */
static void
prove_alive(struct server *s)
{
    if (notify_due(s->agent->notify) != 0)
        return;
    if (server_connections(s) <= s->max && hosts_are_free(s->agent->hosts))
        notify_watchdog(s->agent->notify);
}

void
server_run(struct server *s)
{
    struct pollfd p[] = {{.fd = s->listener, .events = POLLIN},
                         {.fd = s->wake, .events = POLLIN},
                         {.fd = s->signals, .events = POLLIN}};

    for (;;) {
        if (poll(p, sizeof p / sizeof *p, notify_due(s->agent->notify)) < 0) {
            if (errno != EINTR && errno != EAGAIN && errno != ENOMEM) {
                log_error("waiting for clients failed: %s", strerror(errno));
                return;
            }
            nanosleep(&(struct timespec){.tv_nsec = BREATHER_MS * 1000000l}, NULL);
            continue;
        }
        prove_alive(s);
        if (p[1].revents || (p[2].revents && take_signals(s)))
            return;
        if (p[0].revents)
            accept_one(s);
    }
}

void
server_stop(struct server *s, int fd)
{
    pthread_mutex_lock(&s->lock);
    if (s->last < 0)
        s->last = fd;
    pthread_mutex_unlock(&s->lock);
    thread_ring(s->wake);
}

/* Waits until no more than `most` are left. Lock held. */
static bool
await_left(struct server *s, unsigned most, unsigned ms)
{
    struct timespec until;

    thread_deadline(&until, ms);
    while (s->count > most)
        if (pthread_cond_timedwait(&s->left, &s->lock, &until) == ETIMEDOUT)
            break;
    return s->count <= most;
}

bool
server_drain(struct server *s, unsigned ms)
{
    unsigned kept = 0;

    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct client *c = s->first; c; c = c->next) {
        if (c->fd == s->last)
            kept = 1;
        else
            shutdown(c->fd, SHUT_RD);
    }
    bool done = await_left(s, kept, ms);
    pthread_mutex_unlock(&s->lock);
    return done;
}

bool
server_part(struct server *s, unsigned ms)
{
    pthread_mutex_lock(&s->lock);
    for (struct client *c = s->first; c; c = c->next)
        shutdown(c->fd, SHUT_RDWR);
    bool done = await_left(s, 0, ms);
    pthread_mutex_unlock(&s->lock);
    return done;
}

unsigned
server_connections(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

unsigned long
server_uptime(struct server *s)
{
    return (unsigned long)(now() - s->began);
}
