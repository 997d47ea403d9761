/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/audit_chain.h"
#include "agent/audit_file.h"
#include "agent/audit_journal.h"
#include "base/log.h"

/* How often, in microseconds, it is looked whether the file is still the one. */
#define LOOK_US 1000000ul

struct audit {
    struct audit_settings settings;
    char *path, *journal_path;
    pthread_mutex_t lock;       /* guards all below */
    int fd, journal;
    struct chain chain;
    bool begun;                 /* chain and the sizes below are known */
    uint64_t size;
    time_t born;                /* of the file's first line */
    unsigned long looked;
    unsigned long missed, untold; /* lines not written: in all, and since the last "gap" */
};

int
audit_open(struct audit **ret, const char *path, const struct audit_settings *settings,
           struct err *err)
{
    struct audit *a = calloc(1, sizeof *a);
    int rc;

    if (!a || !(a->path = strdup(path)) ||
        (settings->journal && !(a->journal_path = strdup(settings->journal)))) {
        if (a)
            free(a->path);
        free(a);
        return err_set(err, E_NOMEM, "out of memory while opening the audit log");
    }
    a->settings = *settings;
    a->settings.journal = a->journal_path;
    a->fd = a->journal = -1;
    pthread_mutex_init(&a->lock, NULL);
    rc = audit_file_open(path, &a->fd, err);
    if (rc != 0) {
        audit_close(&a);
        return rc;
    }
    if (a->journal_path)
        a->journal = audit_journal_open(a->journal_path);
    *ret = a;
    return 0;
}

void
audit_close(struct audit **pa)
{
    struct audit *a = pa ? *pa : NULL;

    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    if (a->journal >= 0)
        close(a->journal);
    pthread_mutex_destroy(&a->lock);
    free(a->path);
    free(a->journal_path);
    free(a);
    *pa = NULL;
}

static int
unwritten(struct audit *a, int error, struct err *err)
{
    return err_set_sys(err, E_SYSTEM, error, "audit log %s cannot be written, so nothing is signed "
                       "or decrypted; make room and try again", a->path);
}

/* One line behind the last. What was written in part is taken back, so that the file ends in
 * whole lines whatever the disk does. */
static int
append(struct audit *a, struct audit_line *l, struct err *err)
{
    const char *line;
    size_t len;
    ssize_t n;

    chain_begin(&a->chain, l, &line, &len);
    do
        n = write(a->fd, line, len);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len && a->settings.sync && fdatasync(a->fd) != 0)
        return unwritten(a, errno, err);
    if (n == (ssize_t)len) {
        chain_go_on(&a->chain, line, len);
        a->size += len;
        return 0;
    }
    int error = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(a->fd, (off_t)a->size) != 0)
        a->begun = false;
    return unwritten(a, error, err);
}

/* A line of the log's own. */
static int
tell(struct audit *a, const char *operation, const char *note, struct err *err)
{
    const struct audit_entry e = {.event = "log", .operation = operation, .note = note};
    struct audit_line l;

    audit_line_format(&l, &e);
    return append(a, &l, err);
}

static void
measure(struct audit *a)
{
    a->size = audit_file_size(a->fd);
    a->born = audit_file_begun(a->fd);
    a->looked = audit_clock();
}

/* Goes on where the file ends. */
static int
resume(struct audit *a, struct err *err)
{
    bool torn = false;
    int rc = chain_resume(&a->chain, a->fd, &torn);

    if (rc == E_MALFORMED)
        return err_set(err, E_SYSTEM, "audit log %s ends in what the agent did not write (was it "
                       "of an older version?); move it away", a->path);
    if (rc != 0)
        return unwritten(a, errno, err);
    measure(a);
    if (torn) {
        if (write(a->fd, "\n", 1) != 1)
            return unwritten(a, errno, err);
        a->size++;
        rc = tell(a, "torn", NULL, err);
    }
    a->begun = rc == 0;
    return rc;
}

/* Another file, with the chain that there is. */
static int
begin_file(struct audit *a, const char *operation, struct err *err)
{
    struct chain chain = a->chain;
    int fd, rc = audit_file_open(a->path, &fd, err);

    if (rc != 0)
        return rc;
    close(a->fd);
    a->fd = fd;
    measure(a);
    /* Whoever put a file there with lines of its own cannot have them counted in. */
    if (a->size > 0)
        return err_set(err, E_SYSTEM, "audit log %s was replaced while the agent ran; move what is "
                       "there away, and start the agent anew", a->path);
    a->chain = chain;
    return tell(a, operation, NULL, err);
}

static bool
is_due(struct audit *a)
{
    const struct audit_settings *s = &a->settings;

    if (a->size == 0)
        return false;
    return (s->max_size > 0 && a->size >= s->max_size) ||
           (s->max_age > 0 && a->born > 0 && time(NULL) - a->born >= (time_t)s->max_age);
}

/* Before a line: the file is the one, and not too large. */
static int
prepare(struct audit *a, struct err *err)
{
    unsigned long now = audit_clock();
    int rc = a->begun ? 0 : resume(a, err);

    if (rc == 0 && now - a->looked >= LOOK_US) {
        a->looked = now;
        if (!audit_file_stands(a->path, a->fd))
            rc = begin_file(a, "reopen", err);
    }
    if (rc == 0 && is_due(a)) {
        rc = audit_file_set_aside(a->path, a->chain.last, a->settings.keep, err);
        if (rc == 0)
            rc = begin_file(a, "rotate", err);
    }
    if (rc == 0 && a->untold > 0) {
        char note[64];
        snprintf(note, sizeof note, "%lu lines could not be written", a->untold);
        rc = tell(a, "gap", note, err);
        if (rc == 0)
            a->untold = 0;
    }
    return rc;
}

int
audit_write(struct audit *a, const struct audit_entry *e, struct err *err)
{
    struct audit_line l;
    int rc;

    audit_line_format(&l, e);
    pthread_mutex_lock(&a->lock);
    rc = prepare(a, err);
    if (rc == 0)
        rc = append(a, &l, err);
    if (rc == 0 && a->journal >= 0)
        audit_journal_send(a->journal, e, l.text + AUDIT_HEAD_MAX + 1, l.len - AUDIT_HEAD_MAX - 2);
    if (rc != 0 && a->settings.go_on) {
        if (a->untold++ == 0)
            log_warn("operations go on without a record ([audit] when-full): %s",
                     err ? err->text : "the audit log cannot be written");
        a->missed++;
        rc = 0;
    }
    pthread_mutex_unlock(&a->lock);
    return rc;
}

unsigned long
audit_missed(struct audit *a)
{
    pthread_mutex_lock(&a->lock);
    unsigned long missed = a->missed;
    pthread_mutex_unlock(&a->lock);
    return missed;
}

unsigned long
audit_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long)t.tv_sec * 1000000ul + (unsigned long)t.tv_nsec / 1000;
}
