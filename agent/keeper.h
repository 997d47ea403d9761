/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's housekeeping thread: looks at the tokens once when the agent has
 * started, so that the first client finds them; then forgets PINs in time. */
#ifndef SIGNET_AGENT_KEEPER_H
#define SIGNET_AGENT_KEEPER_H

#include "agent/agent.h"

struct keeper;

int keeper_start(struct keeper **ret, struct agent *, struct err *err) must_check;
/* Call when the hosts are stopped: it may be waiting for one. */
void keeper_stop(struct keeper **);

#endif
