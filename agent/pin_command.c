/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pin_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/process.h"

/* Longest command line, with NUL, and longest `NAME=value` about the token. */
#define LINE_SIZE 1024
#define VARIABLE_MAX 300

struct run {
    const struct pin_source *source;
    char line[LINE_SIZE];
    char *argv[PIN_COMMAND_WORDS_MAX + 1];
    struct secret *output;
    unsigned seconds;
    long long until;   /* milliseconds of CLOCK_MONOTONIC */
    pid_t pid;
    int pipe;          /* reading end */
};

extern char **environ;

static long long
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* In place; quotes are taken away. */
static int
split(struct run *r, struct err *err)
{
    char *in = r->line, *out;
    unsigned n = 0;

    while (*(in += strspn(in, " \t"))) {
        char quote = '\0';
        if (n == PIN_COMMAND_WORDS_MAX)
            return err_set(err, E_CONFIG, "pin-source: a command has at most %u words",
                           PIN_COMMAND_WORDS_MAX);
        r->argv[n++] = out = in;
        for (; *in && (quote || (*in != ' ' && *in != '\t')); in++) {
            if (quote ? *in == quote : *in == '"' || *in == '\'')
                quote = quote ? '\0' : *in;
            else
                *out++ = *in;
        }
        if (quote)
            return err_set(err, E_CONFIG, "pin-source: a quotation mark of the command is not "
                           "closed");
        if (*in)
            in++;
        *out = '\0';
    }
    return n > 0 ? 0 : err_set(err, E_CONFIG, "pin-source: \"command:\" names no program");
}

static int
check_program(const char *path, struct err *err)
{
    struct stat st;

    if (path[0] != '/')
        return err_set(err, E_CONFIG, "pin-source: \"%.100s\" is no absolute path", path);
    if (stat(path, &st) != 0)
        return err_set_sys(err, E_INPUT, errno, "PIN command %s cannot be run", path);
    if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)
        return err_set(err, E_INPUT, "PIN command %s is no program that this user may run; make "
                       "it executable (chmod 700)", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(err, E_DENIED, "PIN command %s belongs to another user (uid %u) and is not "
                       "run; make it your own (chown)", path, (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, E_DENIED, "PIN command %s can be written by others and is not run; "
                       "make it your own (chmod 700)", path);
    return 0;
}

static char **
make_environment(const struct pin_source *s, char label[VARIABLE_MAX], char serial[VARIABLE_MAX])
{
    size_t count = 0;
    char **list;

    while (environ[count])
        count++;
    list = calloc(count + 3, sizeof *list);
    if (!list)
        return NULL;
    memcpy(list, environ, count * sizeof *list);
    snprintf(label, VARIABLE_MAX, "SIGNET_TOKEN=%s", s->label ? s->label : "");
    snprintf(serial, VARIABLE_MAX, "SIGNET_TOKEN_SERIAL=%s", s->serial ? s->serial : "");
    list[count] = label;
    list[count + 1] = serial;
    return list;
}

static int
start(struct run *r, struct err *err)
{
    char label[VARIABLE_MAX], serial[VARIABLE_MAX];
    char **environment = make_environment(r->source, label, serial);
    int ends[2], rc, to;

    if (!environment)
        return err_set(err, E_NOMEM, "out of memory while a PIN command is run");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(environment);
        return err_set_sys(err, E_SYSTEM, errno, "no pipe for PIN command %s", r->argv[0]);
    }
    to = process_raise(ends[1]);
    const struct process p = {.program = r->argv[0], .argv = r->argv, .environment = environment,
                              .fds = &to, .count = 1, .first = STDOUT_FILENO, .own_group = true};
    rc = to < 0 ? errno : process_start(&p, &r->pid);
    if (to >= 0)
        close(to);
    free(environment);
    r->pipe = ends[0];
    if (rc == 0)
        return 0;
    close(ends[0]);
    return err_set_sys(err, E_INPUT, rc, "PIN command %s cannot be run", r->argv[0]);
}

/* Waits for fd as long as there is time and the client is there. 0 when it is ready. */
static int
await(const struct run *r, int fd, struct err *err)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = r->source->watch, .events = POLLRDHUP}};
    long long left;
    int n;

    do {
        left = r->until - now_ms();
        n = poll(p, 2, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && p[0].revents)
        return 0;
    if (n > 0)
        return err_set(err, E_CANCELLED, "the client went away while PIN command %s ran",
                       r->argv[0]);
    return err_set(err, E_TIMEOUT, "PIN command %s has not ended after %u seconds and was stopped; "
                   "run it by hand to see why", r->argv[0], r->seconds);
}

static int
take_output(struct run *r, struct err *err)
{
    size_t len = 0, max = secret_max(r->output);
    ssize_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        if (len == max)
            return err_set(err, E_PIN_INVALID, "PIN command %s prints more than %zu bytes; it "
                           "is to print the PIN alone", r->argv[0], max);
        rc = await(r, r->pipe, err);
        if (rc == 0)
            n = read(r->pipe, secret_mutable(r->output) + len, max - len);
        if (rc == 0 && n < 0 && errno != EINTR)
            return err_set_sys(err, E_INPUT, errno, "PIN command %s cannot be read from",
                               r->argv[0]);
        if (rc == 0 && n < 0)
            n = 1;
        else if (rc == 0)
            len += (size_t)n;
    }
    secret_set_len(r->output, len);
    return rc;
}

static int
judge_end(const struct run *r, int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        return err_set(err, E_INPUT, "PIN command %s failed with exit status %d; run it by hand to "
                       "see why", r->argv[0], WEXITSTATUS(status));
    return err_set(err, E_INPUT, "PIN command %s was ended by signal %d; run it by hand to see "
                   "why", r->argv[0], WTERMSIG(status));
}

/* Its end, and its verdict on itself; after a failure it is killed, with all its group. */
static int
finish(struct run *r, int rc, struct err *err)
{
    int fd = (int)syscall(SYS_pidfd_open, r->pid, 0), status = 0;

    if (rc == 0 && fd >= 0)
        rc = await(r, fd, err);
    if (rc != 0)
        kill(-r->pid, SIGKILL);
    if (fd >= 0)
        close(fd);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return rc == 0 ? judge_end(r, status, err) : rc;
}

static int
take_line(const struct run *r, struct secret *ret, struct err *err)
{
    const uint8_t *data = secret_data_view(r->output);
    size_t len = secret_len(r->output);
    const uint8_t *end = memchr(data, '\n', len);

    if (end)
        len = (size_t)(end - data);
    if (len > 0 && data[len - 1] == '\r')
        len--;
    if (len == 0)
        return err_set(err, E_PIN_INVALID, "PIN command %s prints no PIN in its first line",
                       r->argv[0]);
    if (secret_set(ret, data, len) != 0)
        return err_set(err, E_PIN_INVALID, "PIN command %s prints a line longer than a PIN can be "
                       "(%zu bytes)", r->argv[0], secret_max(ret));
    return 0;
}

int
pin_command_read(const struct pin_source *source, const char *line, struct secret *ret,
                 struct err *err)
{
    struct run r = {.source = source,
                    .seconds = source->seconds ? source->seconds : PIN_COMMAND_SECONDS};
    int rc;

    r.until = now_ms() + r.seconds * 1000LL;
    if (strlen(line) >= sizeof r.line)
        return err_set(err, E_CONFIG, "pin-source: a command has at most %zu bytes",
                       sizeof r.line - 1);
    snprintf(r.line, sizeof r.line, "%s", line);
    rc = split(&r, err);
    if (rc == 0)
        rc = check_program(r.argv[0], err);
    if (rc != 0)
        return rc;
    r.output = secret_new(PIN_COMMAND_OUTPUT_MAX);
    if (!r.output)
        return err_set(err, E_NOMEM, "out of memory while a PIN command is run");
    rc = start(&r, err);
    if (rc == 0) {
        rc = take_output(&r, err);
        close(r.pipe);
        rc = finish(&r, rc, err);
    }
    if (rc == 0)
        rc = take_line(&r, ret, err);
    secret_free(&r.output);
    return rc;
}
