/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several approve what one asks for: who may, who may not, and how it ends. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/approve.h"
#include "agent/operate.h"
#include "tests/base/run.h"

#define ASKER 5000u
#define ALICE 5001u
#define BOB 5002u
#define CAROL 5003u
#define STRANGER 5009u

static struct agent agent;
static const struct key key = {
    .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .label = "mail"};
static const struct operation sign = {.name = "sign", .scheme = "ecdsa-sha256",
                                      .digest = "abcdef", .rest = "ecdsa-sha256 abcdef"};
static struct err err;

/* A client of the agent: its end is what hangs up. */
struct client_end {
    struct connection c;
    int end;
    struct approve_rule rule;
    const struct operation *op;
    pthread_t thread;
    struct err err;
    int rc;
};

static void
client_make(struct client_end *e, uid_t uid)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    *e = (struct client_end){.c = {.agent = &agent, .fd = fds[0],
                                   .peer = {.uid = uid, .pid = 77, .exe = "/usr/bin/asker"}},
                             .end = fds[1], .op = &sign};
    e->rule = (struct approve_rule){.name = "two men", .need = 2, .users = {ALICE, BOB, CAROL, ASKER},
                                    .user_count = 4, .patience = 60};
}

static void
client_clear(struct client_end *e)
{
    close(e->c.fd);
    if (e->end >= 0)
        close(e->end);
}

static void *
wait_in_thread(void *arg)
{
    struct client_end *e = arg;

    e->rc = approve_wait(&e->c, &key, e->op, &e->rule, &e->err);
    return NULL;
}

/* Returns when its request is in the list. */
static void
client_ask_for(struct client_end *e)
{
    unsigned before = approvals_count(agent.approvals);

    ck_assert_int_eq(pthread_create(&e->thread, NULL, wait_in_thread, e), 0);
    while (approvals_count(agent.approvals) == before)
        sched_yield();
}

static int
client_join(struct client_end *e)
{
    pthread_join(e->thread, NULL);
    return e->rc;
}

static void
setup(void)
{
    static const struct audit_settings settings;

    scratch_setup();
    err_clear(&err);
    ck_assert_int_eq(audit_open(&agent.audit, scratch_path("audit.log"), &settings, &err), 0);
    agent.approvals = approvals_new(1000);
    ck_assert_ptr_nonnull(agent.approvals);
}

static void
teardown(void)
{
    approvals_free(&agent.approvals);
    audit_close(&agent.audit);
    scratch_teardown();
}

/* What the i-th request looks like to that user; the caller decrefs. */
static json_t *
seen_by(uid_t uid, size_t i)
{
    struct client_end e;
    json_t *list = NULL, *one;

    client_make(&e, uid);
    ck_assert_int_eq(approvals_list(&e.c, &list, &err), 0);
    one = json_incref(json_array_get(json_object_get(list, "requests"), i));
    json_decref(list);
    client_clear(&e);
    return one;
}

static const char *
id_of(size_t i)
{
    static char id[APPROVE_ID];
    json_t *one = seen_by(ALICE, i);

    ck_assert_ptr_nonnull(one);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(one, "id")));
    json_decref(one);
    return id;
}

static int
decide(uid_t uid, const char *id, bool yes)
{
    struct client_end e;
    int rc;

    client_make(&e, uid);
    rc = approvals_decide(&e.c, id, yes, NULL, &err);
    client_clear(&e);
    return rc;
}

/* Whether a line of the log tells of that, with these words in it. */
static bool
logged(const char *what, const char *words)
{
    char operation[80];
    const char *line = scratch_read("audit.log");

    snprintf(operation, sizeof operation, "\"operation\":\"%s\"", what);
    while (line && *line) {
        size_t len = strcspn(line, "\n");
        if (memmem(line, len, operation, strlen(operation)) &&
            memmem(line, len, words, strlen(words)))
            return true;
        line += len + (line[len] == '\n');
    }
    return false;
}

START_TEST(no_approval_is_wanted)
{
    struct client_end e;

    client_make(&e, ASKER);
    e.rule.need = 0;
    ck_assert_int_eq(approve_wait(&e.c, &key, &sign, &e.rule, &err), 0);
    client_clear(&e);
}
END_TEST

START_TEST(two_of_three)
{
    struct client_end e;
    char id[APPROVE_ID];

    client_make(&e, ASKER);
    client_ask_for(&e);
    snprintf(id, sizeof id, "%s", id_of(0));
    ck_assert_uint_eq(strlen(id), APPROVE_ID - 1);
    ck_assert_int_eq(decide(BOB, id, true), 0);
    ck_assert_uint_eq(approvals_count(agent.approvals), 1);
    ck_assert_int_eq(decide(CAROL, id, true), 0);
    ck_assert_int_eq(client_join(&e), 0);
    ck_assert_uint_eq(approvals_count(agent.approvals), 0);
    /* It was used; there is nothing left to approve. */
    ck_assert_int_eq(decide(ALICE, id, true), E_DENIED);
    ck_assert(logged("request", "ok") && logged("approve", "\"uid\":5002") &&
              logged("approve", "\"uid\":5003") && logged("grant", "ok") && logged("grant", id));
    client_clear(&e);
}
END_TEST

START_TEST(what_is_seen)
{
    struct client_end e;
    json_t *one;

    client_make(&e, ASKER);
    client_ask_for(&e);
    one = seen_by(BOB, 0);
    ck_assert_str_eq(json_string_value(json_object_get(one, "key")), key.name);
    ck_assert_str_eq(json_string_value(json_object_get(one, "digest")), "abcdef");
    ck_assert_str_eq(json_string_value(json_object_get(one, "operation")), "sign");
    ck_assert_str_eq(json_string_value(json_object_get(one, "scheme")), "ecdsa-sha256");
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(one, "asked_by"), "uid")),
                     ASKER);
    ck_assert(json_is_true(json_object_get(one, "decidable")));
    json_decref(one);
    one = seen_by(ASKER, 0);
    ck_assert(json_is_false(json_object_get(one, "decidable")));
    ck_assert(json_is_true(json_object_get(one, "own")));
    json_decref(one);
    ck_assert_ptr_null(seen_by(STRANGER, 0));
    shutdown(e.end, SHUT_RDWR);
    ck_assert_int_eq(client_join(&e), E_CANCELLED);
    client_clear(&e);
}
END_TEST

/* Without a digest the id stands for what is decrypted all the same. */
START_TEST(other_content_is_another_request)
{
    const struct operation ops[] = {
        {.name = "decrypt", .rest = "rsa-pkcs1", .data = {"CIPHERTEXT", (const uint8_t *)"aa", 2}},
        {.name = "decrypt", .rest = "rsa-pkcs1", .data = {"CIPHERTEXT", (const uint8_t *)"ab", 2}}};
    struct client_end e[2];
    json_t *one[2];

    for (int i = 0; i < 2; i++) {
        client_make(&e[i], ASKER);
        e[i].op = &ops[i];
        client_ask_for(&e[i]);
        one[i] = seen_by(ALICE, (size_t)i);
        ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(one[i], "digest")),
                                     "sha256:"));
    }
    ck_assert_str_ne(json_string_value(json_object_get(one[0], "digest")),
                     json_string_value(json_object_get(one[1], "digest")));
    /* Refusing one leaves the other. */
    ck_assert_int_eq(decide(BOB, json_string_value(json_object_get(one[0], "id")), false), 0);
    ck_assert_int_eq(client_join(&e[0]), E_DENIED);
    ck_assert_uint_eq(approvals_count(agent.approvals), 1);
    ck_assert_int_eq(decide(BOB, json_string_value(json_object_get(one[1], "id")), false), 0);
    ck_assert_int_eq(client_join(&e[1]), E_DENIED);
    for (int i = 0; i < 2; i++) {
        json_decref(one[i]);
        client_clear(&e[i]);
    }
}
END_TEST

START_TEST(who_may_not)
{
    struct client_end e;
    char id[APPROVE_ID];

    client_make(&e, ASKER);
    client_ask_for(&e);
    snprintf(id, sizeof id, "%s", id_of(0));
    /* His own, though the rule lists him. */
    ck_assert_int_eq(decide(ASKER, id, true), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "is your own"));
    ck_assert_int_eq(decide(ASKER, id, false), E_DENIED);
    ck_assert_int_eq(decide(STRANGER, id, true), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "you are no approver of rule \"two men\""));
    ck_assert_int_eq(decide(0, id, false), E_DENIED);
    ck_assert_int_eq(decide(ALICE, id, true), 0);
    ck_assert_int_eq(decide(ALICE, id, true), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "you have approved"));
    ck_assert_uint_eq(approvals_count(agent.approvals), 1);
    ck_assert(logged("approve", "E_DENIED") && logged("approve", "\"uid\":5009"));
    /* Who approved may think again. */
    ck_assert_int_eq(decide(ALICE, id, false), 0);
    ck_assert_int_eq(client_join(&e), E_DENIED);
    ck_assert_ptr_nonnull(strstr(e.err.text, "was refused by user 5001"));
    ck_assert(logged("deny", "E_DENIED"));
    client_clear(&e);
}
END_TEST

START_TEST(unknown_ids)
{
    static const char *const ids[] = {"", "0123456789abcdef", "x", "../../etc", "%n%n",
                                      "0123456789abcdef0123456789abcdef0123456789abcdef"};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        ck_assert_int_eq(decide(ALICE, ids[i], true), E_DENIED);
        ck_assert_ptr_nonnull(strstr(err.text, "signet approve lists those that wait"));
    }
    ck_assert(logged("approve", "no request 0123456789abcdef"));
}
END_TEST

START_TEST(too_late)
{
    struct client_end e;
    char id[APPROVE_ID];

    client_make(&e, ASKER);
    e.rule.patience = 1;
    client_ask_for(&e);
    snprintf(id, sizeof id, "%s", id_of(0));
    ck_assert_int_eq(decide(ALICE, id, true), 0);
    ck_assert_int_eq(client_join(&e), E_DENIED);
    ck_assert_ptr_nonnull(strstr(e.err.text, "had 1 of 2 approvals when its 1 seconds were over"));
    ck_assert_int_eq(decide(BOB, id, true), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "may have expired"));
    ck_assert(logged("expire", "E_DENIED"));
    client_clear(&e);
}
END_TEST

START_TEST(who_goes_away_withdraws)
{
    struct client_end e;
    char id[APPROVE_ID];

    client_make(&e, ASKER);
    client_ask_for(&e);
    snprintf(id, sizeof id, "%s", id_of(0));
    close(e.end);
    e.end = -1;
    ck_assert_int_eq(client_join(&e), E_CANCELLED);
    ck_assert_int_eq(decide(ALICE, id, true), E_DENIED);
    ck_assert(logged("withdraw", "E_CANCELLED"));
    client_clear(&e);
}
END_TEST

START_TEST(a_lock_ends_all)
{
    struct client_end e[3];

    for (int i = 0; i < 3; i++) {
        client_make(&e[i], ASKER + (uid_t)i * 10);
        client_ask_for(&e[i]);
    }
    approvals_withdraw(agent.approvals);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(client_join(&e[i]), E_LOCKED);
        client_clear(&e[i]);
    }
    ck_assert_uint_eq(approvals_count(agent.approvals), 0);
}
END_TEST

#define MANY 1000

/* A thousand ask: so many wait, the others are told. */
START_TEST(a_thousand)
{
    static struct client_end e[APPROVE_PENDING_MAX], more;

    for (unsigned i = 0; i < APPROVE_PENDING_MAX; i++) {
        client_make(&e[i], 6000 + i / APPROVE_PENDING_USER);
        client_ask_for(&e[i]);
    }
    for (unsigned i = APPROVE_PENDING_MAX; i < MANY; i++) {
        bool known = i % 2 == 0;
        client_make(&more, known ? 6000 : 6000 + i);
        ck_assert_int_eq(approve_wait(&more.c, &key, &sign, &more.rule, &err), E_DENIED);
        ck_assert_ptr_nonnull(strstr(err.text, known ? "16 requests of this user wait for approval "
                                                       "already; wait until some are decided"
                                                     : "128 requests wait for approval already; "
                                                       "wait until some are decided"));
        client_clear(&more);
    }
    ck_assert_uint_eq(approvals_count(agent.approvals), APPROVE_PENDING_MAX);
    approvals_withdraw(agent.approvals);
    for (unsigned i = 0; i < APPROVE_PENDING_MAX; i++) {
        ck_assert_int_eq(client_join(&e[i]), E_LOCKED);
        client_clear(&e[i]);
    }
}
END_TEST

/* Approvers race; no more than one word of each counts, and it is granted once. */
static atomic_uint said;
static char raced[APPROVE_ID];

static void *
race(void *arg)
{
    struct client_end e;

    client_make(&e, (uid_t)(uintptr_t)arg);
    if (approvals_decide(&e.c, raced, true, NULL, NULL) == 0)
        atomic_fetch_add(&said, 1);
    client_clear(&e);
    return NULL;
}

START_TEST(a_race)
{
    for (int round = 0; round < 20; round++) {
        pthread_t threads[6];
        struct client_end e;
        atomic_store(&said, 0);
        client_make(&e, ASKER);
        client_ask_for(&e);
        snprintf(raced, sizeof raced, "%s", id_of(0));
        for (unsigned i = 0; i < 6; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, race,
                                            (void *)(uintptr_t)(ALICE + i % 3)), 0);
        for (unsigned i = 0; i < 6; i++)
            pthread_join(threads[i], NULL);
        ck_assert_int_eq(client_join(&e), 0);
        ck_assert_uint_eq(atomic_load(&said), 2);
        client_clear(&e);
    }
}
END_TEST

START_TEST(members_of_a_group)
{
    struct client_end e;
    char id[APPROVE_ID];

    client_make(&e, ASKER);
    e.rule.user_count = 0;
    e.rule.groups[0] = getegid();
    e.rule.group_count = 1;
    client_ask_for(&e);
    e.rule.group_count = 0;
    snprintf(id, sizeof id, "%s", id_of(0));
    ck_assert_int_eq(decide(STRANGER, id, true), 0);
    ck_assert_int_eq(decide(STRANGER, id, true), E_DENIED);
    ck_assert_int_eq(decide(BOB, id, true), 0);
    ck_assert_int_eq(client_join(&e), 0);
    client_clear(&e);
}
END_TEST

START_TEST(waiting_for_requests)
{
    struct client_end e, watcher;
    json_t *list = NULL;

    client_make(&watcher, ALICE);
    ck_assert_int_eq(approvals_await(&watcher.c, 1, 0, &err), E_TIMEOUT);
    client_make(&e, ASKER);
    client_ask_for(&e);
    ck_assert_int_eq(approvals_await(&watcher.c, 1, 60000, &err), 0);
    ck_assert_int_eq(approvals_list(&watcher.c, &list, &err), 0);
    ck_assert_int_ne(json_integer_value(json_object_get(list, "serial")), 1);
    shutdown(watcher.end, SHUT_RDWR);
    ck_assert_int_eq(approvals_await(&watcher.c, (unsigned long)json_integer_value(
                         json_object_get(list, "serial")), 60000, &err), E_CANCELLED);
    json_decref(list);
    approvals_withdraw(agent.approvals);
    ck_assert_int_eq(client_join(&e), E_LOCKED);
    client_clear(&e);
    client_clear(&watcher);
}
END_TEST

/* What cannot be logged does not count. */
START_TEST(a_log_that_is_full)
{
    static const struct audit_settings settings;
    struct client_end e;

    audit_close(&agent.audit);
    if (audit_open(&agent.audit, "/dev/full", &settings, &err) != 0)
        return;
    client_make(&e, ASKER);
    ck_assert_int_eq(approve_wait(&e.c, &key, &sign, &e.rule, &err), E_SYSTEM);
    ck_assert_uint_eq(approvals_count(agent.approvals), 0);
    client_clear(&e);
}
END_TEST

START_TEST(rules_as_they_are_written)
{
    static const char *const bad[] = {"", "alice", "2", "2 of", "2of root", "0 of root", "x of root",
                                      "2 of root", "1 of root, root", "1 of nobody-there", "-1 of 0",
                                      "1 of @no-such-group", "33 of @0", "1 of ,", "2 of 1 0x2"};
    struct approve_rule r = {.name = "r", .patience = 9};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(approve_parse(bad[i], &r, &err) == E_CONFIG, "%s", bad[i]);
    ck_assert_uint_eq(r.need, 0);
    ck_assert_int_eq(approve_parse(" 2 of root, 5001 5002,@root", &r, &err), 0);
    ck_assert_uint_eq(r.need, 2);
    ck_assert_uint_eq(r.user_count, 3);
    ck_assert_uint_eq(r.users[0], 0);
    ck_assert_uint_eq(r.users[2], 5002);
    ck_assert_uint_eq(r.group_count, 1);
    ck_assert_uint_eq(r.patience, 9);
    ck_assert_int_eq(approve_parse("3 of @0", &r, &err), 0);
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("approve");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, no_approval_is_wanted);
    tcase_add_test(t, two_of_three);
    tcase_add_test(t, what_is_seen);
    tcase_add_test(t, other_content_is_another_request);
    tcase_add_test(t, who_may_not);
    tcase_add_test(t, unknown_ids);
    tcase_add_test(t, too_late);
    tcase_add_test(t, who_goes_away_withdraws);
    tcase_add_test(t, a_lock_ends_all);
    tcase_add_test(t, a_thousand);
    tcase_add_test(t, a_race);
    tcase_add_test(t, members_of_a_group);
    tcase_add_test(t, waiting_for_requests);
    tcase_add_test(t, a_log_that_is_full);
    tcase_add_test(t, rules_as_they_are_written);
    return run_suite("agent-approve", &t, 1);
}
