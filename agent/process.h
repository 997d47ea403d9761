/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a program from a process with threads: default signals, nothing
 * blocked, /dev/null where nothing is given, no other
 * descriptor. Standard error is inherited (the agent's log). Thread-safe.
 */
#ifndef SIGNET_AGENT_PROCESS_H
#define SIGNET_AGENT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Descriptors to pass on must be at least this, out of the way of the places they
 * are moved to. */
#define PROCESS_FD_MIN 64

struct process {
    const char *program;   /* absolute path */
    char **argv;
    char **environment;    /* NULL: ours */
    const int *fds;        /* passed on as first, first + 1, ... */
    unsigned count;
    int first;
    bool own_group;        /* no keyboard signal reaches it */
};

/* 0 or an errno value. The caller reaps. */
int process_start(const struct process *, pid_t *ret_pid) must_check;
/* Moves fd to PROCESS_FD_MIN or above, close-on-exec; -1 with errno (fd is closed). */
int process_raise(int fd) must_check;

#endif
