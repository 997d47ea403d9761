/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Suspend and screen lock, told by a logind of the test's on a bus of the test's. */
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/forget_events.h"
#include "agent/sd_bus.h"
#include "tests/base/run.h"

static struct forget_events *events;
static sem_t called;
static char why[32];
static unsigned calls;
static pid_t bus, logind;
static FILE *to, *from;

static void
forget(void *arg, const char *reason)
{
    ck_assert_ptr_eq(arg, &calls);
    calls++;
    snprintf(why, sizeof why, "%s", reason);
    sem_post(&called);
}

static void
await_call(const char *reason)
{
    while (sem_wait(&called) != 0)
        ;
    ck_assert_str_eq(why, reason);
}

/* Starts a program with pipes; *out reads its descriptor out_fd. */
static pid_t
start(const char *const argv[], FILE **in, FILE **out)
{
    int down[2], up[2];
    pid_t pid;

    ck_assert_int_eq(pipe2(down, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(up, O_CLOEXEC), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    *in = fdopen(down[1], "w");
    *out = fdopen(up[0], "r");
    return pid;
}

static void
expect(const char *word)
{
    char line[64] = "";

    ck_assert_msg(fgets(line, sizeof line, from) != NULL, "logind ended instead of \"%s\"", word);
    line[strcspn(line, "\n")] = '\0';
    ck_assert_str_eq(line, word);
}

static void
command(const char *line)
{
    fprintf(to, "%s\n", line);
    fflush(to);
}

static void
start_bus(void)
{
    char address[512], config[4200];
    FILE *in, *out;
    /* As the system's, but that everybody may do everything. */
    const char *text = "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
                       "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
                       "<busconfig><type>system</type><listen>unix:tmpdir=/tmp</listen>"
                       "<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
                       "<allow send_type=\"method_call\"/><allow send_type=\"signal\"/>"
                       "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>"
                       "<allow send_requested_reply=\"true\" send_type=\"error\"/>"
                       "<allow receive_type=\"method_call\"/>"
                       "<allow receive_type=\"method_return\"/><allow receive_type=\"error\"/>"
                       "<allow receive_type=\"signal\"/></policy></busconfig>";

    snprintf(config, sizeof config, "--config-file=%s", scratch_write("bus.conf", text));
    const char *argv[] = {"dbus-daemon", "--nofork", "--nopidfile", "--print-address=1", config, NULL};
    bus = start(argv, &in, &out);
    ck_assert_msg(fgets(address, sizeof address, out) != NULL, "dbus-daemon does not start");
    address[strcspn(address, "\n")] = '\0';
    setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
    fclose(in);
    fclose(out);
}

static void
start_logind(void)
{
    const char *argv[] = {getenv("TEST_FAKE_LOGIND"), NULL};

    ck_assert_ptr_nonnull(argv[0]);
    logind = start(argv, &to, &from);
    expect("ready");
}

static void
end(pid_t *pid, int sig)
{
    if (*pid > 0) {
        if (sig)
            kill(*pid, sig);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

static void
stop_logind(void)
{
    if (to)
        fclose(to);
    if (from)
        fclose(from);
    to = from = NULL;
    end(&logind, 0);
}

static void
setup(void)
{
    scratch_setup();
    sem_init(&called, 0, 0);
    calls = 0;
    events = forget_events_new(forget, &calls);
    ck_assert_ptr_nonnull(events);
}

static void
teardown(void)
{
    forget_events_free(&events);
    stop_logind();
    end(&bus, SIGTERM);
    scratch_teardown();
}

static bool
state_is(const char *start_of_it)
{
    char state[FORGET_EVENTS_STATE_MAX];

    forget_events_state(events, state);
    return strncmp(state, start_of_it, strlen(start_of_it)) == 0;
}

static void
begin(void)
{
    start_bus();
    start_logind();
    ck_assert(state_is("not yet"));
    forget_events_want(events);
    expect("inhibit");
}

START_TEST(suspend_waits_until_they_are_forgotten)
{
    begin();
    for (int i = 0; i < 2; i++) {
        command("sleep");
        await_call("suspend");
        expect("released");
        command("wake");
        expect("inhibit");
    }
    ck_assert(state_is("suspend, screen lock"));
    ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(screen_lock_of_ours_counts)
{
    begin();
    command("lock mine");
    await_call("screen-lock");
    command("hint mine");
    await_call("screen-lock");
    ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(others_sessions_do_not)
{
    begin();
    command("lock other");
    command("hint other");
    command("unhint mine");
    /* In order on the bus: this comes last. */
    command("sleep");
    await_call("suspend");
    ck_assert_uint_eq(calls, 1);
}
END_TEST

/* Wanted again and again: one connection, one inhibitor. */
START_TEST(wanted_often)
{
    begin();
    for (int i = 0; i < 100; i++)
        forget_events_want(events);
    command("sleep");
    await_call("suspend");
    expect("released");
}
END_TEST

static void
await_state(const char *text)
{
    while (!state_is(text))
        usleep(1000);
}

START_TEST(no_bus_is_said)
{
    setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
    forget_events_want(events);
    await_state("none: there is no system bus");
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(no_logind_is_said)
{
    start_bus();
    forget_events_want(events);
    await_state("none: logind does not answer");
}
END_TEST

START_TEST(a_bus_that_goes_is_said)
{
    begin();
    await_state("suspend");
    end(&bus, SIGKILL);
    await_state("none: the system bus went away");
}
END_TEST

/* Ends while it waits, and before it began. */
START_TEST(ends_at_any_time)
{
    forget_events_free(&events);
    events = forget_events_new(forget, &calls);
    begin();
    forget_events_free(&events);
    expect("released");
    ck_assert_uint_eq(calls, 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("forget-events");
    const struct sd_bus_api *api;
    struct err err = {0};

    if (sd_bus_load(&api, &err) != 0 || system("command -v dbus-daemon >/dev/null") != 0) {
        fprintf(stderr, "skipped: %s\n", err.code ? err_text(&err) : "no dbus-daemon");
        return 77;
    }
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, suspend_waits_until_they_are_forgotten);
    tcase_add_test(c, screen_lock_of_ours_counts);
    tcase_add_test(c, others_sessions_do_not);
    tcase_add_test(c, wanted_often);
    tcase_add_test(c, no_bus_is_said);
    tcase_add_test(c, no_logind_is_said);
    tcase_add_test(c, a_bus_that_goes_is_said);
    tcase_add_test(c, ends_at_any_time);
    return run_suite("agent-forget-events", &c, 1);
}
