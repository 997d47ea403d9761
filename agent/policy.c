/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/policy_impl.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Groups of one client, at most (NGROUPS_MAX is 65536: the rest is not looked at). */
#define GROUPS_MAX 1024

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

/* policy.d beside a signet.conf. */
static int
add_beside(struct policy *p, const char *config, struct err *err)
{
    const char *slash = strrchr(config, '/');
    char *folder = slash ? strndup(config, (size_t)(slash - config)) : strdup(".");
    int rc = folder ? policy_add_folder(p, folder, err)
                    : err_set(err, E_NOMEM, "out of memory while reading the policy");

    free(folder);
    return rc;
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
    rc = policy_add(p, conf, home->config, err);
    if (rc == 0 && home->site)
        rc = policy_add_folder(p, home->site, err);
    if (rc == 0)
        rc = add_beside(p, home->config, err);
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
is_name_of(const char *pattern, const struct key *key)
{
    size_t len = strlen(pattern);

    return len >= POLICY_NAME_MIN && strspn(pattern, "0123456789abcdef") == len &&
           strncmp(key->name, pattern, len) == 0;
}

static bool
covers(const struct rule *r, const struct key *key)
{
    if (strcmp(r->pattern, "*") == 0 || is_name_of(r->pattern, key))
        return true;
    for (unsigned i = 0; i < key->place_count; i++) {
        const struct key_place *at = &key->places[i];
        if (strncmp(r->pattern, "token:", 6) == 0
                ? fnmatch(r->pattern + 6, at->token->label, 0) == 0
                : at->label[0] && fnmatch(r->pattern, at->label, 0) == 0)
            return true;
    }
    return false;
}

static bool
has_word(const struct policy_words *list, const char *text)
{
    if (list->count == 0)
        return true;
    for (unsigned i = 0; i < list->count; i++)
        if (text && fnmatch(list->word[i], text, 0) == 0)
            return true;
    return false;
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
in_group(const struct policy_ids *list, int fd)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof groups;
    struct ucred cred;
    socklen_t cred_size = sizeof cred;

    if (list->count == 0)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_size) == 0 && has_id(list, cred.gid))
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof *groups; i++)
        if (has_id(list, groups[i]))
            return true;
    return false;
}

/* Schemes are a matter of signing and decrypting; a rule about them says nothing of others. */
static bool
holds(const struct rule *r, const struct policy_request *q)
{
    return (r->users.count == 0 || has_id(&r->users, q->peer->uid)) &&
           has_word(&r->operations, q->operation) && has_word(&r->schemes, q->scheme) &&
           has_word(&r->fronts, q->peer->front) && has_word(&r->executables, q->peer->exe) &&
           has_word(&r->units, q->peer->unit) && in_group(&r->groups, q->fd);
}

static int
denied(const struct policy_request *q, const struct rule *r, const char *why, struct err *err)
{
    return err_set(err, E_DENIED, "key %.16s may not be used so (%s%s%s, by user %u): %s %s; ask "
                   "who keeps the policy (signet agent policy lists it)", q->key->name,
                   q->operation, q->scheme ? " " : "", q->scheme ? q->scheme : "",
                   (unsigned)q->peer->uid, why, r->name);
}

int
policy_decide(const struct policy *p, const struct policy_request *q, const struct rule **ret_rule,
              struct err *err)
{
    const struct rule *last = NULL;

    *ret_rule = NULL;
    for (unsigned i = 0; p && i < p->count; i++) {
        const struct rule *r = &p->rules[i];
        if (!covers(r, q->key))
            continue;
        last = r;
        if (!holds(r, q))
            continue;
        *ret_rule = r;
        return r->deny ? denied(q, r, "forbidden by", err) : 0;
    }
    if (!last)
        return 0;
    *ret_rule = last;
    return denied(q, last, "no rule allows it, the last one for this key is", err);
}
