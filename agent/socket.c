/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* Clients that wait to be accepted. */
#define BACKLOG 128

/* bind(2) or connect(2). */
typedef int attach(int fd, const struct sockaddr *, socklen_t);

static int
attach_to(int fd, attach *how, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, len + 1);
    return how(fd, (struct sockaddr *)&addr, sizeof addr);
}

/* A path that sockaddr_un has no room for is reached through its folder's
 * descriptor. */
static int
attach_at(int fd, attach *how, const struct home *home)
{
    char path[128];
    const char *base = strrchr(home->socket, '/');
    int rc = attach_to(fd, how, home->socket), dir, saved;

    if (rc == 0 || errno != ENAMETOOLONG)
        return rc;
    dir = open(home->runtime, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, base ? base + 1 : home->socket);
    rc = attach_to(fd, how, path);
    saved = errno;
    close(dir);
    errno = saved;
    return rc;
}

bool
socket_answers(const struct home *home)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

    if (fd < 0)
        return false;
    /* EAGAIN: so many wait there already that we would have to. */
    rc = attach_at(fd, connect, home);
    rc = rc == 0 || errno == EAGAIN;
    close(fd);
    return rc;
}

static int
remove_stale(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : err_set_sys(err, E_SYSTEM, errno, "%s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, E_SYSTEM, "%s is in the way of the agent's socket and is none; "
                       "remove it", path);
    if (unlink(path) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "the stale socket %s cannot be removed", path);
    return 0;
}

int
socket_open(const struct home *home, int *ret_fd, struct err *err)
{
    int fd, rc = remove_stale(home->socket, err);

    if (rc != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_sys(err, E_SYSTEM, errno, "no socket for the agent");
    rc = fchmod(fd, 0600);
    if (rc == 0)
        rc = attach_at(fd, bind, home);
    if (rc == 0)
        rc = chmod(home->socket, 0600);
    if (rc == 0)
        rc = listen(fd, BACKLOG);
    if (rc != 0) {
        err_set_sys(err, E_SYSTEM, errno, "the agent's socket %s cannot be made", home->socket);
        close(fd);
        return E_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

void
socket_remove(const struct home *home)
{
    if (unlink(home->socket) != 0 && errno != ENOENT)
        log_warn("socket %s cannot be removed: %s", home->socket, strerror(errno));
}

int
socket_peer(int fd, struct peer *ret)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return -1;
    if (cred.uid != geteuid() && cred.uid != 0) {
        log_warn("a client of another user (uid %u) was turned away", (unsigned)cred.uid);
        return -1;
    }
    memset(ret, 0, sizeof *ret);
    ret->uid = cred.uid;
    ret->pid = cred.pid;
    return 0;
}
