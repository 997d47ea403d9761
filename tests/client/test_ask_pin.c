/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PIN entry on a terminal of its own: what is shown, and what is left of it. */
#include <check.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "client/wire.h"

#define PROMPT "PIN of token \"demo\""
#define PIN "s3cret"

static int master;
static pid_t child;
static char shown[4096];
static size_t shown_len;

/* The child's answer is its exit status. */
enum answer { RIGHT_PIN = 10, WRONG_PIN, CANCELLED, NEEDED, INVALID, OTHER };

static int
child_asks(void)
{
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    struct err err;

    switch (ask_pin(NULL, PROMPT, pin, &err)) {
    case 0:
        return secret_len(pin) == strlen(PIN) &&
                       memcmp(secret_data_view(pin), PIN, strlen(PIN)) == 0
                   ? RIGHT_PIN
                   : WRONG_PIN;
    case E_PIN_CANCELLED:
        return CANCELLED;
    case E_PIN_NEEDED:
        return NEEDED;
    case E_PIN_INVALID:
        return INVALID;
    default:
        return OTHER;
    }
}

/* Reads what the terminal shows until it has `text` in it. */
static void
wait_for(const char *text)
{
    while (!memmem(shown, shown_len, text, strlen(text))) {
        ssize_t n = read(master, shown + shown_len, sizeof shown - shown_len);
        ck_assert_msg(n > 0, "\"%s\" never came: %.*s", text, (int)shown_len, shown);
        shown_len += (size_t)n;
    }
}

static bool
echoes(void)
{
    struct termios t;

    ck_assert_int_eq(tcgetattr(master, &t), 0);
    return t.c_lflag & ECHO;
}

static void
type(const char *text)
{
    ck_assert_int_eq((int)write(master, text, strlen(text)), (int)strlen(text));
}

static void
begin(void)
{
    shown_len = 0;
    child = forkpty(&master, NULL, NULL, NULL);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        signal(SIGTERM, SIG_DFL); /* Check's handler would end the test with it */
        _exit(child_asks());
    }
    wait_for(PROMPT ": ");
    ck_assert(!echoes());
}

/* The terminal stays readable a moment for its last words. */
static int
end(void)
{
    int status;

    wait_for("\r\n");
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(!memmem(shown, shown_len, PIN, strlen(PIN)));
    close(master);
    return status;
}

START_TEST(a_pin_is_entered)
{
    begin();
    type(PIN "\n");
    ck_assert_int_eq(WEXITSTATUS(end()), RIGHT_PIN);
}
END_TEST

START_TEST(corrections_work)
{
    begin();
    type("oops\x15s3crex\x7ft\n");
    ck_assert_int_eq(WEXITSTATUS(end()), RIGHT_PIN);
}
END_TEST

START_TEST(people_give_up)
{
    static const char *const ways[] = {"\x04", "\n"};

    begin();
    type(ways[_i]);
    ck_assert_int_eq(WEXITSTATUS(end()), CANCELLED);
}
END_TEST

/* The kernel sends the signal, and then drops what the terminal was about to show: the last words
 * may be lost, so they are not waited for. */
START_TEST(people_interrupt)
{
    static const char *const ways[] = {"\x03", "abc\x03"};
    int status;

    begin();
    type(ways[_i]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(master);
    ck_assert_int_eq(WEXITSTATUS(status), CANCELLED);
}
END_TEST

START_TEST(a_pin_that_is_too_long)
{
    char line[400];

    memset(line, 'x', sizeof line - 2);
    strcpy(line + sizeof line - 2, "\n");
    begin();
    type(line);
    ck_assert_int_eq(WEXITSTATUS(end()), INVALID);
}
END_TEST

/* A second descriptor of the terminal keeps its settings to be looked at. */
START_TEST(a_signal_leaves_the_echo_on)
{
    int status;

    begin();
    ck_assert_int_eq(kill(child, SIGTERM), 0);
    wait_for("\r\n");
    ck_assert(echoes());
    status = end();
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

START_TEST(suspended_and_resumed)
{
    int status;

    begin();
    type("half\x1a");
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
    ck_assert(echoes());
    shown_len = 0;
    ck_assert_int_eq(kill(child, SIGCONT), 0);
    wait_for(PROMPT ": ");
    shown_len = 0;
    ck_assert(!echoes());
    type(PIN "\n");
    ck_assert_int_eq(WEXITSTATUS(end()), RIGHT_PIN);
}
END_TEST

START_TEST(no_terminal)
{
    int status;

    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setsid();
        _exit(child_asks());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), NEEDED);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("ask_pin");
    TCase *tc = tcase_create("ask_pin");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, a_pin_is_entered);
    tcase_add_test(tc, corrections_work);
    tcase_add_loop_test(tc, people_give_up, 0, 2);
    tcase_add_loop_test(tc, people_interrupt, 0, 2);
    tcase_add_test(tc, a_pin_that_is_too_long);
    tcase_add_test(tc, a_signal_leaves_the_echo_on);
    tcase_add_test(tc, suspended_and_resumed);
    tcase_add_test(tc, no_terminal);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
