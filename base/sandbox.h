/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process still needs, and the end of everything else.
 *
 * A process opens what it was told to open, fills a struct sandbox with what it will need from
 * there on, and calls sandbox_enter() once, before it starts threads and before it looks at
 * anything that a stranger wrote. There is no way back, and programs that it starts inherit all
 * of it: so what starts other programs is to ask for what those need.
 *
 * Always: no new privileges (set-user-ID programs run as plain ones), no core, not dumpable, no
 * looks into other processes (ptrace, process_vm_readv), none of the calls that only
 * administrators' tools and exploits make (bpf, perf_event_open, kexec, kernel modules,
 * userfaultfd, io_uring, ...), no other architecture's calls. What is not in `may` is refused by a seccomp
 * filter, with EPERM. With `files`, Landlock holds the process to the paths of the lists
 * and what is beneath them; a path that does not exist is left out.
 *
 * A kernel that cannot give something is no failure: what was had is in *ret, and what was not
 * is said by sandbox_missing(). A program built with sanitizers gives up its privileges and its
 * core alone: theirs ptrace themselves, read /proc and write reports.
 *
 * Cost, measured: 45 us for a filter, 2 us for a path.
 */
#ifndef SIGNET_BASE_SANDBOX_H
#define SIGNET_BASE_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

enum sandbox_may {
    SANDBOX_PROGRAMS = 1,   /* start programs; with `files` those of `run` */
    SANDBOX_INTERNET = 2,   /* sockets that are not AF_UNIX */
    SANDBOX_LISTEN = 4,     /* accept connections */
    SANDBOX_NAMESPACES = 8, /* mount and unshare, as programs of others do to confine theirs */
};

/* Lists end with NULL; NULL is an empty one. */
struct sandbox {
    unsigned may;
    bool files;
    const char *const *read;
    const char *const *write; /* read, too; made, renamed and removed within a folder */
    const char *const *run;   /* read, too */
};

struct sandbox_state {
    bool no_new_privileges, undumpable, no_core, calls, files;
    bool wanted_files;
    int landlock;             /* the kernel's version, 0: none */
};

void sandbox_enter(const struct sandbox *, struct sandbox_state *ret);

/* The kernel's version of Landlock, 0: it has none, or it is not switched on. */
int sandbox_landlock(void);
/* Of a program built so. */
bool sandbox_sanitized(void);

/* The i-th thing that could not be had, as a phrase for people ("Landlock (...)"); NULL behind
 * the last. */
const char *sandbox_missing(const struct sandbox_state *, unsigned i);

#endif
