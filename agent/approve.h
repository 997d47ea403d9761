/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Approval by others: an operation that a rule wants M persons to approve waits as a pending
 * request until so many of the rule's approvers have said yes (`signet approve`), one has
 * said no, its time is over, its client went away, or the agent was locked.
 *
 *     rc = approve_wait(c, key, op, &rule, err);         who asks: blocks
 *     rc = approvals_decide(all, who, id, true, ..., err);    who approves: PENDING, APPROVE, REFUSE
 *
 * A request's id is made of all that it asks for (key, operation, scheme, digest or the SHA-256
 * of what is to be decrypted or signed, who asks) and a random number, so that who approves an
 * id approves that and nothing else. An approver counts once, by his user; the user who asks
 * never does, whatever the rule says. What was approved is used once: the request is gone when
 * approve_wait returns.
 *
 * All of it is in the audit log as event "approval" before it counts: request, approve, refuse,
 * expire, withdraw, lock, grant. approve_wait counts denials in the metrics.
 *
 * Times are CLOCK_BOOTTIME's. At most APPROVE_PENDING_MAX requests wait, and
 * APPROVE_PENDING_USER of one user. Thread-safe.
 */
#ifndef SIGNET_AGENT_APPROVE_H
#define SIGNET_AGENT_APPROVE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Requests that wait at once, in all (and no more than half of max-connections) and of one user. */
#define APPROVE_PENDING_MAX 128u
#define APPROVE_PENDING_USER 16u
/* Users and groups that a rule names. */
#define APPROVE_USERS_MAX 32u
#define APPROVE_GROUPS_MAX 8u
/* Groups of a client that are looked at. */
#define APPROVE_MEMBER_MAX 64u
/* Seconds that a request waits unless the rule says otherwise, and at most. */
#define APPROVE_PATIENCE_DEFAULT 600u
#define APPROVE_PATIENCE_MAX 86400u
/* Digits of an id, with NUL. */
#define APPROVE_ID 17

struct approvals;
struct connection;
struct key;
struct operation;

/* What a rule says. It is copied: it may change while requests wait. */
struct approve_rule {
    const char *name;
    unsigned need;                    /* how many; 0: no approval is needed */
    uid_t users[APPROVE_USERS_MAX];
    unsigned user_count;
    gid_t groups[APPROVE_GROUPS_MAX];
    unsigned group_count;
    unsigned patience;                /* seconds; 0: APPROVE_PATIENCE_DEFAULT */
};

/* Reads "2 of alice, bob, carol, @officers": users by name or number, groups behind '@'. E_CONFIG
 * with a sentence: unknown names, more wanted than can be (when no group is named). Looks into
 * /etc/passwd and /etc/group alone. */
int approve_parse(const char *, struct approve_rule *ret, struct err *err) must_check;

/* max: requests at once. */
struct approvals *approvals_new(unsigned max) must_check;
void approvals_free(struct approvals **);

/* Returns 0 when it was approved; E_DENIED when it was refused, took too long, or too many wait;
 * E_LOCKED; E_CANCELLED when the client went away; E_SYSTEM when it cannot be logged. */
int approve_wait(struct connection *, const struct key *, const struct operation *,
                 const struct approve_rule *, struct err *err) must_check;

/* Ends all that wait: the agent was locked. */
void approvals_withdraw(struct approvals *);
unsigned approvals_count(struct approvals *);

/* One approver's word. *ret_json (may be NULL) gets the request as it then stands; the caller
 * decrefs. E_DENIED when there is no such request, the user is the one who asks or is not
 * listed, or has approved already. */
int approvals_decide(struct connection *, const char *id, bool yes, json_t **ret_json,
                     struct err *err) must_check;
/* {"serial": N, "requests": [...]} with those that the client asks for or may decide; the agent's own
 * user and root see all. */
int approvals_list(struct connection *, json_t **ret, struct err *err) must_check;
/* Waits until the serial is another one than `seen`, ms at most; E_TIMEOUT, or E_CANCELLED when the
 * client went away. */
int approvals_await(struct connection *, unsigned long seen, unsigned ms,
                    struct err *err) must_check;

#endif
