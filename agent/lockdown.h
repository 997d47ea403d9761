/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent under lock: after `signet agent lock` it has forgotten all PINs, and refuses
 * every private-key operation, PIN command and question until somebody gives the
 * passphrase again. Of the passphrase a yescrypt hash (crypt(5)) is kept, and only as long
 * as the lock stands. Wrong passphrases are answered ever more slowly, however many ask
 * at once. Thread-safe; lockdown_check costs one atomic load.
 */
#ifndef SIGNET_AGENT_LOCKDOWN_H
#define SIGNET_AGENT_LOCKDOWN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"

struct agent;
struct lockdown;

/* The pause after the first wrong passphrase, and the longest, in milliseconds; each is
 * twice the one before. */
#define LOCKDOWN_FIRST_MS 500u
#define LOCKDOWN_MOST_MS 30000u

struct lockdown *lockdown_new(void) must_check;
void lockdown_free(struct lockdown **);

/* 0, or E_LOCKED with a sentence. */
int lockdown_check(const struct agent *, struct err *err) must_check;
bool lockdown_stands(const struct lockdown *);

/* E_LOCKED when it is locked already; E_PIN_INVALID when that is no passphrase. */
int lockdown_lock(struct lockdown *, const struct secret *passphrase, struct err *err) must_check;
/* 0 also when nothing is locked. E_PIN_WRONG; E_CANCELLED when gone(arg), asked now and
 * then, says that nobody waits any more. */
int lockdown_unlock(struct lockdown *, const struct secret *passphrase, bool (*gone)(void *),
                    void *arg, struct err *err) must_check;

#endif
