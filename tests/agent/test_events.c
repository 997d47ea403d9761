/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards that come, go and are waited for, as a client sees it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/agent/rig.h"

static struct err err;

/* A card whose PIN comes from a pinentry with these answers. */
static void
with_card(const char *answers)
{
    char conf[4200];

    snprintf(conf, sizeof conf, "pinentry = %s\n", rig_pinentry(answers));
    rig_fake(conf);
    fake_set("card", "");
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
prompts(void)
{
    return rig_count(scratch_path("asked"), "GETPIN");
}

/* What was told, without the time; and what is done at each event. */
static char told[2048];

static int
act(void *arg, const char *json)
{
    json_t *o = json_loads(json, 0, NULL);
    const char *event = json_string_value(json_object_get(o, "event"));
    const char *serial = json_string_value(json_object_get(o, "serial"));
    size_t n = strlen(told);
    bool is_ready, is_removed, is_last;

    (void)arg;
    ck_assert_ptr_nonnull(event);
    snprintf(told + n, sizeof told - n, "%s %s;", event, serial ? serial : "-");
    is_ready = strcmp(event, "ready") == 0;
    is_removed = strcmp(event, "removed") == 0;
    is_last = strcmp(event, "inserted") == 0 && strcmp(serial, "0009") == 0;
    if (is_removed || strcmp(event, "inserted") == 0) {
        ck_assert_str_eq(json_string_value(json_object_get(o, "token")), "fake");
        ck_assert_str_eq(json_string_value(json_object_get(o, "module")), "fake");
        ck_assert_uint_eq(strlen(json_string_value(json_object_get(o, "time"))), 20);
    }
    json_decref(o);
    if (is_ready) {
        fake_set("hidden", "");
    } else if (is_removed && access(scratch_path("fake/hidden"), F_OK) == 0) {
        fake_unset("hidden");
    } else if (strstr(told, "inserted") && !is_last && !is_removed) {
        fake_set("serial", "0009");
    }
    if (!is_last)
        fake_set("poke", "");
    return is_last ? 7 : 0;
}

/* Out, in, and swapped for another card within one look. */
START_TEST(events_of_a_card)
{
    struct client *c;

    with_card("");
    c = rig_open(NULL);
    told[0] = '\0';
    ck_assert_int_eq(client_watch(c, act, NULL, &err), 7);
    ck_assert_str_eq(told, "present 0001;ready -;removed 0001;inserted 0001;removed 0001;"
                     "inserted 0009;");
    client_free(&c);
}
END_TEST

static int
stop_agent(void *arg, const char *json)
{
    (void)arg;
    if (strstr(json, "ready"))
        rig_stop();
    return 0;
}

START_TEST(watching_ends_with_the_agent)
{
    struct client *c;

    with_card("");
    c = rig_open(NULL);
    int rc = client_watch(c, stop_agent, NULL, &err);
    ck_assert_msg(rc == 0 || rc == E_AGENT, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

START_TEST(removed_card_forgets_its_pin)
{
    with_card(FAKE_PIN "\n" FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(prompts(), 1);
    fake_set("hidden", "");
    ck_assert_int_eq(sign_once(NULL), E_TOKEN_REMOVED);
    fake_unset("hidden");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_eq(prompts(), 2);
    ck_assert_uint_eq(fake_lines("logins"), 2);
}
END_TEST

START_TEST(another_card_gets_no_pin_of_the_first)
{
    with_card(FAKE_PIN "\ncancel\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("hidden", "");
    ck_assert_int_eq(sign_once(NULL), E_TOKEN_REMOVED);
    fake_set("serial", "0009");
    fake_unset("hidden");
    ck_assert_int_eq(sign_once(NULL), E_PIN_CANCELLED);
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(says_which_card_after_a_restart)
{
    with_card(FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    rig_stop();
    fake_set("hidden", "");
    ck_assert_int_eq(sign_once(NULL), E_TOKEN_REMOVED);
    ck_assert_ptr_nonnull(strstr(err.text, "\"fake\" (serial number 0001)"));
    ck_assert_ptr_nonnull(strstr(err.text, "insert it"));
}
END_TEST

START_TEST(damaged_memory_does_no_harm)
{
    char path[4200];
    FILE *f;

    with_card(FAKE_PIN "\n" FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    rig_stop();
    snprintf(path, sizeof path, "%s/tokens-seen.json", rig_home()->state);
    ck_assert_uint_gt(rig_count(path, FAKE_KEY), 0);
    f = fopen(path, "we");
    fputs("[{\"slot\":1,\"label\":\"fa", f);
    fclose(f);
    fake_set("hidden", "");
    ck_assert_int_eq(sign_once(NULL), E_NO_TOKEN);
    fake_unset("hidden");
    ck_assert_int_eq(sign_once(NULL), 0);
    ck_assert_uint_gt(rig_count(path, FAKE_KEY), 0);
}
END_TEST

START_TEST(what_cannot_be_taken_out_is_not_remembered)
{
    char conf[4200];

    snprintf(conf, sizeof conf, "pinentry = %s\n", rig_pinentry(FAKE_PIN "\n"));
    rig_fake(conf);
    ck_assert_int_eq(sign_once(NULL), 0);
    rig_stop();
    fake_set("hidden", "");
    ck_assert_int_eq(sign_once(NULL), E_NO_TOKEN);
}
END_TEST

static unsigned notices;

static void
insert_when_told(void *arg, const char *sentence)
{
    (void)arg;
    notices++;
    ck_assert_ptr_nonnull(strstr(sentence, "insert"));
    fake_unset("hidden");
    fake_set("poke", "");
}

START_TEST(waited_for_until_it_comes)
{
    const struct client_options opts = {.notice = insert_when_told, .front = "test",
                                        .wait = 3600};

    with_card(FAKE_PIN "\n" FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("hidden", "");
    notices = 0;
    ck_assert_msg(sign_once(&opts) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(notices, 1);
}
END_TEST

static void
count_notice(void *arg, const char *sentence)
{
    (void)arg;
    (void)sentence;
    notices++;
}

START_TEST(waited_for_as_long_as_said)
{
    const struct client_options opts = {.notice = count_notice, .front = "test", .wait = 1};

    with_card(FAKE_PIN "\n");
    ck_assert_int_eq(sign_once(NULL), 0);
    fake_set("hidden", "");
    notices = 0;
    ck_assert_int_eq(sign_once(&opts), E_TOKEN_REMOVED);
    ck_assert_ptr_nonnull(strstr(err.text, "insert it"));
    ck_assert_uint_eq(notices, 1);
}
END_TEST

START_TEST(arrivals_are_counted)
{
    const struct client_options opts = {.front = "test", .wait = 3600};
    const struct client_options hasty = {.front = "test"};
    unsigned long before = CLIENT_ANY, seen;
    struct client *c;
    json_t *list = NULL;

    with_card("");
    fake_set("hidden", "");
    c = rig_open(&opts);
    ck_assert_int_eq(client_tokens(c, &list, &err), 0);
    ck_assert_uint_eq(json_array_size(list), 0);
    json_decref(list);
    ck_assert_int_eq(client_await_token(c, &before, &err), 0);
    fake_unset("hidden");
    fake_set("poke", "");
    seen = before;
    ck_assert_msg(client_await_token(c, &seen, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(seen, before + 1);
    client_free(&c);
    /* No more have come, and this one has no time. */
    c = rig_open(&hasty);
    ck_assert_int_eq(client_await_token(c, &seen, &err), E_NO_TOKEN);
    ck_assert_ptr_nonnull(strstr(err.text, "within 0 seconds"));
    client_free(&c);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("events");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, events_of_a_card);
    tcase_add_test(c, watching_ends_with_the_agent);
    tcase_add_test(c, removed_card_forgets_its_pin);
    tcase_add_test(c, another_card_gets_no_pin_of_the_first);
    tcase_add_test(c, says_which_card_after_a_restart);
    tcase_add_test(c, damaged_memory_does_no_harm);
    tcase_add_test(c, what_cannot_be_taken_out_is_not_remembered);
    tcase_add_test(c, waited_for_until_it_comes);
    tcase_add_test(c, waited_for_as_long_as_said);
    tcase_add_test(c, arrivals_are_counted);
    return rig_main("agent-events", c);
}
