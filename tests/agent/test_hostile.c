/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients that mean harm, or die: the agent goes on, and so does everybody else. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agent/raw.h"
#include "tests/agent/rig.h"

#define GIB (1024ull * 1024 * 1024)
/* What the agent may grow by while it is under attack, in KiB; sanitizers take more. */
#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined SANITIZED || defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define GROWTH_KIB (64 * 1024) /* with what a sanitizer keeps of each thread */
#else
#define GROWTH_KIB (16 * 1024)
#endif
#define MANY 10000
#define RACERS 8
#define RACES 60

static struct err err;

static void
begin(const char *more)
{
    char conf[8400];

    snprintf(conf, sizeof conf, "pinentry = none\n%s[token fake]\npin-source = file:%s\n", more,
             scratch_write("pin", FAKE_PIN "\n"));
    ck_assert_int_eq(chmod(scratch_path("pin"), 0600), 0);
    rig_fake(conf);
    struct client *c = rig_open(NULL);
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}

static int
attack(void)
{
    int fd = raw_open(rig_home()->socket);

    ck_assert_int_ge(fd, 0);
    return fd;
}

/* A number of the agent's /proc/PID/status. */
static unsigned
memory(const char *name)
{
    char path[64];
    const char *at;

    snprintf(path, sizeof path, "/proc/%d/status", rig_status("pid", false));
    at = strstr(rig_read(path), name);
    return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* Everybody else is served, by the same agent and the same token host. */
static void
all_is_well(int pid)
{
    struct client *c = rig_open(NULL);

    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    ck_assert_int_eq(rig_status("pid", false), pid);
    ck_assert_int_eq(rig_status("restarts", true), 0);
    ck_assert_uint_eq(fake_lines("starts"), 1);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}

/* Until only the one who asks is connected. */
static void
await_leaving(void)
{
    while (rig_status("connections", false) > 1)
        poll(NULL, 0, 1);
}

/* Sends "x" without end. */
static unsigned long long
flood(int fd)
{
    static char block[256 * 1024];
    unsigned long long sent = 0;

    memset(block, 'x', sizeof block);
    while (sent < GIB && raw_send(fd, block, sizeof block))
        sent += sizeof block;
    return sent;
}

START_TEST(gigabyte_on_one_line)
{
    static const char *const starts[] = {"", "KEYS ", "OPTION ttyname=", "# ", "D "};

    begin("");
    int pid = rig_status("pid", false);
    unsigned before = memory("VmHWM:");
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        int fd = attack();
        ck_assert(raw_send(fd, starts[i], strlen(starts[i])));
        /* It is hung up on long before that. */
        ck_assert_uint_lt(flood(fd), GIB);
        close(fd);
    }
    ck_assert_uint_lt(memory("VmHWM:"), before + GROWTH_KIB);
    all_is_well(pid);
}
END_TEST

/* The data of an inquiry has a limit, however many lines it comes in. */
START_TEST(endless_data)
{
    char line[1001], reply[RAW_REPLY_MAX];

    begin("");
    int pid = rig_status("pid", false), fd = attack();
    unsigned before = memory("VmHWM:"), n = 0;
    ck_assert_str_eq(raw_ask(fd, "SIGN " FAKE_KEY " ed25519"), "INQUIRE DATA");
    memset(line, 'x', sizeof line);
    memcpy(line, "D ", 2);
    line[sizeof line - 1] = '\n';
    while (n < 20000 && raw_send(fd, line, sizeof line))
        n++;
    if (raw_send(fd, "END\n", 4)) {
        const char *last = raw_reply(fd, reply);
        ck_assert(!last || strncmp(last, "ERR ", 4) == 0);
    }
    close(fd);
    ck_assert_uint_lt(memory("VmHWM:"), before + GROWTH_KIB);
    all_is_well(pid);
}
END_TEST

/* As many at once as there are descriptors for, ten thousand in all. */
START_TEST(ten_thousand_connections)
{
    static int fds[MANY];
    struct rlimit l;
    unsigned room, greeted = 0;
    char reply[RAW_REPLY_MAX];

    begin("");
    int pid = rig_status("pid", false);
    unsigned before = memory("VmHWM:");
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = l.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    room = l.rlim_max > MANY + 100 ? MANY : (unsigned)l.rlim_max - 100;
    for (unsigned i = 0; i < MANY; i++) {
        if (i >= room)
            close(fds[i % room]);
        fds[i % room] = raw_connect(rig_home()->socket);
        ck_assert_int_ge(fds[i % room], 0);
    }
    /* Those that came first are served, the others are told why not. */
    for (unsigned i = 0; i < room; i++) {
        const char *last = raw_reply(fds[i], reply);
        if (last && strncmp(last, "OK", 2) == 0)
            greeted++;
        else if (last)
            ck_assert_ptr_nonnull(strstr(reply, "too+many+clients"));
    }
    for (unsigned i = 0; i < room; i++)
        close(fds[i]);
    ck_assert_uint_ge(greeted, 1);
    ck_assert_uint_le(greeted, 256);
    struct client *c = NULL;
    while (client_open(&c, rig_home(), &(struct client_options){.front = "test"}, &err) != 0)
        poll(NULL, 0, 1);
    client_free(&c);
    await_leaving();
#ifndef __SANITIZE_THREAD__ /* its shadow of 256 threads' stacks is large */
    ck_assert_uint_lt(memory("VmHWM:"), before + 8 * GROWTH_KIB);
#else
    (void)before;
#endif
    /* And the log is not filled by it. */
    ck_assert_uint_le(rig_count(scratch_path("home/agent.log"), "was turned away"), 20);
    all_is_well(pid);
}
END_TEST

/* Sends requests and takes no answer, until no more fit. */
static int
deaf_client(const char *request)
{
    int fd = attack(), n = 0;

    for (struct pollfd p = {.fd = fd, .events = POLLOUT}; poll(&p, 1, 200) == 1 && n < 100000; n++)
        if (send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    ck_assert_int_gt(n, 10);
    return fd;
}

START_TEST(answers_left_lying)
{
    static const char *const requests[] = {
        "KEYS\n", "STATUS\n", "HELP\n", "SIGN " FAKE_KEY " ed25519 68656c6c6f\n", "NOP\n",
        "SIGN " FAKE_KEY " ed25519\nD x\nEND\n"};
    int fds[sizeof requests / sizeof *requests];

    begin("");
    int pid = rig_status("pid", false);
    unsigned before = memory("VmHWM:");
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        fds[i] = deaf_client(requests[i]);
    for (int i = 0; i < 20; i++)
        all_is_well(pid);
    ck_assert_uint_lt(memory("VmHWM:"), before + GROWTH_KIB);
    /* Nor does the end wait for them: rig_stop sees the process go while they are there. */
    rig_stop();
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
}
END_TEST

/* Suite `long`: whoever leaves answers lying for half a minute is hung up on. */
START_TEST(deaf_client_is_hung_up_on)
{
    begin("");
    int pid = rig_status("pid", false), fd = deaf_client("STATUS\n");
    await_leaving();
    close(fd);
    all_is_well(pid);
}
END_TEST

/* A conversation with every kind of command, cut at any byte. */
START_TEST(dies_at_any_byte)
{
    static const char talk[] =
        "OPTION front=cli\nOPTION pin=inquire\nOPTION ttyname=/dev/tty\nKEYS\n"
        "SIGN " FAKE_KEY " ed25519 68656c6c6f\n"
        "SIGN " FAKE_KEY " ed25519\nD hello\nEND\n"
        "AWAIT_TOKEN 1\nSTATUS\nRESET\nWATCH\n";

    begin("");
    int pid = rig_status("pid", false);
    for (size_t n = 0; n <= sizeof talk - 1; n++) {
        int fd = raw_connect(rig_home()->socket);
        ck_assert_int_ge(fd, 0);
        /* The agent may have answered already: what is unread makes it a reset. */
        ck_assert(raw_send(fd, talk, n));
        if (n % 3 == 1)
            shutdown(fd, SHUT_WR);
        if (n % 3 == 2)
            shutdown(fd, SHUT_RD);
        close(fd);
    }
    await_leaving();
    all_is_well(pid);
}
END_TEST

START_TEST(forged_options)
{
    static const struct {
        const char *line;
        bool taken;
    } table[] = {
        {"OPTION front=cli", true},
        {"OPTION ttyname=/dev/pts/7", true},
        {"OPTION ttyname=a%20b", true},
        {"OPTION front=cli%0Aroot", false},
        {"OPTION front=../../etc", false},
        {"OPTION front=a b", false},
        {"OPTION front=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", false},
        {"OPTION front={\"uid\":0}", false},
        {"OPTION ttyname=/dev/tty%0AGETPIN", false},
        {"OPTION ttyname=/dev/tty%0D", false},
        {"OPTION display=:0%00x", false},
        {"OPTION display=:0%1B[2J", false},
        {"OPTION lc-ctype=%7F", false},
        {"OPTION xauthority=%09", false},
        {"OPTION wait=-1", false},
        {"OPTION wait=99999999999999999999", false},
        {"OPTION wait=1e3", false},
        {"OPTION wait", false},
        {"OPTION uid=0", false},
        {"OPTION pid=1", false},
        {"OPTION ", false},
        {"OPTION =", false},
    };
    char line[900];

    begin("");
    int pid = rig_status("pid", false), fd = attack();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ck_assert_msg((strncmp(raw_ask(fd, table[i].line), "OK", 2) == 0) == table[i].taken,
                      "%s", table[i].line);
    memset(line, 'x', sizeof line);
    memcpy(line, "OPTION ttyname=", 15);
    line[sizeof line - 1] = '\0';
    ck_assert_int_eq(strncmp(raw_ask(fd, line), "ERR ", 4), 0);
    /* What was refused has changed nothing: the log has the front that was taken. */
    ck_assert_int_eq(strncmp(raw_ask(fd, "SIGN " FAKE_KEY " ed25519 68656c6c6f"), "OK", 2), 0);
    close(fd);
    ck_assert_uint_eq(rig_count(scratch_path("home/audit.log"), "\"front\":\"cli\""), 1);
    ck_assert_uint_eq(rig_count(scratch_path("home/audit.log"), "root"), 0);
    all_is_well(pid);
}
END_TEST

/* Connects, asks and is gone, in every way and from many sides. */
static void *
race(void *arg)
{
    static const char *const requests[] = {
        "SIGN " FAKE_KEY " ed25519 68656c6c6f\n", "KEYS\nBYE\n", "WATCH\n",
        "OPTION wait=1000\nAWAIT_TOKEN 1\n", "SIGN " FAKE_KEY " ed25519\nD x\n", "RESET\n\n\n"};
    unsigned id = *(const unsigned *)arg;

    for (unsigned i = 0; i < RACES; i++) {
        const char *request = requests[(id + i) % (sizeof requests / sizeof *requests)];
        int fd = raw_connect(rig_home()->socket);
        if (fd < 0)
            continue;
        (void)raw_send(fd, request, strlen(request));
        if ((id + i) % 4 == 1)
            shutdown(fd, SHUT_RDWR);
        if ((id + i) % 4 == 2)
            shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

START_TEST(races_its_own_disconnect)
{
    pthread_t threads[RACERS];
    unsigned ids[RACERS];

    begin("");
    int pid = rig_status("pid", false);
    for (unsigned i = 0; i < RACERS; i++) {
        ids[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &ids[i]), 0);
    }
    for (unsigned i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    await_leaving();
    all_is_well(pid);
}
END_TEST

/* With the way to the socket open to all, as an administrator's mistake could have it. */
START_TEST(other_users_are_turned_away)
{
    char dir[4096];
    int status;

    begin("");
    int pid = rig_status("pid", false);
    if (geteuid() != 0)
        return; /* tests/e2e/system.bats has the same with users of its own */
    snprintf(dir, sizeof dir, "%s", rig_home()->socket);
    ck_assert_int_eq(chmod(dir, 0777), 0);
    for (char *slash; (slash = strrchr(dir, '/')) && strlen(dir) >= strlen(scratch());) {
        *slash = '\0';
        if (strlen(dir) >= strlen(scratch()))
            ck_assert_int_eq(chmod(dir, 0755), 0);
    }
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
            _exit(3);
        int fd = raw_connect(rig_home()->socket);
        if (fd < 0)
            _exit(2);
        (void)raw_send(fd, "KEYS\n", 5);
        _exit(raw_at_end(fd) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_ge(rig_count(scratch_path("home/agent.log"), "another user (uid 65534)"), 1);
    all_is_well(pid);
}
END_TEST

/* Fifty that never stop asking, and one who needs fifty signatures. (Whose turn it is:
 * test_queue.c.) */
START_TEST(nobody_is_starved)
{
    static const char request[] = "SIGN " FAKE_KEY " ed25519 68656c6c6f\n";
    int fds[50];

    begin("");
    int pid = rig_status("pid", false);
    for (size_t i = 0; i < 50; i++) {
        fds[i] = attack();
        for (int n = 0; n < 200; n++)
            (void)send(fds[i], request, sizeof request - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    struct client *c = rig_open(NULL);
    for (int i = 0; i < 50; i++)
        ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    for (size_t i = 0; i < 50; i++)
        close(fds[i]);
    await_leaving();
    all_is_well(pid);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("hostile");

    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_set_timeout(c, 240);
    if (getenv("TEST_LONG")) {
        tcase_add_test(c, deaf_client_is_hung_up_on);
        return rig_main("agent-hostile-long", c);
    }
    tcase_add_test(c, gigabyte_on_one_line);
    tcase_add_test(c, endless_data);
    tcase_add_test(c, ten_thousand_connections);
    tcase_add_test(c, answers_left_lying);
    tcase_add_test(c, dies_at_any_byte);
    tcase_add_test(c, forged_options);
    tcase_add_test(c, races_its_own_disconnect);
    tcase_add_test(c, other_users_are_turned_away);
    tcase_add_test(c, nobody_is_starved);
    return rig_main("agent-hostile", c);
}
