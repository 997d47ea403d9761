/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/lane.h"

#include <errno.h>
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
    bool dead;
};

int
lane_open(struct lane **ret, int fd, struct err *err)
{
    const struct timeval limit = {.tv_sec = LANE_TIMEOUT};
    struct lane *lane = calloc(1, sizeof *lane);
    gpg_error_t rc = GPG_ERR_ENOMEM;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
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

/* Sends the answer to an inquiry, or cancels what we do not know. */
static gpg_error_t
answer(struct lane *lane, const struct lane_command *cmd, const char *keyword)
{
    size_t kw = strcspn(keyword, " ");
    gpg_error_t rc;

    for (size_t i = 0; i < sizeof cmd->answers / sizeof *cmd->answers; i++) {
        const struct lane_answer *a = &cmd->answers[i];
        if (!a->keyword || strlen(a->keyword) != kw || memcmp(a->keyword, keyword, kw) != 0)
            continue;
        assuan_begin_confidential(lane->ctx);
        rc = a->len > 0 ? assuan_send_data(lane->ctx, a->data, a->len) : 0;
        if (!rc)
            rc = assuan_send_data(lane->ctx, NULL, 0);
        assuan_end_confidential(lane->ctx);
        return rc;
    }
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

/* The exchange behind the command. 0 or the host's ERR in *ret_refused; returns
 * what libassuan says of a lost lane. The loop is ours: assuan_transact loses step
 * when a status line follows a cancelled inquiry. */
static gpg_error_t
converse(struct lane *lane, const struct lane_command *cmd, struct wire_status *st,
         gpg_error_t *ret_refused, int *ret_full)
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
            *ret_refused = 0;
            return 0;
        case ASSUAN_RESPONSE_ERROR:
            *ret_refused = (gpg_error_t)strtoul(line + off, NULL, 10);
            return *ret_refused ? 0 : GPG_ERR_ASS_INV_RESPONSE;
        case ASSUAN_RESPONSE_DATA:
            if (*ret_full == 0)
                *ret_full = take_data(cmd, line + off, (size_t)(n - off));
            break;
        case ASSUAN_RESPONSE_STATUS:
            wire_take_status(st, line + off);
            break;
        case ASSUAN_RESPONSE_INQUIRE:
            rc = answer(lane, cmd, line + off);
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
        return err_set(err, E_HOST, "the token host said nothing for %d seconds", LANE_TIMEOUT);
    return err_set(err, E_HOST, "the token host went away (%s)", gpg_strerror(rc));
}

int
lane_run(struct lane *lane, const struct lane_command *cmd, struct err *err)
{
    struct wire_status st = {0};
    gpg_error_t rc, refused = 0;
    int full = 0;

    rc = assuan_write_line(lane->ctx, cmd->line);
    if (!rc)
        rc = converse(lane, cmd, &st, &refused, &full);
    if (rc)
        return died(lane, rc, err);
    if (refused)
        return wire_result(&st, refused, "token host", err);
    if (full)
        return err_set(err, E_PROTOCOL, "the token host's answer is longer than it may be");
    return 0;
}
