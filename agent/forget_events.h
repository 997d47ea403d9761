/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the machine goes to sleep and when the screen is locked, PINs are to be forgotten.
 * Both are told by logind on the system bus (org.freedesktop.login1(5)): PrepareForSleep,
 * which a delay inhibitor holds back until the PINs are gone (a hibernated image holds
 * locked memory, too), and a session's Lock signal or LockedHint. Sessions of other users
 * do not count.
 *
 * On demand: the bus is connected to by a thread of its own, when the first PIN is kept
 * (forget_events_want). Where there is no bus or no logind nothing is lost but this; the
 * state says so, and the next PIN that is kept tries again, once a minute at most.
 * Thread-safe.
 */
#ifndef SIGNET_AGENT_FORGET_EVENTS_H
#define SIGNET_AGENT_FORGET_EVENTS_H

#include "base/err.h"

struct forget_events;

/* Longest state, with NUL. */
#define FORGET_EVENTS_STATE_MAX 256

/* forget(arg, why) is called in the thread; why: "suspend" or "screen-lock". */
struct forget_events *forget_events_new(void (*forget)(void *arg, const char *why),
                                        void *arg) must_check;
/* Ends the thread. */
void forget_events_free(struct forget_events **);

/* A PIN is kept: from now on events matter. Does not wait. */
void forget_events_want(struct forget_events *);

/* "suspend, screen lock"; "not yet: ..."; "none: ...", with the reason. */
void forget_events_state(struct forget_events *, char out[FORGET_EVENTS_STATE_MAX]);

#endif
