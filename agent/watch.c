/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/registry.h"
#include "agent/thread.h"
#include "base/io.h"
#include "base/log.h"

/* The clocks with and without sleep differ by this more than before: it has slept. */
#define SLEPT_MS 2000
/* The timer that only a clock that is set, or a wake-up, ends: in some centuries. */
#define NEVER_SECONDS ((time_t)1 << 34)

struct watcher {
    int wake;
    unsigned long seen; /* number of the next event to tell */
    struct watcher *next;
};

struct watch {
    struct registry *registry;
    pthread_t thread;
    bool started;
    int poked, timer;
    int64_t offset;        /* the thread's: of the two clocks */
    pthread_mutex_t lock;  /* guards what follows */
    bool stopping;
    char *events[WATCH_EVENTS_MAX];
    unsigned long number;  /* of the next event */
    struct watcher *first;
};

static void
hush(int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof count) < 0)
        return;
}

struct watch *
watch_new(void)
{
    struct watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    w->poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->poked < 0 || w->timer < 0)
        watch_free(&w);
    return w;
}

void
watch_free(struct watch **pw)
{
    struct watch *w = pw ? *pw : NULL;

    if (!w)
        return;
    watch_stop(w);
    for (unsigned i = 0; i < WATCH_EVENTS_MAX; i++)
        free(w->events[i]);
    if (w->poked >= 0)
        close(w->poked);
    if (w->timer >= 0)
        close(w->timer);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *pw = NULL;
}

void
watch_poke(void *watch)
{
    struct watch *w = watch;

    thread_ring(w->poked);
}

/* Milliseconds that the machine has slept in all. */
static int64_t
slept(void)
{
    struct timespec with, without;

    clock_gettime(CLOCK_BOOTTIME, &with);
    clock_gettime(CLOCK_MONOTONIC, &without);
    return (with.tv_sec - without.tv_sec) * 1000 + (with.tv_nsec - without.tv_nsec) / 1000000;
}

/* The kernel ends this timer when the clock is set, and when the machine wakes up
 * (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
static void
arm(struct watch *w)
{
    const struct itimerspec never = {.it_value = {.tv_sec = NEVER_SECONDS}};

    if (timerfd_settime(w->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0)
        log_debug("waking from sleep goes unnoticed: %s", strerror(errno));
}

static bool
has_slept(struct watch *w)
{
    int64_t now = slept(), before = w->offset;

    hush(w->timer);
    arm(w);
    w->offset = now;
    return now - before > SLEPT_MS;
}

static bool
is_stopping(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool yes = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

static void *
run(void *arg)
{
    struct watch *w = arg;
    struct pollfd p[] = {{.fd = w->poked, .events = POLLIN}, {.fd = w->timer, .events = POLLIN}};

    w->offset = slept();
    arm(w);
    for (;;) {
        bool look = false;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (is_stopping(w))
            return NULL;
        if (p[0].revents) {
            hush(w->poked);
            look = true;
        }
        if (p[1].revents)
            look |= has_slept(w);
        if (look) {
            struct snapshot *s = registry_refresh(w->registry);
            snapshot_unref(&s);
        }
    }
}

int
watch_start(struct watch *w, struct registry *registry, struct err *err)
{
    w->registry = registry;
    int rc = thread_start(&w->thread, run, w);

    if (rc != 0)
        return err_set_sys(err, E_SYSTEM, rc, "no thread to watch the tokens");
    w->started = true;
    return 0;
}

void
watch_stop(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    for (struct watcher *one = w->first; one; one = one->next)
        thread_ring(one->wake);
    pthread_mutex_unlock(&w->lock);
    if (!w->started)
        return;
    thread_ring(w->poked);
    pthread_join(w->thread, NULL);
    w->started = false;
}

void
watch_tell(struct watch *w, const char *event)
{
    char *copy = strdup(event);

    pthread_mutex_lock(&w->lock);
    char **place = &w->events[w->number++ % WATCH_EVENTS_MAX];
    free(*place);
    *place = copy;
    for (struct watcher *one = w->first; one; one = one->next)
        thread_ring(one->wake);
    pthread_mutex_unlock(&w->lock);
}

/* A copy of the next event, or NULL. */
static char *
next_event(struct watch *w, struct watcher *self)
{
    char *event = NULL;

    pthread_mutex_lock(&w->lock);
    if (w->number - self->seen > WATCH_EVENTS_MAX)
        self->seen = w->number - WATCH_EVENTS_MAX;
    while (self->seen < w->number && !event) {
        const char *kept = w->events[self->seen++ % WATCH_EVENTS_MAX];
        event = kept ? strdup(kept) : NULL;
    }
    pthread_mutex_unlock(&w->lock);
    return event;
}

static int
tell_all(struct watch *w, struct watcher *self, int (*tell)(void *arg, const char *event),
         void *arg)
{
    char *event;
    int rc = 0;

    while (rc == 0 && (event = next_event(w, self))) {
        rc = tell(arg, event);
        free(event);
    }
    return rc;
}

static void
join(struct watch *w, struct watcher *self)
{
    pthread_mutex_lock(&w->lock);
    self->seen = w->number;
    self->next = w->first;
    w->first = self;
    pthread_mutex_unlock(&w->lock);
}

static void
leave(struct watch *w, struct watcher *self)
{
    struct watcher **link = &w->first;

    pthread_mutex_lock(&w->lock);
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    pthread_mutex_unlock(&w->lock);
}

int
watch_attend(struct watch *w, int fd, int (*first)(void *arg),
             int (*tell)(void *arg, const char *event), void *arg)
{
    struct watcher self = {.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    struct pollfd p[] = {{.fd = self.wake, .events = POLLIN}, {.fd = fd, .events = POLLRDHUP}};
    int rc;

    if (self.wake < 0)
        return E_SYSTEM;
    join(w, &self);
    rc = first(arg);
    while (rc == 0 && !p[1].revents && !is_stopping(w)) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        hush(self.wake);
        rc = tell_all(w, &self, tell, arg);
    }
    leave(w, &self);
    close(self.wake);
    return rc;
}
