/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
attach_at(int fd, attach *how, const char *name)
{
    char path[128], folder[PATH_MAX];
    const char *slash = strrchr(name, '/');
    int rc = attach_to(fd, how, name), dir, saved;

    if (rc == 0 || errno != ENAMETOOLONG || !slash)
        return rc;
    if (snprintf(folder, sizeof folder, "%.*s/", (int)(slash - name), name) >=
        (int)sizeof folder)
        return -1;
    dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, slash + 1);
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
    rc = attach_at(fd, connect, home->socket);
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
socket_listen(const char *path, mode_t mode, struct socket_file *ret, struct err *err)
{
    struct stat st;
    int fd, rc = remove_stale(path, err);

    if (rc != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_sys(err, E_SYSTEM, errno, "no socket for the agent");
    rc = fchmod(fd, 0600);
    if (rc == 0)
        rc = attach_at(fd, bind, path);
    if (rc == 0)
        rc = chmod(path, mode);
    if (rc == 0)
        rc = lstat(path, &st);
    if (rc == 0)
        rc = listen(fd, BACKLOG);
    if (rc != 0) {
        err_set_sys(err, E_SYSTEM, errno, "the agent's socket %s cannot be made", path);
        close(fd);
        return E_SYSTEM;
    }
    *ret = (struct socket_file){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
    return 0;
}

int
socket_open(const struct home *home, struct socket_file *ret, struct err *err)
{
    return socket_listen(home->socket, home->system ? 0660 : 0600, ret, err);
}

void
socket_remove(const char *path, const struct socket_file *s)
{
    struct stat st;

    if (lstat(path, &st) != 0 || st.st_dev != s->dev || st.st_ino != s->ino)
        return;
    if (unlink(path) != 0 && errno != ENOENT)
        log_warn("socket %s cannot be removed: %s", path, strerror(errno));
}

int
socket_peer(int fd, bool shared, struct peer *ret)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return -1;
    if (!shared && cred.uid != geteuid() && cred.uid != 0) {
        log_warn("a client of another user (uid %u) was turned away", (unsigned)cred.uid);
        return -1;
    }
    memset(ret, 0, sizeof *ret);
    ret->uid = cred.uid;
    ret->pid = cred.pid;
    return 0;
}
