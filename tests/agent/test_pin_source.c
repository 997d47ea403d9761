/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
read_source(const char *text)
{
    const struct pin_source s = {.text = text, .label = "demo", .serial = "0001", .watch = -1};

    err_clear(&err);
    return pin_source_read(&s, pin, &err);
}

static bool
pin_is(const char *text)
{
    return secret_len(pin) == strlen(text) &&
           memcmp(secret_data_view(pin), text, strlen(text)) == 0;
}

/* The source of a script with that body. */
static int
read_script(const char *body, const char *words)
{
    char script[4096], source[4300];

    snprintf(script, sizeof script, "#!/bin/sh\n%s\n", body);
    snprintf(source, sizeof source, "command:%s%s", scratch_write("script", script), words);
    ck_assert_int_eq(chmod(scratch_path("script"), 0700), 0);
    return read_source(source);
}

static int
read_with(const char *text, mode_t mode)
{
    const char *path = scratch_write("pin", text);
    char source[4200];

    ck_assert_int_eq(chmod(path, mode), 0);
    snprintf(source, sizeof source, "file:%s", path);
    return read_source(source);
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
    ck_assert_int_eq(read_source("env:PIN"), E_CONFIG);
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

START_TEST(credential_is_a_file_of_systemd)
{
    const char *path = scratch_write("demo", "2468\n");

    ck_assert_int_eq(chmod(path, 0400), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert_int_eq(read_source("credential:demo"), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "LoadCredential"));
    setenv("CREDENTIALS_DIRECTORY", scratch(), 1);
    ck_assert_msg(read_source("credential:demo") == 0, "%s", err_text(&err));
    ck_assert(pin_is("2468"));
    ck_assert_int_eq(read_source("credential:other"), E_INPUT);
    ck_assert_int_eq(read_source("credential:../demo"), E_CONFIG);
    ck_assert_int_eq(read_source("credential:..") , E_CONFIG);
    ck_assert_int_eq(read_source("credential:"), E_CONFIG);
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert_int_eq(read_source("credential:demo"), E_DENIED);
    unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

START_TEST(command_prints_the_pin)
{
    ck_assert_msg(read_script("echo 1357; echo more", "") == 0, "%s", err_text(&err));
    ck_assert(pin_is("1357"));
    ck_assert_int_eq(read_script("printf '1357\\r\\n'", ""), 0);
    ck_assert(pin_is("1357"));
    ck_assert_int_eq(read_script("printf 1357", ""), 0);
    ck_assert(pin_is("1357"));
    /* It is told which token. */
    ck_assert_int_eq(read_script("echo \"$SIGNET_TOKEN-$SIGNET_TOKEN_SERIAL\"", ""), 0);
    ck_assert(pin_is("demo-0001"));
}
END_TEST

START_TEST(command_has_words_and_no_shell)
{
    ck_assert_int_eq(read_script("echo \"$#:$1:$2:$3\"", " a  \"b c\" '$HOME;id'"), 0);
    ck_assert(pin_is("3:a:b c:$HOME;id"));
    ck_assert_int_eq(read_script("echo \"$#:$1\"", " \"\""), 0);
    ck_assert(pin_is("1:"));
    ck_assert_int_eq(read_script("echo 1", " \"open"), E_CONFIG);
    ck_assert_int_eq(read_source("command:"), E_CONFIG);
    ck_assert_int_eq(read_source("command:id"), E_CONFIG);
}
END_TEST

START_TEST(command_that_fails_is_told)
{
    ck_assert_int_eq(read_script("echo 1357; exit 3", ""), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "exit status 3"));
    ck_assert_ptr_null(strstr(err.text, "1357"));
    ck_assert_int_eq(read_script("kill -9 $$", ""), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "signal 9"));
    ck_assert_int_eq(read_script("exit 0", ""), E_PIN_INVALID);
    ck_assert_int_eq(read_script("echo; echo 1357", ""), E_PIN_INVALID);
    ck_assert_int_eq(read_script("head -c 256 /dev/zero | tr '\\0' 1", ""), E_PIN_INVALID);
    ck_assert_int_eq(read_source("command:/nonexistent/program"), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/program"));
}
END_TEST

/* It would print for ever. */
START_TEST(command_that_floods_is_stopped)
{
    ck_assert_int_eq(read_script("yes 1357", ""), E_PIN_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "4096 bytes"));
}
END_TEST

START_TEST(command_of_others_is_not_run)
{
    ck_assert_int_eq(read_script("echo 1357", ""), 0);
    char source[4300];
    snprintf(source, sizeof source, "command:%s", scratch_path("script"));
    ck_assert_int_eq(chmod(scratch_path("script"), 0722), 0);
    ck_assert_int_eq(read_source(source), E_DENIED);
    ck_assert_int_eq(chmod(scratch_path("script"), 0600), 0);
    ck_assert_int_eq(read_source(source), E_INPUT);
    if (geteuid() != 0)
        return; /* only root can give files away */
    ck_assert_int_eq(chmod(scratch_path("script"), 0755), 0);
    ck_assert_int_eq(chown(scratch_path("script"), 12345, 0), 0);
    ck_assert_int_eq(read_source(source), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "12345"));
}
END_TEST

/* The client hangs up while the command waits for something that never comes. */
START_TEST(command_ends_with_its_client)
{
    struct pin_source s = {.label = "demo", .serial = "0001"};
    char source[4300];
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(read_script("echo 1357", ""), 0);
    snprintf(source, sizeof source, "command:%s", scratch_write("script",
                                                                "#!/bin/sh\nread -r never\n"
                                                                "exec sleep 1000\n"));
    ck_assert_int_eq(chmod(scratch_path("script"), 0700), 0);
    s.text = source;
    s.watch = pair[0];
    close(pair[1]);
    ck_assert_int_eq(pin_source_read(&s, pin, &err), E_CANCELLED);
    close(pair[0]);
}
END_TEST

/* What it started dies with it: the pipe's other end is closed by all. */
START_TEST(command_that_hangs_is_stopped)
{
    static const char *const scripts[] = {
        "#!/bin/sh\necho 1357\nsleep 1000\n",
        "#!/bin/sh\necho 1357\nsleep 1000 &\nexit 0\n",
        "#!/bin/sh\ntrap '' TERM\nexec >&-\nsleep 1000\n",
    };
    struct pin_source s = {.label = "demo", .serial = "0001", .watch = -1, .seconds = 1};
    char source[4300];

    snprintf(source, sizeof source, "command:%s", scratch_write("script", scripts[_i]));
    ck_assert_int_eq(chmod(scratch_path("script"), 0700), 0);
    s.text = source;
    ck_assert_int_eq(pin_source_read(&s, pin, &err), E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err.text, "after 1 seconds"));
}
END_TEST

START_TEST(sources_have_names)
{
    ck_assert_str_eq(pin_source_kind("file:/x"), "file");
    ck_assert_str_eq(pin_source_kind("credential:x"), "credential");
    ck_assert_str_eq(pin_source_kind("command:/x"), "command");
    ck_assert_str_eq(pin_source_kind("files:/x"), "?");
    ck_assert_str_eq(pin_source_kind("file"), "?");
    /* A command's words are not told. */
    ck_assert_int_eq(pin_source_name_length("command:/x --token secret"), 10);
    ck_assert_int_eq(pin_source_name_length("file:/a b"), 9);
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
    tcase_add_test(c, credential_is_a_file_of_systemd);
    tcase_add_test(c, command_prints_the_pin);
    tcase_add_test(c, command_has_words_and_no_shell);
    tcase_add_test(c, command_that_fails_is_told);
    tcase_add_test(c, command_that_floods_is_stopped);
    tcase_add_test(c, command_of_others_is_not_run);
    tcase_add_test(c, command_ends_with_its_client);
    tcase_add_loop_test(c, command_that_hangs_is_stopped, 0, 3);
    tcase_add_test(c, sources_have_names);
    return run_suite("agent-pin-source", &c, 1);
}
