/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person reads, whatever tokens and clients call themselves; and what comes of a yes or
 * no. The client is this test, at the other end of a socket. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/ask_text.h"
#include "agent/lockdown.h"
#include "agent/metrics.h"
#include "agent/prompts.h"
#include "base/buf.h"
#include "base/text.h"
#include "tests/base/run.h"

static struct home home;
static struct agent agent;
static struct connection c;
static struct err err;
static int far_end;
static struct buf *text;

static void
begin(const char *conf)
{
    char written[4400];
    gpg_error_t rc = 0;
    int pair[2];

    snprintf(written, sizeof written, "[agent]\n%s", conf);
    scratch_write("signet.conf", written);
    ck_assert_int_eq(home_resolve(&home, scratch(), &err), 0);
    ck_assert_msg(settings_load(&agent.settings, &home, &err) == 0, "%s", err_text(&err));
    agent.home = &home;
    agent.lockdown = lockdown_new();
    agent.prompts = prompts_new();
    agent.metrics = metrics_new();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    far_end = pair[1];
    c = (struct connection){.agent = &agent, .fd = pair[0]};
    c.peer.uid = 0;
    c.peer.pid = 4711;
    snprintf(c.peer.exe, sizeof c.peer.exe, "/usr/bin/signet");
    snprintf(c.peer.front, sizeof c.peer.front, "cli");
    ck_assert_int_eq(channel_init(&c.channel), 0);
    c.channel.keep_open = true;
    rc = assuan_new_ext(&c.ctx, GPG_ERR_SOURCE_USER_1, &channel_malloc_hooks, NULL, NULL);
    ck_assert_uint_eq(rc, 0);
    channel_attach(c.ctx, &c);
    rc = assuan_init_socket_server(c.ctx, c.fd, ASSUAN_SOCKET_SERVER_ACCEPTED);
    ck_assert_uint_eq(rc, 0);
    ck_assert_uint_eq(assuan_accept(c.ctx), 0);
    text = buf_new();
    err_clear(&err);
}

static void
setup(void)
{
    scratch_setup();
}

static void
teardown(void)
{
    if (agent.settings) {
        assuan_release(c.ctx);
        channel_clear(&c.channel);
        close(c.fd);
        if (far_end >= 0)
            close(far_end);
        lockdown_free(&agent.lockdown);
        prompts_free(&agent.prompts);
        metrics_free(&agent.metrics);
        settings_free(&agent.settings);
        home_clear(&home);
        buf_free(&text);
    }
    scratch_teardown();
}

static const struct key key = {
    .name = "f9e793e061f61813d449d5c54fb23dd874d63a711baeffce7a855e11f519bb52", .label = "alice"};

static const struct question plain = {.token = "demo", .what = "Enter the PIN of token",
                                      .prompt = "PIN:"};

START_TEST(a_dialog_says_who_and_what_for)
{
    struct question q = plain;

    begin("");
    q.detail = "SoftHSM, serial number 1\nand more";
    c.key = &key;
    c.doing = "sign";
    ck_assert_int_eq(ask_text_put_dialog(text, &c, &q), 0);
    ck_assert_str_eq(buf_cstr(text), "Enter the PIN of token \"demo\"\n"
                     "to sign with key \"alice\" (f9e793e061f61813)\n"
                     "for /usr/bin/signet (process 4711), user root (0), front cli\n"
                     "SoftHSM, serial number 1\nand more");
    buf_reset(text);
    q.warning = "Few tries are left.";
    ck_assert_int_eq(ask_text_put_line(text, &c, &q), 0);
    ck_assert_str_eq(buf_cstr(text), "Few tries are left. Enter the PIN of token \"demo\" to sign "
                     "with key \"alice\"");
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
    const struct key nameless = {.name = key.name, .label = ""};

    begin("");
    c.peer.exe[0] = c.peer.front[0] = '\0';
    c.peer.uid = 3999999999u;
    ck_assert_int_eq(ask_text_put_dialog(text, &c, &plain), 0);
    ck_assert_str_eq(buf_cstr(text), "Enter the PIN of token \"demo\"\nfor an unknown program "
                     "(process 4711), user 3999999999");
    buf_reset(text);
    c.key = &nameless;
    c.doing = "decrypt";
    ck_assert_int_eq(ask_text_put_line(text, &c, &plain), 0);
    ck_assert_str_eq(buf_cstr(text), "Enter the PIN of token \"demo\" to decrypt with key "
                     "(f9e793e061f61813)");
}
END_TEST

/* Names that would add lines, move the cursor, or turn the text around. */
START_TEST(hostile_names_are_made_safe)
{
    const struct key evil = {.name = key.name, .label = "a\"\r\n\x1b[31mb"};
    struct question q = plain;

    begin("");
    q.token = "demo\nfor /usr/bin/trusted\xe2\x80\xae";
    snprintf(c.peer.exe, sizeof c.peer.exe, "/tmp/x\n\xffy");
    c.key = &evil;
    c.doing = "sign";
    ck_assert_int_eq(ask_text_put_dialog(text, &c, &q), 0);
    ck_assert_str_eq(buf_cstr(text), "Enter the PIN of token \"demo\\x0afor /usr/bin/trusted\\u{202e}\""
                     "\nto sign with key \"a\"\\x0d\\x0a\\x1b[31mb\" (f9e793e061f61813)\n"
                     "for /tmp/x\\x0a\\xffy (process 4711), user root (0), front cli");
}
END_TEST

START_TEST(long_names_leave_room)
{
    char label[2000], detail[3000];
    struct question q = plain;

    begin("");
    memset(label, 'L', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    memset(detail, 'D', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    memset(c.peer.exe, 'e', sizeof c.peer.exe - 1);
    q.token = label;
    q.detail = detail;
    ck_assert_int_eq(ask_text_put_dialog(text, &c, &q), 0);
    /* Who asks comes before what may be cut off. */
    const char *who = strstr(buf_cstr(text), "(process 4711), user root (0), front cli");
    ck_assert_ptr_nonnull(who);
    ck_assert_int_lt((int)(who - buf_cstr(text)), 600);
}
END_TEST

/* The client's side: reads until it is asked, answers, and keeps the question. */
static struct far {
    pthread_t thread;
    const char *answer;      /* lines; NULL: hangs up */
    char heard[4096];
} far;

static void *
be_client(void *arg)
{
    struct far *f = arg;
    size_t len = 0;

    while (!strstr(f->heard, "INQUIRE ") || f->heard[len - 1] != '\n') {
        ssize_t n = read(far_end, f->heard + len, sizeof f->heard - 1 - len);
        if (n <= 0)
            return NULL;
        len += (size_t)n;
        f->heard[len] = '\0';
    }
    if (!f->answer)
        shutdown(far_end, SHUT_RDWR);
    else if (write(far_end, f->answer, strlen(f->answer)) < 0)
        abort();
    return NULL;
}

static int
confirm_answering(const char *answer)
{
    static const struct question q = {.token = "demo", .what = "Allow to use a key of token"};

    memset(&far, 0, sizeof far);
    far.answer = answer;
    ck_assert_int_eq(pthread_create(&far.thread, NULL, be_client, &far), 0);
    int rc = ask_confirm(&c, &q, &err);
    pthread_join(far.thread, NULL);
    return rc;
}

START_TEST(yes_or_no_at_the_client)
{
    begin("pinentry = none\n");
    c.says.confirm = true;
    c.key = &key;
    c.doing = "sign";
    ck_assert_int_eq(confirm_answering("D yes\nEND\n"), 0);
    ck_assert_ptr_nonnull(strstr(far.heard, "INQUIRE CONFIRM Allow+to+use+a+key+of+token+\"demo\"+to+"
                                            "sign+with+key+\"alice\""));
    static const char *const refusals[] = {"D no\nEND\n", "END\n", "D YES\nEND\n", "CAN\n",
                                           "D yes, but\nEND\n",
                                           "D yesyesyesyesyesyesyesyesyesyes\nEND\n"};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        ck_assert_msg(confirm_answering(refusals[i]) == E_DENIED, "%s", refusals[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "not confirmed"));
    }
    ck_assert_int_eq(confirm_answering("D yes\nEND\n"), 0);
    ck_assert_int_eq(confirm_answering(NULL), E_CANCELLED);
}
END_TEST

static int
confirm(void)
{
    static const struct question q = {.token = "demo", .what = "Allow to use a key of token",
                                      .warning = "This is rare."};

    return ask_confirm(&c, &q, &err);
}

START_TEST(yes_or_no_in_a_dialog)
{
    const char *program = getenv("TEST_FAKE_PINENTRY");
    char conf[4300];

    ck_assert_ptr_nonnull(program);
    ck_assert_int_eq(symlink(program, scratch_path("pe")), 0);
    snprintf(conf, sizeof conf, "pinentry = %s\n", scratch_path("pe"));
    begin(conf);
    scratch_write("pe.answers", "yes\nno\ncancel\ndie\n");
    ck_assert_msg(confirm() == 0, "%s", err_text(&err));
    ck_assert_int_eq(confirm(), E_DENIED);
    ck_assert_int_eq(confirm(), E_DENIED);
    ck_assert_int_eq(confirm(), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(scratch_read("pe.log"),
                                 "SETDESC This is rare.%0AAllow to use a key of token \"demo\"%0A"
                                 "for /usr/bin/signet (process 4711)"));
    ck_assert_uint_eq(prompts_count(agent.prompts), 0);
}
END_TEST

START_TEST(nobody_to_say_yes)
{
    begin("pinentry = none\n");
    ck_assert_int_eq(confirm(), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "nobody can be asked"));
    c.says.confirm = c.says.batch = true;
    ck_assert_int_eq(confirm(), E_PIN_NEEDED);
    ck_assert_ptr_nonnull(strstr(err.text, "--batch"));
}
END_TEST

START_TEST(nothing_is_asked_under_lock)
{
    autofree_secret struct secret *phrase = secret_new(16), *pin = secret_new(16);

    begin("pinentry = none\n");
    c.says.confirm = c.says.inquire = true;
    ck_assert_int_eq(secret_set(phrase, "sesame", 6), 0);
    ck_assert_int_eq(lockdown_lock(agent.lockdown, phrase, &err), 0);
    ck_assert_int_eq(confirm(), E_LOCKED);
    ck_assert_int_eq(ask_pin(&c, &plain, pin, NULL, &err), E_LOCKED);
}
END_TEST

/* The agent was locked while the client was asked: its answer is none. */
static void *
lock_then_answer(void *arg)
{
    autofree_secret struct secret *phrase = secret_new(16);
    char heard[1024] = "";
    size_t len = 0;

    (void)arg;
    while (!strstr(heard, "INQUIRE "))
        len += (size_t)read(far_end, heard + len, sizeof heard - 1 - len);
    ck_assert_int_eq(secret_set(phrase, "sesame", 6), 0);
    ck_assert_int_eq(lockdown_lock(agent.lockdown, phrase, NULL), 0);
    if (write(far_end, "D 1234\nEND\n", 11) != 11)
        abort();
    return NULL;
}

START_TEST(an_answer_after_the_lock_is_none)
{
    autofree_secret struct secret *pin = secret_new(255);
    pthread_t thread;

    begin("pinentry = none\n");
    c.says.inquire = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, lock_then_answer, NULL), 0);
    ck_assert_int_eq(ask_pin(&c, &plain, pin, NULL, &err), E_LOCKED);
    ck_assert_uint_eq(secret_len(pin), 0);
    pthread_join(thread, NULL);
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("ask");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_dialog_says_who_and_what_for);
    tcase_add_test(t, what_is_not_known_is_left_out);
    tcase_add_test(t, hostile_names_are_made_safe);
    tcase_add_test(t, long_names_leave_room);
    tcase_add_test(t, yes_or_no_at_the_client);
    tcase_add_test(t, yes_or_no_in_a_dialog);
    tcase_add_test(t, nobody_to_say_yes);
    tcase_add_test(t, nothing_is_asked_under_lock);
    tcase_add_test(t, an_answer_after_the_lock_is_none);
    return run_suite("agent-ask", &t, 1);
}
