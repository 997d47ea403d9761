/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's socket: mode 0600 in the runtime folder (0700), for the user and
 * root alone. */
#ifndef SIGNET_AGENT_SOCKET_H
#define SIGNET_AGENT_SOCKET_H

#include <stdbool.h>

#include "agent/audit.h"
#include "base/err.h"
#include "base/home.h"

/* Binds and listens. Whoever calls this holds the agent's lock: a socket that is
 * there already is stale and is replaced. */
int socket_open(const struct home *, int *ret_fd, struct err *err) must_check;
/* Whether somebody listens there. */
bool socket_answers(const struct home *);
void socket_remove(const struct home *);

/* Who is at the other end: 0, or -1 when it is another user. */
int socket_peer(int fd, struct peer *ret) must_check;

#endif
