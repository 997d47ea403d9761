/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What came and what went between two snapshots. A token is the same when it is at the
 * same host, of the same identity, and was not away in between as far as the host can
 * tell (it counts the tokens of each slot: epoch). Slots whose token is not initialised
 * are passed over, and so are the tokens of a host that could not be asked. Pure.
 */
#ifndef SIGNET_AGENT_CHANGES_H
#define SIGNET_AGENT_CHANGES_H

#include "agent/snapshot.h"

/* asked(arg, host): whether that host's tokens are in the newer snapshot. before may be
 * NULL: then all have come. First what went, then what came. */
void changes_find(const struct snapshot *before, const struct snapshot *after,
                  bool (*asked)(void *arg, const struct host *),
                  void (*went)(void *arg, const struct token *),
                  void (*came)(void *arg, const struct token *), void *arg);

#endif
