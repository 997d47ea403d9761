/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a mail is for. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/mailboxes.h"

/* The addresses with a blank behind each, or "!" and what is wrong. */
static const struct {
    const char *value, *want;
} rows[] = {
    {" bob@example.org", "bob@example.org "},
    {"Bob <bob@Example.ORG>", "bob@example.org "},
    {"<bob@example.org>, carol@example.org", "bob@example.org carol@example.org "},
    {"\"Doe, Jane\" <jane@example.org>,\r\n Bob\r\n\t<bob@example.org>",
     "jane@example.org bob@example.org "},
    {"bob@example.org (Bob, of course), (two) carol (x) @ (y) example.org",
     "bob@example.org carol@example.org "},
    {"friends: bob@example.org, Carol <carol@example.org>;, dave@example.org",
     "bob@example.org carol@example.org dave@example.org "},
    {"undisclosed-recipients:;", ""},
    {"", ""},
    {" , ,bob@example.org,", "bob@example.org "},
    {"Bob@example.org, bob@example.org, Bob@EXAMPLE.org", "Bob@example.org bob@example.org "},
    {"\"bob\"@example.org", "bob@example.org "},
    {"\"b o b\"@example.org", "\"b o b\"@example.org "},
    {"\"b\\\"b\"@example.org", "\"b\\\"b\"@example.org "},
    {"bob@[192.0.2.1]", "bob@[192.0.2.1] "},
    {"<@relay.example:bob@example.org>", "bob@example.org "},
    {"=?utf-8?q?B=C3=B6b?= <bob@example.org>", "bob@example.org "},
    {"\"bob@evil.example\" <bob@example.org>", "bob@example.org "},
    {"B\303\266b <b\303\266b@example.org>", "b\303\266b@example.org "},
    {"Bob Example", "!Name <name@example.org>"},
    {"bob@", "!bob@"},
    {"@example.org", "!@example.org"},
    {"<bob@example.org", "!<bob@"},
    {"bob@example.org carol@example.org", "!bob@example.org carol"},
    {"Bob <bob@example.org> Example", "!Bob"},
    {"bob@example.org;", "!"},
    {"\"bob@example.org", "!\"bob"},
    {"a: b: bob@example.org;;", "!b:"},
};

START_TEST(addresses_of_a_field)
{
    struct buf *got = buf_new();
    struct mailboxes *m = NULL;
    struct err err = {0};
    const char *address;
    int rc;

    ck_assert_int_eq(mailboxes_new(&m), 0);
    rc = mailboxes_add(m, (const uint8_t *)rows[_i].value, strlen(rows[_i].value), &err);
    if (rows[_i].want[0] == '!') {
        ck_assert_int_eq(rc, E_MALFORMED);
        ck_assert_msg(strstr(err_text(&err), rows[_i].want + 1) != NULL, "%s", err_text(&err));
    } else {
        ck_assert_msg(rc == 0, "%s: %s", rows[_i].value, err_text(&err));
        for (size_t i = 0; (address = mailboxes_at(m, i)) != NULL; i++)
            ck_assert_int_eq(buf_putf(got, "%s ", address), 0);
        ck_assert_str_eq(buf_cstr(got), rows[_i].want);
    }
    mailboxes_free(&m);
    buf_free(&got);
}
END_TEST

START_TEST(limits)
{
    struct buf *value = buf_new();
    struct mailboxes *m = NULL;
    struct err err = {0};

    ck_assert_int_eq(mailboxes_new(&m), 0);
    for (unsigned i = 0; i <= MAILBOXES_MAX; i++)
        ck_assert_int_eq(buf_putf(value, "a%u@example.org,", i), 0);
    ck_assert_int_eq(mailboxes_add(m, buf_data(value), buf_len(value), &err), E_LIMIT);
    buf_reset(value);
    for (unsigned i = 0; i < 2000; i++)
        ck_assert_int_eq(buf_put_str(value, "a"), 0);
    ck_assert_int_eq(buf_put_str(value, "@example.org"), 0);
    ck_assert_int_eq(mailboxes_add(m, buf_data(value), buf_len(value), &err), E_MALFORMED);
    ck_assert_int_eq(mailboxes_add(m, (const uint8_t *)"a@b\0c", 5, &err), E_MALFORMED);
    mailboxes_free(&m);
    buf_free(&value);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail mailboxes");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(c, addresses_of_a_field, 0, sizeof rows / sizeof *rows);
    tcase_add_test(c, limits);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
