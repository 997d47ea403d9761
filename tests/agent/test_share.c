/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many clients at one token, one key on two tokens, and tokens that err. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent/rig.h"

#define CLIENTS 4
#define ROUNDS 10
/* CK_RVs: CKR_GENERAL_ERROR, and one by which another program shows. */
#define RV_BROKEN "5"
#define RV_BUSY "30"

static struct err err;

static void
begin(const char *more)
{
    char conf[8400];

    snprintf(conf, sizeof conf, "pinentry = none\n[token fake]\npin-source = file:%s\n%s",
             scratch_write("pin", FAKE_PIN "\n"), more);
    ck_assert_int_eq(chmod(scratch_path("pin"), 0600), 0);
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

static void
signs_once(void)
{
    ck_assert_msg(sign_once() == 0, "%s", err_text(&err));
}

static const char *
slots(void)
{
    return rig_read(scratch_path("fake/slots"));
}

struct signer {
    pthread_t thread;
    unsigned rounds;
    bool together;
    int rc;
    struct err err;
};

/* Passed when all requests of a round are on their way. */
static pthread_barrier_t sent;

static void
arrive(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&sent);
}

static void *
sign_rounds(void *arg)
{
    struct signer *s = arg;
    struct client *c = rig_open(NULL);

    if (s->together)
        client_meanwhile(c, arrive, NULL);
    for (unsigned i = 0; i < s->rounds && s->rc == 0; i++)
        s->rc = rig_sign(c, &s->err);
    client_free(&c);
    return NULL;
}

static void
launch(struct signer *s, unsigned count, unsigned rounds, bool together)
{
    for (unsigned i = 0; i < count; i++) {
        s[i] = (struct signer){.rounds = rounds, .together = together};
        ck_assert_int_eq(pthread_create(&s[i].thread, NULL, sign_rounds, &s[i]), 0);
    }
}

static void
start(struct signer *s, unsigned count, unsigned rounds)
{
    launch(s, count, rounds, false);
}

static void
join(struct signer *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_join(s[i].thread, NULL);
        ck_assert_msg(s[i].rc == 0, "%s", err_text(&s[i].err));
    }
}

/* Signatures wait at a gate. */
static int
make_gate(void)
{
    ck_assert_int_eq(mkfifo(scratch_path("fake/gate"), 0600), 0);
    int fd = open(scratch_path("fake/gate"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void
open_gate(int fd, unsigned count)
{
    for (; count > 0; count--)
        ck_assert_int_eq((int)write(fd, "x", 1), 1);
}

START_TEST(lanes_work_side_by_side)
{
    struct signer s[CLIENTS];
    int gate;

    begin("");
    signs_once();
    fake_unset("busy");
    gate = make_gate();
    start(s, CLIENTS, 1);
    rig_await_lines(scratch_path("fake/busy"), CLIENTS);
    ck_assert_ptr_nonnull(strstr(rig_read(scratch_path("fake/busy")), "4\n"));
    open_gate(gate, CLIENTS);
    join(s, CLIENTS);
    close(gate);
}
END_TEST

/* All clients at once, while the first to come waits at the gate. */
static void
crowd(int gate)
{
    struct signer s[CLIENTS];

    pthread_barrier_init(&sent, NULL, CLIENTS + 1);
    launch(s, CLIENTS, 1, true);
    pthread_barrier_wait(&sent);
    /* The agent has served this connection: it has had time for the others. */
    ck_assert_int_gt(rig_status("connections", false), CLIENTS);
    open_gate(gate, CLIENTS);
    join(s, CLIENTS);
    pthread_barrier_destroy(&sent);
}

START_TEST(cards_are_used_by_one_at_a_time)
{
    int gate;

    begin("");
    fake_set("card", "");
    signs_once();
    gate = make_gate();
    for (int i = 0; i < ROUNDS; i++)
        crowd(gate);
    close(gate);
    ck_assert_uint_eq(fake_lines("signs"), 1 + CLIENTS * ROUNDS);
    ck_assert_uint_eq(rig_count(scratch_path("fake/busy"), "1\n"), fake_lines("busy"));
}
END_TEST

START_TEST(lanes_of_a_card_may_be_said)
{
    struct signer s[2];
    int gate;

    /* The section of the module comes last, and goes on. */
    begin("[module fake]\nlanes = 2\n");
    fake_set("card", "");
    signs_once();
    fake_unset("busy");
    gate = make_gate();
    start(s, 2, 1);
    rig_await_lines(scratch_path("fake/busy"), 2);
    open_gate(gate, 2);
    join(s, 2);
    close(gate);
}
END_TEST

/* A token with one session: three lanes of four have none, which the first refusal
 * teaches, and nobody is told of it. */
START_TEST(session_limit_is_no_error)
{
    int gate;

    begin("");
    fake_set("sessions", "1");
    signs_once();
    fake_unset("busy");
    gate = make_gate();
    crowd(gate);
    ck_assert_uint_le(fake_lines("busy"), CLIENTS + 3);
    fake_unset("busy");
    for (int i = 0; i < ROUNDS; i++)
        crowd(gate);
    ck_assert_uint_eq(fake_lines("busy"), CLIENTS * ROUNDS);
    ck_assert_uint_eq(fake_lines("signs"), 1 + CLIENTS * (ROUNDS + 1));
    close(gate);
}
END_TEST

/* Who waits for a card and goes leaves it to the others. */
START_TEST(one_who_waits_may_go)
{
    struct signer s;
    pid_t pid;
    int gate;

    begin("");
    fake_set("card", "");
    signs_once();
    gate = make_gate();
    start(&s, 1, 1);
    rig_await_lines(scratch_path("fake/busy"), 2);
    scratch_write("going", "");
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct client *mine = rig_open(NULL);
        struct err e;
        scratch_write("going", "signs\n");
        _exit(rig_sign(mine, &e) != 0);
    }
    rig_await_lines(scratch_path("going"), 1);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(rig_join(pid), 128 + SIGKILL);
    /* One byte for the first, one for what the dead one may have asked, one for the next. */
    open_gate(gate, 3);
    join(&s, 1);
    signs_once();
    close(gate);
}
END_TEST

static void
with_spare(void)
{
    struct client *c;
    json_t *list = NULL;

    begin("");
    signs_once();
    fake_set("spare", "");
    c = rig_open(NULL);
    ck_assert_int_eq(client_tokens(c, &list, &err), 0);
    ck_assert_uint_eq(json_array_size(list), 2);
    json_decref(list);
    client_free(&c);
    fake_unset("slots");
}

START_TEST(the_other_token_serves)
{
    with_spare();
    /* Where somebody is logged in comes first. */
    signs_once();
    ck_assert_str_eq(slots(), "1\n");
    fake_set("err1", RV_BROKEN);
    signs_once();
    ck_assert_str_eq(slots(), "1\n1\n2\n");
    ck_assert_uint_eq(fake_lines("logins"), 1);
}
END_TEST

START_TEST(both_err_and_it_is_said)
{
    with_spare();
    fake_set("err1", RV_BROKEN);
    fake_set("err2", RV_BROKEN);
    ck_assert_int_eq(sign_once(), E_TOKEN);
    ck_assert_ptr_nonnull(strstr(err.text, "it errs"));
    ck_assert_str_eq(slots(), "1\n2\n");
}
END_TEST

START_TEST(one_that_errs_rests)
{
    with_spare();
    fake_set("err1", RV_BROKEN);
    fake_set("err2", RV_BROKEN);
    /* So often that both rest for a minute. */
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(sign_once(), E_TOKEN);
    fake_unset("err2");
    signs_once();
    fake_unset("slots");
    /* The second one has shown that it works; the first one is spared. */
    fake_unset("err1");
    for (int i = 0; i < 5; i++)
        signs_once();
    ck_assert_str_eq(slots(), "2\n2\n2\n2\n2\n");
    /* As the last resort it is tried before its rest is over. */
    fake_set("err2", RV_BROKEN);
    signs_once();
    ck_assert_str_eq(slots(), "2\n2\n2\n2\n2\n2\n1\n");
    /* And is back at work. */
    signs_once();
    ck_assert_str_eq(slots(), "2\n2\n2\n2\n2\n2\n1\n1\n");
}
END_TEST

/* Another program resets the card: it is tried again until that is over. */
START_TEST(busy_token_is_tried_again)
{
    struct signer s;

    begin("");
    signs_once();
    fake_unset("slots");
    fake_set("err1", RV_BUSY);
    start(&s, 1, 1);
    rig_await_lines(scratch_path("fake/slots"), 2);
    fake_unset("err1");
    join(&s, 1);
    ck_assert_uint_eq(fake_lines("signs"), 2);
}
END_TEST

START_TEST(other_errors_are_told_at_once)
{
    begin("");
    signs_once();
    fake_unset("slots");
    fake_set("err1", RV_BROKEN);
    ck_assert_int_eq(sign_once(), E_TOKEN);
    ck_assert_str_eq(slots(), "1\n");
    ck_assert_ptr_null(strstr(err.text, "another program"));
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("share");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, lanes_work_side_by_side);
    tcase_add_test(c, cards_are_used_by_one_at_a_time);
    tcase_add_test(c, lanes_of_a_card_may_be_said);
    tcase_add_test(c, session_limit_is_no_error);
    tcase_add_test(c, one_who_waits_may_go);
    tcase_add_test(c, the_other_token_serves);
    tcase_add_test(c, both_err_and_it_is_said);
    tcase_add_test(c, one_that_errs_rests);
    tcase_add_test(c, busy_token_is_tried_again);
    tcase_add_test(c, other_errors_are_told_at_once);
    return rig_main("agent-share", c);
}
