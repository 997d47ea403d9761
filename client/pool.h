/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections to the agent for fronts that live in other people's processes: opened when they
 * are needed, kept while they are idle, one per thread at a time.
 *
 * The host program is not ours. It may fork: a child leaves its parent's connections alone and
 * opens its own. It may close all descriptors and reuse their numbers: a connection is used only
 * while its descriptor is still the socket that was opened. The agent may have been started anew:
 * what fails on a connection that lay idle is tried once more on a new one. No signal handler,
 * no exit handler, nothing on standard error.
 *
 *     pool_new(&p, "provider", err);
 *     pool_run(p, sign_it, &job, err);      from any thread
 *     pool_free(&p);
 */
#ifndef SIGNET_CLIENT_POOL_H
#define SIGNET_CLIENT_POOL_H

#include "client/client.h"

/* Idle connections that are kept. */
#define POOL_IDLE_MAX 16

struct pool;

/* Connects to nothing yet. front: who speaks, a constant. */
int pool_new(struct pool **ret, const char *front, struct err *err) must_check;
void pool_free(struct pool **);

/* Has work done with a connection that is nobody else's meanwhile; what it returns is returned.
 * It may be called twice, and must then begin anew. E_AGENT when no agent can be had, E_CONFIG and
 * others of client_open. Thread-safe. */
int pool_run(struct pool *, int (*work)(struct client *, void *arg, struct err *), void *arg,
             struct err *err) must_check;

#endif
