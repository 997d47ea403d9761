/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pin_source.h"
#include "tests/base/run.h"

static struct secret *pin;
static struct err err;

static void
setup(void)
{
    scratch_setup();
    pin = secret_new(255);
}

static void
teardown(void)
{
    secret_free(&pin);
    scratch_teardown();
}

static int
read_with(const char *text, mode_t mode)
{
    const char *path = scratch_write("pin", text);
    char source[4200];

    ck_assert_int_eq(chmod(path, mode), 0);
    snprintf(source, sizeof source, "file:%s", path);
    err_clear(&err);
    return pin_source_read(source, pin, &err);
}

START_TEST(first_line_is_the_pin)
{
    static const char *const texts[] = {"123456", "123456\n", "123456\r\n", "123456\nmore\n"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(read_with(texts[i], 0600) == 0, "%s", err_text(&err));
        ck_assert_uint_eq(secret_len(pin), 6);
        ck_assert(memcmp(secret_data_view(pin), "123456", 6) == 0);
    }
}
END_TEST

START_TEST(private_modes_pass)
{
    static const mode_t modes[] = {0600, 0400, 0640, 0440};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        ck_assert_int_eq(read_with("1234", modes[i]), 0);
}
END_TEST

START_TEST(open_modes_are_refused)
{
    static const mode_t modes[] = {0644, 0604, 0660, 0602, 0620, 0666};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(read_with("1234", modes[i]), E_DENIED);
        ck_assert_ptr_nonnull(strstr(err.text, scratch_path("pin")));
        ck_assert_ptr_nonnull(strstr(err.text, "chmod 600"));
        ck_assert_ptr_null(strstr(err.text, "1234"));
    }
}
END_TEST

START_TEST(a_strangers_file_is_refused)
{
    const char *path = scratch_write("pin", "1234\n");

    if (geteuid() != 0)
        return; /* only root can give files away */
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(chown(path, 12345, 0), 0);
    ck_assert_int_eq(pin_file_read(path, pin, &err), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "12345"));
}
END_TEST

START_TEST(what_is_no_file_is_said)
{
    ck_assert_int_eq(pin_file_read(scratch_path("none"), pin, &err), E_INPUT);
    ck_assert_int_eq(pin_file_read(scratch(), pin, &err), E_INPUT);
    ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0600), 0);
    ck_assert_int_eq(pin_file_read(scratch_path("pipe"), pin, &err), E_INPUT);
    ck_assert_int_eq(pin_source_read("env:PIN", pin, &err), E_CONFIG);
}
END_TEST

START_TEST(lengths_have_limits)
{
    char text[300];

    ck_assert_int_eq(read_with("", 0600), E_PIN_INVALID);
    ck_assert_int_eq(read_with("\n1234\n", 0600), E_PIN_INVALID);
    memset(text, '1', sizeof text);
    text[256] = '\0';
    ck_assert_int_eq(read_with(text, 0600), E_PIN_INVALID);
    text[255] = '\0';
    ck_assert_int_eq(read_with(text, 0600), 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("pin-source");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, first_line_is_the_pin);
    tcase_add_test(c, private_modes_pass);
    tcase_add_test(c, open_modes_are_refused);
    tcase_add_test(c, a_strangers_file_is_refused);
    tcase_add_test(c, what_is_no_file_is_said);
    tcase_add_test(c, lengths_have_limits);
    return run_suite("agent-pin-source", &c, 1);
}
