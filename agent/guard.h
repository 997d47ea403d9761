/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands between a request and a private key, in this order: is the agent locked; does the
 * policy allow it (agent/policy.h); are rate, count and hours kept (agent/limit.h); does the
 * person at the client confirm it (agent/confirm.h); do others approve it (agent/approve.h). What
 * is denied is in the audit log and in the metrics.
 */
#ifndef SIGNET_AGENT_GUARD_H
#define SIGNET_AGENT_GUARD_H

#include "agent/operate.h"

/* 0, E_LOCKED, E_DENIED with a sentence that names the rule, or of what is asked. */
int guard_permit(struct connection *, const struct key *, const struct operation *,
                 struct err *err) must_check;

#endif
