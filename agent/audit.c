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
    bool torn;                  /* the file ends within a line */
    const char *owed;           /* a line of the log's own that is to be written first */
    char owed_note[80];
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

/* What was written in part is taken back, so that the file ends as it did. */
static int
take_back(struct audit *a, int error, struct err *err)
{
    if (ftruncate(a->fd, (off_t)a->size) != 0)
        a->begun = false;
    return unwritten(a, error, err);
}

/* One line behind the last, and a line end in front of it when that has none. */
static int
append(struct audit *a, const struct audit_entry *e, struct audit_line *l, struct err *err)
{
    size_t len, before = a->torn;
    char *line;
    ssize_t n;

    chain_begin(&a->chain, l, &line, &len);
    if (before)
        line[-1] = '\n';
    do
        n = write(a->fd, line - before, len + before);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return unwritten(a, errno, err);
    if ((size_t)n != len + before)
        return take_back(a, ENOSPC, err);
    if (a->settings.sync && fdatasync(a->fd) != 0)
        return take_back(a, errno, err);
    chain_go_on(&a->chain, line, len);
    a->size += len + before;
    a->torn = false;
    if (a->journal >= 0)
        audit_journal_send(a->journal, e, line, len - 1);
    return 0;
}

/* A line of the log's own. */
static int
tell(struct audit *a, const char *operation, const char *note, struct err *err)
{
    const struct audit_entry e = {.event = "log", .operation = operation, .note = note};
    struct audit_line l;

    audit_line_format(&l, &e);
    return append(a, &e, &l, err);
}

static void
owe(struct audit *a, const char *operation)
{
    a->owed = operation;
    a->owed_note[0] = '\0';
}

static void
measure(struct audit *a)
{
    a->size = audit_file_size(a->fd);
    a->born = audit_file_begun(a->fd);
    a->looked = audit_clock();
}

/* The agent ended between the two halves of a rotation, or somebody took the file away
 * meanwhile: what was set aside last is the line before. */
static void
resume_aside(struct audit *a)
{
    int fd = audit_file_newest(a->path);
    struct chain chain;
    bool torn;

    if (fd < 0)
        return;
    if (chain_resume(&chain, fd, &torn) == 0 && chain.last > 0) {
        a->chain = chain;
        owe(a, "reopen");
    }
    close(fd);
}

/* Goes on where the file ends. */
static int
resume(struct audit *a, struct err *err)
{
    int rc = chain_resume(&a->chain, a->fd, &a->torn);

    if (rc == E_MALFORMED)
        return err_set(err, E_SYSTEM, "audit log %s ends in what the agent did not write (was it "
                       "of an older version?); move it away", a->path);
    if (rc != 0)
        return unwritten(a, errno, err);
    measure(a);
    if (a->torn)
        owe(a, "torn");
    else if (a->size == 0)
        resume_aside(a);
    a->begun = true;
    return 0;
}

/* Another file, with the chain that there is. Whoever put one there with lines of its own cannot
 * have them counted in. */
static int
begin_file(struct audit *a, const char *operation, struct err *err)
{
    int fd, rc = audit_file_open(a->path, &fd, err);

    if (rc != 0)
        return rc;
    if (audit_file_size(fd) > 0) {
        close(fd);
        return err_set(err, E_SYSTEM, "audit log %s was replaced by another file while the agent "
                       "ran, so nothing is signed or decrypted; move that one away", a->path);
    }
    close(a->fd);
    a->fd = fd;
    a->torn = false;
    measure(a);
    owe(a, operation);
    return 0;
}

/* Still the file, and as long as it was left? */
static int
look(struct audit *a, struct err *err)
{
    unsigned long now = audit_clock();
    uint64_t size;
    int rc = 0;

    if (!a->settings.look_always && now - a->looked < LOOK_US)
        return 0;
    a->looked = now;
    size = audit_file_size(a->fd);
    if (!audit_file_stands(a->path, a->fd)) {
        rc = begin_file(a, "reopen", err);
    } else if (size != a->size) {
        owe(a, "changed");
        snprintf(a->owed_note, sizeof a->owed_note, "%llu bytes where %llu were written",
                 (unsigned long long)size, (unsigned long long)a->size);
        a->size = size;
        a->torn = audit_file_torn(a->fd, size);
    }
    if (rc != 0)
        a->looked = 0;
    return rc;
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

static int
rotate(struct audit *a, struct err *err)
{
    int rc = audit_file_set_aside(a->path, a->chain.last, a->settings.keep, err);

    if (rc == 0)
        rc = begin_file(a, "rotate", err);
    if (rc != 0)
        a->looked = 0;
    return rc;
}

/* What the log has to say of itself first. */
static int
pay(struct audit *a, struct err *err)
{
    char note[64];
    int rc = 0;

    if (a->owed)
        rc = tell(a, a->owed, a->owed_note[0] ? a->owed_note : NULL, err);
    if (rc == 0)
        a->owed = NULL;
    if (rc != 0 || a->untold == 0)
        return rc;
    snprintf(note, sizeof note, "%lu lines could not be written", a->untold);
    rc = tell(a, "gap", note, err);
    if (rc == 0)
        a->untold = 0;
    return rc;
}

/* Before a line: the file is the one, and not too large. */
static int
prepare(struct audit *a, struct err *err)
{
    int rc = a->begun ? 0 : resume(a, err);

    if (rc == 0)
        rc = look(a, err);
    if (rc == 0 && !a->owed && is_due(a))
        rc = rotate(a, err);
    return rc == 0 ? pay(a, err) : rc;
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
        rc = append(a, e, &l, err);
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

uint64_t
audit_last(struct audit *a)
{
    pthread_mutex_lock(&a->lock);
    uint64_t last = a->chain.last;
    pthread_mutex_unlock(&a->lock);
    return last;
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
