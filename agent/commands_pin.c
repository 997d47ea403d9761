/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CHANGE_PIN, UNBLOCK_PIN. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "agent/ask.h"
#include "agent/commands.h"
#include "agent/login.h"
#include "agent/pin_source.h"
#include "client/wire.h"

/* Files of PINs in the words of a command. */
#define WORD_OLD "pin-file="
#define WORD_PUK "puk-file="
#define WORD_NEW "new-pin-file="

struct job {
    struct connection *c;
    const struct token *token;
    bool unblock;
    const char *old_file, *new_file; /* NULL: a person is asked */
    struct secret *old_pin, *new_pin;
    const char *source;              /* of the old PIN, for the audit log */
    char limits[64];                 /* of the new one, for the question */
};

static int
take_file(const char *word, const char *name, const char **ret, struct err *err)
{
    const char *path = word + strlen(name);

    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return err_set(err, E_USAGE, "the file \"%.100s\" is no absolute path", path);
    *ret = path;
    return 0;
}

static bool
starts_with(const char *word, const char *start)
{
    return strncmp(word, start, strlen(start)) == 0;
}

static int
take_words(struct job *j, const struct words *w, struct err *err)
{
    const char *old_name = j->unblock ? WORD_PUK : WORD_OLD;
    int rc = 0;

    for (unsigned i = 1; i < w->count && rc == 0; i++) {
        if (starts_with(w->word[i], old_name))
            rc = take_file(w->word[i], old_name, &j->old_file, err);
        else if (starts_with(w->word[i], WORD_NEW))
            rc = take_file(w->word[i], WORD_NEW, &j->new_file, err);
        else
            rc = err_set(err, E_USAGE, "\"%.40s\" is neither %sFILE nor %sFILE", w->word[i],
                         old_name, WORD_NEW);
    }
    return rc;
}

static int
ask(struct job *j, const char *what, const char *prompt, struct secret *ret, struct err *err)
{
    const struct token *t = j->token;
    unsigned low = j->unblock ? TOKEN_SO_PIN_COUNT_LOW : TOKEN_PIN_COUNT_LOW;
    unsigned last = j->unblock ? TOKEN_SO_PIN_FINAL_TRY : TOKEN_PIN_FINAL_TRY;
    const struct question q = {
        .token = t->label, .detail = j->limits, .what = what, .prompt = prompt,
        .warning = ret != j->old_pin ? NULL
                   : t->flags & last ? "This is the last try before it is locked!"
                   : t->flags & low ? "Few tries are left before it is locked." : NULL};
    int rc = ask_pin(j->c, &q, ret, ret == j->old_pin ? &j->source : NULL, err);

    if (rc == 0 && secret_len(ret) == 0)
        rc = err_set(err, E_PIN_CANCELLED, "token \"%s\": nothing was entered; nothing was "
                     "changed", t->label);
    return rc;
}

static int
get_old(struct job *j, struct err *err)
{
    const struct token *t = j->token;
    int rc;

    if (j->old_file) {
        j->source = "file";
        rc = pin_file_read(j->old_file, j->old_pin, err);
    } else {
        rc = ask(j, j->unblock ? "Enter the PUK (or security officer's PIN) of token"
                               : "Enter the present PIN of token",
                 j->unblock ? "PUK:" : "PIN:", j->old_pin, err);
    }
    if (rc == 0 && !j->unblock && pin_was_refused(t->pin, j->old_pin))
        rc = err_set(err, E_PIN_WRONG, "token \"%s\" has refused this PIN before; it was not "
                     "sent again", t->label);
    return rc;
}

/* Twice, since nobody sees what he types. */
static int
get_new(struct job *j, struct err *err)
{
    autofree_secret struct secret *again = secret_new(WIRE_PIN_MAX);
    const struct token *t = j->token;
    int rc;

    if (!again)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    if (j->new_file)
        return pin_file_read(j->new_file, j->new_pin, err);
    rc = ask(j, "Choose a new PIN for token", "New PIN:", j->new_pin, err);
    if (rc == 0)
        rc = ask(j, "Repeat the new PIN for token", "Repeat:", again, err);
    if (rc == 0 && !secret_equal(j->new_pin, again))
        rc = err_set(err, E_PIN_INVALID, "token \"%s\": the two PINs differ and nothing was "
                     "changed; run the command again", t->label);
    return rc;
}

/* Before anything is asked: what the token will refuse. */
static int
check_state(const struct job *j, struct err *err)
{
    const struct token *t = j->token;

    if (j->unblock && (t->flags & TOKEN_SO_PIN_LOCKED))
        return err_set(err, E_PIN_LOCKED, "token \"%s\": its PUK (the security officer's PIN) is "
                       "locked, too; only who issued it can help", t->label);
    if (!j->unblock && (t->flags & TOKEN_PIN_LOCKED))
        return err_set(err, E_PIN_LOCKED, "token \"%s\": the PIN is locked; unblock it with the "
                       "PUK (signet pin unblock --token \"%s\")", t->label, t->label);
    if (!j->unblock && !(t->flags & (TOKEN_USER_PIN_INITIALIZED | TOKEN_PROTECTED_PATH)))
        return err_set(err, E_PIN_INVALID, "token \"%s\" has no PIN yet; set one with the PUK "
                       "(signet pin unblock --token \"%s\")", t->label, t->label);
    return 0;
}

static int
send_pins(struct job *j, unsigned *ret_generation, struct err *err)
{
    const struct token *t = j->token;
    bool keypad = t->flags & TOKEN_PROTECTED_PATH;
    char line[64];
    struct lane_command cmd = {.line = line, .slot = &t->slot, .owner = j->c->peer.pid,
                               .timeout = keypad ? LANE_TIMEOUT_KEYPAD : 0};

    snprintf(line, sizeof line, "%s %lu", j->unblock ? "UNBLOCK" : "SETPIN", t->slot);
    if (keypad) {
        j->source = "keypad";
        ask_keypad(j->c, t->label, j->unblock ? "Enter the PUK, and a new PIN twice,"
                                              : "Enter the PIN, and a new one twice,");
    } else {
        cmd.answers[0] = (struct lane_answer){j->unblock ? "PUK" : "PIN",
                                              secret_data_view(j->old_pin),
                                              secret_len(j->old_pin)};
        cmd.answers[1] = (struct lane_answer){"NEWPIN", secret_data_view(j->new_pin),
                                              secret_len(j->new_pin)};
    }
    return host_call(t->host, &cmd, NULL, ret_generation, err);
}

/* (turn) What the agent knows of the PIN is of yesterday, whatever came of it. */
static void
note_outcome(struct job *j, int rc)
{
    struct pin *pin = j->token->pin;

    if (rc == 0) {
        pin_drop(pin);
    } else if (rc == E_PIN_WRONG && !j->unblock && secret_len(j->old_pin) > 0) {
        if (pin_refuse(pin, j->old_pin) != 0)
            pin_drop(pin);
    }
}

static void
warn_of_source(struct job *j, const struct snapshot *s)
{
    const char *source;
    char text[512];

    if (login_setting(j->c, s, j->token, "pin-source", &source, NULL) != 0 || !source)
        return;
    snprintf(text, sizeof text, "the pin-source of token \"%.100s\" still holds the old PIN; "
             "write the new one into %.200s", j->token->label, source);
    ask_notice(j->c, text);
}

static int
change(struct job *j, const struct snapshot *s, struct err *err)
{
    struct pin *pin = j->token->pin;
    unsigned long began = audit_clock();
    unsigned generation = 0;
    struct err log_err = {0};
    int rc = pin_take_turn(pin, pin_logins(pin), connection_gone, j->c, err);

    if (rc != 0)
        return rc == PIN_OTHERS_DID ? err_set(err, E_TOKEN, "token \"%s\": somebody logged in "
                                              "meanwhile; run the command again",
                                              j->token->label) : rc;
    rc = send_pins(j, &generation, err);
    note_outcome(j, rc);
    pin_end_turn(pin, PIN_OTHERS_DID, NULL);
    if (rc == 0)
        pin_forget(pin);
    const struct audit_entry e = {.event = "pin", .peer = &j->c->peer, .token = j->token->label,
                                  .operation = j->unblock ? "unblock" : "change",
                                  .scheme = j->source, .result = rc,
                                  .latency_us = audit_clock() - began};
    if (audit_write(j->c->agent->audit, &e, &log_err) != 0 && rc == 0) {
        if (err)
            *err = log_err;
        return log_err.code;
    }
    if (rc == 0)
        warn_of_source(j, s);
    return rc;
}

static void
say_limits(struct job *j)
{
    const struct token *t = j->token;

    if (t->pin_max > 0)
        snprintf(j->limits, sizeof j->limits, "PINs have %u to %u characters.", t->pin_min,
                 t->pin_max);
    else if (t->pin_min > 0)
        snprintf(j->limits, sizeof j->limits, "PINs have %u characters or more.", t->pin_min);
}

static int
run(struct connection *c, struct words *w, bool unblock, struct err *err)
{
    struct job j = {.c = c, .unblock = unblock, .source = "client"};
    struct snapshot *s = registry_refresh(c->agent->registry);
    int rc = take_words(&j, w, err);

    snapshot_unref(&s);
    if (rc == 0)
        rc = registry_find_token(c->agent->registry, w->word[0], &s, &j.token, err);
    if (rc != 0)
        return rc;
    say_limits(&j);
    j.old_pin = secret_new(WIRE_PIN_MAX);
    j.new_pin = secret_new(WIRE_PIN_MAX);
    if (!j.old_pin || !j.new_pin)
        rc = err_set(err, E_NOMEM, "out of memory while changing a PIN");
    if (rc == 0)
        rc = check_state(&j, err);
    if (rc == 0 && !(j.token->flags & TOKEN_PROTECTED_PATH)) {
        rc = get_old(&j, err);
        if (rc == 0)
            rc = get_new(&j, err);
    }
    if (rc == 0)
        rc = change(&j, s, err);
    secret_free(&j.old_pin);
    secret_free(&j.new_pin);
    snapshot_unref(&s);
    return rc;
}

static int
run_change(struct connection *c, struct words *w, struct err *err)
{
    return run(c, w, false, err);
}

static int
run_unblock(struct connection *c, struct words *w, struct err *err)
{
    return run(c, w, true, err);
}

const struct command commands_pin[] = {
    {"CHANGE_PIN", run_change, 1, 3,
     "CHANGE_PIN <token> [pin-file=<path>] [new-pin-file=<path>]\n\nChanges the token's PIN. What "
     "no file brings is asked for, the new PIN\ntwice.", true, true},
    {"UNBLOCK_PIN", run_unblock, 1, 3,
     "UNBLOCK_PIN <token> [puk-file=<path>] [new-pin-file=<path>]\n\nSets a new PIN with the PUK, "
     "or the security officer's PIN.", true, true},
    {0},
};
