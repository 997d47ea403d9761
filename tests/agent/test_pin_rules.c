/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a token says of its PIN, and what the agent then does not send. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/agent/rig.h"

#define OTHER_PIN "135799"

static struct err err;

static void
with_pinentry(const char *answers, const char *more)
{
    char conf[8400];

    snprintf(conf, sizeof conf, "pinentry = %s\n%s", rig_pinentry(answers), more);
    rig_fake(conf);
}

static void
write_pin(const char *pin)
{
    ck_assert_int_eq(chmod(scratch_write("pin", pin), 0600), 0);
}

static void
with_file(const char *pin)
{
    char conf[4200];

    write_pin(pin);
    snprintf(conf, sizeof conf, "pinentry = none\n[token fake]\npin-source = file:%s\n",
             scratch_path("pin"));
    rig_fake(conf);
}

static int
sign_once(const struct client_options *opts)
{
    struct client *c = rig_open(opts);
    int rc = rig_sign(c, &err);

    client_free(&c);
    return rc;
}

static unsigned
prompts(const char *text)
{
    return rig_count(scratch_path("asked"), text);
}

static char prompt_seen[512], notice_seen[512];

static int
answer(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    (void)e;
    snprintf(prompt_seen, sizeof prompt_seen, "%s", prompt);
    return secret_set(pin, arg, strlen(arg));
}

static void
notice(void *arg, const char *sentence)
{
    (void)arg;
    snprintf(notice_seen, sizeof notice_seen, "%s", sentence);
}

static int
sign_answering(const char *pin)
{
    char copy[64];
    const struct client_options opts = {.ask_pin = answer, .arg = copy, .front = "test"};

    snprintf(copy, sizeof copy, "%s", pin);
    return sign_once(&opts);
}

START_TEST(file_is_not_risked_when_few_tries_are_left)
{
    const struct client_options batch = {.batch = true, .front = "test"};

    with_file(FAKE_PIN "\n");
    fake_set("tries", "2");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "token \"fake\": few tries are left before its PIN is "
                                 "locked"));
    ck_assert_ptr_nonnull(strstr(err.text, scratch_path("pin")));
    ck_assert_ptr_nonnull(strstr(err.text, "is not risked; run the command on a terminal"));
    ck_assert_ptr_null(strstr(err.text, "pin-source"));
    ck_assert_int_eq(sign_once(&batch), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "without --batch"));
    fake_set("tries", "1");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "one try is left"));
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(person_is_told_why_the_file_is_not_used)
{
    with_file(FAKE_PIN "\n");
    fake_set("tries", "2");
    ck_assert_msg(sign_answering(FAKE_PIN) == 0, "%s", err_text(&err));
    ck_assert_ptr_nonnull(strstr(prompt_seen, "Few tries are left before the PIN is locked. The "
                                 "one in file:"));
    ck_assert_ptr_nonnull(strstr(prompt_seen, "is not risked"));
    ck_assert_ptr_nonnull(strstr(prompt_seen, "Enter the PIN of token \"fake\""));
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(corrected_file_is_used_until_the_final_try)
{
    with_file("1111\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    /* Two tries are left, which this file's fault is: corrected, it counts again. */
    write_pin("2222\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_uint_eq(fake_lines("logins"), 2);
    write_pin(FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "one try is left"));
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(somebody_else_spent_the_tries_after_the_file_was_right)
{
    with_file("1111\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    write_pin(FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    rig_kill(true);
    fake_set("tries", "2");
    fake_set("pin", OTHER_PIN);
    write_pin("3333\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(cached_pin_is_not_risked_when_few_tries_are_left)
{
    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("count-low", "");
    fake_set("crash", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(prompts("GETPIN"), 2);
    ck_assert_uint_eq(prompts("SETERROR Few tries are left"), 1);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

/* The other way round: with tries enough, the cache serves. */
START_TEST(cached_pin_is_used_silently_else)
{
    with_pinentry(FAKE_PIN "\n", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("crash", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(prompts("GETPIN"), 1);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(cached_pin_that_is_wrong_is_sent_once)
{
    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n" OTHER_PIN "\n", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("pin", OTHER_PIN);
    fake_set("crash", "");
    /* The person types the old one, too: it is not sent again. */
    ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(prompts("GETPIN"), 3);
    ck_assert_uint_eq(fake_lines("logins"), 3);
    ck_assert_uint_eq(rig_count(scratch_path("fake/logins"), FAKE_PIN), 2);
}
END_TEST

START_TEST(states_that_want_no_pin)
{
    with_pinentry(FAKE_PIN "\n", "");
    fake_set("tries", "0");
    ck_assert_int_eq(sign_once(NULL), E_PIN_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.text, "signet pin unblock --token \"fake\""));
    fake_set("tries", "3");
    fake_set("nopin", "");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "has no PIN yet"));
    ck_assert_ptr_nonnull(strstr(err.text, "signet pin unblock"));
    fake_unset("nopin");
    fake_set("tochange", "");
    ck_assert_int_eq(sign_once(NULL), E_PIN_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "must be changed"));
    ck_assert_ptr_nonnull(strstr(err.text, "signet pin change --token \"fake\""));
    ck_assert_uint_eq(prompts("GETPIN"), 0);
    ck_assert_uint_eq(fake_lines("logins"), 0);
    fake_unset("tochange");
    ck_assert_int_eq(sign_once(NULL), 0);
}
END_TEST

START_TEST(keypad_is_announced_and_no_pin_asked)
{
    const struct client_options opts = {.notice = notice, .ask_pin = answer, .front = "test"};

    with_pinentry(FAKE_PIN "\n", "");
    fake_set("keypad", "");
    ck_assert_msg(sign_once(&opts) == 0, "%s", err_text(&err));
    ck_assert_str_eq(notice_seen, "Enter the PIN of token \"fake\" on the reader's keypad");
    ck_assert_uint_eq(prompts("GETPIN"), 0);
    ck_assert_str_eq(rig_read(scratch_path("fake/logins")), "keypad\n");
}
END_TEST

START_TEST(context_pin_is_asked_each_time)
{
    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n" FAKE_PIN "\n", "");
    fake_set("context", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(prompts("GETPIN"), 3);
    ck_assert_uint_eq(prompts("for each use"), 2);
    ck_assert_uint_eq(fake_lines("contexts"), 2);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(context_pin_is_cached_where_it_may_be)
{
    with_pinentry(FAKE_PIN "\ncancel\n", "[token fake]\ncache-always-authenticate = yes\n");
    fake_set("context", "");
    for (int i = 0; i < 3; i++)
        ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(prompts("GETPIN"), 1);
    ck_assert_uint_eq(fake_lines("contexts"), 3);
    /* But not when few tries are left. */
    fake_set("tries", "2");
    ck_assert_int_eq(sign_once(NULL), E_PIN_CANCELLED);
    ck_assert_uint_eq(prompts("SETERROR Few tries are left"), 1);
    ck_assert_uint_eq(fake_lines("contexts"), 3);
}
END_TEST

START_TEST(cached_context_pin_that_is_wrong_is_sent_once)
{
    with_pinentry(FAKE_PIN "\n" OTHER_PIN "\n",
                  "[token fake]\ncache-always-authenticate = yes\n");
    fake_set("tries", "5");
    fake_set("context", "");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("pin", OTHER_PIN);
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_uint_eq(fake_lines("contexts"), 2);
    ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(prompts("GETPIN"), 2);
    ck_assert_uint_eq(rig_count(scratch_path("fake/contexts"), FAKE_PIN), 2);
}
END_TEST

START_TEST(wrong_context_pin_is_never_sent_again)
{
    with_pinentry(FAKE_PIN "\n1111\n1111\n" FAKE_PIN "\n", "");
    fake_set("tries", "5");
    fake_set("context", "");
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_uint_eq(fake_lines("contexts"), 1);
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err.text, "not sent again"));
    ck_assert_uint_eq(fake_lines("contexts"), 1);
    ck_assert_int_eq(sign_once(NULL), 0);
}
END_TEST

START_TEST(context_pin_and_nobody_to_ask)
{
    const struct client_options batch = {.batch = true, .front = "test"};

    with_file(FAKE_PIN "\n");
    fake_set("context", "");
    ck_assert_int_eq(sign_once(&batch), E_PIN_NEEDED);
    ck_assert_uint_eq(fake_lines("contexts"), 0);
    ck_assert_uint_eq(fake_lines("signs"), 0);
    /* The login's file is no answer to this question. */
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(context_pin_on_the_keypad)
{
    const struct client_options opts = {.notice = notice, .front = "test"};

    with_pinentry("", "");
    fake_set("keypad", "");
    fake_set("context", "");
    notice_seen[0] = '\0';
    ck_assert_msg(sign_once(&opts) == 0, "%s", err_text(&err));
    ck_assert_ptr_nonnull(strstr(notice_seen, "keypad"));
    ck_assert_uint_eq(prompts("GETPIN"), 0);
    ck_assert_uint_eq(fake_lines("contexts"), 1);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("pin-rules");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, file_is_not_risked_when_few_tries_are_left);
    tcase_add_test(c, person_is_told_why_the_file_is_not_used);
    tcase_add_test(c, corrected_file_is_used_until_the_final_try);
    tcase_add_test(c, somebody_else_spent_the_tries_after_the_file_was_right);
    tcase_add_test(c, cached_pin_is_not_risked_when_few_tries_are_left);
    tcase_add_test(c, cached_pin_is_used_silently_else);
    tcase_add_test(c, cached_pin_that_is_wrong_is_sent_once);
    tcase_add_test(c, states_that_want_no_pin);
    tcase_add_test(c, keypad_is_announced_and_no_pin_asked);
    tcase_add_test(c, context_pin_is_asked_each_time);
    tcase_add_test(c, context_pin_is_cached_where_it_may_be);
    tcase_add_test(c, cached_context_pin_that_is_wrong_is_sent_once);
    tcase_add_test(c, wrong_context_pin_is_never_sent_again);
    tcase_add_test(c, context_pin_and_nobody_to_ask);
    tcase_add_test(c, context_pin_on_the_keypad);
    return rig_main("agent-pin-rules", c);
}
