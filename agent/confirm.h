/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A person's yes to the use of a key, where a rule wants one: each time, or once per session.
 * A session is that of the terminal or desktop from which the client was started
 * (getsid(2)), of one user, for one rule, key and operation. It ends when the agent forgets PINs
 * (lock, sleep, screen lock, pin forget), with the agent, and with its leading process.
 *
 * Asking is ask_confirm's (agent/ask.h): pinentry, or the client's terminal. Each answer is in
 * the audit log as event "confirm" before it counts. Thread-safe.
 */
#ifndef SIGNET_AGENT_CONFIRM_H
#define SIGNET_AGENT_CONFIRM_H

#include "base/err.h"

/* Sessions that are remembered; the oldest makes room, and is asked again. */
#define CONFIRM_SESSIONS_MAX 256u

enum confirm_when { CONFIRM_NEVER, CONFIRM_EACH, CONFIRM_SESSION };

struct confirm;
struct connection;
struct key;
struct operation;

/* "no", "each", "session"; E_CONFIG with a sentence. */
int confirm_parse(const char *, enum confirm_when *ret, struct err *err) must_check;

struct confirm *confirm_new(void) must_check;
void confirm_free(struct confirm **);

/* 0; E_DENIED, E_PIN_NEEDED (nobody can be asked), E_LOCKED, E_CANCELLED as ask_confirm; E_SYSTEM
 * when it cannot be logged. Counts denials in the metrics. */
int confirm_permit(struct connection *, const struct key *, const struct operation *,
                   const char *rule, enum confirm_when, struct err *err) must_check;
/* All sessions end. */
void confirm_forget(struct confirm *);

#endif
