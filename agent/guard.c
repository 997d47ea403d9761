/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/guard.h"

#include "agent/lockdown.h"
#include "agent/metrics.h"
#include "agent/policy.h"

/* A denial that cannot be logged is one all the same. */
static int
denied(struct connection *c, const struct key *key, const struct operation *op, const char *rule,
       enum metrics_denied kind, int result)
{
    const struct audit_entry e = {.event = "denial", .peer = &c->peer, .key = key->name,
                                  .operation = op->name, .scheme = op->scheme,
                                  .digest = op->digest, .note = rule, .result = result};

    metrics_denial(c->agent->metrics, kind);
    (void)!audit_write(c->agent->audit, &e, NULL);
    return result;
}

static int
keep_limits(struct connection *c, const struct key *key, const struct operation *op,
            const struct rule *r, bool take, struct err *err)
{
    enum metrics_denied kind = METRICS_DENIED_LIMIT;
    int rc = limits_permit(c->agent->limits, &r->limits, key->name, c->peer.uid, take, &kind, err);

    return rc == 0 ? 0 : denied(c, key, op, r->name, kind, rc);
}

/* What the rule wants beside being met. Limits are asked before a person is bothered, and taken
 * when all others have said yes. */
static int
keep_rule(struct connection *c, const struct key *key, const struct operation *op,
          const struct rule *r, struct err *err)
{
    bool asks = r->confirm != CONFIRM_NEVER || r->approve.need > 0;
    int rc = asks ? keep_limits(c, key, op, r, false, err) : 0;

    if (rc == 0 && r->confirm != CONFIRM_NEVER)
        rc = confirm_permit(c, key, op, r->name, r->confirm, err);
    if (rc == 0 && r->approve.need > 0)
        rc = approve_wait(c, key, op, &r->approve, err);
    return rc == 0 ? keep_limits(c, key, op, r, true, err) : rc;
}

int
guard_permit(struct connection *c, const struct key *key, const struct operation *op,
             struct err *err)
{
    const struct policy_request q = {.peer = &c->peer, .fd = c->fd, .key = key,
                                     .operation = op->name, .scheme = op->scheme};
    struct policy *policy;
    const struct rule *r;
    int rc = lockdown_check(c->agent, err);

    if (rc != 0)
        return rc;
    policy = policies_get(c->agent->policies);
    rc = policy_decide(policy, &q, &r, err);
    if (rc != 0)
        denied(c, key, op, r ? r->name : NULL, METRICS_DENIED_POLICY, rc);
    else if (r)
        rc = keep_rule(c, key, op, r, err);
    policy_unref(&policy);
    return rc;
}
