/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may use which key for what. A policy is a list of rules, in this order:
 *
 *   - each [key PATTERN] of the administrator's signet.conf, and then of his policy.d/NAME.conf,
 *     sorted by NAME;
 *   - the same of the user's own signet.conf and the policy.d beside it.
 *
 * A file of policy.d, that folder, and a signet.conf that has rules must belong to root or the
 * agent's user and be writable by nobody else; files of policy.d are plain files that hold nothing
 * but rules. Anything else is E_CONFIG.
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
 * What cannot be known of a client (its program, unit or groups) lets no rule allow, and keeps no rule
 * from denying.
 *
 * Loading makes of each word what can be compared at once (words without wildcards, beginnings,
 * globs), of operations a mask: a check of a handful of rules takes a tenth of a microsecond, allocates
 * nothing, and asks the kernel only for a rule with groups (bench/policy-cost.c measures it).
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

enum policy_match { POLICY_ALL, POLICY_SAME, POLICY_BEGINNING, POLICY_GLOB };

struct policy_word {
    char *text;
    size_t len;                 /* that have to be the same */
    enum policy_match match;
};

/* Words of a condition; count 0: it is absent. */
struct policy_words {
    struct policy_word *word;
    unsigned count;
};

/* Users or groups by number. */
struct policy_ids {
    uid_t *id;
    unsigned count;
};

/* Operations that keys are used for: bits of struct rule's mask. */
extern const char *const policy_operations[];   /* NULL ends */

struct rule {
    char *pattern;
    char *name;                 /* for sentences: "[key alice] of /etc/signet/policy.d/10.conf:3" */
    char *id;                   /* the same without the line: what its counters belong to */
    struct policy_word covers;  /* labels, or with of_token those of tokens */
    bool of_token;
    char *digits;               /* the pattern is also the beginning of a key's name; NULL: not */
    struct policy_ids users, groups;
    struct policy_words executables, units, fronts, schemes;
    unsigned operations;        /* 0: any */
    bool deny;
    enum confirm_when confirm;
    struct approve_rule approve;
    struct limit_rule limits;
    char *rate, *hours, *approvers; /* as they were written; NULL: absent */
};

struct policy;
struct policies;

struct policies *policies_new(void) must_check;
void policies_free(struct policies **);
/* Makes a policy of conf, which conf_load has read, and of policy.d. E_CONFIG with file and line,
 * E_NOMEM: then the one before stays. */
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
