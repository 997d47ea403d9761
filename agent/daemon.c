/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/socket.h"

/* How often to look whether a lock's holder who listens no more is gone, every 20
 * milliseconds. */
#define LAST_BREATHS 150
/* The same for one that was told to end. */
#define END_BREATHS 500

/* The two bytes. */
enum { BYTE_LIFE, BYTE_CHANGE };

static int
lock_byte(int fd, int byte, bool wait)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int rc;

    do
        rc = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
    while (rc != 0 && errno == EINTR);
    return rc;
}

static void
unlock_byte(int fd, int byte)
{
    struct flock l = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    while (fcntl(fd, F_OFD_SETLK, &l) != 0 && errno == EINTR)
        ;
}

/* Whether the path still names the open file: an ending agent removes it. */
static bool
is_current(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* The lock file with BYTE_CHANGE held; -1 with errno. */
static int
open_lock(const char *path)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        if (lock_byte(fd, BYTE_CHANGE, true) != 0) {
            int saved = errno;
            close(fd);
            errno = saved;
            return -1;
        }
        if (is_current(fd, path))
            return fd;
        close(fd);
    }
}

/* 1: ours; 0: an agent's that listens; -1 with errno. The kernel may take a killed
 * agent's sockets away before its locks: when nobody listens, the holder is given
 * time to be gone. */
static int
take_life(int fd, const struct home *home)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    for (unsigned i = 0; i < LAST_BREATHS; i++) {
        if (lock_byte(fd, BYTE_LIFE, false) == 0)
            return 1;
        if (errno != EAGAIN && errno != EACCES)
            return -1;
        if (socket_answers(home))
            return 0;
        nanosleep(&pause, NULL);
    }
    errno = EAGAIN;
    return -1;
}

/* The process that holds the lock: it is alive, and has written its number. */
static pid_t
holder(int fd)
{
    char text[16] = "";

    if (pread(fd, text, sizeof text - 1, 0) <= 0)
        return 0;
    return (pid_t)strtol(text, NULL, 10);
}

/* As take_life, ending the one that is there. */
static int
take_over(int fd)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    for (unsigned i = 0; i < END_BREATHS; i++) {
        pid_t pid;
        if (lock_byte(fd, BYTE_LIFE, false) == 0)
            return 1;
        if (errno != EAGAIN && errno != EACCES)
            return -1;
        pid = holder(fd);
        if (pid > 1 && i == 0)
            kill(pid, SIGTERM);
        /* Its end wants the other byte for itself. */
        unlock_byte(fd, BYTE_CHANGE);
        nanosleep(&pause, NULL);
        if (lock_byte(fd, BYTE_CHANGE, true) != 0)
            return -1;
    }
    errno = EAGAIN;
    return -1;
}

static int
cannot_start(const struct daemon *d, const struct home *home, struct err *err)
{
    char pid[16] = "";

    if (errno != EAGAIN)
        return err_set_sys(err, E_SYSTEM, errno, "the lock file %s cannot be locked",
                           d->lock_path);
    if (pread(d->lock, pid, sizeof pid - 1, 0) < 0)
        pid[0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return err_set(err, E_AGENT, "an agent runs (process %s), but its socket %s is gone; end "
                   "it (kill %s) and try again", pid, home->socket, pid);
}

static void
let_go(struct daemon *d)
{
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
    free(d->lock_path);
    d->lock_path = NULL;
}

int
daemon_lock(struct daemon *d, const struct home *home, bool passed, bool *ret_ours,
            struct err *err)
{
    int rc;

    *ret_ours = false;
    if (asprintf(&d->lock_path, "%s/agent.lock", home->runtime) < 0) {
        d->lock_path = NULL;
        return err_set(err, E_NOMEM, "out of memory while starting");
    }
    /* One that ended meanwhile has taken its file away: then there is a new one. */
    do {
        if (d->lock >= 0)
            close(d->lock);
        d->lock = open_lock(d->lock_path);
        rc = d->lock < 0 ? -1 : passed ? take_over(d->lock) : take_life(d->lock, home);
    } while (rc > 0 && !is_current(d->lock, d->lock_path));
    if (d->lock < 0) {
        rc = err_set_sys(err, E_SYSTEM, errno, "the lock file %s cannot be used", d->lock_path);
    } else {
        *ret_ours = rc > 0;
        rc = rc < 0 ? cannot_start(d, home, err) : 0;
    }
    if (!*ret_ours)
        let_go(d);
    return rc;
}

void
daemon_started(struct daemon *d)
{
    unlock_byte(d->lock, BYTE_CHANGE);
}

void
daemon_ending(struct daemon *d)
{
    if (lock_byte(d->lock, BYTE_CHANGE, true) != 0)
        return; /* only who starts an agent this instant is the worse for it */
}

void
daemon_unlock(struct daemon *d)
{
    if (d->lock < 0)
        return;
    unlink(d->lock_path);
    let_go(d);
}

static int
redirect(const char *log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = null >= 0 && file >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
             dup2(null, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0 ? 0 : -1;
    int saved = errno;

    if (null > STDERR_FILENO)
        close(null);
    if (file > STDERR_FILENO)
        close(file);
    errno = saved;
    return rc;
}

int
daemon_detach(const char *log, struct err *err)
{
    /* Before the fork, so that a log that cannot be written is still told. */
    int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    pid_t pid;

    if (file < 0)
        return err_set_sys(err, E_SYSTEM, errno, "the agent's log %s cannot be written", log);
    close(file);
    pid = fork();
    if (pid < 0)
        return err_set_sys(err, E_SYSTEM, errno, "the agent cannot go to the background");
    if (pid > 0)
        _exit(0);
    setsid();
    if (chdir("/") != 0 || redirect(log) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "the agent cannot go to the background");
    return 0;
}

void
daemon_note_pid(struct daemon *d)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

    /* For people only: nothing depends on it. */
    if (ftruncate(d->lock, 0) != 0 || pwrite(d->lock, text, (size_t)n, 0) != n)
        return;
}
