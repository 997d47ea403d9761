/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each allocation and each system call of an agent's life fails once (preload_faults.c): it
 * starts, lists keys, is given a wrong PIN and the right one, signs, and is stopped. Whatever
 * fails, the agent must not crash or hang, tell a PIN, or send a wrong one twice; and the next
 * agent must work. Some dozens of them; with TEST_LONG (suite `long`) all.
 *
 * And with preload_clock.c: a wall clock that jumps.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agent/raw.h"
#include "tests/agent/rig.h"

#define WRONG_PIN "135791"
#define SAMPLES 60u
/* Milliseconds in which an agent must have come up, and must have ended. */
#define PATIENCE_MS 60000

static struct err err;
static atomic_uint *count;

static void *
shared(const char *name, size_t size)
{
    int fd = open(scratch_path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(at, MAP_FAILED);
    close(fd);
    return at;
}

static _Noreturn void
become_agent(unsigned fault, int ready)
{
    char number[16], descriptor[16], home[4096], log[4096], program[4096];

    snprintf(number, sizeof number, "%u", fault);
    snprintf(descriptor, sizeof descriptor, "%d", ready);
    snprintf(home, sizeof home, "%s", scratch_path("home"));
    snprintf(log, sizeof log, "%s", scratch_path("said"));
    snprintf(program, sizeof program, "%s", getenv("TEST_SIGNET_AGENT"));
    setenv("FAULT_AT", number, 1);
    setenv("FAULT_COUNT", scratch_path("count"), 1);
    setenv("LD_PRELOAD", getenv("TEST_PRELOAD_FAULTS"), 1);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    execl(program, "signet-agent", "--home", home, "--foreground", "--ready-fd", descriptor,
          NULL);
    _exit(127);
}

/* Waits until the agent listens, or has ended. */
static bool
await_ready(int fd, unsigned fault)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "fault %u: the agent does not come up", fault);
    bool ready = read(fd, &byte, 1) == 1;
    close(fd);
    return ready;
}

/* One request on a connection of its own, with these PINs for the inquiries. */
static bool
ask(const char *request, const char *const pins[])
{
    int fd = raw_open(rig_home()->socket);
    char line[64];

    if (fd < 0)
        return false;
    const char *last = raw_ask(fd, "OPTION pin=inquire");
    if (strncmp(last, "OK", 2) == 0)
        last = raw_ask(fd, request);
    for (; strncmp(last, "INQUIRE PIN", 11) == 0; pins++) {
        if (!*pins) {
            last = raw_ask(fd, "CAN");
            break;
        }
        snprintf(line, sizeof line, "D %s\nEND", *pins);
        last = raw_ask(fd, line);
    }
    ck_assert(strstr(last, FAKE_PIN) == NULL && strstr(last, WRONG_PIN) == NULL);
    bool done = strncmp(last, "OK", 2) == 0;
    close(fd);
    return done;
}

static bool
converse(void)
{
    static const char *const none[] = {NULL}, *const wrong[] = {WRONG_PIN, NULL},
                      *const both[] = {FAKE_PIN, FAKE_PIN, NULL};
    static const char sign[] = "SIGN " FAKE_KEY " ed25519 68656c6c6f";
    bool well = ask("KEYS", none);

    well &= !ask(sign, wrong);
    well &= ask(sign, both);
    well &= ask(sign, both);
    return well & ask("STATUS", none);
}

/* Asks it to stop until it has; the wait status. */
static int
end(pid_t pid, unsigned fault)
{
    static const char *const none[] = {NULL};
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    ck_assert_int_ge(fd, 0);
    for (int tries = 0; poll(&p, 1, 0) == 0 && tries < 3; tries++)
        if (ask("STOP", none))
            break;
    if (poll(&p, 1, 5000) == 0)
        kill(pid, SIGTERM);
    int ended = poll(&p, 1, PATIENCE_MS);
    if (ended != 1)
        kill(pid, SIGKILL);
    close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(ended == 1, "fault %u: the agent does not end", fault);
    return status;
}

/* An agent's life with that fault (0: none); whether all went well in it. */
static bool
live(unsigned fault)
{
    int ready[2], status;
    bool well;

    fake_set("tries", "3");
    unlink(scratch_path("fake/logins"));
    unlink(scratch_path("said"));
    atomic_store(count, 0);
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_agent(fault, ready[1]);
    close(ready[1]);
    well = await_ready(ready[0], fault);
    if (well)
        well = converse();
    status = end(pid, fault);
    ck_assert_msg(WIFEXITED(status), "fault %u: signal %d\n%s", fault, WTERMSIG(status),
                  rig_read(scratch_path("said")));
    ck_assert_msg(WEXITSTATUS(status) <= 6, "fault %u: exit status %d", fault,
                  WEXITSTATUS(status));
    /* No secret is told, and no wrong PIN is spent twice. */
    ck_assert_uint_eq(rig_count(scratch_path("said"), FAKE_PIN), 0);
    ck_assert_uint_eq(rig_count(scratch_path("said"), WRONG_PIN), 0);
    ck_assert_uint_eq(rig_count(scratch_path("home/audit.log"), FAKE_PIN), 0);
    ck_assert_uint_eq(rig_count(scratch_path("home/audit.log"), WRONG_PIN), 0);
    ck_assert_msg(rig_count(scratch_path("fake/logins"), WRONG_PIN) <= 1, "fault %u", fault);
    return well && WEXITSTATUS(status) == 0;
}

START_TEST(each_call_fails_once)
{
    unsigned total, step, harmless = 0;

    rig_fake("pinentry = none\n");
    count = shared("count", sizeof *count);
    ck_assert_msg(live(0), "%s", rig_read(scratch_path("said")));
    total = atomic_load(count);
    ck_assert_uint_gt(total, 200);
    step = getenv("TEST_LONG") ? 1 : total / SAMPLES + 1;
    for (unsigned n = 1; n <= total; n += step)
        harmless += live(n);
    /* Something must have come of it. */
    ck_assert_uint_lt(harmless, total / step);
    ck_assert_msg(live(0), "after all of it: %s", rig_read(scratch_path("said")));
    munmap(count, sizeof *count);
}
END_TEST

static void
sign_once(void)
{
    struct client *c = rig_open(NULL);

    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}

/* PINs and limits go by clocks that nobody sets. */
START_TEST(the_clock_jumps)
{
    static const int64_t jumps[] = {3600, 400 * 86400l, -3600, -10 * 365 * 86400l, 0};
    volatile int64_t *off = shared("clock", sizeof *off);
    char conf[8400];

    snprintf(conf, sizeof conf, "pinentry = none\npin-ttl = 10m\n[token fake]\n"
             "pin-source = file:%s\n", scratch_write("pin", FAKE_PIN "\n"));
    ck_assert_int_eq(chmod(scratch_path("pin"), 0600), 0);
    rig_fake(conf);
    setenv("TEST_CLOCK", scratch_path("clock"), 1);
    setenv("LD_PRELOAD", getenv("TEST_PRELOAD_CLOCK"), 1);
    sign_once();
    unsetenv("LD_PRELOAD");
    int pid = rig_status("pid", false), uptime = rig_status("uptime", false);
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        *off = jumps[i];
        sign_once();
        ck_assert_int_ge(rig_status("uptime", false), uptime);
        ck_assert_int_lt(rig_status("uptime", false), uptime + 600);
        ck_assert_int_eq(rig_status("pins", false), 1);
    }
    ck_assert_int_eq(rig_status("pid", false), pid);
    ck_assert_uint_eq(fake_lines("logins"), 1);
    ck_assert_int_eq(rig_status("restarts", true), 0);
    /* The log says what the clock said. */
    ck_assert_uint_ge(rig_count(scratch_path("home/audit.log"), "\"time\":\"2016"), 1);
    munmap((void *)(uintptr_t)off, sizeof *off);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("faults");

    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_set_timeout(c, 1700);
    tcase_add_test(c, each_call_fails_once);
    if (!getenv("TEST_LONG"))
        tcase_add_test(c, the_clock_jumps);
    return rig_main(getenv("TEST_LONG") ? "agent-faults-long" : "agent-faults", c);
}
