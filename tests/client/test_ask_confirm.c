/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A yes or no on a terminal of its own. */
#include <check.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

#define PROMPT "Allow to sign with a key of token \"demo\" \033[2J"
#define SHOWN "Allow to sign with a key of token \"demo\" \\x1b[2J? [y/N] "

static int master;
static pid_t child;

/* The child's answer is its exit status. */
enum answer { YES = 10, NO, OTHER };

/* ahead: typed before the question is there. */
static void
begin(const char *ahead)
{
    char shown[1024];
    size_t len = 0;
    int go[2];
    char c;

    ck_assert_int_eq(pipe(go), 0);
    child = forkpty(&master, NULL, NULL, NULL);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct err err;
        bool yes = false;
        signal(SIGTERM, SIG_DFL); /* Check's handler would end the test with it */
        if (read(go[0], &c, 1) != 1)
            _exit(OTHER);
        int rc = ask_confirm(NULL, PROMPT, &yes, &err);
        _exit(rc != 0 ? OTHER : yes ? YES : NO);
    }
    ck_assert_int_eq((int)write(master, ahead, strlen(ahead)), (int)strlen(ahead));
    ck_assert_int_eq((int)write(go[1], "", 1), 1);
    close(go[0]);
    close(go[1]);
    while (!memmem(shown, len, SHOWN, strlen(SHOWN))) {
        ssize_t n = read(master, shown + len, sizeof shown - len);
        ck_assert_msg(n > 0, "the question never came: %.*s", (int)len, shown);
        len += (size_t)n;
    }
}

static int
end(const char *typed)
{
    int status;

    ck_assert_int_eq((int)write(master, typed, strlen(typed)), (int)strlen(typed));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(yes_is_yes)
{
    static const char *const ways[] = {"y\n", "Y\n", "yes\n", "YES\n"};

    begin("");
    ck_assert_int_eq(end(ways[_i]), YES);
}
END_TEST

START_TEST(all_else_is_no)
{
    static const char *const ways[] = {
        "\n", "n\n", "no\n", "yess\n", " y\n", "\x04", "y\x04\x04",
        "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n"};

    begin("");
    ck_assert_int_eq(end(ways[_i]), NO);
}
END_TEST

/* What was typed before the question was seen is no answer to it. */
START_TEST(typed_ahead_does_not_count)
{
    begin("yes\n");
    ck_assert_int_eq(end("n\n"), NO);
}
END_TEST

START_TEST(no_terminal)
{
    struct err err = {0};
    bool yes = true;
    int status;

    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setsid();
        _exit(ask_confirm(NULL, PROMPT, &yes, &err) == E_PIN_NEEDED && err.text[0] ? NO : OTHER);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), NO);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("ask_confirm");
    TCase *tc = tcase_create("ask_confirm");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, yes_is_yes, 0, 4);
    tcase_add_loop_test(tc, all_else_is_no, 0, 8);
    tcase_add_test(tc, typed_ahead_does_not_count);
    tcase_add_test(tc, no_terminal);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
