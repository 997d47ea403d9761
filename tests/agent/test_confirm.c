/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person's yes, where a rule wants one; the person is the test. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/confirm.h"
#include "agent/operate.h"
#include "tests/base/run.h"

static struct agent agent;
static struct connection c;
static struct token token = {.label = "demo"};
static struct key key = {.name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                         .label = "mail", .places = {{.token = &token}}, .place_count = 1};
static const struct operation sign = {.name = "sign", .scheme = "ecdsa-sha256", .digest = "abcd"};
static const struct operation decrypt = {.name = "decrypt"};
static struct err err;
static unsigned asked;
static int answer;
static bool forget_meanwhile;
static char shown[512];

/* In place of the agent's. */
int
ask_confirm(struct connection *by, const struct question *q, struct err *ret)
{
    ck_assert_ptr_eq(by->key, &key);
    ck_assert_str_eq(q->token, "demo");
    snprintf(shown, sizeof shown, "%s|%s|%s", q->what, by->doing, q->detail);
    asked++;
    if (forget_meanwhile)
        confirm_forget(agent.confirm);
    return answer == 0 ? 0 : err_set(ret, answer, "it was not confirmed");
}

static void
setup(void)
{
    static const struct audit_settings settings;

    scratch_setup();
    err_clear(&err);
    ck_assert_int_eq(audit_open(&agent.audit, scratch_path("audit.log"), &settings, &err), 0);
    agent.confirm = confirm_new();
    c.agent = &agent;
    c.peer = (struct peer){.uid = 1000, .pid = getpid()};
    asked = 0;
    answer = 0;
    forget_meanwhile = false;
}

static void
teardown(void)
{
    confirm_free(&agent.confirm);
    audit_close(&agent.audit);
    scratch_teardown();
}

static int
permit(const struct operation *op, enum confirm_when when)
{
    return confirm_permit(&c, &key, op, "mail rule", when, &err);
}

START_TEST(words)
{
    enum confirm_when when = CONFIRM_NEVER;

    ck_assert_int_eq(confirm_parse("each", &when, &err), 0);
    ck_assert_int_eq(when, CONFIRM_EACH);
    ck_assert_int_eq(confirm_parse("Session", &when, &err), 0);
    ck_assert_int_eq(when, CONFIRM_SESSION);
    ck_assert_int_eq(confirm_parse("always", &when, &err), E_CONFIG);
    ck_assert_int_eq(when, CONFIRM_SESSION);
}
END_TEST

START_TEST(nobody_is_asked_without_a_rule)
{
    ck_assert_int_eq(permit(&sign, CONFIRM_NEVER), 0);
    ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(each_time)
{
    ck_assert_int_eq(permit(&sign, CONFIRM_EACH), 0);
    ck_assert_int_eq(permit(&sign, CONFIRM_EACH), 0);
    ck_assert_uint_eq(asked, 2);
    ck_assert_str_eq(shown, "Allow this once, on token|sign|rule mail rule\necdsa-sha256\n"
                            "digest abcd");
    ck_assert_ptr_null(c.key);
    ck_assert_ptr_nonnull(strstr(scratch_read("audit.log"), "\"event\":\"confirm\""));
}
END_TEST

START_TEST(once_per_session)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 1);
    /* Another operation, another user, another rule: not what was allowed. */
    ck_assert_int_eq(permit(&decrypt, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 2);
    c.peer.uid = 1001;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 3);
    ck_assert_int_eq(confirm_permit(&c, &key, &sign, "other", CONFIRM_SESSION, &err), 0);
    ck_assert_uint_eq(asked, 4);
}
END_TEST

START_TEST(another_session_is_asked)
{
    int go[2];
    pid_t child;

    ck_assert_int_eq(pipe(go), 0);
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    child = fork();
    if (child == 0) {
        char byte;
        setsid();
        if (write(go[1], "x", 1) != 1 || read(STDIN_FILENO, &byte, 0) != 0)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte;
    ck_assert_int_eq(read(go[0], &byte, 1), 1);
    c.peer.pid = child;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 2);
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 2);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* A client that is gone is in no session. */
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 4);
    close(go[0]);
    close(go[1]);
}
END_TEST

START_TEST(forgetting_ends_sessions)
{
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    confirm_forget(agent.confirm);
    forget_meanwhile = true;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 2);
    /* A yes to a question from before is for once. */
    forget_meanwhile = false;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 3);
}
END_TEST

START_TEST(a_no)
{
    static const int codes[] = {E_DENIED, E_PIN_NEEDED, E_LOCKED, E_CANCELLED};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        answer = codes[i];
        ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), codes[i]);
        ck_assert_str_eq(err.text, "rule \"mail rule\": it was not confirmed");
    }
    answer = 0;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 5);
    ck_assert_ptr_nonnull(strstr(scratch_read("audit.log"), "E_DENIED"));
}
END_TEST

START_TEST(many_sessions)
{
    for (uid_t uid = 0; uid < CONFIRM_SESSIONS_MAX + 1; uid++) {
        c.peer.uid = uid;
        ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    }
    asked = 0;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 0);
    c.peer.uid = 0;
    ck_assert_int_eq(permit(&sign, CONFIRM_SESSION), 0);
    ck_assert_uint_eq(asked, 1);
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("confirm");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, words);
    tcase_add_test(t, nobody_is_asked_without_a_rule);
    tcase_add_test(t, each_time);
    tcase_add_test(t, once_per_session);
    tcase_add_test(t, another_session_is_asked);
    tcase_add_test(t, forgetting_ends_sessions);
    tcase_add_test(t, a_no);
    tcase_add_test(t, many_sessions);
    return run_suite("agent-confirm", &t, 1);
}
