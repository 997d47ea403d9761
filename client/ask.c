/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

/* A command line, its line end included, in bytes (libassuan's ASSUAN_LINELENGTH). */
#define COMMAND_MAX 1002

static int
send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

gpg_error_t
client_attach(struct client *c, int fd, const struct buf *ahead, unsigned lines)
{
    gpg_error_t rc = 0;

    if (send_all(fd, buf_data(ahead), buf_len(ahead)) != 0)
        rc = gpg_error_from_syserror();
    else if (channel_init(&c->channel) != 0)
        rc = gpg_error(GPG_ERR_ENOMEM);
    /* A PIN or a content key may pass through the line buffers. */
    if (rc == 0)
        rc = assuan_new_ext(&c->ctx, GPG_ERR_SOURCE_USER_1, &channel_malloc_hooks, NULL, NULL);
    if (rc) {
        close(fd);
        client_detach(c);
        return rc;
    }
    channel_attach(c->ctx, &c->channel);
    rc = assuan_socket_connect_fd(c->ctx, fd, 0);
    if (rc) {
        client_detach(c);
        return rc;
    }
    c->fd = fd;
    c->unanswered = lines;
    return 0;
}

void
client_detach(struct client *c)
{
    assuan_release(c->ctx);
    c->ctx = NULL;
    channel_clear(&c->channel);
}

/* The next line that is no comment. */
static gpg_error_t
next_line(struct client *c, assuan_response_t *kind, char **text, size_t *len)
{
    gpg_error_t rc;
    int n, off;

    do {
        rc = assuan_client_read_response(c->ctx, text, &n);
        if (rc == 0)
            rc = assuan_client_parse_response(c->ctx, *text, n, kind, &off);
        if (rc)
            return rc;
    } while (*kind == ASSUAN_RESPONSE_COMMENT);
    *text += off;
    *len = (size_t)(n - off);
    return 0;
}

static int
take_data(const struct ask *ask, char *text, size_t len)
{
    int rc = 0;

    if (ask->secret) {
        rc = secret_append(ask->secret, text, len);
        wipe(text, len);
    } else if (ask->out) {
        rc = buf_put(ask->out, text, len);
    }
    return rc;
}

static int
answer_pin(struct client *c, char *prompt, struct err *err)
{
    autofree_secret struct secret *pin = NULL;
    int rc;

    if (c->opts.batch || !c->opts.ask_pin)
        return err_set(err, E_PIN_NEEDED, "a PIN is needed and nobody can be asked; run the "
                       "command on a terminal, without --batch");
    pin = secret_new(WIRE_PIN_MAX);
    if (!pin)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    text_unescape(prompt);
    rc = c->opts.ask_pin(c->opts.arg, prompt, pin, err);
    if (rc == 0) {
        assuan_begin_confidential(c->ctx);
        if (assuan_send_data(c->ctx, secret_data_view(pin), secret_len(pin)) != 0)
            c->dead = true;
    }
    return rc;
}

static int
answer_confirm(struct client *c, char *prompt, struct err *err)
{
    bool yes = false;
    int rc;

    if (c->opts.batch || !c->opts.ask_confirm)
        return err_set(err, E_PIN_NEEDED, "this must be confirmed and nobody can be asked; run the "
                       "command on a terminal, without --batch");
    text_unescape(prompt);
    rc = c->opts.ask_confirm(c->opts.arg, prompt, &yes, err);
    if (rc == 0 && assuan_send_data(c->ctx, yes ? "yes" : "no", yes ? 3 : 2) != 0)
        c->dead = true;
    return rc;
}

/* 0 when the answer is on its way (END to follow), else an E_* (CAN to follow). */
static int
answer(struct client *c, const struct ask *ask, char *text, struct err *err)
{
    char *arg = text + strcspn(text, " ");
    size_t kw = (size_t)(arg - text);

    arg += strspn(arg, " ");
    if (kw == 3 && memcmp(text, "PIN", 3) == 0)
        return answer_pin(c, arg, err);
    if (kw == 7 && memcmp(text, "CONFIRM", 7) == 0)
        return answer_confirm(c, arg, err);
    if (ask->keyword && strlen(ask->keyword) == kw && memcmp(text, ask->keyword, kw) == 0) {
        if (ask->len > 0 && assuan_send_data(c->ctx, ask->data, ask->len) != 0)
            c->dead = true;
        return 0;
    }
    return err_set(err, E_PROTOCOL, "the agent inquires \"%.*s\", which this program does not "
                   "know; it is of another version: stop it (signet agent stop)",
                   (int)(kw > 40 ? 40 : kw), text);
}

/* The rest of the line when it begins with that keyword, unescaped. */
static char *
status_text(char *line, const char *keyword)
{
    size_t len = strlen(keyword);

    if (strncmp(line, keyword, len) != 0 || line[len] != ' ')
        return NULL;
    text_unescape(line + len + 1);
    return line + len + 1;
}

static gpg_error_t
take_status(struct client *c, const struct ask *ask, struct wire_status *st, char *line)
{
    char *text;

    if (wire_take_status(st, line))
        return 0;
    text = status_text(line, WIRE_NOTICE);
    if (text) {
        if (c->opts.notice)
            c->opts.notice(c->opts.arg, text);
        return 0;
    }
    text = ask->event ? status_text(line, WIRE_EVENT) : NULL;
    return text && ask->event(ask->arg, text) != 0 ? gpg_error(GPG_ERR_CANCELED) : 0;
}

/* The whole exchange after the command is out. refused: the code and sentence of
 * an inquiry that we cancelled; they matter more than what the agent says to that. */
static gpg_error_t
converse(struct client *c, const struct ask *ask, struct wire_status *st, struct err *refused)
{
    assuan_response_t kind;
    gpg_error_t rc;
    char *text;
    size_t len;

    for (;;) {
        rc = next_line(c, &kind, &text, &len);
        if (rc)
            return rc;
        if (c->unanswered > 0 && (kind == ASSUAN_RESPONSE_OK || kind == ASSUAN_RESPONSE_ERROR)) {
            c->unanswered--;
            continue;
        }
        switch (kind) {
        case ASSUAN_RESPONSE_OK:
            return 0;
        case ASSUAN_RESPONSE_ERROR:
            rc = (gpg_error_t)strtoul(text, NULL, 10);
            return rc ? rc : GPG_ERR_ASS_INV_RESPONSE;
        case ASSUAN_RESPONSE_DATA:
            if (refused->code == 0 && take_data(ask, text, len) != 0)
                err_set(refused, E_LIMIT, "the agent's answer is longer than it may be");
            break;
        case ASSUAN_RESPONSE_STATUS:
            rc = take_status(c, ask, st, text);
            if (rc)
                return rc;
            break;
        case ASSUAN_RESPONSE_INQUIRE:
            if (answer(c, ask, text, refused) == 0)
                rc = assuan_send_data(c->ctx, NULL, 0);
            else
                rc = assuan_write_line(c->ctx, "CAN");
            assuan_end_confidential(c->ctx);
            if (rc || c->dead)
                return rc ? rc : gpg_error(GPG_ERR_ASS_WRITE_ERROR);
            break;
        default:
            break;
        }
    }
}

static int
lost(struct client *c, const struct ask *ask, struct err *err)
{
    c->dead = true;
    return err_set(err, E_AGENT, "the agent went away while %s; run the command again",
                   ask->doing);
}

static void
use_the_wait(struct client *c)
{
    void (*work)(void *arg) = c->meanwhile;

    c->meanwhile = NULL;
    if (work)
        work(c->meanwhile_arg);
}

int
client_ask(struct client *c, const struct ask *ask, const char *command, struct err *err)
{
    struct wire_status st = {0};
    struct err refused;
    size_t len = strlen(command);
    gpg_error_t rc;

    if (c->dead)
        return lost(c, ask, err);
    if (len + 2 > COMMAND_MAX)
        return err_set(err, E_LIMIT, "the request is longer than the agent's protocol allows "
                       "(%zu bytes); use shorter names", len);
    if (assuan_write_line(c->ctx, command) != 0)
        return lost(c, ask, err);
    use_the_wait(c);

    err_clear(&refused);
    rc = converse(c, ask, &st, &refused);
    if (rc && st.err.code == 0 && wire_lost(rc))
        return lost(c, ask, err);
    if (refused.code != 0) {
        if (err)
            *err = refused;
        return refused.code;
    }
    return wire_result(&st, rc, "agent", err);
}
