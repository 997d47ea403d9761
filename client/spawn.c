/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting, and starting the agent when there is nothing to connect to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "client/ask.h"

/* How long a new agent may take until it listens, in milliseconds. */
#define READY_WAIT_MS 30000
/* The descriptor on which the agent says that it is ready. */
#define READY_FD 3
/* Twice, because the first may have met another that was just ending. */
#define SPAWN_TRIES 2

extern char **environ;

/* Whose folder alone it is. */
static bool
owns_folder(const char *path, uid_t uid)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
           (st.st_mode & 022) == 0;
}

/* The peer may get a PIN from us: only ourselves and root may listen there, and for an
 * agent that we were told to ask, whose folder the socket is in. */
static int
peer_is_ours(int fd, const struct home *home)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return -1;
    if (cred.uid != geteuid() && cred.uid != 0 &&
        !(home->elsewhere && owns_folder(home->runtime, cred.uid))) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

static int
connect_to(int fd, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    return connect(fd, (struct sockaddr *)&addr, sizeof addr);
}

/* A path too long for sockaddr_un is reached through its folder's descriptor. */
static int
connect_long(int fd, const struct home *home)
{
    char path[64];
    const char *base = strrchr(home->socket, '/');
    int dir = open(home->runtime, O_PATH | O_DIRECTORY | O_CLOEXEC), rc, saved;

    if (dir < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, base ? base + 1 : home->socket);
    rc = connect_to(fd, path);
    saved = errno;
    close(dir);
    errno = saved;
    return rc;
}

int
client_connect(const struct home *home, int *ret_fd)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc, saved;

    if (fd < 0)
        return -1;
    rc = connect_to(fd, home->socket);
    if (rc != 0 && errno == ENAMETOOLONG)
        rc = connect_long(fd, home);
    if (rc == 0)
        rc = peer_is_ours(fd, home);
    if (rc != 0) {
        saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

/* Held while one client starts an agent, so that the others wait and then find
 * it. -1 with errno. */
static int
take_lock(const struct home *home)
{
    char path[PATH_MAX];
    int fd;

    if (snprintf(path, sizeof path, "%s/start.lock", home->runtime) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        close(fd);
        return -1;
    }
    return fd;
}

static int
spawn_with(pid_t *ret_pid, const char *program, char **argv, int ready, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                             POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    rc = posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, ready, READY_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, READY_FD + 1);
    if (rc == 0)
        rc = posix_spawn(ret_pid, program, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static int
spawn_agent(const struct home *home, pid_t *ret_pid, int ready, int errors, struct err *err)
{
    char program[PATH_MAX], fd[12], name[] = "signet-agent", opt_home[] = "--home",
         opt_ready[] = "--ready-fd";
    char *argv[] = {name, opt_ready, fd, home->root ? opt_home : NULL, home->root, NULL};
    int rc = home_program(name, program, sizeof program);

    if (rc != 0)
        return err_set(err, E_AGENT, "signet-agent is not where Signet is installed; install "
                       "it again, or set SIGNET_LIBEXEC to its folder");
    snprintf(fd, sizeof fd, "%d", READY_FD);
    rc = spawn_with(ret_pid, program, argv, ready, errors);
    if (rc != 0)
        return err_set_sys(err, E_AGENT, rc, "the agent %s cannot be started", program);
    return 0;
}

/* Why the agent ended: the last line of what it wrote to standard error. */
static int
report(int errors, struct err *err)
{
    char text[ERR_TEXT_MAX / 2], *line, *end;
    off_t size = lseek(errors, 0, SEEK_END);
    off_t from = size > (off_t)sizeof text - 1 ? size - ((off_t)sizeof text - 1) : 0;
    ssize_t n = pread(errors, text, sizeof text - 1, from);

    text[n > 0 ? n : 0] = '\0';
    for (end = text + strlen(text); end > text && (end[-1] == '\n' || end[-1] == '\r'); end--)
        end[-1] = '\0';
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    if (!*line)
        return err_set(err, E_AGENT, "the agent ended while it started, without saying why; "
                       "run it in the foreground (signet-agent) to see");
    return err_set(err, E_AGENT, "the agent could not start: %s", line);
}

/* 0 when the byte came; E_AGENT when the agent ended instead. */
static int
wait_ready(int fd, int errors, struct err *err)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    ssize_t n = -1;
    int rc;

    do
        rc = poll(&p, 1, READY_WAIT_MS);
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return err_set(err, E_TIMEOUT, "the agent is not ready after %d seconds; see its log",
                       READY_WAIT_MS / 1000);
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : report(errors, err);
}

/* The same file on a descriptor that the child's 0 to READY_FD cannot be, even
 * when this process was started with some of those closed. */
static int
raised(int fd)
{
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, READY_FD + 1), saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return high;
}

static int
open_channels(int ready[2], int *errors, struct err *err)
{
    *errors = raised(memfd_create("signet-agent-errors", MFD_CLOEXEC));
    if (*errors >= 0 && pipe2(ready, O_CLOEXEC) == 0) {
        ready[1] = raised(ready[1]);
        if (ready[1] >= 0)
            return 0;
        close(ready[0]);
    }
    err_set_sys(err, E_SYSTEM, errno, "the agent cannot be started");
    if (*errors >= 0)
        close(*errors);
    return E_SYSTEM;
}

/* One agent started and awaited. It outlives us on success. */
static int
start(const struct home *home, struct err *err)
{
    int ready[2], errors, rc;
    pid_t pid = -1;

    if (open_channels(ready, &errors, err) != 0)
        return E_SYSTEM;
    rc = spawn_agent(home, &pid, ready[1], errors, err);
    close(ready[1]);
    if (rc == 0) {
        rc = wait_ready(ready[0], errors, err);
        if (rc != 0)
            kill(pid, SIGKILL);
        /* An agent that puts itself into the background leaves a child to reap. */
        waitpid(pid, NULL, rc == 0 ? WNOHANG : 0);
    }
    close(ready[0]);
    close(errors);
    return rc;
}

int
client_spawn(const struct home *home, int *ret_fd, struct err *err)
{
    struct conf *conf = NULL;
    int lock, rc;

    /* A faulty configuration is better told here than by an agent that ends. */
    rc = conf_load(&conf, home, err);
    conf_free(&conf);
    if (rc == 0)
        rc = home_make(home, err);
    if (rc != 0)
        return rc;
    lock = take_lock(home);
    if (lock < 0)
        return err_set_sys(err, E_SYSTEM, errno, "%s cannot be locked to start the agent",
                           home->runtime);
    for (int i = 0; i < SPAWN_TRIES; i++) {
        if (client_connect(home, ret_fd) == 0) {
            rc = 0;
            break;
        }
        rc = start(home, err);
        if (rc == 0 && client_connect(home, ret_fd) == 0)
            break;
        if (rc == 0)
            rc = err_set_sys(err, E_AGENT, errno, "the agent started, but its socket %s cannot "
                             "be used", home->socket);
        if (rc == E_TIMEOUT)
            break;
    }
    close(lock);
    return rc;
}
