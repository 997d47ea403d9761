/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tests/base/run.h"

static void
open_log(void)
{
    struct err err;
    scratch_setup();
    ck_assert_int_eq(log_open("signet-test", scratch_path("log"), &err), 0);
}

static void
expect_line(const char *pattern)
{
    regex_t re;
    const char *text = scratch_read("log");
    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "log: %s", text);
    regfree(&re);
}

START_TEST(form_of_a_line)
{
    struct stat st;
    log_warn("token \"%s\"", "a\nb\x1b");
    expect_line("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z signet-test\\[[0-9]+\\] "
                "warning: token \"a\\\\x0ab\\\\x1b\"\n$");
    ck_assert_int_eq(stat(scratch_path("log"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(levels)
{
    log_set_level(LOG_WARN_LEVEL);
    log_info("not this");
    ck_assert_str_eq(scratch_read("log"), "");
    log_set_level(LOG_DEBUG_LEVEL);
    log_debug("but this");
    ck_assert_int_eq(log_level_get(), LOG_DEBUG_LEVEL);
    expect_line("debug: but this\n$");
}
END_TEST

START_TEST(long_line_is_cut)
{
    char text[5000];
    memset(text, '\x01', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_error("%s", text);
    expect_line("(\\\\x01)+\\.\\.\\.\n$");
    ck_assert_uint_le(strlen(scratch_read("log")), 2048);
}
END_TEST

static void *
talk(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        log_error("a line that is whole");
    return NULL;
}

START_TEST(lines_never_mix)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, talk, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    expect_line("^([^ ]+ signet-test\\[[0-9]+\\] error: a line that is whole\n){400}$");
}
END_TEST

START_TEST(cannot_be_opened)
{
    struct err err;
    ck_assert_int_eq(log_open("x", scratch_path("none/log"), &err), E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "none/log"));
    log_error("still goes to the old one");
    expect_line("still goes");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("log");
    tcase_add_checked_fixture(tc, open_log, scratch_teardown);
    tcase_add_test(tc, form_of_a_line);
    tcase_add_test(tc, levels);
    tcase_add_test(tc, long_line_is_cut);
    tcase_add_test(tc, lines_never_mix);
    tcase_add_test(tc, cannot_be_opened);
    return run_suite("log", &tc, 1);
}
