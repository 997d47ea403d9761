/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc tells of a client (struct peer, agent/audit.h): its program, and its systemd unit.
 * Read once, when it connects. What cannot be known, or is longer than there is room for, is "".
 *
 * A user's manager has units with names of his choice, in the control group of user@UID.service;
 * therefore the machine's agent takes the unit that the system's manager gave (session-2.scope,
 * user@1000.service, mail.service), and the user's own agent the innermost one.
 */
#ifndef SIGNET_AGENT_PEER_H
#define SIGNET_AGENT_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/audit.h"

/* machine: for the machine's agent. */
void peer_find(struct peer *, bool machine);
/* The unit in the text of /proc/PID/cgroup (cgroups(7)), which is changed. */
void peer_unit(char *cgroups, bool machine, char *ret, size_t size);

#endif
