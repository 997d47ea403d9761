/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy.c and policy_load.c share. */
#ifndef SIGNET_AGENT_POLICY_IMPL_H
#define SIGNET_AGENT_POLICY_IMPL_H

#include <stdatomic.h>

#include "agent/policy.h"

struct policy {
    atomic_uint refs;
    struct rule *rules;
    unsigned count;
};

/* Appends the rules of one configuration; path names it in sentences. */
int policy_add(struct policy *, const struct conf *, const char *path, struct err *err) must_check;
/* policy.d in that folder, if there is one. */
int policy_add_folder(struct policy *, const char *folder, struct err *err) must_check;
void rule_clear(struct rule *);

#endif
