/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pinentry.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
/* Longest line to it, its line end not counted (Assuan has 1,000 bytes). */
#define LINE_MAX_BYTES 990u
/* Variables of its environment that say where the person is. */
#define PLACE_VARIABLES 4u
/* Longest of these, with NUL. */
#define VARIABLE_MAX 320u

struct pinentry {
    struct channel channel; /* first: the context's pointer */
    assuan_context_t ctx;
    pid_t pid;
    const struct pinentry_job *job;
};

extern char **environ;

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

/* Our environment with the client's place instead of our own. *ret is freed with free. */
static int
make_environment(const struct pinentry_place *place, char store[PLACE_VARIABLES][VARIABLE_MAX],
                 char ***ret)
{
    const struct {
        const char *name, *value;
    } table[PLACE_VARIABLES] = {
        {"DISPLAY", place->display},
        {"WAYLAND_DISPLAY", place->wayland_display},
        {"XAUTHORITY", place->xauthority},
        {"GPG_TTY", place->ttyname},
    };
    size_t count = 0, n = 0;
    bool told = false;
    char **list;

    while (environ[count])
        count++;
    list = calloc(count + PLACE_VARIABLES + 1, sizeof *list);
    if (!list)
        return E_NOMEM;
    for (size_t i = 0; i < PLACE_VARIABLES; i++)
        told |= table[i].value && *table[i].value;
    for (char **e = environ; *e; e++) {
        size_t len = strcspn(*e, "=");
        bool ours = false;
        for (size_t i = 0; told && i < PLACE_VARIABLES; i++)
            ours |= strlen(table[i].name) == len && memcmp(*e, table[i].name, len) == 0;
        if (!ours)
            list[n++] = *e;
    }
    for (size_t i = 0; i < PLACE_VARIABLES; i++) {
        if (!table[i].value || !*table[i].value)
            continue;
        snprintf(store[i], VARIABLE_MAX, "%s=%s", table[i].name, table[i].value);
        list[n++] = store[i];
    }
    *ret = list;
    return 0;
}

static int
start(struct pinentry *pe, int *ret_fd, struct err *err)
{
    const char *program = pe->job->program;
    char *argv[] = {(char *)(uintptr_t)program, NULL}, **environment = NULL;
    char store[PLACE_VARIABLES][VARIABLE_MAX];
    int pair[2], both[2], rc;

    if (make_environment(pe->job->place, store, &environment) != 0)
        return err_set(err, E_NOMEM, "out of memory while asking a question");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        free(environment);
        return err_set_sys(err, E_SYSTEM, errno, "no sockets for %s", program);
    }
    both[0] = both[1] = process_raise(pair[1]);
    struct process s = {.program = program, .argv = argv, .environment = environment, .fds = both,
                        .count = 2, .first = STDIN_FILENO};
    rc = both[0] < 0 ? errno : process_start(&s, &pe->pid);
    free(environment);
    if (both[0] >= 0)
        close(both[0]);
    if (rc != 0) {
        close(pair[0]);
        return err_set_sys(err, E_PIN_NEEDED, rc, "the PIN dialog %s cannot be started; name "
                           "another one in signet.conf ([agent] pinentry)", program);
    }
    *ret_fd = pair[0];
    return 0;
}

static int
broken(const struct pinentry *pe, gpg_error_t rc, struct err *err)
{
    if (gpg_err_code(rc) == GPG_ERR_ECANCELED)
        return err_set(err, E_CANCELLED, "the client went away while it was asked for a PIN");
    if (gpg_err_code(rc) == GPG_ERR_ETIMEDOUT || gpg_err_code(rc) == GPG_ERR_TIMEOUT)
        return err_set(err, E_TIMEOUT, "nobody answered the PIN dialog");
    return err_set(err, E_PIN_NEEDED, "the PIN dialog %s failed (%s); name another one in "
                   "signet.conf ([agent] pinentry)", pe->job->program, gpg_strerror(rc));
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

/* Bytes that a character takes in a line. */
static size_t
escaped_size(char c)
{
    return c == '%' || c == '\n' || c == '\r' ? 3 : 1;
}

/* "SETDESC text" with the escapes that pinentry undoes; cut where the line is full, at a
 * character (UTF-8). */
static int
put_line(struct buf *out, const char *verb, const char *text)
{
    size_t room = LINE_MAX_BYTES - strlen(verb), len = 0, used = 0;
    int rc = buf_put_str(out, verb);

    while (text[len] && used + escaped_size(text[len]) <= room)
        used += escaped_size(text[len++]);
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; rc == 0 && i < len; i++) {
        if (escaped_size(text[i]) > 1)
            rc = buf_putf(out, "%%%02X", (unsigned)(unsigned char)text[i]);
        else
            rc = buf_put_byte(out, (uint8_t)text[i]);
    }
    return rc;
}

/* Says what to show and where. A pinentry that does not know one of these goes on
 * without it. */
static int
prepare(struct pinentry *pe, bool confirm, struct err *err)
{
    const struct pinentry_place *place = pe->job->place;
    const struct pinentry_text *show = pe->job->show;
    char owner[64] = "", seconds[16] = "", host[HOST_NAME_MAX + 1] = "";
    const struct {
        const char *verb, *text;
    } lines[] = {
        {"OPTION ttyname=", place->ttyname},
        {"OPTION ttytype=", place->ttytype},
        {"OPTION display=", place->display},
        {"OPTION lc-ctype=", place->lc_ctype},
        {"OPTION owner=", owner},
        {"SETTIMEOUT ", seconds},
        {"SETTITLE ", "Signet"},
        {"SETDESC ", show->description},
        {"SETPROMPT ", confirm ? NULL : show->prompt},
        {"SETOK ", confirm ? "Allow" : NULL},
        {"SETCANCEL ", confirm ? "Refuse" : NULL},
        {"SETERROR ", show->error},
    };
    autofree_buf struct buf *line = buf_new();
    gpg_error_t rc = 0, refused;

    if (!line)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    if (place->pid > 0 && gethostname(host, sizeof host - 1) == 0)
        snprintf(owner, sizeof owner, "%d/%u %.30s", (int)place->pid, (unsigned)place->uid, host);
    if (pe->job->patience > 0)
        snprintf(seconds, sizeof seconds, "%u", pe->job->patience);
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

/* GETPIN, or CONFIRM when nothing is to be returned. */
static int
put_question(struct pinentry *pe, struct secret *ret, struct err *err)
{
    gpg_error_t refused, rc;

    if (ret)
        secret_wipe(ret);
    rc = command(pe, ret ? "GETPIN" : "CONFIRM", ret, &refused);
    if (rc)
        return broken(pe, rc, err);
    switch (gpg_err_code(refused)) {
    case GPG_ERR_NO_ERROR:
        return 0;
    case GPG_ERR_CANCELED:
    case GPG_ERR_FULLY_CANCELED:
    case GPG_ERR_NOT_CONFIRMED:
        return ret ? err_set(err, E_PIN_CANCELLED, "the PIN dialog was cancelled")
                   : err_set(err, E_DENIED, "it was refused in the dialog");
    default:
        return broken(pe, refused, err);
    }
}

static int
converse(struct pinentry *pe, int fd, struct secret *ret, struct err *err)
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
    code = prepare(pe, !ret, err);
    return code ? code : put_question(pe, ret, err);
}

static int
run(const struct pinentry_job *job, struct secret *ret, struct err *err)
{
    struct pinentry pe = {.job = job};
    int fd = -1, rc;

    if (channel_init(&pe.channel) != 0)
        return err_set(err, E_NOMEM, "out of memory while asking for a PIN");
    pe.channel.watch = job->watch;
    pe.channel.withdraw = job->withdraw;
    /* It has its own clock (SETTIMEOUT); this is for one that has not. */
    pe.channel.patience = job->patience > 0 ? (int)job->patience * 1000 + FAREWELL_MS : 0;
    rc = start(&pe, &fd, err);
    if (rc == 0) {
        rc = converse(&pe, fd, ret, err);
        if (pe.ctx)
            assuan_release(pe.ctx);
        if (rc == E_CANCELLED || rc == E_TIMEOUT)
            kill(pe.pid, SIGTERM);
        bury(pe.pid);
    }
    channel_clear(&pe.channel);
    return rc;
}

int
pinentry_ask(const struct pinentry_job *job, struct secret *ret, struct err *err)
{
    return run(job, ret, err);
}

int
pinentry_confirm(const struct pinentry_job *job, struct err *err)
{
    return run(job, NULL, err);
}
