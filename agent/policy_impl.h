/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy.c, policy_load.c and policy_rule.c share. */
#ifndef SIGNET_AGENT_POLICY_IMPL_H
#define SIGNET_AGENT_POLICY_IMPL_H

#include <stdatomic.h>

#include "agent/policy.h"

struct policy {
    atomic_uint refs;
    struct rule *rules;
    unsigned count;
};

/* All rules of a home, appended. */
int policy_read(struct policy *, const struct home *, const struct conf *,
                struct err *err) must_check;
/* One section of a configuration, as a rule; seen: rules of that file before it. */
int rule_read(const struct conf *, const struct conf_place *, const struct rule *seen,
              unsigned seen_count, struct rule *ret, struct err *err) must_check;
void rule_clear(struct rule *);

#endif
