/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pinentry is told, and what becomes of its answers. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pinentry.h"
#include "tests/base/run.h"

static struct secret *pin;
static struct err err;
static struct pinentry_place place;
static struct pinentry_text show;
static struct pinentry_job job;

static void
setup(void)
{
    const char *program = getenv("TEST_FAKE_PINENTRY");

    scratch_setup();
    ck_assert_ptr_nonnull(program);
    ck_assert_int_eq(symlink(program, scratch_path("pe")), 0);
    pin = secret_new(255);
    place = (struct pinentry_place){0};
    show = (struct pinentry_text){"Enter the PIN", "PIN:", NULL};
    job = (struct pinentry_job){.place = &place, .show = &show, .watch = -1, .withdraw = -1};
    job.program = strdup(scratch_path("pe"));
    err_clear(&err);
}

static void
teardown(void)
{
    free((char *)(uintptr_t)job.program);
    secret_free(&pin);
    scratch_teardown();
}

static int
ask(const char *answers)
{
    scratch_write("pe.answers", answers);
    return pinentry_ask(&job, pin, &err);
}

static bool
pin_is(const char *text)
{
    return secret_len(pin) == strlen(text) &&
           memcmp(secret_data_view(pin), text, strlen(text)) == 0;
}

static bool
was_told(const char *line)
{
    char text[1100];

    snprintf(text, sizeof text, "\n%s\n", line);
    return strstr(scratch_read("pe.log"), text) != NULL;
}

START_TEST(the_pin_comes_back)
{
    ck_assert_msg(ask("246810\n") == 0, "%s", err_text(&err));
    ck_assert(pin_is("246810"));
    ck_assert(was_told("SETDESC Enter the PIN"));
    ck_assert(was_told("SETPROMPT PIN:"));
    ck_assert(was_told("BYE"));
    /* Whatever is in it. */
    ck_assert_int_eq(ask("100%25 +\\ \"\xc3\xa4\"\n"), 0);
    ck_assert(pin_is("100%25 +\\ \"\xc3\xa4\""));
    ck_assert_int_eq(ask("\n"), 0);
    ck_assert_uint_eq(secret_len(pin), 0);
}
END_TEST

START_TEST(cancelled)
{
    ck_assert_int_eq(ask("cancel\n"), E_PIN_CANCELLED);
    ck_assert_uint_eq(secret_len(pin), 0);
}
END_TEST

START_TEST(yes_and_no)
{
    scratch_write("pe.answers", "yes\nno\ncancel\n");
    ck_assert_int_eq(pinentry_confirm(&job, &err), 0);
    ck_assert_int_eq(pinentry_confirm(&job, &err), E_DENIED);
    ck_assert_int_eq(pinentry_confirm(&job, &err), E_DENIED);
    ck_assert(was_told("SETOK Allow"));
    ck_assert(was_told("SETCANCEL Refuse"));
    ck_assert_ptr_null(strstr(scratch_read("pe.log"), "SETPROMPT"));
}
END_TEST

START_TEST(place_of_the_client)
{
    setenv("DISPLAY", ":7", 1);
    setenv("WAYLAND_DISPLAY", "wayland-7", 1);
    place = (struct pinentry_place){.ttyname = "/dev/pts/9", .ttytype = "vt100", .display = ":3",
                                    .lc_ctype = "C.UTF-8", .xauthority = "/run/x", .pid = 4711,
                                    .uid = 1000};
    ck_assert_int_eq(ask("1\n"), 0);
    ck_assert(was_told("OPTION ttyname=/dev/pts/9"));
    ck_assert(was_told("OPTION ttytype=vt100"));
    ck_assert(was_told("OPTION display=:3"));
    ck_assert(was_told("OPTION lc-ctype=C.UTF-8"));
    ck_assert_ptr_nonnull(strstr(scratch_read("pe.log"), "OPTION owner=4711/1000 "));
    ck_assert(was_told("ENV DISPLAY=:3"));
    ck_assert(was_told("ENV XAUTHORITY=/run/x"));
    ck_assert(was_told("ENV GPG_TTY=/dev/pts/9"));
    /* The agent's own is somebody else's. */
    ck_assert(was_told("ENV WAYLAND_DISPLAY="));
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
}
END_TEST

/* No line of the protocol is longer than it may be, and no character is cut in two. */
START_TEST(long_texts_are_cut)
{
    char text[4000] = "";

    for (int i = 0; i < 999; i++)
        strncat(text, i % 2 ? "\xc3\xa4" : "%\n", sizeof text - strlen(text) - 1);
    show.description = text;
    show.error = "That PIN was wrong.";
    ck_assert_msg(ask("1\n") == 0, "%s", err_text(&err));
    const char *told = strstr(scratch_read("pe.log"), "SETDESC ");
    ck_assert_ptr_nonnull(told);
    size_t len = strcspn(told, "\n");
    ck_assert_uint_gt(len, 900);
    ck_assert_uint_lt(len, 1000);
    ck_assert((unsigned char)told[len - 1] == 0xa4 || told[len - 1] == 'A');
    ck_assert(was_told("SETERROR That PIN was wrong."));
}
END_TEST

START_TEST(withdrawn_by_a_hang_up)
{
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    job.watch = pair[0];
    close(pair[1]);
    ck_assert_int_eq(ask("hang\n"), E_CANCELLED);
    close(pair[0]);
}
END_TEST

START_TEST(withdrawn_by_the_agent)
{
    job.withdraw = eventfd(1, EFD_CLOEXEC);
    ck_assert_int_eq(ask("hang\n"), E_CANCELLED);
    close(job.withdraw);
}
END_TEST

START_TEST(nobody_answers)
{
    job.patience = 1;
    ck_assert_int_eq(ask("hang\n"), E_TIMEOUT);
    ck_assert(was_told("SETTIMEOUT 1"));
    ck_assert(was_told("GONE"));
}
END_TEST

START_TEST(one_that_does_not_work_is_named)
{
    static const char *const scripts[] = {
        "#!/bin/sh\nexit 0\n",
        "#!/bin/sh\necho hello\ncat >/dev/null\n",
        "#!/bin/sh\nhead -c 5000 /dev/zero\n",
        "#!/bin/sh\necho OK\nread -r x\n",
        "#!/nonexistent/interpreter\n",
    };

    ck_assert_int_eq(ask("die\n"), E_PIN_NEEDED);
    ck_assert_int_eq(unlink(scratch_path("pe")), 0);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        scratch_write("pe", scripts[i]);
        ck_assert_int_eq(chmod(scratch_path("pe"), 0700), 0);
        ck_assert_msg(ask("1\n") == E_PIN_NEEDED, "script %zu: %s", i, err_text(&err));
        ck_assert_ptr_nonnull(strstr(err.text, job.program));
    }
    ck_assert_int_eq(chmod(scratch_path("pe"), 0600), 0);
    ck_assert_int_eq(ask("1\n"), E_PIN_NEEDED);
}
END_TEST

/* Longer than a PIN can be. */
START_TEST(endless_pin)
{
    char answers[512];

    memset(answers, '1', sizeof answers);
    answers[300] = '\n';
    answers[301] = '\0';
    ck_assert_int_eq(ask(answers), E_PIN_NEEDED);
    ck_assert_ptr_null(strstr(err.text, "1111"));
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("pinentry");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, the_pin_comes_back);
    tcase_add_test(c, cancelled);
    tcase_add_test(c, yes_and_no);
    tcase_add_test(c, place_of_the_client);
    tcase_add_test(c, long_texts_are_cut);
    tcase_add_test(c, withdrawn_by_a_hang_up);
    tcase_add_test(c, withdrawn_by_the_agent);
    tcase_add_test(c, nobody_answers);
    tcase_add_test(c, one_that_does_not_work_is_named);
    tcase_add_test(c, endless_pin);
    return run_suite("agent-pinentry", &c, 1);
}
