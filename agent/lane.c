/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/wire.h"

struct lane {
    struct channel channel; /* first: the context's pointer */
    assuan_context_t ctx;
    int fd;
    unsigned timeout;       /* seconds, as the socket has it */
    bool dead;
};

static void
set_timeout(int fd, unsigned seconds)
{
    const struct timeval limit = {.tv_sec = (time_t)seconds};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int
lane_open(struct lane **ret, int fd, struct err *err)
{
    struct lane *lane = calloc(1, sizeof *lane);
    gpg_error_t rc = GPG_ERR_ENOMEM;

    set_timeout(fd, LANE_TIMEOUT);
    if (lane && channel_init(&lane->channel) == 0)
        rc = assuan_new_ext(&lane->ctx, GPG_ERR_SOURCE_USER_1, &channel_malloc_hooks, NULL,
                            NULL);
    if (rc) {
        close(fd);
        lane_free(&lane);
        return err_set(err, E_NOMEM, "out of memory while connecting a token host");
    }
    channel_attach(lane->ctx, lane);
    lane->fd = fd;
    lane->timeout = LANE_TIMEOUT;
    rc = assuan_socket_connect_fd(lane->ctx, fd, 0);
    if (rc) {
        lane_free(&lane);
        return err_set(err, E_HOST, "the token host does not answer (%s)", gpg_strerror(rc));
    }
    *ret = lane;
    return 0;
}

/* A dead lane's other end may be stopped: nothing more is written to it. */
void
lane_free(struct lane **lane)
{
    if (!lane || !*lane)
        return;
    if ((*lane)->ctx) {
        if ((*lane)->dead)
            shutdown((*lane)->fd, SHUT_RDWR);
        assuan_release((*lane)->ctx);
    }
    channel_clear(&(*lane)->channel);
    free(*lane);
    *lane = NULL;
}

bool
lane_dead(const struct lane *lane)
{
    return lane->dead;
}

static gpg_error_t
send_answer(struct lane *lane, const uint8_t *data, size_t len)
{
    gpg_error_t rc;

    assuan_begin_confidential(lane->ctx);
    rc = len > 0 ? assuan_send_data(lane->ctx, data, len) : 0;
    if (!rc)
        rc = assuan_send_data(lane->ctx, NULL, 0);
    assuan_end_confidential(lane->ctx);
    return rc;
}

/* Asks whoever sent the command. What he says when he has no answer goes before what
 * the host says to that. */
static gpg_error_t
pass_on(struct lane *lane, const struct lane_command *cmd, const char *inquiry,
        struct err *ret_refusal)
{
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    /* The line is libassuan's, and may be read over meanwhile. */
    char text[256];
    int rc;

    snprintf(text, sizeof text, "%s", inquiry);
    rc = pin ? cmd->inquire(cmd->arg, text, pin, ret_refusal)
             : err_set(ret_refusal, E_NOMEM, "out of memory while asking for a PIN");
    if (rc != 0)
        return assuan_write_line(lane->ctx, "CAN");
    return send_answer(lane, secret_data_view(pin), secret_len(pin));
}

/* Sends the answer to an inquiry, or cancels what we do not know. */
static gpg_error_t
answer(struct lane *lane, const struct lane_command *cmd, const char *keyword,
       struct err *ret_refusal)
{
    size_t kw = strcspn(keyword, " ");

    for (size_t i = 0; i < sizeof cmd->answers / sizeof *cmd->answers; i++) {
        const struct lane_answer *a = &cmd->answers[i];
        if (!a->keyword || strlen(a->keyword) != kw || memcmp(a->keyword, keyword, kw) != 0)
            continue;
        return send_answer(lane, a->data, a->len);
    }
    if (cmd->inquire)
        return pass_on(lane, cmd, keyword, ret_refusal);
    return assuan_write_line(lane->ctx, "CAN");
}

static int
take_data(const struct lane_command *cmd, char *data, size_t len)
{
    int rc = 0;

    if (cmd->secret) {
        rc = secret_append(cmd->secret, data, len);
        wipe(data, len);
    } else if (cmd->out) {
        rc = buf_put(cmd->out, data, len);
    }
    return rc;
}

/* What comes of a command. */
struct talk {
    struct wire_status status;
    struct err refusal;     /* of an inquiry: from whoever was asked */
    gpg_error_t refused;    /* the host's ERR */
    unsigned long rv;
    int full;
};

static void
take_status(struct talk *t, const char *line)
{
    if (strncmp(line, WIRE_RV " ", sizeof WIRE_RV) == 0)
        t->rv = strtoul(line + sizeof WIRE_RV, NULL, 16);
    else
        wire_take_status(&t->status, line);
}

/* The exchange behind the command. 0 or the host's ERR in t->refused; returns what
 * libassuan says of a lost lane. The loop is ours: assuan_transact loses step when a
 * status line follows a cancelled inquiry. */
static gpg_error_t
converse(struct lane *lane, const struct lane_command *cmd, struct talk *t)
{
    assuan_response_t kind;
    gpg_error_t rc;
    char *line;
    int n, off;

    for (;;) {
        rc = assuan_client_read_response(lane->ctx, &line, &n);
        if (!rc)
            rc = assuan_client_parse_response(lane->ctx, line, n, &kind, &off);
        if (rc)
            return rc;
        switch (kind) {
        case ASSUAN_RESPONSE_OK:
            t->refused = 0;
            return 0;
        case ASSUAN_RESPONSE_ERROR:
            t->refused = (gpg_error_t)strtoul(line + off, NULL, 10);
            return t->refused ? 0 : GPG_ERR_ASS_INV_RESPONSE;
        case ASSUAN_RESPONSE_DATA:
            if (t->full == 0)
                t->full = take_data(cmd, line + off, (size_t)(n - off));
            break;
        case ASSUAN_RESPONSE_STATUS:
            take_status(t, line + off);
            break;
        case ASSUAN_RESPONSE_INQUIRE:
            rc = answer(lane, cmd, line + off, &t->refusal);
            if (rc)
                return rc;
            break;
        default:
            break;
        }
    }
}

static int
died(struct lane *lane, gpg_error_t rc, struct err *err)
{
    lane->dead = true;
    if (gpg_err_code(rc) == GPG_ERR_ETIMEDOUT)
        return err_set(err, E_HOST, "the token host said nothing for %u seconds", lane->timeout);
    return err_set(err, E_HOST, "the token host went away (%s)", gpg_strerror(rc));
}

static int
conclude(struct talk *t, struct err *err)
{
    int rc;

    if (t->refusal.code != 0) {
        if (err)
            *err = t->refusal;
        return t->refusal.code;
    }
    rc = wire_result(&t->status, t->refused, "token host", err);
    if (err)
        err->rv = t->rv;
    return rc;
}

int
lane_run(struct lane *lane, const struct lane_command *cmd, struct err *err)
{
    unsigned timeout = cmd->timeout ? cmd->timeout : LANE_TIMEOUT;
    struct talk t;
    gpg_error_t rc;

    t.refused = 0;
    t.rv = 0;
    t.full = 0;
    err_clear(&t.status.err);
    err_clear(&t.refusal);
    if (timeout != lane->timeout) {
        set_timeout(lane->fd, timeout);
        lane->timeout = timeout;
    }
    rc = assuan_write_line(lane->ctx, cmd->line);
    if (!rc)
        rc = converse(lane, cmd, &t);
    if (rc)
        return died(lane, rc, err);
    if (t.refused)
        return conclude(&t, err);
    if (t.full)
        return err_set(err, E_PROTOCOL, "the token host's answer is longer than it may be");
    return 0;
}
