/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The metrics as Prometheus reads them: its text format 0.0.4, in UTF-8. Latencies are in
 * seconds, buckets cumulative, and only pairs of key and token that were used are there.
 */
#ifndef SIGNET_AGENT_METRICS_TEXT_H
#define SIGNET_AGENT_METRICS_TEXT_H

#include "agent/agent.h"
#include "base/buf.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends; E_NOMEM. */
int metrics_text(const struct agent *, struct buf *out) must_check;

#endif
