/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/forget_events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/sd_bus.h"
#include "agent/thread.h"
#include "base/io.h"
#include "base/log.h"

#define LOGIND "org.freedesktop.login1"
#define MANAGER_PATH "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"
#define SESSION "org.freedesktop.login1.Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* Seconds between two tries where there is no bus. */
#define TRY_AGAIN 60
/* How long the bus may take to answer, in microseconds. */
#define CALL_USEC 2000000u

struct forget_events {
    void (*forget)(void *arg, const char *why);
    void *arg;
    int stop;              /* eventfd */
    pthread_mutex_t lock;
    bool running, joinable, stopping;
    time_t tried;          /* 0: never */
    char state[FORGET_EVENTS_STATE_MAX];
    pthread_t thread;
    /* The thread's own. */
    const struct sd_bus_api *api;
    sd_bus *bus;
    int inhibitor;         /* held: sleep waits for us; or -1 */
};

static time_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1;
}

struct forget_events *
forget_events_new(void (*forget)(void *arg, const char *why), void *arg)
{
    struct forget_events *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->forget = forget;
    f->arg = arg;
    f->inhibitor = -1;
    f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&f->lock, NULL);
    snprintf(f->state, sizeof f->state, "not yet: no PIN was kept so far");
    return f;
}

static void
set_state(struct forget_events *f, const char *kind, const char *why)
{
    pthread_mutex_lock(&f->lock);
    snprintf(f->state, sizeof f->state, "%s%s", kind, why);
    pthread_mutex_unlock(&f->lock);
}

void
forget_events_state(struct forget_events *f, char out[FORGET_EVENTS_STATE_MAX])
{
    pthread_mutex_lock(&f->lock);
    memcpy(out, f->state, sizeof f->state);
    pthread_mutex_unlock(&f->lock);
}

/* What logind said no to; the error is freed. */
static int
refused(struct forget_events *f, const char *what, int rc, sd_bus_error *e, struct err *err)
{
    err_set(err, E_UNSUPPORTED, "%s: %.150s", what,
            e && e->message ? e->message : strerrordesc_np(-rc));
    if (e)
        f->api->error_free(e);
    return E_UNSUPPORTED;
}

static void
let_sleep(struct forget_events *f)
{
    if (f->inhibitor >= 0)
        close(f->inhibitor);
    f->inhibitor = -1;
}

static int
hold_sleep(struct forget_events *f, struct err *err)
{
    sd_bus_message *reply = NULL;
    sd_bus_error e = {0};
    int fd = -1, rc;

    let_sleep(f);
    rc = f->api->call_method(f->bus, LOGIND, MANAGER_PATH, MANAGER, "Inhibit", &e, &reply, "ssss",
                             "sleep", "Signet", "PINs are forgotten", "delay");
    if (rc < 0)
        return refused(f, "logind does not answer", rc, &e, err);
    rc = f->api->message_read(reply, "h", &fd);
    if (rc >= 0)
        f->inhibitor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    f->api->message_unref(reply);
    return rc < 0 ? refused(f, "logind's answer is malformed", rc, NULL, err) : 0;
}

static int
on_sleep(sd_bus_message *m, void *arg, sd_bus_error *ret)
{
    struct forget_events *f = arg;
    struct err err = {0};
    int going = 0;

    (void)ret;
    if (f->api->message_read(m, "b", &going) < 0)
        return 0;
    if (going) {
        f->forget(f->arg, "suspend");
        let_sleep(f);
    } else if (hold_sleep(f, &err) != 0) {
        log_warn("the next suspend will not wait for PINs to be forgotten: %s", err.text);
    }
    return 0;
}

/* Whose session that is; also true when nobody can say. */
static bool
is_ours(struct forget_events *f, const char *path)
{
    sd_bus_message *reply = NULL;
    sd_bus_error e = {0};
    const char *user;
    uint32_t uid = 0;
    int rc = f->api->get_property(f->bus, LOGIND, path, SESSION, "User", &e, &reply, "(uo)");

    if (rc >= 0)
        rc = f->api->message_read(reply, "(uo)", &uid, &user);
    f->api->message_unref(reply);
    f->api->error_free(&e);
    return rc < 0 || uid == getuid();
}

static int
on_lock(sd_bus_message *m, void *arg, sd_bus_error *ret)
{
    struct forget_events *f = arg;
    const char *path = f->api->message_get_path(m);

    (void)ret;
    if (path && is_ours(f, path))
        f->forget(f->arg, "screen-lock");
    return 0;
}

/* Desktops set LockedHint however the screen came to be locked. */
static int
on_properties(sd_bus_message *m, void *arg, sd_bus_error *ret)
{
    struct forget_events *f = arg;
    const char *path = f->api->message_get_path(m), *interface;
    sd_bus_error e = {0};
    int locked = 0;

    (void)ret;
    if (!path || f->api->message_read(m, "s", &interface) < 0 || strcmp(interface, SESSION) != 0)
        return 0;
    if (f->api->get_property_trivial(f->bus, LOGIND, path, SESSION, "LockedHint", &e, 'b',
                                     &locked) < 0)
        locked = 0;
    f->api->error_free(&e);
    if (locked && is_ours(f, path))
        f->forget(f->arg, "screen-lock");
    return 0;
}

static int
subscribe(struct forget_events *f, struct err *err)
{
    const struct {
        const char *path, *interface, *member;
        sd_bus_handler *handler;
    } table[] = {
        {MANAGER_PATH, MANAGER, "PrepareForSleep", on_sleep},
        {NULL, SESSION, "Lock", on_lock},
        {NULL, PROPERTIES, "PropertiesChanged", on_properties},
    };
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < sizeof table / sizeof *table; i++)
        rc = f->api->match_signal(f->bus, NULL, LOGIND, table[i].path, table[i].interface,
                                  table[i].member, table[i].handler, f);
    return rc < 0 ? refused(f, "the system bus does not answer", rc, NULL, err) : 0;
}

static int
connect_bus(struct forget_events *f, struct err *err)
{
    int rc = sd_bus_load(&f->api, err), going = 0;

    if (rc != 0)
        return rc;
    rc = f->api->open_system(&f->bus);
    if (rc < 0)
        return refused(f, "there is no system bus", rc, NULL, err);
    f->api->set_method_call_timeout(f->bus, CALL_USEC);
    rc = subscribe(f, err);
    if (rc == 0)
        rc = hold_sleep(f, err);
    /* On its way already. */
    if (rc == 0 && f->api->get_property_trivial(f->bus, LOGIND, MANAGER_PATH, MANAGER,
                                                "PreparingForSleep", NULL, 'b', &going) >= 0 &&
        going)
        f->forget(f->arg, "suspend");
    return rc;
}

/* Milliseconds till sd-bus wants to be called, or -1. */
static int
patience(struct forget_events *f)
{
    struct timespec t;
    uint64_t at = UINT64_MAX, here;

    if (f->api->get_timeout(f->bus, &at) < 0 || at == UINT64_MAX)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &t);
    here = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return at <= here ? 0 : at - here > 60000000 ? 60000 : (int)((at - here) / 1000) + 1;
}

/* Until the bus goes (its error) or the agent ends (0). */
static int
attend(struct forget_events *f)
{
    int rc;

    for (;;) {
        while ((rc = f->api->process(f->bus, NULL)) > 0)
            ;
        if (rc < 0)
            return rc;
        struct pollfd p[2] = {{.fd = f->api->get_fd(f->bus),
                               .events = (short)f->api->get_events(f->bus)},
                              {.fd = f->stop, .events = POLLIN}};
        if (poll(p, 2, patience(f)) < 0 && errno != EINTR)
            return -errno;
        if (p[1].revents)
            return 0;
    }
}

static void *
run(void *arg)
{
    struct forget_events *f = arg;
    struct err err = {0};
    int rc = connect_bus(f, &err);

    if (rc == 0) {
        set_state(f, "suspend, screen lock", "");
        rc = attend(f);
        if (rc < 0)
            refused(f, "the system bus went away", rc, NULL, &err);
    }
    let_sleep(f);
    if (f->bus)
        f->api->flush_close_unref(f->bus);
    f->bus = NULL;
    if (rc != 0) {
        log_info("PINs are not forgotten at suspend and screen lock: %s", err_text(&err));
        set_state(f, "none: ", err_text(&err));
    }
    pthread_mutex_lock(&f->lock);
    f->running = false;
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

void
forget_events_want(struct forget_events *f)
{
    pthread_mutex_lock(&f->lock);
    if (!f->running && !f->stopping && f->stop >= 0 &&
        (f->tried == 0 || now() - f->tried >= TRY_AGAIN)) {
        if (f->joinable)
            pthread_join(f->thread, NULL);
        f->tried = now();
        f->running = f->joinable = thread_start(&f->thread, run, f) == 0;
    }
    pthread_mutex_unlock(&f->lock);
}

void
forget_events_free(struct forget_events **pf)
{
    struct forget_events *f = pf ? *pf : NULL;
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_mutex_unlock(&f->lock);
    if (f->stop >= 0)
        thread_ring(f->stop);
    if (f->joinable)
        pthread_join(f->thread, NULL);
    if (f->stop >= 0)
        close(f->stop);
    pthread_mutex_destroy(&f->lock);
    free(f);
    *pf = NULL;
}
