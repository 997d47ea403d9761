/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* Longest line. The longest texts in it (the program, a token's label) fit escaped. */
#define ENTRY_MAX 4096

struct audit {
    int fd;
    char *path;
    atomic_bool torn; /* a line was written in part: the next one begins anew */
};

struct line {
    char text[ENTRY_MAX];
    size_t len;
};

int
audit_open(struct audit **ret, const char *path, struct err *err)
{
    struct audit *a = calloc(1, sizeof *a);

    if (!a || !(a->path = strdup(path))) {
        free(a);
        return err_set(err, E_NOMEM, "out of memory while opening the audit log");
    }
    a->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (a->fd < 0) {
        err_set_sys(err, E_SYSTEM, errno, "audit log %s cannot be opened", path);
        audit_close(&a);
        return E_SYSTEM;
    }
    *ret = a;
    return 0;
}

void
audit_close(struct audit **a)
{
    if (!a || !*a)
        return;
    if ((*a)->fd >= 0)
        close((*a)->fd);
    free((*a)->path);
    free(*a);
    *a = NULL;
}

static void
put(struct line *l, const char *text, size_t len)
{
    if (len > sizeof l->text - l->len)
        len = sizeof l->text - l->len;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void
put_raw(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void
put_number(struct line *l, const char *name, unsigned long value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s%lu", name, value);

    put(l, text, (size_t)n);
}

/* A string of JSON (RFC 8259, 7). What is not ASCII is UTF-8 already: token hosts
 * made it safe. */
static void
put_string(struct line *l, const char *name, const char *value)
{
    if (!value)
        return;
    put_raw(l, name);
    put(l, "\"", 1);
    for (; *value; value++) {
        char esc[8];
        if ((unsigned char)*value < 0x20) {
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)*value);
            put_raw(l, esc);
            continue;
        }
        if (*value == '"' || *value == '\\')
            put(l, "\\", 1);
        put(l, value, 1);
    }
    put(l, "\"", 1);
}

static void
put_time(struct line *l)
{
    struct timespec now;
    char text[TEXT_TIME_LEN], frac[24];

    clock_gettime(CLOCK_REALTIME, &now);
    text_time(now.tv_sec, text);
    snprintf(frac, sizeof frac, ".%03ldZ\"", now.tv_nsec / 1000000 % 1000);
    put_raw(l, "{\"time\":\"");
    put(l, text, strcspn(text, "Z"));
    put_raw(l, frac);
}

static void
format(struct line *l, const struct audit_entry *e)
{
    put_time(l);
    put_string(l, ",\"event\":", e->event);
    if (e->peer) {
        put_number(l, ",\"peer\":{\"uid\":", e->peer->uid);
        put_number(l, ",\"pid\":", (unsigned long)e->peer->pid);
        put_string(l, ",\"exe\":", e->peer->exe);
        put_string(l, "},\"front\":", e->peer->front);
    }
    put_string(l, ",\"key\":", e->key);
    put_string(l, ",\"token\":", e->token);
    put_string(l, ",\"operation\":", e->operation);
    put_string(l, ",\"scheme\":", e->scheme);
    put_string(l, ",\"result\":", e->result ? err_name(e->result) : "ok");
    put_number(l, ",\"latency_us\":", e->latency_us);
    put_raw(l, "}\n");
}

int
audit_write(struct audit *a, const struct audit_entry *e, struct err *err)
{
    struct line l;
    ssize_t n;

    bool torn = atomic_load_explicit(&a->torn, memory_order_relaxed);

    l.len = 0;
    if (torn)
        put(&l, "\n", 1);
    format(&l, e);
    do
        n = write(a->fd, l.text, l.len);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)l.len) {
        if (torn)
            atomic_store(&a->torn, false);
        return 0;
    }
    if (n > 0)
        atomic_store(&a->torn, true);
    return err_set_sys(err, E_SYSTEM, n < 0 ? errno : ENOSPC, "audit log %s cannot be written, "
                       "so nothing is signed or decrypted; make room and try again", a->path);
}

unsigned long
audit_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long)t.tv_sec * 1000000ul + (unsigned long)t.tv_nsec / 1000;
}
