/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One lane: the agent's end of a socket to a token host, on which one command at
 * a time runs. The host serves each lane from a thread of its own.
 *
 * Life: lane_open on a connected socket (reads the host's greeting), lane_run as
 * often as wanted, lane_free. A lane belongs to one thread at a time. When a host
 * says nothing for LANE_TIMEOUT seconds, or goes away, lane_run fails with E_HOST
 * and the lane is dead: only lane_free is left to do.
 */
#ifndef SIGNET_AGENT_LANE_H
#define SIGNET_AGENT_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* Seconds a host may take over one line, and where a person types a PIN into the
 * reader's keypad meanwhile. */
#define LANE_TIMEOUT 30
#define LANE_TIMEOUT_KEYPAD 120

/* What the host may inquire while the command runs. */
struct lane_answer {
    const char *keyword;   /* "DATA", "PIN"; NULL for none */
    const uint8_t *data;   /* borrowed */
    size_t len;
};

/* A command and where its data go: to out, or to secret, or nowhere. */
struct lane_command {
    const char *line;      /* without line end */
    struct lane_answer answers[2];
    struct buf *out;
    struct secret *secret;
    /* Answers what the host inquires beyond that, if there is one: fills ret, or fails
     * with a sentence, which is then what the command failed with. */
    int (*inquire)(void *arg, const char *inquiry, struct secret *ret, struct err *err);
    void *arg;
    unsigned timeout;          /* seconds; 0: LANE_TIMEOUT */
    /* For host_call, not for the lane: */
    const unsigned long *slot; /* the slot it is about; NULL: none, or all */
    pid_t owner;               /* whose turn it is; 0: the agent's own */
};

struct lane;

/* Takes the descriptor, also on failure. */
int lane_open(struct lane **ret, int fd, struct err *err) must_check;
/* Runs it. 0, what the host answered (code, sentence, and the module's CK_RV in
 * err->rv), or E_HOST when the lane died. */
int lane_run(struct lane *, const struct lane_command *, struct err *err) must_check;
bool lane_dead(const struct lane *);
void lane_free(struct lane **);

#endif
