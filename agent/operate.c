/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/operate.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "agent/lockdown.h"
#include "agent/guard.h"
#include "agent/login.h"
#include "agent/metrics.h"
#include "client/wire.h"

/* Logins that one operation may cause: the token wants one, its host dies and the
 * next one wants it again. */
#define LOGINS_MAX 3u

/* A command line with its line end, in bytes (libassuan). */
#define COMMAND_MAX 1000

/* What a place that is not logged in counts, in operations under way. */
#define LOGIN_COST 1000u
/* ... and one that has erred and rests: it is the last resort. */
#define REST_COST 100000u

/* How long what another program does to a token is waited for, and the first pause, in
 * milliseconds; each further one is twice as long. */
#define BUSY_MS 6000u
#define BUSY_FIRST_MS 50u

/* What cannot be repeated must not be the first to find out that the host has died
 * since it was last used. */
static int
wake_host(const struct token *t, struct err *err)
{
    char line[64];
    const struct lane_command cmd = {.line = line, .slot = &t->slot};
    unsigned again = 1;

    snprintf(line, sizeof line, "TOKENINFO %lu", t->slot);
    return host_call(t->host, &cmd, &again, NULL, err);
}

static bool is_context_refused(const struct lane_command *);

int
operate_on_token(struct connection *c, const struct snapshot *snap, const struct token *t,
                 const struct lane_command *cmd, bool again, struct err *err)
{
    unsigned long seen;
    unsigned left = again ? 1 : 0;
    int rc = 0;

    rc = lockdown_check(c->agent, err);
    if (rc == 0 && !again)
        rc = wake_host(t, err);
    if (rc != 0)
        return rc;
    pin_enter(t->pin);
    for (unsigned i = 0; i <= LOGINS_MAX; i++) {
        seen = pin_logins(t->pin);
        rc = host_call(t->host, cmd, &left, NULL, err);
        if (rc != E_PIN_NEEDED || i == LOGINS_MAX || is_context_refused(cmd))
            break;
        rc = login(c, snap, t, seen, err);
        if (rc != 0)
            break;
    }
    pin_leave(t->pin);
    return rc;
}

/* The PIN that a key wants before each use (CKA_ALWAYS_AUTHENTICATE). */
struct context_login {
    struct connection *c;
    const struct snapshot *snap;
    const struct token *token;
    struct secret *sent;    /* what was answered last, to know it when it is refused */
    const char *source;
    unsigned asked;
    bool refused;           /* nobody had an answer */
};

/* host_call's inquiry: "CONTEXTPIN", and what the token says of its tries. */
static int
give_context_pin(void *arg, const char *inquiry, struct secret *ret, struct err *err)
{
    struct context_login *l = arg;
    const struct token *t = l->token;
    bool low = strstr(inquiry, "low") || strstr(inquiry, "final"), first = l->asked++ == 0;
    int rc;

    if (strncmp(inquiry, "CONTEXTPIN", 10) != 0)
        return err_set(err, E_PROTOCOL, "token \"%s\": its host asks for what the agent does not "
                       "know", t->label);
    /* Once at most: when the answer to it was lost, a person has to decide. */
    if (first && !low && login_may_reuse(l->c, l->snap, t) && pin_copy_cached(t->pin, ret)) {
        l->source = "cache";
    } else {
        rc = login_ask_context(l->c, t, strstr(inquiry, "final") != NULL, low, ret, &l->source,
                               err);
        l->refused = rc != 0;
        if (rc != 0)
            return rc;
    }
    if (!l->sent)
        l->sent = secret_new(WIRE_PIN_MAX);
    if (!l->sent || secret_set(l->sent, secret_data_view(ret), secret_len(ret)) != 0)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    return 0;
}

/* The PIN that is missing then is not the login's. */
static bool
is_context_refused(const struct lane_command *cmd)
{
    const struct context_login *l = cmd->arg;

    return cmd->inquire == give_context_pin && l->refused;
}

/* What came of it, for the audit log; a refused one is not sent again. */
static int
end_context_login(struct context_login *l, int rc, unsigned long began, struct err *err)
{
    const struct audit_entry e = {.event = "pin", .peer = &l->c->peer, .token = l->token->label,
                                  .operation = "context-login", .scheme = l->source,
                                  .result = rc == E_PIN_WRONG || rc == E_PIN_LOCKED ? rc : 0,
                                  .latency_us = audit_clock() - began};
    struct err log_err = {0};

    if (!l->sent)
        return rc;
    if (rc == E_PIN_WRONG || rc == E_PIN_LOCKED)
        pin_refuse_now(l->token->pin, l->sent);
    secret_free(&l->sent);
    if (audit_write(l->c->agent->audit, &e, &log_err) == 0 || rc != 0)
        return rc;
    if (err)
        *err = log_err;
    return log_err.code;
}

static int
run_at(struct connection *c, const struct snapshot *snap, const struct token *t,
       const struct lane_command *cmd, struct err *err)
{
    struct context_login l = {.c = c, .snap = snap, .token = t};
    struct lane_command asking = *cmd;
    unsigned long began = audit_clock();

    asking.inquire = give_context_pin;
    asking.arg = &l;
    return end_context_login(&l, operate_on_token(c, snap, t, &asking, true, err), began, err);
}

static int
at_place(struct connection *c, const struct snapshot *snap, const struct key *key,
         const struct token *t, const struct operation *op, struct err *err)
{
    char line[COMMAND_MAX];
    struct lane_command cmd = {.line = line, .answers = {op->data}, .out = op->out,
                               .secret = op->secret, .slot = &t->slot, .owner = c->peer.pid,
                               .timeout = t->flags & TOKEN_PROTECTED_PATH ? LANE_TIMEOUT_KEYPAD
                                                                          : 0};
    int n = snprintf(line, sizeof line, "%s %lu %s %s", op->verb, t->slot, key->name, op->rest);

    if (n < 0 || (size_t)n >= sizeof line)
        return err_set(err, E_LIMIT, "the request is longer than a line of the protocol; send "
                       "the data by inquiry");
    return run_at(c, snap, t, &cmd, err);
}

/* Whether another token may do what this one could not. */
static bool
may_fail_over(int code)
{
    switch (code) {
    case E_HOST:
    case E_NO_TOKEN:
    case E_TOKEN_REMOVED:
    case E_NO_KEY:
    case E_TOKEN:
    case E_MECHANISM:
    case E_PIN_NEEDED:
    case E_PIN_LOCKED:
    case E_PIN_WRONG:
        return true;
    default:
        return false;
    }
}

static unsigned
cost(const struct token *t)
{
    unsigned n = host_load(t->host);

    if (pin_rests(t->pin))
        n += REST_COST;
    return (t->flags & TOKEN_LOGIN_REQUIRED) && !login_stands(t) ? n + LOGIN_COST : n;
}

/* The order in which to try the places: cheapest first, equals in turn. */
static void
order_places(const struct key *key, unsigned order[SNAPSHOT_PLACES_MAX])
{
    static atomic_uint turn;
    unsigned costs[SNAPSHOT_PLACES_MAX], n = key->place_count;
    unsigned first = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);

    for (unsigned i = 0; i < n; i++) {
        unsigned place = (first + i) % n, price = cost(key->places[place].token), k = i;
        for (; k > 0 && costs[k - 1] > price; k--) {
            costs[k] = costs[k - 1];
            order[k] = order[k - 1];
        }
        costs[k] = price;
        order[k] = place;
    }
}

static void
note_outcome(struct pin *pin, int rc)
{
    if (rc == 0)
        pin_note_success(pin);
    else if (rc == E_HOST || rc == E_TOKEN || rc == E_TOKEN_REMOVED || rc == E_NO_TOKEN)
        pin_note_error(pin);
}

/* At the first place that can. The first failure is what is reported. */
static int
try_places(struct connection *c, const struct snapshot *snap, const struct key *key,
         const struct operation *op, const struct token **ret_token, struct err *err)
{
    unsigned order[SNAPSHOT_PLACES_MAX] = {0};
    int rc, first = 0;

    if (key->place_count > 1)
        order_places(key, order);
    for (unsigned i = 0; i < key->place_count; i++) {
        struct err why = {0};
        *ret_token = key->places[order[i]].token;
        rc = at_place(c, snap, key, *ret_token, op, &why);
        note_outcome((*ret_token)->pin, rc);
        if (rc == 0)
            return 0;
        if (first == 0 && err)
            *err = why;
        first = first ? first : rc;
        if (!may_fail_over(rc))
            break;
    }
    return first;
}

/* What another program does to the token is over soon, mostly: a reset, a transaction,
 * sessions that it holds. Then it is explained. */
static int
anywhere(struct connection *c, const struct snapshot *snap, const struct key *key,
         const struct operation *op, const struct token **ret_token, struct err *err)
{
    unsigned long until = audit_clock() + BUSY_MS * 1000ul;
    unsigned pause = BUSY_FIRST_MS;
    struct err why = {0};
    int rc;

    for (;;) {
        rc = try_places(c, snap, key, op, ret_token, &why);
        if (rc == 0 || !host_is_busy_rv(why.rv) || connection_gone(c) ||
            audit_clock() + pause * 1000ul > until)
            break;
        poll(NULL, 0, (int)pause);
        pause *= 2;
    }
    if (rc != 0 && host_is_busy_rv(why.rv)) {
        char text[ERR_TEXT_MAX];
        snprintf(text, sizeof text, "%s", why.text);
        err_set(&why, rc, "%.800s; another program may be using it: end that one (gpgconf --kill "
                "scdaemon, a browser) and try again", text);
    }
    if (rc != 0 && err)
        *err = why;
    return rc;
}

static bool
has_gone(int code)
{
    return code == E_NO_TOKEN || code == E_TOKEN_REMOVED || code == E_NO_KEY;
}

/* Once more where the key is now: a card that was put back has another slot. */
static int
look_again(struct connection *c, const char *name, const struct operation *op,
           char label[128], struct err *err)
{
    struct snapshot *fresh = registry_refresh(c->agent->registry);
    const struct key *key = fresh ? snapshot_find(fresh, name) : NULL;
    const struct token *at = NULL;
    int rc = err ? err->code : E_TOKEN_REMOVED;

    if (fresh && !key) {
        int known = memory_find_key(c->agent->memory, fresh, name, err);
        rc = known != 0 ? known : rc;
    }
    if (key) {
        rc = anywhere(c, fresh, key, op, &at, err);
        snprintf(label, 128, "%s", at ? at->label : "");
    }
    snapshot_unref(&fresh);
    return rc;
}

static int
audit_operation(struct connection *c, const struct key *key, const char *token,
                const struct operation *op, int result, unsigned long began, struct err *err)
{
    const struct audit_entry e = {.event = "key", .peer = &c->peer, .key = key->name,
                                  .token = token, .operation = op->name, .scheme = op->scheme,
                                  .digest = op->digest, .result = result,
                                  .latency_us = audit_clock() - began};

    return audit_write(c->agent->audit, &e, err);
}

int
operate(struct connection *c, const struct snapshot *snap, const struct key *key,
        const struct operation *op, struct err *err)
{
    unsigned long began = audit_clock();
    const struct token *at = NULL;
    char moved[128] = "";
    struct err log_err;
    int rc, logged;

    c->key = key;
    c->doing = op->name;
    rc = guard_permit(c, key, op, err);
    if (rc == 0)
        rc = anywhere(c, snap, key, op, &at, err);
    if (has_gone(rc))
        rc = look_again(c, key->name, op, moved, err);
    c->key = NULL;
    metrics_operation(c->agent->metrics, key->name, moved[0] ? moved : at ? at->label : NULL,
                      op->name, rc, audit_clock() - began);
    logged = audit_operation(c, key, moved[0] ? moved : at ? at->label : NULL, op, rc, began,
                             &log_err);
    if (rc == 0 && logged != 0) {
        if (err)
            *err = log_err;
        return logged;
    }
    return rc;
}
