/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PINs: where they come from, and what is sent to the token, counted there. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent/rig.h"

static struct err err;

/* A home whose PINs come from a pinentry with these answers. */
static void
with_pinentry(const char *answers)
{
    char conf[4200];

    snprintf(conf, sizeof conf, "pinentry = %s\n", rig_pinentry(answers));
    rig_fake(conf);
}

static void
with_file(const char *pin, const char *more)
{
    char conf[8400];
    const char *path = scratch_write("pin", pin);

    ck_assert_int_eq(chmod(path, 0600), 0);
    snprintf(conf, sizeof conf, "pinentry = none\n%s[token fake]\npin-source = file:%s\n", more,
             path);
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

/* What the client answers when it is asked. */
struct answers {
    const char *const *list;
    unsigned asked;
    char prompts[1024];
};

static int
answer(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    struct answers *a = arg;
    const char *text = a->list[a->asked];

    snprintf(a->prompts + strlen(a->prompts), sizeof a->prompts - strlen(a->prompts), "%s\n",
             prompt);
    if (!text)
        return err_set(e, E_PIN_CANCELLED, "given up");
    a->asked++;
    return secret_set(pin, text, strlen(text));
}

static int
sign_answering(struct answers *a)
{
    const struct client_options opts = {.ask_pin = answer, .arg = a, .front = "test"};

    return sign_once(&opts);
}

START_TEST(pin_from_file)
{
    with_file(FAKE_PIN "\n", "");
    ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(wrong_file_is_tried_once)
{
    with_file("1111\n", "");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
        ck_assert_ptr_nonnull(strstr(err.text, "correct the file"));
    }
    ck_assert_uint_eq(fake_lines("logins"), 1);
    /* Corrected, it is read again. */
    ck_assert_int_eq(chmod(scratch_write("pin", FAKE_PIN "\n"), 0600), 0);
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(open_file_is_refused)
{
    with_file(FAKE_PIN "\n", "");
    ck_assert_int_eq(chmod(scratch_path("pin"), 0644), 0);
    ck_assert_int_eq(sign_once(NULL), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "chmod 600"));
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(missing_file_is_said)
{
    with_file(FAKE_PIN "\n", "");
    ck_assert_int_eq(unlink(scratch_path("pin")), 0);
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, scratch_path("pin")));
}
END_TEST

START_TEST(file_is_not_spent_on_the_final_try)
{
    with_file(FAKE_PIN "\n", "");
    fake_set("tries", "1");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(two_tokens_of_one_label_get_no_pin)
{
    with_file(FAKE_PIN "\n", "");
    fake_set("twins", "");
    ck_assert_int_eq(sign_once(NULL), E_AMBIGUOUS);
    ck_assert_ptr_nonnull(strstr(err.text, "0001"));
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(pin_from_pinentry)
{
    with_pinentry(FAKE_PIN "\n");
    ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 1);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "Enter the PIN of token \"fake\""), 1);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "SETERROR"), 0);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(asked_again_saying_it_was_wrong)
{
    with_pinentry("1111\n" FAKE_PIN "\n");
    ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 2);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "SETERROR That PIN was wrong."), 1);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(same_wrong_pin_is_sent_once)
{
    with_pinentry("1111\n1111\n1111\n1111\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_WRONG);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 3);
    ck_assert_uint_eq(fake_lines("logins"), 1);
    /* Nor later: the fourth answer is the same, and the fifth is none. */
    ck_assert_int_lt(sign_once(NULL), 0);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(asked_only_while_tries_remain)
{
    with_pinentry("1111\n2222\n3333\n4444\n");
    fake_set("tries", "2");
    ck_assert_int_eq(sign_once(NULL), E_PIN_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.text, "PUK"));
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 2);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "last try"), 1);
    ck_assert_uint_eq(fake_lines("logins"), 2);
    ck_assert_int_eq(sign_once(NULL), E_PIN_LOCKED);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(cancelled_in_pinentry)
{
    with_pinentry("cancel\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_CANCELLED);
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(batch_is_never_asked)
{
    const struct client_options opts = {.batch = true, .front = "test"};

    with_pinentry(FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(&opts), E_PIN_NEEDED);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 0);
}
END_TEST

START_TEST(nobody_to_ask)
{
    rig_fake("pinentry = none\n");
    ck_assert_int_eq(sign_once(NULL), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "pin-source"));
}
END_TEST

START_TEST(pin_from_the_client)
{
    struct answers a = {.list = (const char *const[]){"1111", FAKE_PIN, NULL}};

    rig_fake("pinentry = none\n");
    ck_assert_msg(sign_answering(&a) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(a.asked, 2);
    ck_assert_str_eq(a.prompts, "Enter the PIN of token \"fake\" to sign with key \"key a\"\n"
                     "That PIN was wrong. Few tries are left before the PIN is locked. Enter the PIN "
                     "of token \"fake\" to sign with key \"key a\"\n");
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(cancelled_at_the_client)
{
    struct answers a = {.list = (const char *const[]){NULL}};
    struct client *c;
    const struct client_options opts = {.ask_pin = answer, .arg = &a, .front = "test"};

    rig_fake("pinentry = none\n");
    c = rig_open(&opts);
    ck_assert_int_eq(rig_sign(c, &err), E_PIN_CANCELLED);
    /* The connection goes on. */
    a.list = (const char *const[]){FAKE_PIN, NULL};
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
}
END_TEST

START_TEST(cached_pin_is_not_spent_on_the_final_try)
{
    struct client *c;

    with_pinentry(FAKE_PIN "\ncancel\n" FAKE_PIN "\n");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    /* Somebody tries PINs at the token, and the host forgets the login. */
    fake_set("tries", "1");
    fake_set("crash", "");
    ck_assert_int_eq(rig_sign(c, &err), E_PIN_CANCELLED);
    ck_assert_uint_eq(fake_lines("logins"), 1);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "last try"), 1);
    /* What a person types is sent. */
    ck_assert_int_eq(rig_sign(c, &err), 0);
    ck_assert_uint_eq(fake_lines("logins"), 2);
    client_free(&c);
}
END_TEST

START_TEST(forgotten_pin_is_asked_again)
{
    struct client *c;

    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    ck_assert_int_eq(client_pin_forget(c, "fake", &err), 0);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 2);
    ck_assert_int_eq(client_pin_forget(c, NULL, &err), 0);
    ck_assert_int_eq(rig_sign(c, &err), E_PIN_CANCELLED);
    client_free(&c);
}
END_TEST

START_TEST(pin_ttl_zero_asks_each_time)
{
    with_file(FAKE_PIN "\n", "pin-ttl = 0\n");
    for (int i = 0; i < 3; i++)
        ck_assert_msg(sign_once(NULL) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(fake_lines("logins"), 3);
}
END_TEST

#define CLIENTS 50

static void *
sign_in_thread(void *arg)
{
    struct err e = {0};
    struct client *c = rig_open(NULL);

    *(int *)arg = rig_sign(c, &e);
    client_free(&c);
    return NULL;
}

START_TEST(fifty_clients_one_prompt)
{
    pthread_t threads[CLIENTS];
    int results[CLIENTS];

    with_pinentry(FAKE_PIN "\n");
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_in_thread, &results[i]), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(results[i], 0);
    ck_assert_uint_eq(rig_count(scratch_path("asked"), "GETPIN"), 1);
    ck_assert_uint_eq(fake_lines("logins"), 1);
    ck_assert_uint_eq(fake_lines("signs"), CLIENTS);
}
END_TEST

/* The prompt goes when its asker goes, and the next one is asked. */
START_TEST(prompt_is_withdrawn)
{
    pid_t pid;

    with_pinentry("wait\n" FAKE_PIN "\n");
    struct client *c = rig_open(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct client *mine = rig_open(NULL);
        struct err e;
        _exit(rig_sign(mine, &e) != 0);
    }
    rig_await_text(scratch_path("asked"), "GETPIN");
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(rig_join(pid), 128 + SIGKILL);
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

START_TEST(audit_tells_of_pins_and_not_the_pins)
{
    char path[4200];

    with_pinentry("1111\n" FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    snprintf(path, sizeof path, "%s/audit.log", rig_home()->state);
    ck_assert_uint_eq(rig_count(path, "\"operation\":\"login\",\"scheme\":\"pinentry\","
                                "\"result\":\"E_PIN_WRONG\""), 1);
    ck_assert_uint_eq(rig_count(path, "\"operation\":\"login\",\"scheme\":\"pinentry\","
                                "\"result\":\"ok\""), 1);
    ck_assert_uint_eq(rig_count(path, "\"operation\":\"sign\",\"scheme\":\"ed25519\","
                                "\"result\":\"ok\""), 1);
    ck_assert_uint_eq(rig_count(path, "\"front\":\"test\""), 3);
    ck_assert_uint_eq(rig_count(path, "\n"), 3);
    ck_assert_uint_eq(rig_count(path, FAKE_PIN), 0);
    ck_assert_uint_eq(rig_count(path, "1111"), 0);
    snprintf(path, sizeof path, "%s/agent.log", rig_home()->state);
    ck_assert_uint_eq(rig_count(path, FAKE_PIN), 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("login");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, pin_from_file);
    tcase_add_test(c, wrong_file_is_tried_once);
    tcase_add_test(c, open_file_is_refused);
    tcase_add_test(c, missing_file_is_said);
    tcase_add_test(c, file_is_not_spent_on_the_final_try);
    tcase_add_test(c, two_tokens_of_one_label_get_no_pin);
    tcase_add_test(c, pin_from_pinentry);
    tcase_add_test(c, asked_again_saying_it_was_wrong);
    tcase_add_test(c, same_wrong_pin_is_sent_once);
    tcase_add_test(c, asked_only_while_tries_remain);
    tcase_add_test(c, cancelled_in_pinentry);
    tcase_add_test(c, batch_is_never_asked);
    tcase_add_test(c, nobody_to_ask);
    tcase_add_test(c, pin_from_the_client);
    tcase_add_test(c, cancelled_at_the_client);
    tcase_add_test(c, cached_pin_is_not_spent_on_the_final_try);
    tcase_add_test(c, forgotten_pin_is_asked_again);
    tcase_add_test(c, pin_ttl_zero_asks_each_time);
    tcase_add_test(c, fifty_clients_one_prompt);
    tcase_add_test(c, prompt_is_withdrawn);
    tcase_add_test(c, audit_tells_of_pins_and_not_the_pins);
    return rig_main("agent-login", c);
}
