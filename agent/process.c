/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* posix_spawn, never a bare fork: the agent has threads and locked memory that a
 * forked child must not touch. */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static int
add_files(posix_spawn_file_actions_t *files, const struct process *s)
{
    int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDWR, 0);

    for (unsigned i = 0; rc == 0 && i < s->count; i++)
        rc = posix_spawn_file_actions_adddup2(files, s->fds[i], s->first + (int)i);
    if (rc == 0 && s->first > STDOUT_FILENO)
        rc = posix_spawn_file_actions_adddup2(files, STDIN_FILENO, STDOUT_FILENO);
    if (rc == 0) {
        int end = s->first + (int)s->count;
        rc = posix_spawn_file_actions_addclosefrom_np(files, end > 3 ? end : 3);
    }
    return rc;
}

int
process_start(const struct process *s, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, (short)((s->own_group ? POSIX_SPAWN_SETPGROUP : 0) |
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    rc = add_files(&files, s);
    if (rc == 0)
        rc = posix_spawn(ret_pid, s->program, &files, &attr, s->argv,
                         s->environment ? s->environment : environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

int
process_raise(int fd)
{
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, PROCESS_FD_MIN), saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return high;
}
