/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all parts of the agent share, and the reading order of this folder:
 *
 *   main.c, daemon, socket    one agent per home: lock, socket, background
 *   activation, notify        what a service manager passes and is told
 *   server, connection        accepting, a thread for each client, the end
 *   commands*                 the protocol's commands (docs/protocol.md)
 *   operate                   a private-key operation: place, login, audit
 *   login, pin_source, pin_command, pin      where PINs come from and stay
 *   ask, ask_text, prompts, pinentry         questions to a person, one window at a time
 *   approve*, confirm, limit, hours, counts what else a rule may want of a use
 *   lockdown, forget_events, sd_bus          when keys are refused and PINs forgotten
 *   registry, snapshot, keyspec, memory      what the tokens hold and held, its names
 *   metrics*                  what is counted, and where it goes
 *   watch, changes                           tokens that come and go
 *   hosts, host, host_queue, lane            the processes that hold the tokens
 */
#ifndef SIGNET_AGENT_AGENT_H
#define SIGNET_AGENT_AGENT_H

#include <pthread.h>

#include "agent/audit.h"
#include "agent/hosts.h"
#include "agent/pin.h"
#include "agent/registry.h"
#include "agent/settings.h"
#include "agent/watch.h"
#include "base/sandbox.h"

struct approvals;
struct confirm;
struct forget_events;
struct limits;
struct lockdown;
struct metrics;
struct notify;
struct policies;
struct prompts;
struct server;

/* Made and taken down by main.c; each part is thread-safe. */
struct agent {
    const struct home *home;
    struct settings *settings;
    struct hosts *hosts;
    struct pins *pins;
    struct registry *registry;
    struct watch *watch;
    struct memory *memory;
    struct audit *audit;
    struct metrics *metrics;
    struct policies *policies;
    struct notify *notify;   /* NULL: no service manager */
    struct lockdown *lockdown;
    struct forget_events *forget_events;
    struct prompts *prompts;
    struct approvals *approvals;
    struct confirm *confirm;
    struct limits *limits;
    struct server *server;
    /* Reads configuration and policy anew (SIGHUP), in the server's thread; what was there stays
     * on failure. NULL: there is nothing to read anew. */
    int (*reload)(struct agent *, struct err *err);
    struct sandbox_state sandbox; /* what it gave up */
    pthread_mutex_t manage; /* held by what makes tokens */
};

#endif
