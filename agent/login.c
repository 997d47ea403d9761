/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ask.h"
#include "agent/forget_events.h"
#include "agent/json_read.h"
#include "agent/metrics.h"
#include "agent/lockdown.h"
#include "agent/pin_source.h"
#include "base/buf.h"
#include "base/text.h"
#include "client/wire.h"

/* What a dialog says of the token and who asks, in bytes. */
#define DETAIL_MAX 1024
/* Longest warning of a question, in bytes. */
#define WARNING_MAX 256

/* One login under way; the turn is ours. */
struct attempt {
    struct connection *c;
    const struct snapshot *snap;
    const struct token *token;
    unsigned flags;          /* fresh from the token */
    struct secret *pin;      /* to send */
    bool wrong_before;       /* the person's last one was refused */
    const char *spared;      /* the pin-source that was not used, few tries being left */
};

static int
locked(const struct token *t, struct err *err)
{
    return err_set(err, E_PIN_LOCKED, "token \"%s\": the PIN is locked after too many wrong "
                   "tries; unblock it with the PUK (signet pin unblock --token \"%s\")",
                   t->label, t->label);
}

/* What the token says of its PIN now. */
static int
look(struct attempt *a, struct err *err)
{
    const struct token *t = a->token;
    struct lane_command info;
    unsigned again = 1;
    char line[64];
    json_t *o, *flags;
    autofree_buf struct buf *out = buf_new(); /* the connection's own awaits the result */
    int rc;

    if (!out)
        return err_set(err, E_NOMEM, "token \"%s\": out of memory while logging in", t->label);
    snprintf(line, sizeof line, "TOKENINFO %lu", t->slot);
    info = (struct lane_command){.line = line, .out = out, .slot = &t->slot,
                                 .owner = a->c->peer.pid};
    rc = host_call(t->host, &info, &again, NULL, err);
    if (rc != 0)
        return rc;
    o = json_read((const char *)buf_data(out), buf_len(out), 0, NULL);
    flags = json_object_get(o, "flags");
    a->flags = token_flags(flags ? flags : o);
    json_decref(o);
    if (!o)
        return err_set(err, E_PROTOCOL, "token \"%s\": its token host's answer is malformed",
                       t->label);
    if (a->flags & TOKEN_PIN_LOCKED)
        return locked(t, err);
    if (!(a->flags & TOKEN_USER_PIN_INITIALIZED) && !(a->flags & TOKEN_PROTECTED_PATH))
        return err_set(err, E_PIN_NEEDED, "token \"%s\" has no PIN yet; set one with the PUK "
                       "(signet pin unblock --token \"%s\")", t->label, t->label);
    if (a->flags & TOKEN_PIN_TO_BE_CHANGED)
        return err_set(err, E_PIN_INVALID, "token \"%s\": its PIN must be changed before it is "
                       "used (signet pin change --token \"%s\")", t->label, t->label);
    return 0;
}

static int
audit_login(const struct attempt *a, const char *source, int result, unsigned long began,
            struct err *err)
{
    const struct audit_entry e = {.event = "pin", .peer = &a->c->peer, .token = a->token->label,
                                  .operation = "login", .scheme = source, .result = result,
                                  .latency_us = audit_clock() - began};

    return audit_write(a->c->agent->audit, &e, err);
}

/* Sends the PIN (NULL: the token has a keypad of its own) and notes what comes of
 * it. keep: the PIN is the cached one. */
static int
send_pin(struct attempt *a, const struct secret *pin, const char *source, bool keep,
         struct err *err)
{
    const struct token *t = a->token;
    struct pin_login at = {.host = t->host, .slot = t->slot};
    struct lane_command cmd;
    unsigned long began = audit_clock();
    char line[64];
    int rc, logged;
    struct err log_err = {0};

    snprintf(line, sizeof line, "LOGIN %lu", t->slot);
    cmd = (struct lane_command){.line = line, .slot = &t->slot, .owner = a->c->peer.pid,
                                .timeout = pin ? 0 : LANE_TIMEOUT_KEYPAD};
    if (pin)
        cmd.answers[0] = (struct lane_answer){"PIN", secret_data_view(pin), secret_len(pin)};
    rc = host_call(t->host, &cmd, NULL, &at.generation, err);
    metrics_login(a->c->agent->metrics, rc);
    logged = audit_login(a, source, rc, began, &log_err);
    if (rc == 0 && logged != 0) {
        login_log_out(&at);
        *err = log_err;
        return logged;
    }
    if (rc == 0 && a->c->agent->forget_events)
        forget_events_want(a->c->agent->forget_events);
    if (rc == 0 && pin && !keep)
        pin_store_steal(t->pin, &a->pin, &at);
    else if (rc == 0)
        pin_note_login(t->pin, &at);
    else if (rc == E_PIN_WRONG && pin && pin_refuse(t->pin, pin) != 0)
        return err_set(err, E_PIN_LOCKED, "token \"%s\" has refused so many PINs that no more "
                       "are tried; restart the agent (signet agent stop)", t->label);
    return rc == E_PIN_LOCKED ? locked(t, err) : rc;
}

/* The cached PIN. 0, PIN_OTHERS_DID when there is none to send, or an error. */
static int
from_cache(struct attempt *a, struct err *err)
{
    const struct secret *cached = pin_cached_view(a->token->pin);
    int rc;

    if (!cached)
        return PIN_OTHERS_DID;
    /* It would lie here while a person is asked, and what he enters takes its place. */
    if (a->flags & LOGIN_RISKY) {
        pin_drop(a->token->pin);
        return PIN_OTHERS_DID;
    }
    rc = send_pin(a, cached, "cache", true, err);
    if (rc != E_PIN_WRONG)
        return rc;
    /* Changed elsewhere. */
    pin_drop(a->token->pin);
    rc = look(a, err);
    return rc == 0 ? PIN_OTHERS_DID : rc;
}

int
login_setting(struct connection *c, const struct snapshot *snap, const struct token *t,
              const char *name, const char **ret, struct err *err)
{
    const struct conf *conf = settings_conf(c->agent->settings);

    *ret = conf_get(conf, "token", t->serial, name);
    if (*ret)
        return 0;
    *ret = conf_get(conf, "token", t->label, name);
    if (*ret && keyspec_label_count(snap, t->label) > 1) {
        *ret = NULL;
        return err_set(err, E_AMBIGUOUS, "token \"%s\" is there twice, and its %s is "
                       "sent to neither; name the section [token %s] by the serial number",
                       t->label, name, t->serial);
    }
    return 0;
}

/* What the source brings; E_PIN_WRONG for what the token has refused before. */
static int
read_source(struct attempt *a, const char *source, struct err *err)
{
    const struct token *t = a->token;
    const struct pin_source from = {.text = source, .label = t->label, .serial = t->serial,
                                    .watch = a->c->fd};
    char why[ERR_TEXT_MAX];
    int rc = pin_source_read(&from, a->pin, err);

    if (rc != 0) {
        snprintf(why, sizeof why, "%s", err_text(err));
        return err_set(err, rc == E_INPUT ? E_PIN_NEEDED : rc, "token \"%s\": %.900s", t->label,
                       why);
    }
    if (pin_was_refused(t->pin, a->pin))
        return err_set(err, E_PIN_WRONG, "token \"%s\" has refused the PIN in %.*s, and it is not "
                       "sent again; correct %s", t->label, pin_source_name_length(source), source,
                       pin_source_culprit(source));
    return 0;
}

/* The PIN of the token's pin-source. As from_cache. */
static int
from_source(struct attempt *a, struct err *err)
{
    const struct token *t = a->token;
    const char *source;
    int rc = login_setting(a->c, a->snap, t, "pin-source", &source, err);

    if (rc != 0)
        return rc;
    if (!source)
        return PIN_OTHERS_DID;
    rc = read_source(a, source, err);
    if (rc != 0)
        return rc;
    /* Unless few tries are left because of this very source, and somebody has corrected it. */
    if ((a->flags & TOKEN_PIN_FINAL_TRY) ||
        ((a->flags & LOGIN_RISKY) && !pin_source_failed(t->pin))) {
        secret_wipe(a->pin);
        a->spared = source;
        return PIN_OTHERS_DID;
    }
    rc = send_pin(a, a->pin, pin_source_kind(source), false, err);
    if (rc == E_PIN_WRONG)
        pin_note_source_failed(t->pin);
    if (rc == E_PIN_WRONG)
        return err_set(err, rc, "token \"%s\" refuses the PIN in %.*s, and it will not be sent "
                       "again; correct %s", t->label, pin_source_name_length(source), source,
                       pin_source_culprit(source));
    return rc;
}

/* Which token it is: the words on it, made safe. */
static void
describe(const struct token *t, char out[DETAIL_MAX])
{
    autofree_buf struct buf *text = buf_new();
    const char *const words[] = {t->manufacturer, " ", t->model, ", serial number ", t->serial};
    int rc = text ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof words / sizeof *words; i++)
        rc = text_put_safe(text, words[i], strnlen(words[i], 64));
    snprintf(out, DETAIL_MAX, "%s", rc == 0 ? buf_cstr(text) : "");
}

static int
spared_length(const struct attempt *a)
{
    int len = pin_source_name_length(a->spared);

    return len < 100 ? len : 100;
}

/* What the person must know before entering a PIN; and why a file's was not taken. */
static void
warn(const struct attempt *a, char out[WARNING_MAX])
{
    const char *few = a->flags & TOKEN_PIN_FINAL_TRY
                          ? "This is the last try before the PIN is locked!"
                      : a->flags & TOKEN_PIN_COUNT_LOW
                          ? "Few tries are left before the PIN is locked." : "";
    int n = snprintf(out, WARNING_MAX, "%s%s%s", a->wrong_before ? "That PIN was wrong." : "",
                     a->wrong_before && *few ? " " : "", few);

    if (a->spared && !a->wrong_before)
        snprintf(out + n, WARNING_MAX - (size_t)n, " The one in %.*s is not risked; enter it "
                 "once yourself.", spared_length(a), a->spared);
}

/* One question and what the token says to the answer. */
static int
ask_once(struct attempt *a, struct err *err)
{
    const struct token *t = a->token;
    char detail[DETAIL_MAX], warning[WARNING_MAX];
    const char *source;
    int rc;

    describe(t, detail);
    warn(a, warning);
    const struct question q = {.token = t->label, .detail = detail,
                               .what = "Enter the PIN of token", .prompt = "PIN:",
                               .warning = warning[0] ? warning : NULL};
    rc = ask_pin(a->c, &q, a->pin, &source, err);
    if (rc == 0)
        pin_entered(t->pin);
    if (rc == E_PIN_NEEDED && a->spared)
        return err_set(err, rc, "token \"%s\": %s before its PIN is locked, and the one in %.*s "
                       "is not risked; run the command on a terminal%s and enter it once",
                       t->label, a->flags & TOKEN_PIN_FINAL_TRY ? "one try is left"
                                                                : "few tries are left",
                       spared_length(a), a->spared, a->c->says.batch ? ", without --batch," : "");
    if (rc != 0)
        return rc;
    if (secret_len(a->pin) == 0)
        return err_set(err, E_PIN_CANCELLED, "token \"%s\": no PIN was given", t->label);
    if (pin_was_refused(t->pin, a->pin))
        return err_set(err, E_PIN_WRONG, "token \"%s\" has refused this PIN before; it was not "
                       "sent again", t->label);
    return send_pin(a, a->pin, source, false, err);
}

static int
from_person(struct attempt *a, struct err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < LOGIN_ATTEMPTS; i++) {
        struct err why = {0};
        rc = i > 0 ? look(a, &why) : 0;
        if (rc == 0)
            rc = ask_once(a, &why);
        if (rc != 0 && err)
            *err = why;
        if (rc != E_PIN_WRONG && rc != E_PIN_INVALID)
            return rc;
        a->wrong_before = true;
    }
    /* The last wrong one may have locked it. */
    struct err why = {0};
    if (look(a, &why) == E_PIN_LOCKED) {
        if (err)
            *err = why;
        return E_PIN_LOCKED;
    }
    return rc;
}

static int
run(struct attempt *a, struct err *err)
{
    static int (*const ways[])(struct attempt *, struct err *) = {from_cache, from_source,
                                                                  from_person};
    int rc = look(a, err);

    if (rc != 0)
        return rc;
    if (a->flags & TOKEN_PROTECTED_PATH) {
        ask_keypad(a->c, a->token->label, "Enter the PIN");
        return send_pin(a, NULL, "keypad", false, err);
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        rc = ways[i](a, err);
        if (rc != PIN_OTHERS_DID)
            return rc;
    }
    return rc;
}

void
login_set_times(const struct conf *conf, struct pin *p)
{
    unsigned ttl = conf_get_duration(conf, "agent", NULL, "pin-ttl", PIN_TTL_DEFAULT);
    unsigned most = conf_get_duration(conf, "agent", NULL, "pin-ttl-max", PIN_TTL_MAX_DEFAULT);

    ttl = conf_get_duration(conf, "token", pin_label(p), "pin-ttl", ttl);
    most = conf_get_duration(conf, "token", pin_label(p), "pin-ttl-max", most);
    ttl = conf_get_duration(conf, "token", pin_serial(p), "pin-ttl", ttl);
    most = conf_get_duration(conf, "token", pin_serial(p), "pin-ttl-max", most);
    pin_set_times(p, ttl, most);
}

static void
set_times(struct pin *p, void *arg)
{
    login_set_times(arg, p);
}

void
login_settings_changed(struct agent *a)
{
    pins_each(a->pins, set_times, (void *)(uintptr_t)settings_conf(a->settings));
}

int
login(struct connection *c, const struct snapshot *snap, const struct token *t,
      unsigned long seen, struct err *err)
{
    struct attempt a = {.c = c, .snap = snap, .token = t};
    struct err why = {0};
    int rc = pin_take_turn(t->pin, seen, connection_gone, c, err);

    if (rc == PIN_OTHERS_DID)
        return 0;
    if (rc != 0)
        return rc;
    login_set_times(settings_conf(c->agent->settings), t->pin);
    a.pin = secret_new(WIRE_PIN_MAX);
    if (a.pin)
        rc = lockdown_check(c->agent, &why);
    else
        rc = err_set(&why, E_NOMEM, "out of memory while logging in");
    if (rc == 0)
        rc = run(&a, &why);
    secret_free(&a.pin);
    pin_end_turn(t->pin, rc, &why);
    if (rc != 0 && err)
        *err = why;
    return rc;
}

void
login_log_out(const struct pin_login *at)
{
    struct lane_command cmd;
    struct err ignored = {0};
    char line[64];

    /* A host of another generation is another process: nobody is logged in there. */
    if (host_generation(at->host) != at->generation)
        return;
    snprintf(line, sizeof line, "LOGOUT %lu", at->slot);
    cmd = (struct lane_command){.line = line};
    if (host_call(at->host, &cmd, NULL, NULL, &ignored) != 0)
        return;
}

bool
login_stands(const struct token *t)
{
    struct pin_login at;

    pin_get_login(t->pin, &at);
    return at.host && host_generation(at.host) == at.generation;
}

bool
login_may_reuse(struct connection *c, const struct snapshot *snap, const struct token *t)
{
    const char *value;
    bool yes;

    if (login_setting(c, snap, t, "cache-always-authenticate", &value, NULL) != 0 || !value)
        return false;
    yes = conf_get_bool(settings_conf(c->agent->settings), "token", t->serial,
                        "cache-always-authenticate", false);
    return yes || conf_get_bool(settings_conf(c->agent->settings), "token", t->label,
                                "cache-always-authenticate", false);
}

int
login_ask_context(struct connection *c, const struct token *t, bool final_try, bool low,
                  struct secret *ret, const char **ret_source, struct err *err)
{
    char detail[DETAIL_MAX];
    const struct question q = {
        .token = t->label, .detail = detail, .prompt = "PIN:",
        .what = "This key wants the PIN for each use. Enter the PIN of token",
        .remedy = "this key wants the PIN for each use and nobody can be asked; set "
                  "cache-always-authenticate = yes for this token in signet.conf, so that the "
                  "remembered PIN or the pin-source's does",
        .warning = final_try ? "This is the last try before the PIN is locked!"
                   : low ? "Few tries are left before the PIN is locked." : NULL};
    int rc;

    if (t->flags & TOKEN_PROTECTED_PATH) {
        *ret_source = "keypad";
        ask_keypad(c, t->label, "Enter the PIN");
        return 0;
    }
    describe(t, detail);
    rc = ask_pin(c, &q, ret, ret_source, err);
    if (rc == 0 && secret_len(ret) == 0)
        rc = err_set(err, E_PIN_CANCELLED, "token \"%s\": no PIN was given", t->label);
    if (rc == 0 && pin_was_refused(t->pin, ret))
        rc = err_set(err, E_PIN_WRONG, "token \"%s\" has refused this PIN before; it was not "
                     "sent again", t->label);
    return rc;
}
