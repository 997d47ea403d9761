/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepting clients: a thread for each, up to a limit; and the orderly end.
 *
 * Life: server_new on a listening socket, server_run in the main thread (returns
 * when STOP, SIGTERM or SIGINT came), server_drain, server_part, server_free.
 */
#ifndef SIGNET_AGENT_SERVER_H
#define SIGNET_AGENT_SERVER_H

#include <signal.h>

#include "agent/agent.h"

/* Clients at once, unless max-connections says otherwise. */
#define SERVER_CONNECTIONS_DEFAULT 256u

/* On the machine's agent one user's clients have a quarter of that, so that nobody keeps the
 * others out; its own user and root have it all. */
#define SERVER_SHARE 4u

/* The signals that server_run takes from a descriptor; to be blocked before. */
void server_signals(sigset_t *ret);

/* Borrows the listening descriptor. */
int server_new(struct server **ret, struct agent *, int listener, unsigned max,
               struct err *err) must_check;
void server_run(struct server *);
/* Asks server_run to return. fd: the connection that asked, which is hung up last;
 * or -1. Thread-safe. */
void server_stop(struct server *, int fd);
/* Hangs up: commands under way still send their replies. Waits for them, ms at
 * most; false when some are left. */
bool server_drain(struct server *, unsigned ms);
/* Hangs up on all that are left, the one who asked too, and waits, ms at most. */
bool server_part(struct server *, unsigned ms);
void server_free(struct server **);

unsigned server_connections(struct server *);
/* Seconds. */
unsigned long server_uptime(struct server *);

#endif
