/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens that come, go and are waited for, and their PINs: what the client sends, and what
 * it makes of an agent's words. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "tests/client/scripted_agent.h"

#define HELLO "< OK ready", "> OPTION front=test"

static struct home home;
static struct client *client;
static struct scripted_agent *agent;
static struct err err;
static char heard[256];
static unsigned enough;

static void
setup(void)
{
    test_home_make(&home);
    err_clear(&err);
    heard[0] = '\0';
    enough = ~0u;
}

static void
teardown(void)
{
    test_home_remove(&home);
}

static void
note(const char *text)
{
    size_t n = strlen(heard);

    snprintf(heard + n, sizeof heard - n, "%s|", text);
}

static int
take_event(void *arg, const char *json)
{
    unsigned *left = arg;

    note(json);
    return --*left == 0 ? 7 : 0;
}

static void
take_notice(void *arg, const char *sentence)
{
    (void)arg;
    note(sentence);
}

static void
open_with(const char *const *script, unsigned wait)
{
    const struct client_options opts = {.front = "test", .no_start = true, .wait = wait,
                                        .batch = true, .notice = take_notice};

    agent = scripted_agent_start(&home, script);
    ck_assert_msg(client_open(&client, &home, &opts, &err) == 0, "%s", err_text(&err));
}

static void
finish(void)
{
    client_free(&client);
    scripted_agent_end(&agent);
}

START_TEST(events_are_passed_on)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> WATCH", "< OK", "< OK",
        "< S EVENT {\"event\":\"present\",\"token\":\"a+b%2Bc%25\"}",
        "< S SOMETHING else", "< S EVENT {\"event\":\"ready\"}", "< OK", NULL};

    open_with(script, 0);
    ck_assert_int_eq(client_watch(client, take_event, &enough, &err), 0);
    ck_assert_str_eq(heard, "{\"event\":\"present\",\"token\":\"a b+c%\"}|{\"event\":\"ready\"}|");
    finish();
}
END_TEST

START_TEST(watching_ends_when_one_has_heard_enough)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> WATCH", "< OK", "< OK", "< S EVENT one",
        "< S EVENT two", "< S EVENT three", NULL};

    open_with(script, 0);
    enough = 2;
    ck_assert_int_eq(client_watch(client, take_event, &enough, &err), 7);
    ck_assert_str_eq(heard, "one|two|");
    /* The connection is of no use then. */
    ck_assert_int_eq(client_pin_forget(client, NULL, &err), E_AGENT);
    finish();
}
END_TEST

START_TEST(watching_ends_when_the_agent_dies)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> WATCH", "< OK", "< OK", "< S EVENT one", "!", NULL};

    open_with(script, 0);
    ck_assert_int_eq(client_watch(client, take_event, &enough, &err), E_AGENT);
    ck_assert_str_eq(heard, "one|");
    ck_assert_ptr_nonnull(strstr(err.text, "agent"));
    finish();
}
END_TEST

START_TEST(arrivals_are_asked_for)
{
    static const char *const script[] = {
        HELLO, "> OPTION wait=90", "> OPTION batch=1", "> AWAIT_TOKEN", "< OK", "< OK", "< OK",
        "< D 4", "< OK", "> AWAIT_TOKEN 4", "< D 5", "< OK", "> AWAIT_TOKEN 5",
        "< S ERROR E_NO_TOKEN no+token+was+inserted", "< ERR 536871022 no", NULL};
    unsigned long seen = CLIENT_ANY;

    open_with(script, 90);
    ck_assert_int_eq(client_await_token(client, &seen, &err), 0);
    ck_assert_uint_eq(seen, 4);
    ck_assert_int_eq(client_await_token(client, &seen, &err), 0);
    ck_assert_uint_eq(seen, 5);
    ck_assert_int_eq(client_await_token(client, &seen, &err), E_NO_TOKEN);
    ck_assert_uint_eq(seen, 5);
    ck_assert_str_eq(err.text, "no token was inserted");
    finish();
}
END_TEST

START_TEST(notices_reach_the_person)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> FORGET", "< OK", "< OK",
        "< S NOTICE Enter+the+PIN+of+token+\"a%25\"", "< S NOTICE again", "< OK", NULL};

    open_with(script, 0);
    ck_assert_int_eq(client_pin_forget(client, NULL, &err), 0);
    ck_assert_str_eq(heard, "Enter the PIN of token \"a%\"|again|");
    finish();
}
END_TEST

START_TEST(pins_are_changed_and_unblocked)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> CHANGE_PIN my+card", "< OK", "< OK", "< OK",
        "> CHANGE_PIN c pin-file=/old new-pin-file=/a+new", "< OK",
        "> CHANGE_PIN c new-pin-file=/new", "< OK",
        "> UNBLOCK_PIN c puk-file=/puk new-pin-file=/new", "< OK",
        "> UNBLOCK_PIN c", "< S ERROR E_PIN_LOCKED locked,+too", "< ERR 536871022 no", NULL};

    open_with(script, 0);
    ck_assert_int_eq(client_pin_change(client, "my card", false, NULL, NULL, &err), 0);
    ck_assert_int_eq(client_pin_change(client, "c", false, "/old", "/a new", &err), 0);
    ck_assert_int_eq(client_pin_change(client, "c", false, NULL, "/new", &err), 0);
    ck_assert_int_eq(client_pin_change(client, "c", true, "/puk", "/new", &err), 0);
    ck_assert_int_eq(client_pin_change(client, "c", true, NULL, NULL, &err), E_PIN_LOCKED);
    ck_assert_str_eq(err.text, "locked, too");
    finish();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("client-tokens");
    TCase *c = tcase_create("tokens");
    SRunner *runner = srunner_create(s);
    int failed;

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, events_are_passed_on);
    tcase_add_test(c, watching_ends_when_one_has_heard_enough);
    tcase_add_test(c, watching_ends_when_the_agent_dies);
    tcase_add_test(c, arrivals_are_asked_for);
    tcase_add_test(c, notices_reach_the_person);
    tcase_add_test(c, pins_are_changed_and_unblocked);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
