/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "client/ask.h"

/* An agent that ends just as we connect: how often to start over. */
#define OPEN_TRIES 5
/* How long a stopping agent may finish what it does, in milliseconds. */
#define STOP_WAIT_MS 30000

static int
put_option(struct buf *lines, unsigned *count, const char *name, const char *value)
{
    int rc;

    if (!value || !*value)
        return 0;
    rc = buf_putf(lines, "OPTION %s=", name);
    if (rc == 0)
        rc = text_put_escaped(lines, value, strlen(value));
    if (rc == 0)
        rc = buf_put_byte(lines, '\n');
    if (rc == 0)
        ++*count;
    return rc;
}

/* The terminal of this process, for a pinentry that the agent starts. */
static const char *
terminal(char *name, size_t max)
{
    for (int fd = 0; fd <= 2; fd++)
        if (isatty(fd) && ttyname_r(fd, name, max) == 0)
            return name;
    name = getenv("GPG_TTY");
    return name && strncmp(name, "/dev/", 5) == 0 ? name : NULL;
}

static const char *
first_env(const char *a, const char *b, const char *c)
{
    const char *v = getenv(a);

    if ((!v || !*v) && b)
        v = getenv(b);
    if ((!v || !*v) && c)
        v = getenv(c);
    return v;
}

static int
put_options(struct buf *lines, unsigned *count, const struct client_options *opts)
{
    char tty[128], wait[16];
    int rc = put_option(lines, count, "front", opts->front ? opts->front : "client");

    if (rc == 0 && opts->wait > 0) {
        snprintf(wait, sizeof wait, "%u", opts->wait);
        rc = put_option(lines, count, "wait", wait);
    }
    if (rc == 0 && opts->batch)
        return put_option(lines, count, "batch", "1");
    if (rc == 0 && opts->ask_pin)
        rc = put_option(lines, count, "pin", "inquire");
    if (rc == 0 && opts->ask_confirm)
        rc = put_option(lines, count, "confirm", "inquire");
    if (rc == 0)
        rc = put_option(lines, count, "ttyname", terminal(tty, sizeof tty));
    if (rc == 0)
        rc = put_option(lines, count, "ttytype", getenv("TERM"));
    if (rc == 0)
        rc = put_option(lines, count, "display", getenv("DISPLAY"));
    if (rc == 0)
        rc = put_option(lines, count, "wayland-display", getenv("WAYLAND_DISPLAY"));
    if (rc == 0)
        rc = put_option(lines, count, "xauthority", getenv("XAUTHORITY"));
    if (rc == 0)
        rc = put_option(lines, count, "lc-ctype", first_env("LC_ALL", "LC_CTYPE", "LANG"));
    return rc;
}

static int
not_running(const struct home *home, int sys, struct err *err)
{
    if (sys == ENOENT || sys == ECONNREFUSED) {
        err_set(err, E_AGENT, home->elsewhere
                ? "no agent is running on %s; the machine's agent is started by its administrator "
                  "(systemctl start signet-agent-system.socket)"
                : "no agent is running on %s; start one (signet agent start)", home->socket);
        if (err)
            err->sys = sys;
        return E_AGENT;
    }
    if (sys == EACCES && home->elsewhere)
        return err_set(err, E_DENIED, "the agent's socket %s is not for this user; ask its "
                       "administrator (usually to be added to the group signet)", home->socket);
    return err_set_sys(err, E_AGENT, sys, "the agent's socket %s cannot be used", home->socket);
}

/* One try; *ret_again when the agent ended while it greeted us. */
static int
open_once(struct client *c, const struct home *home, const struct buf *lines, unsigned count,
          bool *ret_again, struct err *err)
{
    gpg_error_t failed;
    int fd = -1, rc;

    *ret_again = false;
    if (client_connect(home, &fd) != 0) {
        int sys = errno;
        if (c->opts.no_start || home->elsewhere ||
            (sys != ENOENT && sys != ECONNREFUSED && sys != ENOTDIR))
            return not_running(home, sys, err);
        rc = client_spawn(home, &fd, err);
        if (rc != 0)
            return rc;
    }
    failed = client_attach(c, fd, lines, count);
    if (failed == 0)
        return 0;
    *ret_again = true;
    return err_set(err, E_AGENT, "the agent on %s does not answer (%s); see its log, or stop it "
                   "(signet agent stop)", home->socket, gpg_strerror(failed));
}

int
client_open(struct client **ret, const struct home *home, const struct client_options *opts,
            struct err *err)
{
    static const struct client_options defaults;
    autofree_buf struct buf *lines = buf_new();
    struct client *c = calloc(1, sizeof *c);
    unsigned count = 0;
    bool again = true;
    int rc = E_NOMEM;

    if (c && lines) {
        c->opts = opts ? *opts : defaults;
        rc = put_options(lines, &count, &c->opts);
    }
    if (rc != 0) {
        client_free(&c);
        return err_set(err, rc, "out of memory while connecting to the agent");
    }
    for (int i = 0; i < OPEN_TRIES && again; i++)
        rc = open_once(c, home, lines, count, &again, err);
    if (rc != 0) {
        client_free(&c);
        return rc;
    }
    *ret = c;
    return 0;
}

void
client_free(struct client **c)
{
    if (!c || !*c)
        return;
    client_detach(*c);
    free(*c);
    *c = NULL;
}

void
client_abandon(struct client **c, bool close_descriptor)
{
    if (!c || !*c)
        return;
    if (close_descriptor)
        close((*c)->fd);
    free(*c);
    *c = NULL;
}

/* Until the agent has closed this connection, which it does last. */
static int
wait_gone(struct client *c, struct err *err)
{
    struct timespec now;
    long long end, left;
    char rest[256];

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec * 1000LL + now.tv_nsec / 1000000 + STOP_WAIT_MS;
    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = end - (now.tv_sec * 1000LL + now.tv_nsec / 1000000);
        if (left <= 0)
            return err_set(err, E_TIMEOUT, "the agent has not ended after %d seconds; look at "
                           "what it does (signet agent status) or kill it", STOP_WAIT_MS / 1000);
        if (poll(&p, 1, (int)left) > 0 && recv(c->fd, rest, sizeof rest, 0) <= 0 &&
            errno != EINTR)
            return 0;
    }
}

int
client_stop(struct client *c, struct err *err)
{
    struct ask ask = {.doing = "stopping"};
    int rc = client_ask(c, &ask, "STOP", err);

    if (rc == 0)
        rc = wait_gone(c, err);
    c->dead = true;
    return rc;
}
