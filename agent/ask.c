/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/ask.h"

#include <string.h>
#include <unistd.h>

#include "agent/commands.h"
#include "agent/pinentry.h"
#include "base/buf.h"
#include "base/text.h"
#include "client/wire.h"

/* Used without being configured, where the client says where the person is. */
#define DEFAULT_PINENTRY "/usr/bin/pinentry"

/* Longest prompt of an inquiry, escaped: it must fit one line. */
#define PROMPT_MAX 900u

static const char *
usable_pinentry(const struct connection *c)
{
    const struct client_says *says = &c->says;
    const char *program = conf_get(settings_conf(c->agent->settings), "agent", NULL, "pinentry");

    if (program && strcmp(program, "none") == 0)
        return NULL;
    if (!program && !says->ttyname[0] && !says->display[0])
        return NULL;
    if (!program)
        program = DEFAULT_PINENTRY;
    return access(program, X_OK) == 0 ? program : NULL;
}

/* `Enter the PIN of token "demo"`, the token's own words made safe. */
static int
put_question(struct buf *out, const struct question *q)
{
    int rc = buf_putf(out, "%s \"", q->what);

    if (rc == 0)
        rc = text_put_safe(out, q->token, strlen(q->token));
    return rc == 0 ? buf_put_str(out, "\"") : rc;
}

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
}

static int
by_pinentry(struct connection *c, const char *program, const struct question *q,
            struct secret *ret, struct err *err)
{
    const struct client_says *s = &c->says;
    const struct pinentry_place place = {s->ttyname, s->ttytype, s->display, s->lc_ctype};
    autofree_buf struct buf *text = buf_new();

    if (!text || put_question(text, q) != 0 || buf_put_byte(text, '\n') != 0 ||
        text_put_safe(text, q->detail, strlen(q->detail)) != 0)
        return no_memory(err);
    const struct pinentry_text show = {buf_cstr(text), q->prompt, q->warning};
    return pinentry_ask(program, &place, &show, c->fd, ret, err);
}

static int
put_inquiry(struct buf *line, const struct question *q)
{
    autofree_buf struct buf *text = buf_new();
    size_t len;
    int rc = text ? 0 : E_NOMEM;

    if (rc == 0 && q->warning)
        rc = buf_putf(text, "%s ", q->warning);
    if (rc == 0)
        rc = put_question(text, q);
    if (rc == 0)
        rc = buf_put_str(line, "PIN ");
    if (rc != 0)
        return rc;
    /* Each byte grows to three at most. */
    len = buf_len(text) > PROMPT_MAX / 3 ? PROMPT_MAX / 3 : buf_len(text);
    return text_put_escaped(line, buf_data(text), len);
}

static int
by_inquiry(struct connection *c, const struct question *q, struct secret *ret, struct err *err)
{
    autofree_buf struct buf *line = buf_new();
    unsigned char *pin = NULL;
    size_t len = 0;
    gpg_error_t rc;

    if (!line || put_inquiry(line, q) != 0)
        return no_memory(err);
    assuan_begin_confidential(c->ctx);
    rc = assuan_inquire(c->ctx, buf_cstr(line), &pin, &len, WIRE_PIN_MAX);
    assuan_end_confidential(c->ctx);
    if (gpg_err_code(rc) == GPG_ERR_ASS_CANCELED)
        return err_set(err, E_PIN_CANCELLED, "token \"%s\": PIN entry was cancelled", q->token);
    if (gpg_err_code(rc) == GPG_ERR_ASS_TOO_MUCH_DATA)
        return err_set(err, E_PIN_INVALID, "token \"%s\": a PIN has at most %u bytes", q->token,
                       WIRE_PIN_MAX);
    if (rc)
        return err_set(err, E_CANCELLED, "the client went away while it was asked for a PIN");
    int code = secret_set(ret, pin, len);
    secret_release(pin);
    return code == 0 ? 0 : no_memory(err);
}

int
ask_pin(struct connection *c, const struct question *q, struct secret *ret,
        const char **ret_source, struct err *err)
{
    const char *program;
    int rc;

    if (c->says.batch && q->remedy)
        return err_set(err, E_PIN_NEEDED, "token \"%s\": %s, or leave --batch out", q->token,
                       q->remedy);
    if (c->says.batch)
        return err_set(err, E_PIN_NEEDED, "token \"%s\": a PIN is needed and may not be asked "
                       "for; set pin-source in signet.conf, or leave --batch out", q->token);
    program = usable_pinentry(c);
    if (ret_source)
        *ret_source = program ? "pinentry" : "client";
    if (program) {
        rc = by_pinentry(c, program, q, ret, err);
        if (rc == E_PIN_CANCELLED)
            return err_set(err, rc, "token \"%s\": PIN entry was cancelled", q->token);
        return rc;
    }
    if (c->says.inquire)
        return by_inquiry(c, q, ret, err);
    if (q->remedy)
        return err_set(err, E_PIN_NEEDED, "token \"%s\": %s, run the command on a terminal, or "
                       "set pinentry ([agent])", q->token, q->remedy);
    return err_set(err, E_PIN_NEEDED, "token \"%s\": a PIN is needed and nobody can be asked; "
                   "run the command on a terminal, set pinentry ([agent]) or pin-source "
                   "([token %s]) in signet.conf", q->token, q->token);
}

void
ask_notice(struct connection *c, const char *sentence)
{
    autofree_buf struct buf *line = buf_new();
    size_t len = strlen(sentence);

    /* Each byte grows to three at most. */
    if (len > PROMPT_MAX / 3)
        len = PROMPT_MAX / 3;
    if (line && text_put_escaped(line, sentence, len) == 0 &&
        assuan_write_status(c->ctx, WIRE_NOTICE, buf_cstr(line)) == 0)
        command_flush(c);
}

void
ask_keypad(struct connection *c, const char *token, const char *what)
{
    autofree_buf struct buf *text = buf_new();

    if (text && buf_putf(text, "%s of token \"", what) == 0 &&
        text_put_safe(text, token, strlen(token)) == 0 &&
        buf_put_str(text, "\" on the reader's keypad") == 0)
        ask_notice(c, buf_cstr(text));
}
