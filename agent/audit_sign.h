/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log's heads signed by themselves: each sign-every the agent has `signet audit sign`
 * sign how far the log has come, with the key sign-key, into audit-heads/TIME.p7m beside the log.
 * The command is this agent's client like any other: policy and log count for it, and it asks
 * nobody, so the token's PIN has to be known (pin-source, or entered before). A log with nothing
 * new is not signed again; what fails is tried again a little later.
 *
 * Without sign-key there is no thread and nothing to do.
 */
#ifndef SIGNET_AGENT_AUDIT_SIGN_H
#define SIGNET_AGENT_AUDIT_SIGN_H

#include "agent/agent.h"

struct audit_sign;

/* *ret is NULL when the configuration names no key. */
int audit_sign_start(struct audit_sign **ret, struct agent *, struct err *err) must_check;
/* Ends the command that is under way. */
void audit_sign_stop(struct audit_sign **);

#endif
