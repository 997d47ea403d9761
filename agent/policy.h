/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may use which key for what. A policy is a list of rules, in order:
 *
 *   - each [key PATTERN] of signet.conf (the administrator's, then the user's own);
 *   - each [key PATTERN] of policy.d/NAME.conf beside the administrator's signet.conf, and beside
 *     the user's, sorted by NAME. Such a file must belong to root or the agent's user and be
 *     writable by nobody else, or it is refused.
 *
 * PATTERN is "*", a key's name or the first eight digits of it or more, a glob of its label, or
 * "token:" and a glob of a token's label. For a request the first rule decides whose pattern
 * covers the key and whose conditions all hold. A key that rules cover, but none of them for this
 * request, may not be used so. A key that no rule covers may be used by all that reach the
 * agent's socket: its owner, and for the machine's agent its group.
 *
 * Conditions (lists with commas or blanks; a condition that is absent holds): users, groups (names
 * or numbers), executables, units, fronts, operations (sign, decrypt, derive), schemes (globs, as in
 * "rsa-pss-*": digest and padding). What then holds: action (allow, deny), confirm (no, each,
 * session), approvers ("2 of alice, bob, @officers") and approve-within, rate, count, per-user, hours.
 *
 * A struct policy is const once it is loaded and is counted: policies_get and policy_unref, by any
 * thread. policies_load puts another in its place in one step; a faulty one leaves it as it is.
 */
#ifndef SIGNET_AGENT_POLICY_H
#define SIGNET_AGENT_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/approve.h"
#include "agent/audit.h"
#include "agent/confirm.h"
#include "agent/limit.h"
#include "agent/snapshot.h"
#include "base/conf.h"
#include "base/home.h"

/* Rules of one policy, and words of one condition, at most. */
#define POLICY_RULES_MAX 1024u
#define POLICY_WORDS_MAX 64u
/* Fewest digits of a key's name in a pattern. */
#define POLICY_NAME_MIN 8u

/* Words of a condition; count 0: it is absent. */
struct policy_words {
    char *word[POLICY_WORDS_MAX];
    unsigned count;
};

/* Users or groups by number. */
struct policy_ids {
    uid_t id[POLICY_WORDS_MAX];
    unsigned count;
};

struct rule {
    char *pattern;
    char *name;                 /* for sentences: "[key alice] of /etc/signet/policy.d/10.conf" */
    struct policy_ids users, groups;
    struct policy_words executables, units, fronts, operations, schemes;
    bool deny;
    enum confirm_when confirm;
    struct approve_rule approve;
    struct limit_rule limits;
};

struct policy;
struct policies;

struct policies *policies_new(void) must_check;
void policies_free(struct policies **);
/* Reads all of it. E_CONFIG with file and line, E_NOMEM: then the one before stays. */
int policies_load(struct policies *, const struct home *, const struct conf *,
                  struct err *err) must_check;
/* The present one; NULL before the first. */
struct policy *policies_get(struct policies *);
void policy_unref(struct policy **);
unsigned policy_rule_count(const struct policy *);
const struct rule *policy_rule(const struct policy *, unsigned i);

struct policy_request {
    const struct peer *peer;
    int fd;                     /* the client's socket, for its groups */
    const struct key *key;
    const char *operation, *scheme; /* scheme NULL: none */
};

/* 0 with *ret_rule (NULL: no rule covers the key), or E_DENIED with a sentence that names the
 * rule, which is in *ret_rule as well. */
int policy_decide(const struct policy *, const struct policy_request *,
                  const struct rule **ret_rule, struct err *err) must_check;

#endif
