/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where metrics go besides STATUS: a file that node_exporter's textfile collector reads
 * ([agent] metrics-file), and a Unix socket that answers HTTP GET ([agent] metrics-socket,
 * or a socket "metrics" of the service manager's), for curl --unix-socket and proxies.
 *
 * One thread does both. It sleeps until something is counted or somebody asks: an idle
 * agent writes nothing and is not woken. The file is replaced as a whole, at
 * most once per metrics-interval (15 seconds), and a last time at the end. It is readable
 * by everybody, and holds labels of tokens and the first digits of keys' names.
 */
#ifndef SIGNET_AGENT_METRICS_EXPORT_H
#define SIGNET_AGENT_METRICS_EXPORT_H

#include "agent/agent.h"

#define METRICS_INTERVAL_DEFAULT 15u

struct exporter;

/* Opens what there is to open, before the agent goes to the background; its settings and
 * metrics are there. listener: the manager's socket, whose file stays; or -1. *ret is NULL
 * when nothing is configured. What cannot be made is an error with a sentence. */
int exporter_new(struct exporter **ret, struct agent *, int listener,
                 struct err *err) must_check;
/* Begins; both take NULL. */
int exporter_start(struct exporter *, struct err *err) must_check;
/* Ends and frees; the agent's metrics and hosts must be there still. */
void exporter_stop(struct exporter **);

#endif
