/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration and policy read anew (RELOAD, SIGHUP), in one step or not at all. Modules and
 * their token hosts stay as they were at the start. */
#ifndef SIGNET_AGENT_RELOAD_H
#define SIGNET_AGENT_RELOAD_H

#include "agent/agent.h"

/* peer: who wants it; NULL: the agent's own user, by a signal. E_CONFIG with file and line. */
int reload(struct agent *, const struct peer *, struct err *err) must_check;
/* The agent's reload (agent/agent.h). */
int reload_by_signal(struct agent *, struct err *err) must_check;

#endif
