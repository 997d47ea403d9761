/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/metrics_export.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/metrics.h"
#include "agent/metrics_http.h"
#include "agent/metrics_text.h"
#include "agent/socket.h"
#include "agent/thread.h"
#include "base/io.h"
#include "base/log.h"

struct exporter {
    struct agent *agent;
    pthread_t thread;
    bool started;
    int bell;             /* the metrics' own */
    int listener;
    bool own_socket;      /* made here, removed here */
    struct socket_file made;
    atomic_bool stopping;
    char *file, *temporary, *socket;
    unsigned long interval; /* microseconds */
    bool complained;      /* the file could not be written, which was said */
};

static int
render(void *arg, struct buf *out)
{
    struct exporter *x = arg;

    return metrics_text(x->agent, out);
}

/* As a whole or not at all: readers see the old file or the new one. */
static int
replace(struct exporter *x, const struct buf *text)
{
    int fd = open(x->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    int saved;

    if (fd < 0 && errno == EEXIST && unlink(x->temporary) == 0)
        fd = open(x->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    if (fchmod(fd, 0644) == 0 && io_write_all(fd, buf_data(text), buf_len(text)) == 0 &&
        rename(x->temporary, x->file) == 0) {
        close(fd);
        return 0;
    }
    saved = errno;
    close(fd);
    unlink(x->temporary);
    errno = saved;
    return -1;
}

static void
write_file(struct exporter *x)
{
    autofree_buf struct buf *text = buf_new();

    metrics_settle(x->agent->metrics);
    if (!x->file || !text || metrics_text(x->agent, text) != 0)
        return;
    if (replace(x, text) == 0) {
        x->complained = false;
    } else if (!x->complained) {
        x->complained = true;
        log_warn("the metrics cannot be written to %s ([agent] metrics-file): %s; it is tried "
                 "again when something changes", x->file, strerror(errno));
    }
}

static void
serve_one(struct exporter *x)
{
    /* cppcheck-suppress nullPointer; it thinks that accept4 takes none */
    int fd = accept4(x->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    metrics_http(fd, render, x);
    close(fd);
}

/* Milliseconds until the file is due; -1 when it is not. */
static int
wait_for(bool pending, unsigned long due)
{
    unsigned long now = audit_clock();

    return !pending ? -1 : now >= due ? 0 : (int)((due - now) / 1000) + 1;
}

static void *
run(void *arg)
{
    struct exporter *x = arg;
    struct pollfd p[] = {{.fd = x->bell, .events = POLLIN},
                         {.fd = x->listener, .events = POLLIN}};
    unsigned long due = 0;
    bool pending = x->file != NULL;
    uint64_t count;

    for (;;) {
        if (poll(p, 2, wait_for(pending, due)) < 0 && errno != EINTR)
            break;
        if (atomic_load(&x->stopping))
            break;
        if ((p[0].revents & POLLIN) && read(x->bell, &count, sizeof count) > 0)
            pending = x->file != NULL;
        if (p[1].revents)
            serve_one(x);
        if (pending && audit_clock() >= due) {
            pending = false;
            write_file(x);
            due = audit_clock() + x->interval;
        }
    }
    write_file(x);
    return NULL;
}

static void
destroy(struct exporter *x)
{
    if (x->own_socket) {
        close(x->listener);
        socket_remove(x->socket, &x->made);
    }
    free(x->file);
    free(x->temporary);
    free(x->socket);
    free(x);
}

static char *
copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int
open_all(struct exporter *x, const char *file, const char *path, struct err *err)
{
    x->bell = metrics_bell(x->agent->metrics);
    x->file = copy(file);
    x->socket = copy(path);
    if (x->bell < 0 || (file && !x->file) || (path && !x->socket))
        return err_set(err, E_NOMEM, "out of memory while starting");
    if (file && asprintf(&x->temporary, "%s.%d.new", file, (int)getpid()) < 0) {
        x->temporary = NULL;
        return err_set(err, E_NOMEM, "out of memory while starting");
    }
    if (x->listener >= 0 || !path)
        return 0;
    int rc = socket_listen(path, x->agent->home->system ? 0660 : 0600, &x->made, err);
    if (rc != 0)
        return err_prefix(err, "metrics-socket ([agent])");
    x->listener = x->made.fd;
    x->own_socket = true;
    return 0;
}

int
exporter_new(struct exporter **ret, struct agent *a, int listener, struct err *err)
{
    const struct conf *conf = settings_conf(a->settings);
    const char *file = conf_get(conf, "agent", NULL, "metrics-file");
    const char *path = conf_get(conf, "agent", NULL, "metrics-socket");
    struct exporter *x;
    int rc;

    *ret = NULL;
    if (!file && !path && listener < 0)
        return 0;
    x = calloc(1, sizeof *x);
    if (!x)
        return err_set(err, E_NOMEM, "out of memory while starting");
    x->agent = a;
    x->listener = listener;
    x->interval = conf_get_duration(conf, "agent", NULL, "metrics-interval",
                                    METRICS_INTERVAL_DEFAULT) * 1000000ul;
    rc = open_all(x, file, path, err);
    if (rc != 0) {
        destroy(x);
        return rc;
    }
    *ret = x;
    return 0;
}

int
exporter_start(struct exporter *x, struct err *err)
{
    int rc = x ? thread_start(&x->thread, run, x) : 0;

    if (rc != 0)
        return err_set_sys(err, E_SYSTEM, rc, "no thread for the metrics");
    if (x)
        x->started = true;
    return 0;
}

void
exporter_stop(struct exporter **px)
{
    struct exporter *x = px ? *px : NULL;

    if (!x)
        return;
    atomic_store(&x->stopping, true);
    thread_ring(x->bell);
    if (x->started)
        pthread_join(x->thread, NULL);
    destroy(x);
    *px = NULL;
}
