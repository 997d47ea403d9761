/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All token hosts: one for each module that the configuration or p11-kit names.
 * Hosts are added, never removed, until hosts_free. Thread-safe.
 */
#ifndef SIGNET_AGENT_HOSTS_H
#define SIGNET_AGENT_HOSTS_H

#include "agent/host.h"
#include "agent/settings.h"

/* Modules at most; more are left out, and said in the log. */
#define HOSTS_MAX 64u

struct hosts;

/* changed: see struct host_config; may be NULL. */
struct hosts *hosts_new(void (*changed)(void *arg), void *arg) must_check;
/* Stops them all at once, then frees. */
void hosts_stop(struct hosts *);
void hosts_free(struct hosts **);

/* Starts a host for each module that has none yet. Modules of p11-kit's are asked
 * for once. What goes wrong with one module is logged and does not keep the others. */
void hosts_update(struct hosts *, struct settings *);

/* True; does not return while the list or one of its hosts cannot be had. */
bool hosts_are_free(struct hosts *);
/* The i-th, NULL behind the last. */
struct host *hosts_at(struct hosts *, unsigned i);
/* The host of the module of that name, or NULL. */
struct host *hosts_named(struct hosts *, const char *name);

#endif
