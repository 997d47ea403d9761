/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/approve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/metrics.h"
#include "agent/operate.h"
#include "base/sha256.h"
#include "base/text.h"

#define DIGEST_HEX (AUDIT_DIGEST_MAX + 1)
#define NAME_MAX_BYTES 128u
#define NOTE_MAX 320u

enum state { PENDING, GRANTED, REFUSED, EXPIRED, WITHDRAWN, LOCKED };

/* Who waits for something to change: on its own stack, in the list while it waits. */
struct waiter {
    struct waiter *next;
    int wake;
};

struct request {
    struct request *next;
    struct waiter waiter;
    char id[APPROVE_ID];
    char rule_name[NAME_MAX_BYTES];
    struct approve_rule rule;
    struct connection *c;    /* who asks; waits in approve_wait as long as this is in the list */
    const struct key *key;
    const struct operation *op;
    char digest[DIGEST_HEX]; /* what the operation is about */
    time_t asked;
    uint64_t until_ms;       /* CLOCK_BOOTTIME */
    enum state state;
    uid_t by[APPROVE_USERS_MAX];
    unsigned count;
    uid_t refused_by;
};

struct approvals {
    pthread_mutex_t lock;
    struct request *requests, **last;
    struct waiter *watchers;
    unsigned count, max;
    unsigned long serial;
};

struct approvals *
approvals_new(unsigned max)
{
    struct approvals *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    a->last = &a->requests;
    a->max = max < 1 ? 1 : max > APPROVE_PENDING_MAX ? APPROVE_PENDING_MAX : max;
    a->serial = 1;
    return a;
}

void
approvals_free(struct approvals **a)
{
    if (!a || !*a)
        return;
    pthread_mutex_destroy(&(*a)->lock);
    free(*a);
    *a = NULL;
}

static uint64_t
boot_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void
ring(const struct waiter *w)
{
    /* A full eventfd is readable, too. */
    if (eventfd_write(w->wake, 1) != 0)
        return;
}

static void
changed(struct approvals *a)
{
    a->serial++;
    for (struct waiter *w = a->watchers; w; w = w->next)
        ring(w);
}

static void
put_hex(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", data[i]);
}

/* Of a signature its digest; of all else the SHA-256 of what the token would get. */
static void
name_content(struct request *r)
{
    const struct operation *op = r->op;
    uint8_t sum[2 * SHA256_SIZE];

    if (op->digest && strlen(op->digest) < sizeof r->digest) {
        snprintf(r->digest, sizeof r->digest, "%s", op->digest);
        return;
    }
    sha256(op->rest, strlen(op->rest), sum);
    sha256(op->data.data ? op->data.data : (const uint8_t *)"", op->data.data ? op->data.len : 0,
           sum + SHA256_SIZE);
    sha256(sum, sizeof sum, sum);
    snprintf(r->digest, sizeof r->digest, "sha256:");
    put_hex(r->digest + 7, sum, SHA256_SIZE);
}

static int
make_id(struct request *r, struct err *err)
{
    uint8_t random[16], sum[SHA256_SIZE];
    char text[1024], nonce[33];
    int n;

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_sys(err, E_SYSTEM, errno, "no random number for a request to be approved");
    put_hex(nonce, random, sizeof random);
    n = snprintf(text, sizeof text, "%s %s %s %s %s %u %d %s %s", nonce, r->key->name, r->op->name,
                 r->op->scheme ? r->op->scheme : "", r->digest, (unsigned)r->c->peer.uid,
                 (int)r->c->peer.pid, r->rule_name, r->c->peer.exe);
    sha256(text, n > 0 ? strnlen(text, sizeof text) : 0, sum);
    put_hex(r->id, sum, (APPROVE_ID - 1) / 2);
    return 0;
}

/* What happened to a request, by whom; it counts when it is written. */
static int
audit(struct connection *by, const struct request *r, const char *what, int result,
      struct err *err)
{
    char note[NOTE_MAX];
    const struct audit_entry e = {.event = "approval", .peer = &by->peer, .key = r->key->name,
                                  .operation = what, .scheme = r->op->scheme,
                                  .digest = r->digest, .note = note, .result = result};

    snprintf(note, sizeof note, "rule %s, request %s to %s of user %u, process %d", r->rule_name,
             r->id, r->op->name, (unsigned)r->c->peer.uid, (int)r->c->peer.pid);
    return audit_write(by->agent->audit, &e, err);
}

static bool
is_member(const struct connection *c, const struct approve_rule *rule)
{
    gid_t gids[APPROVE_MEMBER_MAX + 1];
    socklen_t size = sizeof gids - sizeof *gids;
    struct ucred cred;
    socklen_t cred_size = sizeof cred;
    unsigned n = 0;

    if (rule->group_count == 0)
        return false;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, gids, &size) == 0)
        n = (unsigned)(size / sizeof *gids);
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_size) == 0)
        gids[n++] = cred.gid;
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < rule->group_count; k++)
            if (gids[i] == rule->groups[k])
                return true;
    return false;
}

static bool
is_listed(const struct connection *c, const struct approve_rule *rule)
{
    for (unsigned i = 0; i < rule->user_count; i++)
        if (rule->users[i] == c->peer.uid)
            return true;
    return is_member(c, rule);
}

static bool
may_decide(const struct connection *c, const struct request *r)
{
    return c->peer.uid != r->c->peer.uid && is_listed(c, &r->rule);
}

static bool
has_approved(const struct request *r, uid_t uid)
{
    for (unsigned i = 0; i < r->count; i++)
        if (r->by[i] == uid)
            return true;
    return false;
}

/* Locked. */
static int
enter(struct approvals *a, struct request *r, struct err *err)
{
    unsigned mine = 0;
    int rc;

    for (const struct request *o = a->requests; o; o = o->next)
        mine += o->c->peer.uid == r->c->peer.uid;
    if (mine >= APPROVE_PENDING_USER)
        return err_set(err, E_DENIED, "rule \"%s\": %u requests of this user wait for approval "
                       "already; wait until some are decided", r->rule_name, mine);
    if (a->count >= a->max)
        return err_set(err, E_DENIED, "rule \"%s\": %u requests wait for approval already; wait until "
                       "some are decided", r->rule_name, a->count);
    rc = audit(r->c, r, "request", 0, err);
    if (rc != 0)
        return rc;
    *a->last = r;
    a->last = &r->next;
    a->count++;
    changed(a);
    return 0;
}

/* Locked. */
static void
leave(struct approvals *a, struct request *r)
{
    struct request **at = &a->requests;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (!*at)
        a->last = at;
    a->count--;
    changed(a);
}

/* Until it is decided, over, or nobody waits for it. */
static enum state
wait_for(struct approvals *a, struct request *r)
{
    enum state state = PENDING;

    while (state == PENDING) {
        struct pollfd p[2] = {{.fd = r->waiter.wake, .events = POLLIN},
                              {.fd = r->c->fd, .events = POLLRDHUP}};
        uint64_t now = boot_ms();
        int n = now < r->until_ms ? poll(p, 2, (int)(r->until_ms - now)) : 0;
        pthread_mutex_lock(&a->lock);
        if (r->state == PENDING && n > 0 && p[1].revents)
            r->state = WITHDRAWN;
        else if (r->state == PENDING && boot_ms() >= r->until_ms)
            r->state = EXPIRED;
        state = r->state;
        pthread_mutex_unlock(&a->lock);
    }
    return state;
}

static int
outcome(struct request *r, enum state state, struct err *err)
{
    struct connection *c = r->c;
    const char *rule = r->rule_name;

    switch (state) {
    case GRANTED:
        return connection_gone(c) ? err_set(err, E_CANCELLED, "the client went away before its "
                                            "request was approved") : 0;
    case REFUSED:
        return err_set(err, E_DENIED, "rule \"%s\": request %s was refused by user %u; ask him why",
                       rule, r->id, (unsigned)r->refused_by);
    case EXPIRED:
        return err_set(err, E_DENIED, "rule \"%s\": request %s had %u of %u approvals when its %u "
                       "seconds were over; ask the approvers (signet approve) and try again", rule,
                       r->id, r->count, r->rule.need, r->rule.patience);
    case LOCKED:
        return err_set(err, E_LOCKED, "the agent was locked before request %s was decided; unlock "
                       "it (signet agent unlock)", r->id);
    default:
        return err_set(err, E_CANCELLED, "the client went away while its request waited for "
                       "approval");
    }
}

static int
finish(struct request *r, enum state state, struct err *err)
{
    static const char *const names[] = {[GRANTED] = "grant", [REFUSED] = "deny", [EXPIRED] = "expire",
                                        [WITHDRAWN] = "withdraw", [LOCKED] = "lock"};
    struct err why = {0}, log_err = {0};
    int rc = outcome(r, state, &why), logged;
    const char *name = rc == E_CANCELLED ? "withdraw" : names[state];

    logged = audit(r->c, r, name, rc, &log_err);
    if (rc != 0)
        metrics_denial(r->c->agent->metrics, rc == E_CANCELLED ? METRICS_DENIED_CLIENT
                                                               : METRICS_DENIED_APPROVAL);
    if (err && (rc != 0 || logged != 0))
        *err = rc != 0 ? why : log_err;
    return rc != 0 ? rc : logged;
}

static void
tell(struct request *r)
{
    char text[256];

    snprintf(text, sizeof text, "request %s waits for %u of rule \"%.64s\" to approve it (signet "
             "approve %s), %u seconds at most", r->id, r->rule.need, r->rule_name, r->id,
             r->rule.patience);
    if (r->c->ctx)
        ask_notice(r->c, text);
}

int
approve_wait(struct connection *c, const struct key *key, const struct operation *op,
             const struct approve_rule *rule, struct err *err)
{
    struct approvals *a = c->agent->approvals;
    struct request r = {.rule = *rule, .c = c, .key = key, .op = op, .asked = time(NULL),
                        .state = PENDING};
    enum state state;
    int rc;

    if (rule->need == 0)
        return 0;
    if (r.rule.patience == 0)
        r.rule.patience = APPROVE_PATIENCE_DEFAULT;
    if (r.rule.patience > APPROVE_PATIENCE_MAX)
        r.rule.patience = APPROVE_PATIENCE_MAX;
    snprintf(r.rule_name, sizeof r.rule_name, "%s", rule->name);
    name_content(&r);
    rc = make_id(&r, err);
    if (rc != 0)
        return rc;
    r.until_ms = boot_ms() + r.rule.patience * 1000ul;
    r.waiter.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r.waiter.wake < 0)
        return err_set_sys(err, E_SYSTEM, errno, "no request for approval can be made");
    pthread_mutex_lock(&a->lock);
    rc = enter(a, &r, err);
    pthread_mutex_unlock(&a->lock);
    if (rc == 0) {
        tell(&r);
        state = wait_for(a, &r);
        pthread_mutex_lock(&a->lock);
        leave(a, &r);
        pthread_mutex_unlock(&a->lock);
        rc = finish(&r, state, err);
    } else if (rc == E_DENIED) {
        metrics_denial(c->agent->metrics, METRICS_DENIED_APPROVAL);
    }
    close(r.waiter.wake);
    return rc;
}

void
approvals_withdraw(struct approvals *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    for (struct request *r = a->requests; r; r = r->next) {
        if (r->state == PENDING)
            r->state = LOCKED;
        ring(&r->waiter);
    }
    pthread_mutex_unlock(&a->lock);
}

unsigned
approvals_count(struct approvals *a)
{
    unsigned n;

    if (!a)
        return 0;
    pthread_mutex_lock(&a->lock);
    n = a->count;
    pthread_mutex_unlock(&a->lock);
    return n;
}

/* Locked. Foreign bytes that are no UTF-8 are left out. */
static json_t *
describe(const struct connection *c, const struct request *r)
{
    const struct peer *p = &r->c->peer;
    uint64_t now = boot_ms();
    json_t *by = json_array(), *o;
    char asked[TEXT_TIME_LEN];

    for (unsigned i = 0; by && i < r->count; i++)
        json_array_append_new(by, json_integer(r->by[i]));
    text_time(r->asked, asked);
    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o, s:b, s:b, s:b}", "id", r->id,
                  "rule", r->rule_name, "key", r->key->name, "operation", r->op->name, "scheme",
                  r->op->scheme ? r->op->scheme : "", "digest", r->digest, "asked_at", asked, "need",
                  (int)r->rule.need, "expires_in",
                  (json_int_t)(r->until_ms > now ? (r->until_ms - now) / 1000u : 0), "approved_by",
                  by, "own", r->c->peer.uid == c->peer.uid, "decidable", may_decide(c, r),
                  "approved", has_approved(r, c->peer.uid));
    if (!o)
        return NULL;
    json_object_set_new(o, "label", json_string(r->key->label ? r->key->label : ""));
    json_object_set_new(o, "asked_by",
                        json_pack("{s:I, s:I, s:s*, s:s*, s:s*}", "uid", (json_int_t)p->uid, "pid",
                                  (json_int_t)p->pid, "exe", p->exe, "unit", p->unit, "front",
                                  p->front));
    return o;
}

static bool
may_see(const struct connection *c, const struct request *r)
{
    return c->peer.uid == 0 || c->peer.uid == geteuid() || c->peer.uid == r->c->peer.uid ||
           is_listed(c, &r->rule);
}

int
approvals_list(struct connection *c, json_t **ret, struct err *err)
{
    struct approvals *a = c->agent->approvals;
    json_t *list = json_array();
    unsigned long serial;

    pthread_mutex_lock(&a->lock);
    serial = a->serial;
    for (const struct request *r = a->requests; r; r = r->next)
        if (r->state == PENDING && may_see(c, r))
            json_array_append_new(list, describe(c, r));
    pthread_mutex_unlock(&a->lock);
    *ret = json_pack("{s:I, s:o}", "serial", (json_int_t)serial, "requests", list);
    return *ret ? 0 : err_set(err, E_NOMEM, "out of memory while listing requests");
}

/* Locked. NULL also for one that is over and has not left yet. */
static struct request *
find(struct approvals *a, const char *id)
{
    struct request *r = a->requests;

    while (r && strcmp(r->id, id) != 0)
        r = r->next;
    return r && r->state == PENDING && boot_ms() < r->until_ms ? r : NULL;
}

/* Locked. */
static int
check(const struct connection *c, const struct request *r, bool yes, struct err *err)
{
    if (r->c->peer.uid == c->peer.uid)
        return err_set(err, E_DENIED, "request %s is your own, and nobody decides on his own; ask "
                       "another approver of rule \"%s\"", r->id, r->rule_name);
    if (!is_listed(c, &r->rule))
        return err_set(err, E_DENIED, "you are no approver of rule \"%s\", which request %s waits "
                       "for; whoever keeps the policy can name you", r->rule_name, r->id);
    if (yes && has_approved(r, c->peer.uid))
        return err_set(err, E_DENIED, "you have approved request %s already; the rule \"%s\" wants "
                       "%u different users", r->id, r->rule_name, r->rule.need);
    return 0;
}

/* Locked. */
static void
count(struct request *r, uid_t uid, bool yes)
{
    if (yes)
        r->by[r->count++] = uid;
    else
        r->refused_by = uid;
    if (!yes || r->count >= r->rule.need) {
        r->state = yes ? GRANTED : REFUSED;
        ring(&r->waiter);
    }
}

/* Locked. */
static int
decide(struct connection *c, struct request *r, bool yes, json_t **ret_json, struct err *err)
{
    const char *what = yes ? "approve" : "refuse";
    struct err log_err = {0};
    int rc = check(c, r, yes, err), logged = audit(c, r, what, rc, &log_err);

    if (rc == 0 && logged != 0 && err)
        *err = log_err;
    if (rc != 0 || logged != 0)
        return rc != 0 ? rc : logged;
    count(r, c->peer.uid, yes);
    changed(c->agent->approvals);
    if (ret_json)
        *ret_json = describe(c, r);
    return ret_json && !*ret_json ? err_set(err, E_NOMEM, "out of memory behind a decision, which "
                                            "counts") : 0;
}

/* What is unknown is logged, too: somebody may be guessing. */
static int
unknown(struct connection *c, const char *id, bool yes, struct err *err)
{
    char safe[APPROVE_ID], note[64];
    const struct audit_entry e = {.event = "approval", .peer = &c->peer, .note = note,
                                  .operation = yes ? "approve" : "refuse", .result = E_DENIED};
    size_t len = strspn(id, "0123456789abcdef");

    snprintf(safe, sizeof safe, "%.*s", (int)(len < sizeof safe ? len : sizeof safe - 1), id);
    snprintf(note, sizeof note, "no request %s", safe);
    if (audit_write(c->agent->audit, &e, err) != 0)
        return E_SYSTEM;
    return err_set(err, E_DENIED, "no request %s waits for approval: it may have expired, or been "
                   "decided or withdrawn; signet approve lists those that wait", safe);
}

int
approvals_decide(struct connection *c, const char *id, bool yes, json_t **ret_json,
                 struct err *err)
{
    struct approvals *a = c->agent->approvals;
    struct request *r;
    int rc = E_INTERNAL;

    pthread_mutex_lock(&a->lock);
    r = find(a, id);
    if (r)
        rc = decide(c, r, yes, ret_json, err);
    pthread_mutex_unlock(&a->lock);
    return r ? rc : unknown(c, id, yes, err);
}

static void
stop_watching(struct approvals *a, struct waiter *w)
{
    struct waiter **at;

    pthread_mutex_lock(&a->lock);
    for (at = &a->watchers; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    pthread_mutex_unlock(&a->lock);
    close(w->wake);
}

int
approvals_await(struct connection *c, unsigned long seen, unsigned ms, struct err *err)
{
    struct approvals *a = c->agent->approvals;
    struct waiter w = {.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    uint64_t until = boot_ms() + ms, now;
    int rc = E_INTERNAL;
    bool other;

    if (w.wake < 0)
        return err_set_sys(err, E_SYSTEM, errno, "requests cannot be waited for");
    pthread_mutex_lock(&a->lock);
    other = a->serial != seen;
    w.next = a->watchers;
    a->watchers = &w;
    pthread_mutex_unlock(&a->lock);
    while (!other) {
        struct pollfd p[2] = {{.fd = w.wake, .events = POLLIN},
                              {.fd = c->fd, .events = POLLRDHUP}};
        now = boot_ms();
        int n = now < until ? poll(p, 2, (int)(until - now)) : 0;
        if (n > 0 && p[1].revents) {
            rc = err_set(err, E_CANCELLED, "the client went away");
            break;
        }
        pthread_mutex_lock(&a->lock);
        other = a->serial != seen;
        pthread_mutex_unlock(&a->lock);
        if (!other && boot_ms() >= until) {
            rc = err_set(err, E_TIMEOUT, "no request for approval came or went within %u seconds",
                         ms / 1000u);
            break;
        }
    }
    stop_watching(a, &w);
    return other ? 0 : rc;
}
