/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a failure travels: what the one end says is what the other reports. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/wire.h"

static struct err to_send;
static int sockets[2];

static gpg_error_t
cmd_fail(assuan_context_t ctx, char *line)
{
    (void)line;
    return wire_reply(ctx, to_send.code, &to_send);
}

static void *
serve(void *arg)
{
    assuan_context_t ctx;

    (void)arg;
    ck_assert_int_eq((int)assuan_new(&ctx), 0);
    ck_assert_int_eq((int)assuan_init_socket_server(ctx, sockets[0],
                                                    ASSUAN_SOCKET_SERVER_ACCEPTED), 0);
    assuan_register_command(ctx, "FAIL", cmd_fail, NULL);
    if (assuan_accept(ctx) == 0)
        assuan_process(ctx);
    assuan_release(ctx);
    return NULL;
}

static gpg_error_t
on_status(void *arg, const char *line)
{
    ck_assert_uint_le(strlen(line), 1000);
    wire_take_status(arg, line);
    return 0;
}

/* Sends what is in to_send; fills err as the client has it. */
static int
travel(struct err *err)
{
    struct wire_status st = {0};
    assuan_context_t ctx;
    pthread_t thread;
    gpg_error_t rc;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
    ck_assert_int_eq((int)assuan_new(&ctx), 0);
    ck_assert_int_eq((int)assuan_socket_connect_fd(ctx, sockets[1], 0), 0);
    rc = assuan_transact(ctx, "FAIL", NULL, NULL, NULL, NULL, on_status, &st);
    assuan_release(ctx);
    pthread_join(thread, NULL);
    err_clear(err);
    return wire_result(&st, rc, "agent", err);
}

START_TEST(every_code_arrives)
{
    static const int codes[] = {
#define X(code, status, text) code,
        ERR_CODES(X)
#undef X
    };
    struct err got;

    err_set(&to_send, codes[_i], "token \"Größe 100%%+\": something\nhappened; do %d", _i);
    ck_assert_int_eq(travel(&got), codes[_i]);
    ck_assert_int_eq(got.code, codes[_i]);
    ck_assert_str_eq(got.text, to_send.text);
}
END_TEST

START_TEST(success_says_nothing)
{
    struct err got;

    err_clear(&to_send);
    ck_assert_int_eq(travel(&got), 0);
    ck_assert_str_eq(got.text, "");
}
END_TEST

START_TEST(a_code_without_a_sentence_gets_its_own)
{
    struct err got;

    err_clear(&to_send);
    to_send.code = E_PIN_LOCKED;
    ck_assert_int_eq(travel(&got), E_PIN_LOCKED);
    ck_assert_str_eq(got.text, err_default_text(E_PIN_LOCKED));
}
END_TEST

/* A sentence too long for a line is cut, never in the middle of a character or of
 * an escape: so shifted by each of a few bytes. */
START_TEST(a_long_sentence_is_cut_at_a_character)
{
    static const char *const fillers[] = {"ü", "€", "%", "x", "\x01"};
    struct err got;
    size_t len = 0, i;

    err_clear(&to_send);
    to_send.code = E_TOKEN;
    for (i = 0; i < (size_t)_i % 8; i++)
        to_send.text[len++] = '.';
    while (len + 4 < sizeof to_send.text) {
        strcpy(to_send.text + len, fillers[_i / 8]);
        len += strlen(fillers[_i / 8]);
    }
    ck_assert_int_eq(travel(&got), E_TOKEN);
    len = strlen(got.text);
    ck_assert_uint_gt(len, 300);
    ck_assert_int_eq(memcmp(got.text, to_send.text, len), 0);
    /* What follows the cut is the start of a character. */
    ck_assert_int_ne((unsigned char)to_send.text[len] & 0xC0, 0x80);
}
END_TEST

START_TEST(other_status_lines_are_left_alone)
{
    struct wire_status st = {0};

    ck_assert_int_eq(wire_take_status(&st, "PROGRESS 1 2"), 0);
    ck_assert_int_eq(wire_take_status(&st, "ERRORS E_TOKEN x"), 0);
    ck_assert_int_eq(st.err.code, 0);
    ck_assert_int_eq(wire_take_status(&st, "ERROR E_OF_TOMORROW it+is+so"), 1);
    ck_assert_int_eq(st.err.code, E_PROTOCOL);
    ck_assert_str_eq(st.err.text, "it is so");
    ck_assert_int_eq(wire_take_status(&st, "ERROR"), 1);
    ck_assert_int_eq(st.err.code, E_PROTOCOL);
}
END_TEST

START_TEST(foreign_errors_find_a_code)
{
    static const struct {
        gpg_err_code_t gpg;
        int code;
    } rows[] = {
        {GPG_ERR_BAD_PIN, E_PIN_WRONG}, {GPG_ERR_PIN_BLOCKED, E_PIN_LOCKED},
        {GPG_ERR_CANCELED, E_PIN_CANCELLED}, {GPG_ERR_ASS_CANCELED, E_PIN_CANCELLED},
        {GPG_ERR_NO_SECKEY, E_NO_KEY}, {GPG_ERR_ASS_UNKNOWN_CMD, E_PROTOCOL},
        {GPG_ERR_ENOMEM, E_NOMEM}, {GPG_ERR_EOF, E_AGENT}, {GPG_ERR_EPIPE, E_AGENT},
        {GPG_ERR_ASS_READ_ERROR, E_AGENT},
    };
    struct wire_status st = {0};
    struct err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(wire_result(&st, gpg_error(rows[i].gpg), "agent", &err), rows[i].code);
        ck_assert_str_ne(err.text, "");
    }
    ck_assert_int_eq(wire_result(&st, gpg_error(GPG_ERR_EOF), "token host", &err), E_HOST);
    ck_assert_int_eq(wire_result(&st, 0, "agent", &err), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire");
    TCase *tc = tcase_create("wire");
    SRunner *sr;
    int failed;

    signal(SIGPIPE, SIG_IGN); /* the server answers a BYE that nobody waits for */
    tcase_add_loop_test(tc, every_code_arrives, 0, E_ORDINAL_END - 1);
    tcase_add_test(tc, success_says_nothing);
    tcase_add_test(tc, a_code_without_a_sentence_gets_its_own);
    tcase_add_loop_test(tc, a_long_sentence_is_cut_at_a_character, 0, 40);
    tcase_add_test(tc, other_status_lines_are_left_alone);
    tcase_add_test(tc, foreign_errors_find_a_code);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
