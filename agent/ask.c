/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/ask.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ask_text.h"
#include "agent/commands.h"
#include "agent/lockdown.h"
#include "agent/metrics.h"
#include "agent/pinentry.h"
#include "agent/prompts.h"
#include "base/buf.h"
#include "base/text.h"
#include "client/wire.h"

/* Used without being configured, where the client says where the person is. */
#define DEFAULT_PINENTRY "/usr/bin/pinentry"

/* Longest prompt of an inquiry, escaped: it must fit one line. */
#define PROMPT_MAX 900u
/* `token "LABEL": `, before a sentence. */
#define SUBJECT_MAX 256
/* Longest answer to INQUIRE CONFIRM: yes, no. */
#define ANSWER_MAX 16u

static const char *
usable_pinentry(const struct connection *c)
{
    const struct client_says *says = &c->says;
    const char *program = conf_get(settings_conf(c->agent->settings), "agent", NULL, "pinentry");

    if (program && strcmp(program, "none") == 0)
        return NULL;
    if (!program && !says->ttyname[0] && !says->display[0] && !says->wayland_display[0])
        return NULL;
    if (!program)
        program = DEFAULT_PINENTRY;
    return access(program, X_OK) == 0 ? program : NULL;
}

static unsigned
patience(const struct connection *c)
{
    return conf_get_duration(settings_conf(c->agent->settings), "agent", NULL, "prompt-timeout",
                             ASK_PATIENCE_DEFAULT);
}

static const char *
subject(const struct question *q, char out[SUBJECT_MAX])
{
    out[0] = '\0';
    if (q->token)
        snprintf(out, SUBJECT_MAX, "token \"%.200s\": ", q->token);
    return out;
}

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while asking a question");
}

static int
timed_out(const struct connection *c, const struct question *q, struct err *err)
{
    char about[SUBJECT_MAX];

    return err_set(err, E_PIN_CANCELLED, "%snobody answered within %u seconds; run the command "
                   "again", subject(q, about), patience(c));
}

/* An answer that comes when the agent has been locked meanwhile is none. */
static int
still_open(const struct connection *c, const struct question *q, struct err *err)
{
    return q->while_locked ? 0 : lockdown_check(c->agent, err);
}

/* The dialog, in its turn. ret NULL: a confirmation. */
static int
show_dialog(struct connection *c, const char *program, const struct question *q,
            const struct pinentry_text *show, struct secret *ret, struct err *err)
{
    const struct client_says *s = &c->says;
    const struct pinentry_place place = {
        .ttyname = s->ttyname, .ttytype = s->ttytype, .display = s->display,
        .lc_ctype = s->lc_ctype, .wayland_display = s->wayland_display,
        .xauthority = s->xauthority, .pid = c->peer.pid, .uid = c->peer.uid};
    struct prompt turn;
    int rc = prompts_enter(c->agent->prompts, &turn, c->fd, err);

    if (rc != 0)
        return rc;
    const struct pinentry_job job = {.program = program, .place = &place, .show = show,
                                     .watch = c->fd, .withdraw = turn.wake,
                                     .patience = patience(c)};
    rc = still_open(c, q, err);
    if (rc == 0)
        rc = ret ? pinentry_ask(&job, ret, err) : pinentry_confirm(&job, err);
    if (rc == E_CANCELLED && prompts_was_withdrawn(c->agent->prompts, &turn))
        rc = err_set(err, E_LOCKED, "the agent was locked before the question was answered; "
                     "unlock it (signet agent unlock)");
    prompts_leave(c->agent->prompts, &turn);
    return rc == E_TIMEOUT ? timed_out(c, q, err) : rc;
}

static int
by_pinentry(struct connection *c, const char *program, const struct question *q,
            struct secret *ret, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    char about[SUBJECT_MAX];
    int rc = text ? 0 : E_NOMEM;

    /* A confirmation has no place for errors. */
    if (rc == 0 && !ret && q->warning)
        rc = buf_putf(text, "%s\n", q->warning);
    if (rc != 0 || ask_text_put_dialog(text, c, q) != 0)
        return no_memory(err);
    const struct pinentry_text show = {buf_cstr(text), q->prompt, ret ? q->warning : NULL};
    rc = show_dialog(c, program, q, &show, ret, err);
    if (rc == E_PIN_CANCELLED && err && strstr(err->text, "nobody answered") == NULL)
        return err_set(err, rc, "%sPIN entry was cancelled", subject(q, about));
    return rc;
}

static int
put_inquiry(struct buf *line, const char *keyword, const struct connection *c,
            const struct question *q)
{
    autofree_buf struct buf *text = buf_new();
    size_t len;
    int rc = text ? ask_text_put_line(text, c, q) : E_NOMEM;

    if (rc == 0)
        rc = buf_putf(line, "%s ", keyword);
    if (rc != 0)
        return rc;
    /* Each byte grows to three at most. */
    len = buf_len(text) > PROMPT_MAX / 3 ? PROMPT_MAX / 3 : buf_len(text);
    return text_put_escaped(line, buf_data(text), len);
}

/* Asks the client, which is given `patience` for it; then its connection is out of step
 * and ends behind the reply. The answer is freed by secret_release. */
static int
inquire(struct connection *c, const char *keyword, const struct question *q, size_t max,
        unsigned char **ret, size_t *ret_len, struct err *err)
{
    autofree_buf struct buf *line = buf_new();
    char about[SUBJECT_MAX];
    gpg_error_t rc;

    if (!line || put_inquiry(line, keyword, c, q) != 0)
        return no_memory(err);
    c->channel.patience = (int)patience(c) * 1000;
    assuan_begin_confidential(c->ctx);
    rc = assuan_inquire(c->ctx, buf_cstr(line), ret, ret_len, max);
    assuan_end_confidential(c->ctx);
    c->channel.patience = 0;
    switch (gpg_err_code(rc)) {
    case GPG_ERR_NO_ERROR:
        return 0;
    case GPG_ERR_ASS_CANCELED:
        return err_set(err, E_PIN_CANCELLED, "%sPIN entry was cancelled", subject(q, about));
    case GPG_ERR_ASS_TOO_MUCH_DATA:
        return err_set(err, E_PIN_INVALID, "%sa PIN has at most %u bytes", subject(q, about),
                       WIRE_PIN_MAX);
    case GPG_ERR_ETIMEDOUT:
        shutdown(c->fd, SHUT_RD);
        return timed_out(c, q, err);
    default:
        return err_set(err, E_CANCELLED, "the client went away while it was asked for a PIN");
    }
}

static int
by_inquiry(struct connection *c, const struct question *q, struct secret *ret, struct err *err)
{
    unsigned char *pin = NULL;
    size_t len = 0;
    int rc = inquire(c, "PIN", q, WIRE_PIN_MAX, &pin, &len, err);

    if (rc == 0 && secret_set(ret, pin, len) != 0)
        rc = no_memory(err);
    secret_release(pin);
    return rc;
}

static int
nobody(const struct connection *c, const struct question *q, struct err *err)
{
    char about[SUBJECT_MAX];

    subject(q, about);
    if (c->says.batch && q->remedy)
        return err_set(err, E_PIN_NEEDED, "%s%s, or leave --batch out", about, q->remedy);
    if (c->says.batch)
        return err_set(err, E_PIN_NEEDED, "%sa PIN is needed and may not be asked for; set "
                       "pin-source in signet.conf, or leave --batch out", about);
    if (q->remedy)
        return err_set(err, E_PIN_NEEDED, "%s%s, run the command on a terminal, or set pinentry "
                       "([agent])", about, q->remedy);
    return err_set(err, E_PIN_NEEDED, "%sa PIN is needed and nobody can be asked; run the command "
                   "on a terminal, set pinentry ([agent]) or pin-source ([token %s]) in "
                   "signet.conf", about, q->token ? q->token : "LABEL");
}

int
ask_pin(struct connection *c, const struct question *q, struct secret *ret,
        const char **ret_source, struct err *err)
{
    const char *program = NULL;
    int rc = still_open(c, q, err);

    if (rc != 0)
        return rc;
    if (!c->says.batch)
        program = usable_pinentry(c);
    if (ret_source)
        *ret_source = program ? "pinentry" : "client";
    if (program)
        rc = by_pinentry(c, program, q, ret, err);
    else if (c->says.inquire && !c->says.batch)
        rc = by_inquiry(c, q, ret, err);
    else
        rc = nobody(c, q, err);
    if (rc == 0)
        rc = still_open(c, q, err);
    if (rc != 0)
        secret_wipe(ret);
    metrics_prompt_result(c->agent->metrics, rc);
    return rc;
}

static int
confirm_by_inquiry(struct connection *c, const struct question *q, struct err *err)
{
    unsigned char *answer = NULL;
    size_t len = 0;
    int rc = inquire(c, "CONFIRM", q, ANSWER_MAX, &answer, &len, err);

    if (rc == 0 && (len != 3 || memcmp(answer, "yes", 3) != 0))
        rc = E_DENIED;
    secret_release(answer);
    return rc;
}

static int
confirm(struct connection *c, const struct question *q, struct err *err)
{
    const char *program = c->says.batch ? NULL : usable_pinentry(c);
    char about[SUBJECT_MAX];
    int rc;

    subject(q, about);
    if (program)
        rc = by_pinentry(c, program, q, NULL, err);
    else if (c->says.confirm && !c->says.batch)
        rc = confirm_by_inquiry(c, q, err);
    else
        return err_set(err, E_PIN_NEEDED, "%sthis must be confirmed, and nobody %s be asked; run the "
                       "command on a terminal%s, or set pinentry ([agent]) in signet.conf", about,
                       c->says.batch ? "may" : "can",
                       c->says.batch ? ", without --batch" : "");
    if (rc == E_DENIED || rc == E_PIN_CANCELLED || rc == E_PIN_INVALID)
        return err_set(err, E_DENIED, "%sit was not confirmed by the person who was asked, and "
                       "nothing was done", about);
    return rc;
}

int
ask_confirm(struct connection *c, const struct question *q, struct err *err)
{
    int rc = still_open(c, q, err);

    if (rc != 0)
        return rc;
    rc = confirm(c, q, err);
    if (rc == 0)
        rc = still_open(c, q, err);
    metrics_prompt_result(c->agent->metrics, rc);
    return rc;
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
