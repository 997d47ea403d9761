/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue of dialogs: one window at a time over the whole agent, in the order in
 * which they were asked for. Who waits leaves the queue when his client goes away, and
 * all leave it when the agent is locked.
 *
 *     struct prompt p;
 *     rc = prompts_enter(all, &p, client, err);     waits for the turn
 *     ... show the dialog; take it back when p.wake becomes readable ...
 *     prompts_leave(all, &p);                       also after a failure of what is between
 *
 * What a client asks at a terminal of its own (INQUIRE) does not stand here: a client
 * that never answers would hold up all others. Thread-safe.
 */
#ifndef SIGNET_AGENT_PROMPTS_H
#define SIGNET_AGENT_PROMPTS_H

#include <stdbool.h>

#include "base/err.h"

struct prompts;

/* The caller's storage; in the list from enter to leave. */
struct prompt {
    struct prompt *next;
    int wake;              /* readable: look; in the turn: the dialog is withdrawn */
    bool withdrawn;
};

struct prompts *prompts_new(void) must_check;
/* When nobody is in it. */
void prompts_free(struct prompts **);

/* client: a socket whose hang-up ends the waiting (E_CANCELLED), or -1. E_LOCKED when all
 * were withdrawn. After a failure the prompt is out of the list. */
int prompts_enter(struct prompts *, struct prompt *, int client, struct err *err) must_check;
void prompts_leave(struct prompts *, struct prompt *);

/* Takes back the dialog that is shown, and all that wait. */
void prompts_withdraw(struct prompts *);
bool prompts_was_withdrawn(struct prompts *, const struct prompt *);
/* How many are shown or wait. */
unsigned prompts_count(struct prompts *);

#endif
