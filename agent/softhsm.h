/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The embedded software token, for those without a card: SoftHSM with its tokens
 * and its configuration under the state folder, as module softhsm-embedded of
 * signet.conf.
 */
#ifndef SIGNET_AGENT_SOFTHSM_H
#define SIGNET_AGENT_SOFTHSM_H

#include "agent/agent.h"
#include "base/secret.h"

#define SOFTHSM_MODULE "softhsm-embedded"

/* Sees to its configuration and its host; *ret_host is the running module. */
int softhsm_prepare(struct agent *, struct host **ret_host, struct err *err) must_check;

/* Makes a token there. The security officer's PIN is the user's: who lost the one
 * has lost the other, and a token without a card is then made anew. */
int softhsm_create(struct agent *, const char *label, const struct secret *pin,
                   struct err *err) must_check;

#endif
