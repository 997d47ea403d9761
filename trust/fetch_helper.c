/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/fetch_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/home.h"

/* Descriptors of ours stay clear of the child's places. */
#define FD_MIN 64
#define ENVIRONMENT_MAX 16
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

/* What of our environment the helper is given: proxies, unless the configuration names one;
 * sanitizers' options, which nothing else reads. */
static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                      "ALL_PROXY", "no_proxy", "NO_PROXY"};
static const char *const sanitizers[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

static void
add_variables(char **out, size_t *n, const char *const *names, size_t count)
{
    for (char **e = environ; *e != NULL; e++)
        for (size_t i = 0; i < count; i++) {
            size_t len = strlen(names[i]);
            if (strncmp(*e, names[i], len) == 0 && (*e)[len] == '=' && *n < ENVIRONMENT_MAX)
                out[(*n)++] = *e;
        }
}

static int
run(const char *program, int fd, bool own_proxy, pid_t *ret)
{
    char name[] = "signet-fetch", no_ldaprc[] = "LDAPNOINIT=1";
    char *argv[] = {name, NULL}, *env[ENVIRONMENT_MAX + 2] = {no_ldaprc};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    size_t n = 1;
    if (!own_proxy)
        add_variables(env, &n, proxies, sizeof proxies / sizeof *proxies);
    add_variables(env, &n, sanitizers, sizeof sanitizers / sizeof *sanitizers);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    /* In our process group: what a person interrupts ends with us. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int rc = posix_spawn_file_actions_adddup2(&files, fd, WIRE_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, WIRE_FD + 1);
    if (rc == 0)
        rc = posix_spawn(ret, program, &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static int
raised(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN), saved = errno;
    close(fd);
    errno = saved;
    return high;
}

int
helper_start(struct helper *h, const struct wire_settings *settings, bool own_proxy,
             struct err *err)
{
    char program[PATH_MAX];
    int pair[2], rc;
    struct buf *packet;
    if (home_program("signet-fetch", program, sizeof program) != 0)
        return err_set(err, E_HOST, "signet-fetch is not where Signet is installed; install it "
                       "again, or set SIGNET_LIBEXEC to its folder");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_set_sys(err, E_HOST, errno, "signet-fetch cannot be started");
    h->fd = pair[0];
    pair[1] = raised(pair[1]);
    rc = pair[1] >= 0 ? run(program, pair[1], own_proxy, &h->pid) : errno;
    if (pair[1] >= 0)
        close(pair[1]);
    if (rc != 0) {
        h->pid = 0;
        close(h->fd);
        return err_set_sys(err, E_HOST, rc, "%s cannot be started", program);
    }
    packet = buf_new();
    if (packet == NULL || wire_put_settings(packet, settings) != 0
        || helper_send(h, packet) != 1)
        rc = err_set(err, E_HOST, "signet-fetch cannot be spoken to; a setting in [fetch] may "
                     "be too long");
    buf_free(&packet);
    if (rc != 0)
        helper_end(h);
    return rc;
}

void
helper_end(struct helper *h)
{
    if (h->pid == 0)
        return;
    close(h->fd);
    /* It keeps nothing that would want an orderly end. */
    kill(h->pid, SIGKILL);
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    h->pid = 0;
}

int
helper_send(struct helper *h, const struct buf *packet)
{
    ssize_t n;
    do
        n = send(h->fd, buf_data(packet), buf_len(packet), MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n < 0 ? E_HOST : 1;
}

/* Descriptors that came: the only one, or -1 and those that are too many closed. */
static int
one_descriptor(struct msghdr *m, bool *bad)
{
    int found = -1;
    *bad = (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, (const char *)c + at, sizeof fd);
            if (found >= 0) {
                *bad = true;
                close(fd);
            } else {
                found = fd;
            }
        }
    }
    return found;
}

int
helper_receive(struct helper *h, struct wire_answer *ret, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {h->packet, sizeof h->packet};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    bool bad = false;
    ssize_t n;
    do
        n = recvmsg(h->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n < 0)
        return E_HOST;
    int fd = one_descriptor(&m, &bad);
    if (bad || n == 0 || wire_get_answer(ret, h->packet, (size_t)n) != 0
        || (fd >= 0) != (ret->total > 0)) {
        if (fd >= 0)
            close(fd);
        return E_HOST;
    }
    *ret_fd = fd;
    return 1;
}

int
helper_map(int fd, size_t len, void **ret)
{
    struct stat st;
    struct statfs fs;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size <= 0
        || (uint64_t)st.st_size != len || fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC)
        return E_HOST;
    void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return E_NOMEM;
    *ret = map;
    return 0;
}
