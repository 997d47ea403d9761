/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/commands.h"
#include "agent/peer.h"
#include "base/buf.h"
#include "base/log.h"

bool
connection_gone(void *arg)
{
    struct connection *c = arg;
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static gpg_error_t
open_context(struct connection *c)
{
    gpg_error_t rc = assuan_new_ext(&c->ctx, GPG_ERR_SOURCE_USER_1, &channel_malloc_hooks, NULL,
                                    NULL);

    if (rc)
        return rc;
    channel_attach(c->ctx, c);
    rc = assuan_init_socket_server(c->ctx, c->fd, ASSUAN_SOCKET_SERVER_ACCEPTED);
    if (!rc)
        rc = commands_register(c->ctx);
    if (!rc)
        rc = assuan_accept(c->ctx);
    return rc;
}

void
connection_serve(struct agent *agent, int fd, const struct peer *peer)
{
    struct connection c = {.agent = agent, .fd = fd, .peer = *peer};
    gpg_error_t rc = GPG_ERR_ENOMEM;

    peer_find(&c.peer, agent->home->system);
    c.out = buf_new();
    if (c.out && channel_init(&c.channel) == 0) {
        c.channel.keep_open = true;
        rc = open_context(&c);
    }
    if (!rc)
        rc = assuan_process(c.ctx);
    if (rc)
        log_debug("connection of process %d ended: %s", (int)peer->pid, gpg_strerror(rc));
    if (c.ctx)
        assuan_release(c.ctx);
    channel_clear(&c.channel);
    buf_free(&c.out);
}
