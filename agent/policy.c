/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/policy_impl.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Groups of one client that are looked at; who has more has unknown ones. */
#define GROUPS_MAX 1024

const char *const policy_operations[] = {"sign", "decrypt", "derive", NULL};

struct policies {
    pthread_mutex_t lock;
    struct policy *current;
};

struct policies *
policies_new(void)
{
    struct policies *p = calloc(1, sizeof *p);

    if (p)
        pthread_mutex_init(&p->lock, NULL);
    return p;
}

void
policies_free(struct policies **pp)
{
    struct policies *p = pp ? *pp : NULL;

    if (!p)
        return;
    policy_unref(&p->current);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *pp = NULL;
}

struct policy *
policies_get(struct policies *p)
{
    pthread_mutex_lock(&p->lock);
    struct policy *current = p->current;
    if (current)
        atomic_fetch_add_explicit(&current->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return current;
}

void
policy_unref(struct policy **pp)
{
    struct policy *p = pp ? *pp : NULL;

    if (!p)
        return;
    *pp = NULL;
    if (atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < p->count; i++)
        rule_clear(&p->rules[i]);
    free(p->rules);
    free(p);
}

int
policies_load(struct policies *all, const struct home *home, const struct conf *conf,
              struct err *err)
{
    struct policy *p = calloc(1, sizeof *p), *old;
    int rc;

    if (!p)
        return err_set(err, E_NOMEM, "out of memory while reading the policy");
    atomic_init(&p->refs, 1);
    rc = policy_read(p, home, conf, err);
    if (rc != 0) {
        policy_unref(&p);
        return rc;
    }
    pthread_mutex_lock(&all->lock);
    old = all->current;
    all->current = p;
    pthread_mutex_unlock(&all->lock);
    policy_unref(&old);
    return 0;
}

unsigned
policy_rule_count(const struct policy *p)
{
    return p->count;
}

const struct rule *
policy_rule(const struct policy *p, unsigned i)
{
    return i < p->count ? &p->rules[i] : NULL;
}

static bool
is_like(const struct policy_word *w, const char *text)
{
    switch (w->match) {
    case POLICY_ALL:
        return true;
    case POLICY_SAME:
        return strcmp(w->text, text) == 0;
    case POLICY_BEGINNING:
        return strncmp(w->text, text, w->len) == 0;
    case POLICY_GLOB:
        return fnmatch(w->text, text, 0) == 0;
    }
    return false;
}

static bool
covers(const struct rule *r, const struct key *key)
{
    if ((r->covers.match == POLICY_ALL && !r->of_token) ||
        (r->digits && strncmp(key->name, r->digits, r->covers.len) == 0))
        return true;
    for (unsigned i = 0; i < key->place_count; i++) {
        const struct key_place *at = &key->places[i];
        if (r->of_token ? is_like(&r->covers, at->token->label)
                        : at->label[0] && is_like(&r->covers, at->label))
            return true;
    }
    return false;
}

static bool
has_word(const struct policy_words *list, const char *text)
{
    for (unsigned i = 0; i < list->count; i++)
        if (is_like(&list->word[i], text))
            return true;
    return list->count == 0;
}

/* What is unknown is what a rule that denies is about. */
static bool
may_have_word(const struct rule *r, const struct policy_words *list, const char *text)
{
    return text[0] || list->count == 0 ? has_word(list, text) : r->deny;
}

static bool
has_id(const struct policy_ids *list, uid_t id)
{
    for (unsigned i = 0; i < list->count; i++)
        if (list->id[i] == id)
            return true;
    return false;
}

/* As the kernel knew them when the client connected. */
static bool
in_group(const struct rule *r, int fd)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof groups;
    struct ucred cred;
    socklen_t cred_size = sizeof cred;

    if (r->groups.count == 0)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_size) == 0 &&
        has_id(&r->groups, cred.gid))
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return r->deny;
    for (size_t i = 0; i < size / sizeof *groups; i++)
        if (has_id(&r->groups, groups[i]))
            return true;
    return false;
}

static unsigned
operation_bit(const char *name)
{
    for (unsigned i = 0; policy_operations[i]; i++)
        if (strcmp(policy_operations[i], name) == 0)
            return 1u << i;
    return 0;
}

/* The condition that does not hold, by its key in the file; NULL: all hold. What costs least is
 * looked at first. */
static const char *
unmet(const struct rule *r, const struct policy_request *q, unsigned operation)
{
    const struct peer *p = q->peer;

    if (r->users.count > 0 && !has_id(&r->users, p->uid))
        return "users";
    if (r->operations != 0 && !(r->operations & operation))
        return "operations";
    if (r->schemes.count > 0 && !(q->scheme && has_word(&r->schemes, q->scheme)))
        return "schemes";
    if (!has_word(&r->fronts, p->front))
        return "fronts";
    if (!may_have_word(r, &r->executables, p->exe))
        return "executables";
    if (!may_have_word(r, &r->units, p->unit))
        return "units";
    return in_group(r, q->fd) ? NULL : "groups";
}

static void
say_use(const struct policy_request *q, char *ret, size_t size)
{
    snprintf(ret, size, "key %.16s may not be used so (%s%s%.40s, by user %u)", q->key->name,
             q->operation, q->scheme ? " " : "", q->scheme ? q->scheme : "",
             (unsigned)q->peer->uid);
}

static int
forbidden(const struct policy_request *q, const struct rule *r, struct err *err)
{
    char use[160];

    say_use(q, use, sizeof use);
    return err_set(err, E_DENIED, "%s: forbidden by %s; ask who keeps the policy (signet agent "
                   "policy lists it)", use, r->name);
}

static int
not_allowed(const struct policy_request *q, const struct rule *last, const char *lacks,
            struct err *err)
{
    char use[160];

    say_use(q, use, sizeof use);
    return err_set(err, E_DENIED, "%s: no rule allows it; the last one for this key is %s, whose "
                   "\"%s\" are others; ask who keeps the policy (signet agent policy lists it)", use,
                   last->name, lacks);
}

int
policy_decide(const struct policy *p, const struct policy_request *q, const struct rule **ret_rule,
              struct err *err)
{
    unsigned operation = operation_bit(q->operation);
    const struct rule *last = NULL;
    const char *lacks = NULL;

    *ret_rule = NULL;
    for (unsigned i = 0; p && i < p->count; i++) {
        const struct rule *r = &p->rules[i];
        if (!covers(r, q->key))
            continue;
        last = r;
        lacks = unmet(r, q, operation);
        if (lacks)
            continue;
        *ret_rule = r;
        return r->deny ? forbidden(q, r, err) : 0;
    }
    *ret_rule = last;
    return last ? not_allowed(q, last, lacks, err) : 0;
}
