/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host.h"
#include "agent/process.h"
#include "base/home.h"
#include "base/io.h"

/* The child's first lane. */
#define FIRST_LANE 3
/* How long --list may take, in milliseconds, and how much it may say. */
#define LIST_WAIT_MS 10000
#define LIST_MAX (64u * 1024)

extern char **environ;

/* The environment with SOFTHSM2_CONF set; the array is the caller's to free, its
 * strings are not. */
static char **
environment_with(char *setting)
{
    size_t n = 0, out = 0, name = strcspn(setting, "=") + 1;
    char **env;

    while (environ[n])
        n++;
    env = calloc(n + 2, sizeof *env);
    for (size_t i = 0; env && i < n; i++)
        if (strncmp(environ[i], setting, name) != 0)
            env[out++] = environ[i];
    if (env)
        env[out] = setting;
    return env;
}

static void
close_all(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* One pair of descriptors: the child's, raised out of the way, and ours. */
static int
open_pair(bool lane, int *ours, int *theirs)
{
    int pair[2];

    if (lane ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0
             : pipe2(pair, O_CLOEXEC) != 0)
        return errno;
    *ours = pair[0];
    *theirs = process_raise(pair[1]);
    if (*theirs >= 0)
        return 0;
    int saved = errno;
    close(*ours);
    return saved;
}

/* The lanes, and behind them the pipe of events. */
static int
open_all(unsigned lanes, int *ours, int *theirs)
{
    for (unsigned i = 0; i <= lanes; i++) {
        int rc = open_pair(i < lanes, &ours[i], &theirs[i]);
        if (rc != 0) {
            close_all(ours, i);
            close_all(theirs, i);
            return rc;
        }
    }
    return 0;
}

static int
run_host(const struct host_config *conf, char *program, unsigned count, bool no_wait,
         int *theirs, pid_t *ret_pid)
{
    char lanes[12], module[] = "--module", path[] = "--path", kit[] = "--p11-kit",
         args[] = "--init-args", opt_lanes[] = "--lanes", events[] = "--events",
         opt_no_wait[] = "--no-wait",
         opt_no_sandbox[] = "--no-sandbox", setting[PATH_MAX + 16];
    char *argv[15], **env = NULL;
    unsigned n = 0;
    int rc;

    argv[n++] = program;
    argv[n++] = module;
    argv[n++] = (char *)(uintptr_t)conf->name;
    argv[n++] = conf->path ? path : kit;
    argv[n++] = (char *)(uintptr_t)(conf->path ? conf->path : conf->name);
    if (conf->init_args) {
        argv[n++] = args;
        argv[n++] = (char *)(uintptr_t)conf->init_args;
    }
    snprintf(lanes, sizeof lanes, "%u", count);
    argv[n++] = opt_lanes;
    argv[n++] = lanes;
    argv[n++] = events;
    if (no_wait)
        argv[n++] = opt_no_wait;
    if (conf->no_sandbox)
        argv[n++] = opt_no_sandbox;
    argv[n] = NULL;
    if (conf->softhsm_conf) {
        snprintf(setting, sizeof setting, "SOFTHSM2_CONF=%s", conf->softhsm_conf);
        env = environment_with(setting);
        if (!env)
            return ENOMEM;
    }
    struct process s = {.program = program, .argv = argv, .environment = env,
                      .fds = theirs, .count = count + 1, .first = FIRST_LANE,
                      .own_group = true};
    rc = process_start(&s, ret_pid);
    free(env);
    return rc;
}

int
host_spawn(const struct host_config *conf, unsigned count, bool no_wait, int *ret_fds,
           pid_t *ret_pid, struct err *err)
{
    char program[PATH_MAX];
    int theirs[HOST_LANES_MAX + 1] = {0}, rc;

    rc = home_program("signet-token", program, sizeof program);
    if (rc != 0)
        return err_set(err, E_HOST, "the program signet-token is not beside signet-agent; "
                       "install signet whole");
    rc = open_all(count, ret_fds, theirs);
    if (rc != 0)
        return err_set_sys(err, E_HOST, rc, "no sockets for the token host of module \"%s\"",
                           conf->name);
    rc = run_host(conf, program, count, no_wait, theirs, ret_pid);
    close_all(theirs, count + 1);
    if (rc != 0) {
        close_all(ret_fds, count + 1);
        return err_set_sys(err, E_HOST, rc, "the token host %s cannot be started", program);
    }
    return 0;
}

/* Reads to the end, or to the limits. */
static void
read_list(int fd, struct buf *out)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint8_t *room;

    buf_set_max(out, LIST_MAX);
    while (poll(&p, 1, LIST_WAIT_MS) > 0) {
        if (buf_reserve(out, 4096, &room) != 0)
            break;
        ssize_t n = io_read(fd, room, 4096);
        buf_trim(out, 4096 - (n > 0 ? (size_t)n : 0));
        if (n <= 0)
            break;
    }
}

/* Starts --list; the reading end of its output, or -1 with errno. */
static int
start_list(char *program, pid_t *ret_pid)
{
    char list[] = "--list";
    char *argv[] = {program, list, NULL};
    int fds[2], rc;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    fds[1] = process_raise(fds[1]);
    if (fds[1] < 0) {
        rc = errno;
    } else {
        const struct process s = {.program = program, .argv = argv, .fds = &fds[1], .count = 1,
                                  .first = STDOUT_FILENO, .own_group = true};
        rc = process_start(&s, ret_pid);
        close(fds[1]);
    }
    if (rc == 0)
        return fds[0];
    close(fds[0]);
    errno = rc;
    return -1;
}

int
host_list_modules(struct buf *out, struct err *err)
{
    char program[PATH_MAX];
    pid_t pid = 0;
    int fd;

    if (home_program("signet-token", program, sizeof program) != 0)
        return err_set(err, E_HOST, "the program signet-token is not beside signet-agent; "
                       "install signet whole");
    fd = start_list(program, &pid);
    if (fd < 0)
        return err_set_sys(err, E_HOST, errno, "%s cannot be started", program);
    read_list(fd, out);
    close(fd);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return 0;
}
