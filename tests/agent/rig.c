/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/agent/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define HOSTS_MAX 16

static struct home home;
static bool laid_out;

/* Orphans of the tests become this process's children, so that what it ends is
 * surely its own. */
int
rig_main(const char *name, TCase *c)
{
    char path[64], list[4096], *at, *end;
    int rc;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    rc = run_suite(name, &c, 1);
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    do {
        snprintf(list, sizeof list, "%.4000s", rig_read(path));
        for (at = list; strtol(at, &end, 10) > 1; at = end)
            kill((pid_t)strtol(at, NULL, 10), SIGKILL);
        while (waitpid(-1, NULL, list[0] ? 0 : WNOHANG) > 0)
            ;
    } while (list[0]);
    return rc;
}

static const char *
program(const char *variable)
{
    const char *path = getenv(variable);

    ck_assert_msg(path != NULL, "%s is not set: run this by meson test", variable);
    return path;
}

void
rig_setup(void)
{
    scratch_setup();
    laid_out = false;
}

void
rig_teardown(void)
{
    if (laid_out) {
        rig_stop();
        /* Where the agent and its hosts say what the sanitizers found. */
        ck_assert_msg(rig_count(scratch_path("home/agent.log"), "Sanitizer") == 0, "%s",
                      rig_read(scratch_path("home/agent.log")));
        home_clear(&home);
    }
    scratch_teardown();
}

static void
lay_out(const char *token, const char *module, const char *conf)
{
    struct err err = {0};
    char text[4096], agent[PATH_MAX + 16], dir[PATH_MAX];

    snprintf(dir, sizeof dir, "%s", scratch_path("bin"));
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    snprintf(agent, sizeof agent, "%s/signet-agent", dir);
    ck_assert_int_eq(symlink(program("TEST_SIGNET_AGENT"), agent), 0);
    snprintf(agent, sizeof agent, "%s/signet-token", dir);
    ck_assert_int_eq(symlink(token, agent), 0);
    setenv("SIGNET_LIBEXEC", dir, 1);
    setenv("SIGNET_HOME", scratch_path("home"), 1);
    ck_assert_int_eq(mkdir(scratch_path("home"), 0700), 0);
    snprintf(text, sizeof text, "[agent]\np11-kit = no\nlog-level = info\n%s\n%s", conf, module);
    scratch_write("home/signet.conf", text);
    ck_assert_int_eq(home_resolve(&home, NULL, &err), 0);
    laid_out = true;
}

void
rig_fake(const char *conf)
{
    setenv("FAKE_TOKEN", scratch_path("fake"), 1);
    ck_assert_int_eq(mkdir(scratch_path("fake"), 0700), 0);
    fake_set("pin", FAKE_PIN);
    fake_set("tries", "3");
    lay_out(program("TEST_FAKE_TOKEN"), "[module fake]\npath = /none\n", conf);
}

bool
rig_softhsm(const char *conf)
{
    static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";

    if (access(module, R_OK) != 0)
        return false;
    lay_out(program("TEST_SIGNET_TOKEN"), "", conf);
    return true;
}

const struct home *
rig_home(void)
{
    return &home;
}

static const char *
fake_path(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "fake/%s", name);
    return scratch_path(path);
}

void
fake_set(const char *name, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "fake/%s", name);
    scratch_write(path, text);
}

void
fake_unset(const char *name)
{
    ck_assert_int_eq(unlink(fake_path(name)), 0);
}

const char *
rig_read(const char *path)
{
    static char text[256 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

unsigned
rig_count(const char *path, const char *what)
{
    unsigned n = 0;

    for (const char *at = rig_read(path); (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

unsigned
fake_lines(const char *name)
{
    return rig_count(fake_path(name), "\n");
}

const char *
rig_pinentry(const char *answers)
{
    static char path[PATH_MAX];
    char script[4096];

    scratch_write("answers", answers);
    snprintf(script, sizeof script,
             "#!/bin/sh\n"
             "cd '%s' || exit 1\n"
             "echo 'OK at your service'\n"
             "while read -r line; do\n"
             "  echo \"$line\" >>asked\n"
             "  case $line in\n"
             "  GETPIN)\n"
             "    read -r answer <answers; sed -i 1d answers\n"
             "    case $answer in\n"
             "    cancel) echo 'ERR 83886179 Operation cancelled <Pinentry>';;\n"
             "    wait) read -r never; echo gone >>asked; exit 0;;\n"
             "    *) echo \"D $answer\"; echo OK;;\n"
             "    esac;;\n"
             "  BYE) echo OK; exit 0;;\n"
             "  *) echo OK;;\n"
             "  esac\n"
             "done\n"
             "echo gone >>asked\n", scratch());
    snprintf(path, sizeof path, "%s", scratch_write("pinentry", script));
    ck_assert_int_eq(chmod(path, 0700), 0);
    return path;
}

struct client *
rig_open(const struct client_options *opts)
{
    static const struct client_options plain = {.front = "test"};
    struct client *c = NULL;
    struct err err = {0};

    ck_assert_msg(client_open(&c, &home, opts ? opts : &plain, &err) == 0, "%s",
                  err_text(&err));
    return c;
}

int
rig_sign(struct client *c, struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    err_clear(err);
    int rc = client_sign(c, FAKE_KEY, alg_sig_by_name("ed25519"), (const uint8_t *)"hello", 5,
                         out, err);
    if (rc == 0)
        ck_assert_str_eq(buf_cstr(out), "signature of 68656c6c6f");
    return rc;
}

static json_t *
status(void)
{
    static const struct client_options opts = {.front = "test", .no_start = true};
    struct client *c = NULL;
    struct err err = {0};
    json_t *o = NULL;

    if (client_open(&c, &home, &opts, &err) != 0)
        return NULL;
    ck_assert_msg(client_status(c, &o, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    return o;
}

int
rig_status(const char *member, bool host)
{
    json_t *o = status(), *from = o;

    ck_assert_ptr_nonnull(o);
    if (host)
        from = json_array_get(json_object_get(o, "hosts"), 0);
    int n = (int)json_integer_value(json_object_get(from, member));
    json_decref(o);
    return n;
}

void
rig_kill(bool host)
{
    int pid = rig_status("pid", host);

    /* 0 would be ourselves and all our kin. */
    ck_assert_int_gt(pid, 1);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
}

static void
await_process(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    if (pidfd < 0)
        return;
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    close(pidfd);
}

void
rig_stop(void)
{
    static const struct client_options opts = {.front = "test", .no_start = true};
    int fds[HOSTS_MAX + 1], n = 0;
    json_t *o = status(), *hosts, *h;
    struct client *c = NULL;
    struct err err = {0};
    size_t i;

    if (!o)
        return;
    fds[n++] = (int)syscall(SYS_pidfd_open, json_integer_value(json_object_get(o, "pid")), 0);
    hosts = json_object_get(o, "hosts");
    json_array_foreach(hosts, i, h)
        if (n <= HOSTS_MAX && json_integer_value(json_object_get(h, "pid")) > 0)
            fds[n++] = (int)syscall(SYS_pidfd_open, json_integer_value(json_object_get(h, "pid")),
                                    0);
    json_decref(o);
    ck_assert_msg(client_open(&c, &home, &opts, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(client_stop(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    while (n > 0)
        await_process(fds[--n]);
}

void
rig_await_lines(const char *path, unsigned count)
{
    int fd = inotify_init1(IN_CLOEXEC);
    char event[4096], dir[PATH_MAX];

    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    ck_assert_int_ge(inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE), 0);
    while (rig_count(path, "\n") < count)
        ck_assert_int_gt(read(fd, event, sizeof event), 0);
    close(fd);
}

/* The lines are counted first: one that comes behind the look is not missed. */
void
rig_await_text(const char *path, const char *text)
{
    for (;;) {
        unsigned lines = rig_count(path, "\n");
        if (rig_count(path, text) > 0)
            return;
        rig_await_lines(path, lines + 1);
    }
}

pid_t
rig_start_agent(const char *const extra[])
{
    const char *argv[12] = {"signet-agent", "--home", home.root};
    unsigned n = 3;
    pid_t pid;

    for (; extra && *extra; extra++)
        argv[n++] = *extra;
    argv[n] = NULL;
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execv(program("TEST_SIGNET_AGENT"), (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

int
rig_join(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
rig_run_agent(const char *const extra[])
{
    return rig_join(rig_start_agent(extra));
}
