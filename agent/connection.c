/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/commands.h"
#include "base/buf.h"
#include "base/log.h"

bool
connection_gone(void *arg)
{
    struct connection *c = arg;
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void
find_program(struct peer *peer)
{
    char link[32];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/%d/exe", (int)peer->pid);
    n = readlink(link, peer->exe, sizeof peer->exe - 1);
    peer->exe[n > 0 ? n : 0] = '\0';
}

/* The last unit on the way to its control group (cgroups(7); systemd.unit(5)):
 * 0::/user.slice/user-1000.slice/session-2.scope */
static void
find_unit(struct peer *peer)
{
    char path[32], text[1024], *line, *end, *last = NULL, *save = NULL;
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)peer->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!line)
        return;
    end = strchr(line + 1, '\n');
    if (end)
        *end = '\0';
    for (char *part = strtok_r(line, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        const char *dot = strrchr(part, '.');
        if (dot && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0))
            last = part;
    }
    if (last)
        snprintf(peer->unit, sizeof peer->unit, "%s", last);
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

    find_program(&c.peer);
    find_unit(&c.peer);
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
