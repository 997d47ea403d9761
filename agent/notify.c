/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* Longest message. */
#define MESSAGE_MAX 1200
/* The watchdog is told so many times in the time it allows (sd_watchdog_enabled(3)). */
#define WATCHDOG_SHARE 2u
/* Longest time it may allow, in microseconds: a day. */
#define WATCHDOG_MAX 86400000000ull

struct notify {
    int fd;
    int period;       /* milliseconds; -1: no watchdog */
    long long due;    /* by the monotonic clock, in milliseconds */
};

static unsigned long long
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000;
}

/* A path, or an abstract name behind '@'. */
static int
connect_to(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd;

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof addr.sun_path)
        return -1;
    memcpy(addr.sun_path, name, len);
    if (name[0] == '@')
        addr.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&addr,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The number that a variable holds; 0 when it holds none. */
static unsigned long long
number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    unsigned long long n;

    if (!text || *text < '0' || *text > '9')
        return 0;
    n = strtoull(text, &end, 10);
    return *end ? 0 : n;
}

static int
watchdog_period(void)
{
    unsigned long long us = number("WATCHDOG_USEC");

    if (us == 0 || us > WATCHDOG_MAX)
        return -1;
    if (getenv("WATCHDOG_PID") && number("WATCHDOG_PID") != (unsigned long long)getpid())
        return -1;
    us /= 1000 * WATCHDOG_SHARE;
    return us > 0 ? (int)us : 1;
}

struct notify *
notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct notify *n = NULL;
    int fd = name ? connect_to(name) : -1;

    if (name && fd < 0)
        log_warn("the service manager cannot be told anything: NOTIFY_SOCKET \"%s\" is no socket "
                 "that listens", name);
    if (fd >= 0 && !(n = calloc(1, sizeof *n)))
        close(fd);
    if (n) {
        n->fd = fd;
        n->period = watchdog_period();
        n->due = (long long)(now_us() / 1000) + n->period;
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return n;
}

void
notify_free(struct notify **pn)
{
    if (!pn || !*pn)
        return;
    close((*pn)->fd);
    free(*pn);
    *pn = NULL;
}

/* A line end in a value would begin another line: values lose what is behind it. */
static void
tell(struct notify *n, const char *lines, const char *name, const char *value)
{
    char text[MESSAGE_MAX];
    int len;

    if (!n)
        return;
    if (value)
        len = snprintf(text, sizeof text, "%s\n%s=%.*s", lines, name,
                       (int)strcspn(value, "\r\n"), value);
    else
        len = snprintf(text, sizeof text, "%s", lines);
    if (len >= (int)sizeof text)
        len = (int)sizeof text - 1;
    if (send(n->fd, text, (size_t)len, MSG_NOSIGNAL) < 0)
        log_debug("the service manager does not listen: %s", strerror(errno));
}

void
notify_ready(struct notify *n, const char *status)
{
    tell(n, "READY=1", "STATUS", status);
}

void
notify_reloading(struct notify *n)
{
    char time[24];

    snprintf(time, sizeof time, "%llu", now_us());
    tell(n, "RELOADING=1", "MONOTONIC_USEC", time);
}

void
notify_stopping(struct notify *n)
{
    tell(n, "STOPPING=1", NULL, NULL);
}

void
notify_failed(struct notify *n, int sys, const char *sentence)
{
    char number_line[24];

    snprintf(number_line, sizeof number_line, "ERRNO=%d", sys);
    tell(n, number_line, "STATUS", sentence);
}

int
notify_due(struct notify *n)
{
    long long left;

    if (!n || n->period < 0)
        return -1;
    left = n->due - (long long)(now_us() / 1000);
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void
notify_watchdog(struct notify *n)
{
    tell(n, "WATCHDOG=1", NULL, NULL);
    if (n)
        n->due = (long long)(now_us() / 1000) + n->period;
}
