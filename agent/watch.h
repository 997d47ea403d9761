/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens that come and go, seen from the agent. A thread sleeps until a token host says
 * that something has changed, or until the machine wakes from sleep; then it has the
 * registry look at the tokens again. What the registry finds to be different is told
 * to all who watch (the WATCH command).
 *
 *     watch_new, watch_start (with the registry), ... watch_stop, watch_free
 *
 * Nothing here wakes up by itself. Thread-safe.
 */
#ifndef SIGNET_AGENT_WATCH_H
#define SIGNET_AGENT_WATCH_H

#include <stdbool.h>

#include "base/err.h"

/* Events that a slow watcher may fall behind; older ones are lost to it. */
#define WATCH_EVENTS_MAX 256u

struct watch;
struct registry;

struct watch *watch_new(void) must_check;
int watch_start(struct watch *, struct registry *, struct err *err) must_check;
void watch_stop(struct watch *);
void watch_free(struct watch **);

/* Tokens may have changed. Does not wait; the shape of host_config's callback. */
void watch_poke(void *watch);
/* Tells the watchers: one object of JSON on one line. */
void watch_tell(struct watch *, const char *event);

/* Calls tell(arg, event) for each event from now on, until fd is hung up or watch_stop:
 * then 0. `first` is called when no later event can be missed. Both end it by other
 * than 0, which is returned. */
int watch_attend(struct watch *, int fd, int (*first)(void *arg),
                 int (*tell)(void *arg, const char *event), void *arg) must_check;

#endif
