/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told; the manager here is a socket. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/notify.h"
#include "tests/base/run.h"

/* A manager at that name ('@': abstract), which the environment tells of. */
static int
listen_at(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    ck_assert_uint_lt(strlen(name), sizeof addr.sun_path);
    memcpy(addr.sun_path, name, strlen(name));
    if (name[0] == '@')
        addr.sun_path[0] = '\0';
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr,
                          (socklen_t)(sizeof addr.sun_family + strlen(name))), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

/* The next message, or "". */
static const char *
heard(int fd)
{
    static char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
says_it_all(const char *name)
{
    int fd = listen_at(name);
    struct notify *n = notify_open();

    ck_assert_ptr_nonnull(n);
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    ck_assert_int_eq(notify_due(n), -1);
    notify_ready(n, "serving\nMAINPID=1");
    ck_assert_str_eq(heard(fd), "READY=1\nSTATUS=serving");
    notify_ready(n, NULL);
    ck_assert_str_eq(heard(fd), "READY=1");
    notify_reloading(n);
    ck_assert_int_eq(strncmp(heard(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    notify_stopping(n);
    ck_assert_str_eq(heard(fd), "STOPPING=1");
    notify_failed(n, 13, "no");
    ck_assert_str_eq(heard(fd), "ERRNO=13\nSTATUS=no");
    ck_assert_str_eq(heard(fd), "");
    /* A manager that is gone is no failure. */
    close(fd);
    notify_stopping(n);
    notify_free(&n);
    ck_assert_ptr_null(n);
}

START_TEST(told_by_path)
{
    says_it_all(scratch_path("manager"));
}
END_TEST

START_TEST(told_by_abstract_name)
{
    char name[64];

    snprintf(name, sizeof name, "@signet-test-%d", (int)getpid());
    says_it_all(name);
}
END_TEST

START_TEST(watchdog)
{
    char pid[16];
    int fd = listen_at(scratch_path("manager"));

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    setenv("WATCHDOG_USEC", "60000000", 1);
    struct notify *n = notify_open();
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
    ck_assert_int_gt(notify_due(n), 20000);
    ck_assert_int_le(notify_due(n), 30000);
    notify_watchdog(n);
    ck_assert_str_eq(heard(fd), "WATCHDOG=1");
    notify_free(&n);
    /* Half of a millisecond is not never, and not always. */
    setenv("NOTIFY_SOCKET", scratch_path("manager"), 1);
    setenv("WATCHDOG_USEC", "1000", 1);
    n = notify_open();
    ck_assert_int_ge(notify_due(n), 0);
    ck_assert_int_le(notify_due(n), 1);
    notify_free(&n);
    close(fd);
}
END_TEST

START_TEST(watchdog_of_others_or_none)
{
    static const char *const usecs[] = {"0", "", "x", "12x", "-5", "99999999999999999999"};
    int fd = listen_at(scratch_path("manager"));

    for (size_t i = 0; i < sizeof usecs / sizeof *usecs; i++) {
        setenv("NOTIFY_SOCKET", scratch_path("manager"), 1);
        setenv("WATCHDOG_USEC", usecs[i], 1);
        struct notify *n = notify_open();
        ck_assert_msg(notify_due(n) == -1, "WATCHDOG_USEC=%s", usecs[i]);
        notify_free(&n);
    }
    setenv("NOTIFY_SOCKET", scratch_path("manager"), 1);
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    struct notify *n = notify_open();
    ck_assert_int_eq(notify_due(n), -1);
    notify_free(&n);
    close(fd);
}
END_TEST

START_TEST(nobody_to_tell)
{
    static const char *const names[] = {NULL, "", "relative", "/", "@", "/no/such/socket"};
    struct notify *n;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i])
            setenv("NOTIFY_SOCKET", names[i], 1);
        else
            unsetenv("NOTIFY_SOCKET");
        n = notify_open();
        ck_assert_msg(!n, "NOTIFY_SOCKET=%s", names[i] ? names[i] : "(none)");
    }
    n = NULL;
    notify_ready(n, "x");
    notify_reloading(n);
    notify_stopping(n);
    notify_failed(n, 1, "x");
    notify_watchdog(n);
    ck_assert_int_eq(notify_due(n), -1);
    notify_free(&n);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("notify");

    tcase_add_checked_fixture(c, scratch_setup, scratch_teardown);
    tcase_add_test(c, told_by_path);
    tcase_add_test(c, told_by_abstract_name);
    tcase_add_test(c, watchdog);
    tcase_add_test(c, watchdog_of_others_or_none);
    tcase_add_test(c, nobody_to_tell);
    return run_suite("notify", &c, 1);
}
