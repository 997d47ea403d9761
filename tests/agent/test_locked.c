/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent under lock, PINs from commands, and times of a token's own: with the real agent. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent/rig.h"

static struct err err;
static char phrase[4200], other[4200];

static void
with_pinentry(const char *answers, const char *more)
{
    char conf[8400];

    snprintf(conf, sizeof conf, "pinentry = %s\n%s", rig_pinentry(answers), more);
    rig_fake(conf);
    snprintf(phrase, sizeof phrase, "%s", scratch_write("phrase", "open sesame\n"));
    snprintf(other, sizeof other, "%s", scratch_write("other", "open barley\n"));
    ck_assert_int_eq(chmod(phrase, 0600), 0);
    ck_assert_int_eq(chmod(other, 0600), 0);
}

static unsigned
asked(void)
{
    return rig_count(scratch_path("asked"), "GETPIN");
}

static bool
audited(const char *text)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/audit.log", rig_home()->state);
    return rig_count(path, text) > 0;
}

START_TEST(locked_means_no_keys)
{
    struct client *c;
    char name[CLIENT_KEY_NAME];
    json_t *tokens = NULL;

    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n", "");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    ck_assert_int_eq(rig_status("pins", false), 1);
    ck_assert_msg(client_lock(c, phrase, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(rig_status("pins", false), 0);
    ck_assert_int_eq(rig_sign(c, &err), E_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.text, "signet agent unlock"));
    ck_assert_int_eq(client_pin_change(c, "fake", false, phrase, other, &err), E_LOCKED);
    ck_assert_int_eq(client_pin_change(c, "fake", true, phrase, other, &err), E_LOCKED);
    ck_assert_int_eq(client_key_generate(c, "fake", "p256", NULL, name, &err), E_LOCKED);
    ck_assert_int_eq(client_token_create(c, "new", phrase, &err), E_LOCKED);
    ck_assert_int_eq(client_lock(c, other, &err), E_LOCKED);
    /* Listings go on. */
    ck_assert_int_eq(client_tokens(c, &tokens, &err), 0);
    ck_assert_uint_eq(json_array_size(tokens), 1);
    json_decref(tokens);
    ck_assert_uint_eq(asked(), 1);
    ck_assert_uint_eq(fake_lines("signs"), 1);

    ck_assert_int_eq(client_unlock(c, other, &err), E_PIN_WRONG);
    ck_assert_int_eq(rig_sign(c, &err), E_LOCKED);
    ck_assert_msg(client_unlock(c, phrase, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(rig_sign(c, &err), 0);
    ck_assert_uint_eq(asked(), 2);
    client_free(&c);
    ck_assert(audited("\"operation\":\"lock\",\"result\":\"ok\""));
    ck_assert(audited("\"operation\":\"unlock\",\"result\":\"E_PIN_WRONG\""));
    ck_assert(audited("\"operation\":\"unlock\",\"result\":\"ok\""));
    ck_assert(!audited("sesame"));
}
END_TEST

START_TEST(a_locked_agent_can_be_stopped)
{
    struct client *c;

    with_pinentry("cancel\n", "");
    c = rig_open(NULL);
    ck_assert_int_eq(client_lock(c, phrase, &err), 0);
    client_free(&c);
    rig_stop();
    /* The next one knows nothing of it. */
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), E_PIN_CANCELLED);
    client_free(&c);
}
END_TEST

struct typed {
    const char *const *list;
    unsigned asked;
};

static int
type(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    struct typed *t = arg;
    const char *text = t->list[t->asked++];

    (void)prompt;
    return text ? secret_set(pin, text, strlen(text)) : err_set(e, E_PIN_CANCELLED, "given up");
}

static int
lock_typing(const char *const *list, bool lock)
{
    struct typed t = {.list = list};
    const struct client_options opts = {.ask_pin = type, .arg = &t, .front = "test"};
    struct client *c = rig_open(&opts);
    int rc = lock ? client_lock(c, NULL, &err) : client_unlock(c, NULL, &err);

    client_free(&c);
    return rc;
}

START_TEST(the_passphrase_is_typed)
{
    rig_fake("pinentry = none\n");
    ck_assert_int_eq(lock_typing((const char *const[]){"a", "b", NULL}, true), E_PIN_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "differ"));
    ck_assert_int_eq(lock_typing((const char *const[]){"", NULL}, true), E_PIN_CANCELLED);
    ck_assert_int_eq(lock_typing((const char *const[]){NULL}, true), E_PIN_CANCELLED);
    ck_assert_int_eq(lock_typing((const char *const[]){"a", "a", NULL}, true), 0);
    ck_assert_int_eq(lock_typing((const char *const[]){NULL}, false), E_PIN_CANCELLED);
    ck_assert_int_eq(lock_typing((const char *const[]){"b", NULL}, false), E_PIN_WRONG);
    ck_assert_int_eq(lock_typing((const char *const[]){"a", NULL}, false), 0);
    /* Nothing to unlock: nothing is asked. */
    ck_assert_int_eq(lock_typing((const char *const[]){NULL}, false), 0);
}
END_TEST

START_TEST(nobody_to_ask_for_the_passphrase)
{
    const struct client_options batch = {.batch = true, .front = "test"};
    struct client *c;

    rig_fake("pinentry = none\n");
    c = rig_open(&batch);
    ck_assert_int_eq(client_lock(c, NULL, &err), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "passphrase"));
    client_free(&c);
    c = rig_open(NULL);
    ck_assert_int_eq(client_lock(c, NULL, &err), E_PIN_NEEDED);
    ck_assert_int_eq(client_lock(c, scratch_path("none"), &err), E_INPUT);
    client_free(&c);
    ck_assert_int_eq(rig_status("pins", false), 0);
}
END_TEST

static int signed_rc;

static void *
sign_in_thread(void *arg)
{
    struct err e = {0};
    struct client *c = rig_open(NULL);

    (void)arg;
    signed_rc = rig_sign(c, &e);
    client_free(&c);
    return NULL;
}

static void
await_question(void)
{
    rig_await_text(scratch_path("asked"), "GETPIN");
}

START_TEST(an_open_question_is_withdrawn)
{
    pthread_t thread;
    struct client *c;

    with_pinentry("wait\n" FAKE_PIN "\n", "");
    c = rig_open(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, sign_in_thread, NULL), 0);
    await_question();
    ck_assert_int_eq(client_lock(c, phrase, &err), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(signed_rc, E_LOCKED);
    ck_assert_uint_eq(fake_lines("logins"), 0);
    ck_assert_int_eq(rig_status("prompts", false), 0);
    client_free(&c);
}
END_TEST

/* [agent] has ten minutes; the token, by label or by serial number, none. */
START_TEST(times_of_a_tokens_own)
{
    static const char *const sections[] = {"fake", "0001"};
    char more[64];

    snprintf(more, sizeof more, "[token %s]\npin-ttl = 0\n", sections[_i]);
    with_pinentry(FAKE_PIN "\n" FAKE_PIN "\n" FAKE_PIN "\n", more);
    struct client *c = rig_open(NULL);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(asked(), 3);
    client_free(&c);
}
END_TEST

START_TEST(longer_than_the_agents)
{
    with_pinentry(FAKE_PIN "\n", "pin-ttl = 0\npin-ttl-max = 0\n"
                                 "[token fake]\npin-ttl = 1h\npin-ttl-max = 1h\n");
    struct client *c = rig_open(NULL);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(asked(), 1);
    client_free(&c);
}
END_TEST

static void
with_command(const char *body)
{
    char script[1024], conf[8400];

    snprintf(script, sizeof script, "#!/bin/sh\necho run >>'%s'\n%s\n", scratch_path("runs"), body);
    const char *path = scratch_write("command", script);
    ck_assert_int_eq(chmod(path, 0700), 0);
    snprintf(conf, sizeof conf, "pinentry = none\n[token fake]\npin-source = command:%s --key "
             "\"vault word\"\n", path);
    rig_fake(conf);
}

static int
sign_once(void)
{
    struct client *c = rig_open(NULL);
    int rc = rig_sign(c, &err);

    client_free(&c);
    return rc;
}

START_TEST(pin_from_a_command)
{
    with_command("[ \"$2\" = 'vault word' ] && [ \"$SIGNET_TOKEN\" = fake ] && echo " FAKE_PIN);
    ck_assert_msg(sign_once() == 0, "%s", err_text(&err));
    ck_assert_int_eq(sign_once(), 0);
    ck_assert_uint_eq(rig_count(scratch_path("runs"), "run"), 1);
    ck_assert(audited("\"scheme\":\"command\",\"result\":\"ok\""));
    ck_assert(!audited(FAKE_PIN));
}
END_TEST

START_TEST(wrong_pin_of_a_command_is_sent_once)
{
    with_command("echo 1111");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sign_once(), E_PIN_WRONG);
        ck_assert_ptr_nonnull(strstr(err.text, "correct what the command prints"));
        ck_assert_ptr_null(strstr(err.text, "vault"));
        ck_assert_ptr_null(strstr(err.text, "1111"));
    }
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(command_is_not_risked)
{
    with_command("echo " FAKE_PIN);
    fake_set("tries", "1");
    ck_assert_int_eq(sign_once(), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "not risked"));
    ck_assert_ptr_null(strstr(err.text, "vault"));
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(command_that_fails_is_told)
{
    with_command("echo " FAKE_PIN "; exit 7");
    ck_assert_int_eq(sign_once(), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "token \"fake\""));
    ck_assert_ptr_nonnull(strstr(err.text, "exit status 7"));
    ck_assert_uint_eq(fake_lines("logins"), 0);
}
END_TEST

START_TEST(credential_is_the_agents)
{
    char conf[] = "pinentry = none\n[token fake]\npin-source = credential:hsm-pin\n";

    ck_assert_int_eq(mkdir(scratch_path("credentials"), 0700), 0);
    ck_assert_int_eq(chmod(scratch_write("credentials/hsm-pin", FAKE_PIN "\n"), 0400), 0);
    setenv("CREDENTIALS_DIRECTORY", scratch_path("credentials"), 1);
    rig_fake(conf);
    ck_assert_msg(sign_once() == 0, "%s", err_text(&err));
    ck_assert(audited("\"scheme\":\"credential\",\"result\":\"ok\""));
    unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("locked");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, locked_means_no_keys);
    tcase_add_test(c, a_locked_agent_can_be_stopped);
    tcase_add_test(c, the_passphrase_is_typed);
    tcase_add_test(c, nobody_to_ask_for_the_passphrase);
    tcase_add_test(c, an_open_question_is_withdrawn);
    tcase_add_loop_test(c, times_of_a_tokens_own, 0, 2);
    tcase_add_test(c, longer_than_the_agents);
    tcase_add_test(c, pin_from_a_command);
    tcase_add_test(c, wrong_pin_of_a_command_is_sent_once);
    tcase_add_test(c, command_is_not_risked);
    tcase_add_test(c, command_that_fails_is_told);
    tcase_add_test(c, credential_is_the_agents);
    return rig_main("agent-locked", c);
}
