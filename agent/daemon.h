/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One agent per home. The lock is a file in the runtime folder on which two bytes
 * are locked: one for the agent's life, one while an agent starts or ends. Who
 * starts takes the second first and waits for it: when he has it, no agent is half
 * started or half gone. If the first is taken then, an agent is there and listens.
 * The locks belong to the open file: they pass to a child and die with the last
 * process that has it.
 */
#ifndef SIGNET_AGENT_DAEMON_H
#define SIGNET_AGENT_DAEMON_H

#include <stdbool.h>

#include "base/err.h"
#include "base/home.h"

struct daemon {
    int lock;
    char *lock_path;
};

/* 0 with *ret_ours set: this process is the agent now and is starting; not set:
 * another one is there and ready. passed: the socket is the service manager's, which has put
 * it in the place of that of an agent that may be there: nobody reaches that one any
 * more, so it is ended (SIGTERM) and waited for. */
int daemon_lock(struct daemon *, const struct home *, bool passed, bool *ret_ours,
                struct err *err) must_check;
/* The agent listens: who waited to start one may look. */
void daemon_started(struct daemon *);
/* The agent is about to end: who wants to start one has to wait. */
void daemon_ending(struct daemon *);
/* Removes the lock's file and lets go. */
void daemon_unlock(struct daemon *);

/* Goes on in the background, in a session of its own with standard error in the
 * file at log. Returns in the child only; before any thread and any secret. */
int daemon_detach(const char *log, struct err *err) must_check;
/* Writes this process's number into the lock's file. */
void daemon_note_pid(struct daemon *);

#endif
