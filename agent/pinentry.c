/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pinentry.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process.h"
#include "base/buf.h"
#include "client/channel.h"
#include "client/wire.h"

/* How long a pinentry may take to end by itself, in milliseconds. */
#define FAREWELL_MS 1000

struct pinentry {
    struct channel channel; /* first: the context's pointer */
    assuan_context_t ctx;
    pid_t pid;
    const char *program;
};

static bool
ended(pid_t pid, int wait_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool yes = fd >= 0 && poll(&p, 1, wait_ms) == 1;

    if (fd >= 0)
        close(fd);
    return yes;
}

/* A terminal dialog gives the terminal back when it gets SIGTERM. */
static void
bury(pid_t pid)
{
    if (!ended(pid, FAREWELL_MS)) {
        kill(pid, SIGTERM);
        if (!ended(pid, FAREWELL_MS))
            kill(pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int
start(struct pinentry *pe, int *ret_fd, struct err *err)
{
    char *argv[] = {(char *)(uintptr_t)pe->program, NULL};
    int pair[2], both[2], rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "no sockets for %s", pe->program);
    both[0] = both[1] = process_raise(pair[1]);
    struct process s = {.program = pe->program, .argv = argv, .fds = both, .count = 2,
                      .first = STDIN_FILENO};
    rc = both[0] < 0 ? errno : process_start(&s, &pe->pid);
    if (both[0] >= 0)
        close(both[0]);
    if (rc != 0) {
        close(pair[0]);
        return err_set_sys(err, E_PIN_NEEDED, rc, "the PIN dialog %s cannot be started; name "
                           "another one in signet.conf ([agent] pinentry)", pe->program);
    }
    *ret_fd = pair[0];
    return 0;
}

static int
broken(const struct pinentry *pe, gpg_error_t rc, struct err *err)
{
    if (gpg_err_code(rc) == GPG_ERR_ECANCELED)
        return err_set(err, E_CANCELLED, "the client went away while it was asked for a PIN");
    return err_set(err, E_PIN_NEEDED, "the PIN dialog %s failed (%s); name another one in "
                   "signet.conf ([agent] pinentry)", pe->program, gpg_strerror(rc));
}

/* One command; data to ret when that is given. The answer to ERR is in *refused. */
static gpg_error_t
command(struct pinentry *pe, const char *line, struct secret *ret, gpg_error_t *refused)
{
    assuan_response_t kind;
    gpg_error_t rc = assuan_write_line(pe->ctx, line);
    char *text;
    int n, off;

    *refused = 0;
    while (!rc) {
        rc = assuan_client_read_response(pe->ctx, &text, &n);
        if (!rc)
            rc = assuan_client_parse_response(pe->ctx, text, n, &kind, &off);
        if (rc || kind == ASSUAN_RESPONSE_OK)
            break;
        if (kind == ASSUAN_RESPONSE_ERROR) {
            *refused = (gpg_error_t)strtoul(text + off, NULL, 10);
            break;
        }
        if (kind == ASSUAN_RESPONSE_INQUIRE) {
            rc = assuan_write_line(pe->ctx, "CAN");
        } else if (kind == ASSUAN_RESPONSE_DATA) {
            if (ret && secret_append(ret, text + off, (size_t)(n - off)) != 0)
                rc = gpg_error(GPG_ERR_TOO_LARGE);
            wipe(text, (size_t)n);
        }
    }
    return rc;
}

/* "SETDESC text" with the escapes that pinentry undoes. */
static int
put_line(struct buf *out, const char *verb, const char *text)
{
    int rc = buf_put_str(out, verb);

    for (; rc == 0 && *text; text++) {
        if (*text == '%' || *text == '\n' || *text == '\r')
            rc = buf_putf(out, "%%%02X", (unsigned)(unsigned char)*text);
        else
            rc = buf_put_byte(out, (uint8_t)*text);
    }
    return rc;
}

/* Says what to show and where. A pinentry that does not know one of these goes on
 * without it. */
static int
prepare(struct pinentry *pe, const struct pinentry_place *place,
        const struct pinentry_text *show, struct err *err)
{
    const struct {
        const char *verb, *text;
    } lines[] = {
        {"OPTION ttyname=", place->ttyname},
        {"OPTION ttytype=", place->ttytype},
        {"OPTION display=", place->display},
        {"OPTION lc-ctype=", place->lc_ctype},
        {"SETTITLE ", "Signet"},
        {"SETDESC ", show->description},
        {"SETPROMPT ", show->prompt},
        {"SETERROR ", show->error},
    };
    autofree_buf struct buf *line = buf_new();
    gpg_error_t rc = 0, refused;

    if (!line)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    for (size_t i = 0; i < sizeof lines / sizeof *lines && !rc; i++) {
        if (!lines[i].text || !*lines[i].text)
            continue;
        buf_reset(line);
        if (put_line(line, lines[i].verb, lines[i].text) != 0)
            return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
        rc = command(pe, buf_cstr(line), NULL, &refused);
    }
    return rc ? broken(pe, rc, err) : 0;
}

static int
get_pin(struct pinentry *pe, struct secret *ret, struct err *err)
{
    gpg_error_t refused, rc;

    secret_wipe(ret);
    rc = command(pe, "GETPIN", ret, &refused);
    if (rc)
        return broken(pe, rc, err);
    if (gpg_err_code(refused) == GPG_ERR_CANCELED ||
        gpg_err_code(refused) == GPG_ERR_FULLY_CANCELED)
        return err_set(err, E_PIN_CANCELLED, "the PIN dialog was cancelled");
    return refused ? broken(pe, refused, err) : 0;
}

static int
converse(struct pinentry *pe, int fd, const struct pinentry_place *place,
         const struct pinentry_text *show, struct secret *ret, struct err *err)
{
    gpg_error_t rc = assuan_new_ext(&pe->ctx, GPG_ERR_SOURCE_USER_1, &channel_malloc_hooks,
                                    NULL, NULL);
    int code;

    if (rc) {
        close(fd);
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    }
    channel_attach(pe->ctx, pe);
    rc = assuan_socket_connect_fd(pe->ctx, fd, 0);
    if (rc)
        return broken(pe, rc, err);
    code = prepare(pe, place, show, err);
    return code ? code : get_pin(pe, ret, err);
}

int
pinentry_ask(const char *program, const struct pinentry_place *place,
             const struct pinentry_text *show, int watch, struct secret *ret, struct err *err)
{
    struct pinentry pe = {.program = program};
    int fd = -1, rc;

    if (channel_init(&pe.channel) != 0)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    pe.channel.watch = watch;
    rc = start(&pe, &fd, err);
    if (rc == 0) {
        rc = converse(&pe, fd, place, show, ret, err);
        if (pe.ctx)
            assuan_release(pe.ctx);
        if (rc == E_CANCELLED)
            kill(pe.pid, SIGTERM);
        bury(pe.pid);
    }
    channel_clear(&pe.channel);
    return rc;
}
