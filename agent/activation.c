/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The first descriptor passed, and how many may be. */
#define FIRST 3
#define SOCKETS_MAX 2

static long
number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long n;

    if (!text || *text < '0' || *text > '9')
        return -1;
    n = strtol(text, &end, 10);
    return *end ? -1 : n;
}

static int
option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static int
take_one(struct activation *a, int fd, const char *name, size_t len, struct err *err)
{
    int *place = len == 7 && memcmp(name, "metrics", 7) == 0 ? &a->metrics : &a->agent;

    if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_STREAM ||
        option(fd, SO_ACCEPTCONN) != 1)
        return err_set(err, E_CONFIG, "descriptor %d, which the service manager passed "
                       "(LISTEN_FDS), is no Unix stream socket that listens; a socket unit for "
                       "the agent has one ListenStream= with a path", fd);
    if (*place >= 0)
        return err_set(err, E_CONFIG, "the service manager passed two sockets for the same use "
                       "(LISTEN_FDS); name the one for metrics by FileDescriptorName=metrics");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "descriptor %d of the service manager", fd);
    *place = fd;
    return 0;
}

static int
take_all(struct activation *a, long count, struct err *err)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int rc = 0;

    if (count > SOCKETS_MAX)
        return err_set(err, E_CONFIG, "the service manager passed %ld sockets (LISTEN_FDS); the "
                       "agent has use for %d, its own and one for metrics", count, SOCKETS_MAX);
    for (int i = 0; i < count && rc == 0; i++) {
        size_t len = names ? strcspn(names, ":") : 0;
        rc = take_one(a, FIRST + i, names, len, err);
        if (names)
            names += len + (names[len] == ':');
    }
    return rc;
}

int
activation_take(struct activation *ret, struct err *err)
{
    struct activation a = {.agent = -1, .metrics = -1};
    bool ours = number("LISTEN_PID") == (long)getpid();
    long count = number("LISTEN_FDS");
    int rc = ours && count > 0 ? take_all(&a, count, err) : 0;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (rc == 0)
        *ret = a;
    return rc;
}

static bool
is_same_file(const struct stat *a, const char *path)
{
    struct stat b;

    return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

int
activation_check(int fd, const struct home *home, struct err *err)
{
    struct sockaddr_un addr = {0};
    socklen_t len = sizeof addr;
    char path[sizeof addr.sun_path + 1] = "";
    unsigned others = home->system ? 07 : 077;
    struct stat st;

    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "the socket that the service manager passed");
    if (len > offsetof(struct sockaddr_un, sun_path))
        memcpy(path, addr.sun_path, len - offsetof(struct sockaddr_un, sun_path));
    if (path[0] != '/' || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return err_set(err, E_CONFIG, "the socket that the service manager passed is not in the "
                       "file system (\"%s\"), so that anybody could use it; give ListenStream= a "
                       "path", path);
    if (st.st_mode & others)
        return err_set(err, E_DENIED, "socket \"%s\" can be used by others (mode %03o); set "
                       "SocketMode=%s in its unit", path, (unsigned)st.st_mode & 07777,
                       home->system ? "0660" : "0600");
    if (!is_same_file(&st, home->socket))
        return err_set(err, E_CONFIG, "the service manager listens on \"%s\", and clients of this "
                       "home look for the agent on \"%s\"; give ListenStream= that path, or "
                       "signet-agent another --home", path, home->socket);
    return 0;
}
