/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CREATE_TOKEN, GENERATE_KEY, IMPORT_CERT, FORGET. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "agent/ask.h"
#include "agent/commands.h"
#include "agent/confirm.h"
#include "agent/operate.h"
#include "agent/pin_source.h"
#include "agent/softhsm.h"
#include "base/text.h"
#include "client/wire.h"

/* CK_TOKEN_INFO's label is of this many bytes. */
#define LABEL_MAX 32u

static int
audit(struct connection *c, const char *event, const char *operation, const char *token,
      const char *key, int result, unsigned long began, struct err *err)
{
    const struct audit_entry e = {.event = event, .peer = &c->peer, .key = key, .token = token,
                                  .operation = operation, .result = result,
                                  .latency_us = audit_clock() - began};
    struct err why = {0};
    int rc = audit_write(c->agent->audit, &e, &why);

    if (rc != 0 && result == 0) {
        if (err)
            *err = why;
        return rc;
    }
    return result;
}

/* A label is a token's name and a section's in signet.conf. */
static int
check_label(const char *label, struct err *err)
{
    size_t len = strlen(label);

    if (len == 0 || len > LABEL_MAX)
        return err_set(err, E_USAGE, "a token's label has 1 to %u bytes, not %zu", LABEL_MAX,
                       len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)label[i] < 0x20 || label[i] == 0x7F || strchr("[]\"\\", label[i]))
            return err_set(err, E_USAGE, "a token's label may not hold control characters, "
                           "brackets, quotes or backslashes");
    if (label[0] == ' ' || label[len - 1] == ' ')
        return err_set(err, E_USAGE, "a token's label may not begin or end with a space");
    return 0;
}

static int
check_new(struct connection *c, const char *label, struct err *err)
{
    struct snapshot *s = registry_refresh(c->agent->registry);
    int rc = 0;

    if (!s)
        return err_set(err, E_NOMEM, "out of memory while looking for tokens");
    if (keyspec_label_count(s, label) > 0)
        rc = err_set(err, E_EXISTS, "there is a token \"%s\" already; choose another label",
                     label);
    snapshot_unref(&s);
    return rc;
}

/* Twice, since nobody sees what he types. */
static int
ask_new_pin(struct connection *c, const char *label, struct secret *pin, struct err *err)
{
    autofree_secret struct secret *again = secret_new(WIRE_PIN_MAX);
    struct question q = {.token = label, .detail = "At least 4 characters.",
                         .what = "Choose a PIN for the new token", .prompt = "New PIN:"};
    int rc;

    if (!again)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    rc = ask_pin(c, &q, pin, NULL, err);
    if (rc != 0)
        return rc;
    q.what = "Repeat the PIN for the new token";
    q.prompt = "Repeat:";
    rc = ask_pin(c, &q, again, NULL, err);
    if (rc == 0 && !secret_equal(pin, again))
        rc = err_set(err, E_PIN_INVALID, "token \"%s\": the two PINs differ; run the command "
                     "again", label);
    return rc;
}

static int
create(struct connection *c, const char *label, const char *file, struct err *err)
{
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    char source[PATH_MAX + 8];
    int rc;

    if (!pin)
        return err_set(err, E_NOMEM, "out of memory while making a token");
    rc = check_new(c, label, err);
    if (rc == 0)
        rc = file ? pin_file_read(file, pin, err) : ask_new_pin(c, label, pin, err);
    if (rc != 0)
        return rc;
    /* A person who is slow to answer holds up nobody. */
    pthread_mutex_lock(&c->agent->manage);
    rc = check_new(c, label, err);
    if (rc == 0)
        rc = softhsm_create(c->agent, label, pin, err);
    if (rc == 0 && file) {
        snprintf(source, sizeof source, "file:%s", file);
        rc = settings_write(c->agent->settings, "token", label, "pin-source", source, err);
    }
    pthread_mutex_unlock(&c->agent->manage);
    return rc;
}

static int
run_create_token(struct connection *c, struct words *w, struct err *err)
{
    unsigned long began = audit_clock();
    const char *label = w->word[0], *file = w->word[1];
    struct snapshot *s;
    int rc = check_label(label, err);

    if (rc == 0 && file && (file[0] != '/' || strlen(file) >= PATH_MAX))
        rc = err_set(err, E_USAGE, "the PIN file \"%.100s\" is no absolute path", file);
    if (rc != 0)
        return rc;
    rc = create(c, label, file, err);
    if (rc == 0) {
        s = registry_refresh(c->agent->registry);
        snapshot_unref(&s);
    }
    return audit(c, "token", "create-token", label, NULL, rc, began, err);
}

static int
put_word(struct buf *line, const char *word)
{
    int rc = buf_put_byte(line, ' ');

    return rc == 0 ? text_put_escaped(line, word, strlen(word)) : rc;
}

static int
generate(struct connection *c, const struct snapshot *s, const struct token *t,
         const struct words *w, struct err *err)
{
    autofree_buf struct buf *line = buf_new();
    int rc = line ? buf_putf(line, "GENERATE %lu", t->slot) : E_NOMEM;

    for (unsigned i = 1; rc == 0 && i < w->count; i++)
        rc = put_word(line, w->word[i]);
    if (rc == 0 && w->count == 2)
        rc = put_word(line, w->word[1]);
    if (rc != 0)
        return err_set(err, E_NOMEM, "out of memory while generating a key");
    buf_reset(c->out);
    const struct lane_command cmd = {.line = buf_cstr(line), .out = c->out, .slot = &t->slot,
                                     .owner = c->peer.pid};
    return operate_on_token(c, s, t, &cmd, false, err);
}

static int
finish(struct connection *c, const char *operation, const char *token, int rc,
       unsigned long began, struct err *err)
{
    struct snapshot *s;

    rc = audit(c, "key", operation, token, rc == 0 ? buf_cstr(c->out) : NULL, rc, began, err);
    if (rc != 0)
        return rc;
    s = registry_refresh(c->agent->registry);
    snapshot_unref(&s);
    return command_send(c, buf_data(c->out), buf_len(c->out), err);
}

static int
run_generate_key(struct connection *c, struct words *w, struct err *err)
{
    unsigned long began = audit_clock();
    struct snapshot *s = NULL;
    const struct token *t;
    int rc = registry_find_token(c->agent->registry, w->word[0], &s, &t, err);

    if (rc != 0)
        return rc;
    rc = generate(c, s, t, w, err);
    rc = finish(c, "generate", t->label, rc, began, err);
    snapshot_unref(&s);
    return rc;
}

/* Offers the certificate to one token after the other; each knows whether it has
 * the key. The agent parses no certificate. */
static int
import(struct connection *c, const struct snapshot *s, const struct lane_answer *cert,
       const char **ret_token, struct err *err)
{
    int rc = E_NO_KEY;
    char line[64];

    for (unsigned i = 0; i < snapshot_token_count(s) && rc == E_NO_KEY; i++) {
        const struct token *t = snapshot_token(s, i);
        const struct lane_command cmd = {.line = line, .answers = {*cert}, .out = c->out,
                                         .slot = &t->slot, .owner = c->peer.pid};
        if (t->keys == 0)
            continue;
        snprintf(line, sizeof line, "IMPORT_CERT %lu", t->slot);
        buf_reset(c->out);
        rc = operate_on_token(c, s, t, &cmd, false, err);
        *ret_token = t->label;
    }
    if (rc == E_NO_KEY)
        return err_set(err, rc, "no token has the key that this certificate belongs to; signet "
                       "keys lists those there are");
    return rc;
}

static int
run_import_cert(struct connection *c, struct words *w, struct err *err)
{
    struct snapshot *s = registry_refresh(c->agent->registry);
    unsigned long began = audit_clock();
    unsigned char *der = NULL;
    const char *token = NULL;
    size_t len = 0;
    int rc;

    (void)w;
    if (!s)
        return err_set(err, E_NOMEM, "out of memory while looking for tokens");
    rc = command_inquire(c, "CERTIFICATE", WIRE_INQUIRE_MAX, &der, &len, err);
    if (rc == 0) {
        const struct lane_answer cert = {"CERTIFICATE", der, len};
        rc = import(c, s, &cert, &token, err);
        rc = finish(c, "import-cert", token, rc, began, err);
    }
    secret_release(der);
    snapshot_unref(&s);
    return rc;
}

/* Not waiting for a question that may be open. */
static int
run_forget(struct connection *c, struct words *w, struct err *err)
{
    unsigned long began = audit_clock();
    struct snapshot *s = NULL;
    const struct token *t;
    int rc;

    if (!w->word[0]) {
        pins_forget_all(c->agent->pins);
        confirm_forget(c->agent->confirm);
        return audit(c, "pin", "forget", NULL, NULL, 0, began, err);
    }
    rc = registry_find_token(c->agent->registry, w->word[0], &s, &t, err);
    if (rc != 0)
        return rc;
    pin_forget_soon(t->pin);
    rc = audit(c, "pin", "forget", t->label, NULL, 0, began, err);
    snapshot_unref(&s);
    return rc;
}

const struct command commands_manage[] = {
    {"CREATE_TOKEN", run_create_token, 1, 2,
     "CREATE_TOKEN <label> [<PIN file>]\n\nMakes a software token. Its PIN is the first line "
     "of the file (an\nabsolute path), which becomes the token's pin-source; or it is asked "
     "for.", true, true},
    {"GENERATE_KEY", run_generate_key, 2, 3,
     "GENERATE_KEY <token> <type> [<label>]\n\nMakes a key on the token and replies with its "
     "name. Types: rsa2048,\nrsa3072, rsa4096, p256, p384, p521, ed25519, x25519.", true, true},
    {"IMPORT_CERT", run_import_cert, 0, 0,
     "IMPORT_CERT\n\nInquires CERTIFICATE (DER), stores it beside its key and replies with\n"
     "the key's name.", true, true},
    {"FORGET", run_forget, 0, 1,
     "FORGET [<token>]\n\nForgets the PIN of the token, or of all, and logs out.", .manages = true},
    {0},
};
