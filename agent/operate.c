/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/operate.h"

#include <stdatomic.h>
#include <stdio.h>

#include "agent/login.h"

/* Logins that one operation may cause: the token wants one, its host dies and the
 * next one wants it again. */
#define LOGINS_MAX 3u

/* A command line with its line end, in bytes (libassuan). */
#define COMMAND_MAX 1000

/* What a place that is not logged in counts, in operations under way. */
#define LOGIN_COST 1000u

/* What cannot be repeated must not be the first to find out that the host has died
 * since it was last used. */
static int
wake_host(const struct token *t, struct err *err)
{
    char line[64];
    const struct lane_command cmd = {.line = line};
    unsigned again = 1;

    snprintf(line, sizeof line, "TOKENINFO %lu", t->slot);
    return host_call(t->host, &cmd, &again, NULL, err);
}

int
operate_on_token(struct connection *c, const struct snapshot *snap, const struct token *t,
                 const struct lane_command *cmd, bool again, struct err *err)
{
    unsigned long seen;
    unsigned left = again ? 1 : 0;
    int rc = 0;

    if (!again)
        rc = wake_host(t, err);
    if (rc != 0)
        return rc;
    pin_enter(t->pin);
    for (unsigned i = 0; i <= LOGINS_MAX; i++) {
        seen = pin_logins(t->pin);
        rc = host_call(t->host, cmd, &left, NULL, err);
        if (rc != E_PIN_NEEDED || i == LOGINS_MAX)
            break;
        rc = login(c, snap, t, seen, err);
        if (rc != 0)
            break;
    }
    pin_leave(t->pin);
    return rc;
}

static int
at_place(struct connection *c, const struct snapshot *snap, const struct key *key,
         const struct token *t, const struct operation *op, struct err *err)
{
    char line[COMMAND_MAX];
    const struct lane_command cmd = {.line = line, .answers = {op->data}, .out = op->out,
                                     .secret = op->secret};
    int n = snprintf(line, sizeof line, "%s %lu %s %s", op->verb, t->slot, key->name, op->rest);

    if (n < 0 || (size_t)n >= sizeof line)
        return err_set(err, E_LIMIT, "the request is longer than a line of the protocol; send "
                       "the data by inquiry");
    return operate_on_token(c, snap, t, &cmd, true, err);
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

/* At the first place that can. The first failure is what is reported. */
static int
anywhere(struct connection *c, const struct snapshot *snap, const struct key *key,
         const struct operation *op, const struct token **ret_token, struct err *err)
{
    unsigned order[SNAPSHOT_PLACES_MAX] = {0};
    int rc, first = 0;

    if (key->place_count > 1)
        order_places(key, order);
    for (unsigned i = 0; i < key->place_count; i++) {
        struct err why;
        *ret_token = key->places[order[i]].token;
        rc = at_place(c, snap, key, *ret_token, op, first ? &why : err);
        if (rc == 0)
            return 0;
        first = first ? first : rc;
        if (!may_fail_over(rc))
            break;
    }
    return first;
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
                                  .result = result, .latency_us = audit_clock() - began};

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

    rc = anywhere(c, snap, key, op, &at, err);
    if (has_gone(rc))
        rc = look_again(c, key->name, op, moved, err);
    logged = audit_operation(c, key, moved[0] ? moved : at ? at->label : NULL, op, rc, began,
                             &log_err);
    if (rc == 0 && logged != 0) {
        if (err)
            *err = log_err;
        return logged;
    }
    return rc;
}
