/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a mail is from: plain forms are read, doubtful ones are said to be so. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "tests/mail/pieces.h"

static const struct {
    const char *value;
    enum address_state state;
    const char *text;
} rows[] = {
    {" alice@example.org", ADDRESS_ONE, "alice@example.org"},
    {" Alice <alice@Example.ORG>", ADDRESS_ONE, "alice@example.org"},
    {"Alice Doe<Alice@example.org>", ADDRESS_ONE, "Alice@example.org"},
    {" \"Doe, Alice\" <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" alice@example.org (Alice Doe)", ADDRESS_ONE, "alice@example.org"},
    {" =?utf-8?q?Al=C3=AFce?= <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" =?UTF-8?B?QWzDr2Nl?=\r\n =?utf-8?q?_Doe?=\r\n <alice@example.org>", ADDRESS_ONE,
     "alice@example.org"},
    {"\n Alice\n <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" \"alice@example.org\" <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" 'alice@example.org' <Alice@example.org>", ADDRESS_ONE, "Alice@example.org"},
    {" Al\xc3\xaf" "ce <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" Alice @ Home <alice@example.org>", ADDRESS_ONE, "alice@example.org"},
    {" \"alice\"@example.org", ADDRESS_ONE, "alice@example.org"},
    {" \"a b\"@example.org", ADDRESS_ONE, "\"a b\"@example.org"},
    {" \"a\\\"b\"@example.org", ADDRESS_ONE, "\"a\\\"b\"@example.org"},
    {" a@[192.0.2.1]", ADDRESS_ONE, "a@[192.0.2.1]"},
    {" \xc3\xbc@example.org", ADDRESS_ONE, "\xc3\xbc@example.org"},
    {" a@b, c@d", ADDRESS_SEVERAL, "a@b"},
    {" A <a@b>, C <c@d>", ADDRESS_SEVERAL, "a@b"},
    {"", ADDRESS_AMBIGUOUS, ""},
    {" \r\n ", ADDRESS_AMBIGUOUS, ""},
    /* Another address is shown, or may be. */
    {" \"ceo@example.com\" <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" ceo@example.com <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" \"ceo\\@example.com\" <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" ceo@example.com.evil.example <ceo@example.com>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?ceo=40example=2Ecom?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?b?Y2VvQGV4YW1wbGUuY29t?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?ceo=40?= =?utf-8?q?example=2Ecom?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-7?q?ceo+AEA-example.com?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?ceo=EF=BC=A0example?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?x?abc?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?ceo=00?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?=3Cceo=3E?= <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" eve@evil.example (ceo@example.com)", ADDRESS_AMBIGUOUS, ""},
    {" (ceo@example.com) eve@evil.example", ADDRESS_AMBIGUOUS, ""},
    {" Eve (ceo@example.com) <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" <eve@evil.example> (ceo@example.com)", ADDRESS_AMBIGUOUS, ""},
    {" \xe2\x80\xaexyz <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    /* Forms that programs read differently. */
    {" \"a=\\?utf-8?q?b.\"@c", ADDRESS_AMBIGUOUS, ""},
    {" <ceo@example.com> <eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" <ceo@example.com> eve@evil.example", ADDRESS_AMBIGUOUS, ""},
    {" <@relay.example:eve@evil.example>", ADDRESS_AMBIGUOUS, ""},
    {" Staff: a@b;", ADDRESS_AMBIGUOUS, ""},
    {" undisclosed:;", ADDRESS_AMBIGUOUS, ""},
    {" a@b,", ADDRESS_AMBIGUOUS, ""},
    {" , a@b", ADDRESS_AMBIGUOUS, ""},
    {" a@b@c", ADDRESS_AMBIGUOUS, ""},
    {" a @b", ADDRESS_AMBIGUOUS, ""},
    {" a@b c", ADDRESS_AMBIGUOUS, ""},
    {" a(x)@b", ADDRESS_AMBIGUOUS, ""},
    {" <a@(x)b>", ADDRESS_AMBIGUOUS, ""},
    {" < a@b>", ADDRESS_AMBIGUOUS, ""},
    {" <a@b", ADDRESS_AMBIGUOUS, ""},
    {" <>", ADDRESS_AMBIGUOUS, ""},
    {" Alice", ADDRESS_AMBIGUOUS, ""},
    {" a..b@c", ADDRESS_AMBIGUOUS, ""},
    {" a@b.", ADDRESS_AMBIGUOUS, ""},
    {" a@", ADDRESS_AMBIGUOUS, ""},
    {" @b", ADDRESS_AMBIGUOUS, ""},
    {" =?utf-8?q?a?=@b", ADDRESS_AMBIGUOUS, ""},
    {" \"a\n b\"@c", ADDRESS_AMBIGUOUS, ""},
    {" \"open <a@b>", ADDRESS_AMBIGUOUS, ""},
    {" (open <a@b>", ADDRESS_AMBIGUOUS, ""},
    {" a\rb@c", ADDRESS_AMBIGUOUS, ""},
    {" a\x01@c", ADDRESS_AMBIGUOUS, ""},
    {" \xff@c", ADDRESS_AMBIGUOUS, ""},
    {" \xc3\xafx\xe2\x28\xa1 <a@b>", ADDRESS_AMBIGUOUS, ""},
};

static void
read_copy(struct address *a, const char *value, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    memcpy(copy, value, len);
    copy = realloc(copy, len > 0 ? len : 1);
    address_read(a, copy, len);
    free(copy);
}

START_TEST(values)
{
    struct address a;

    read_copy(&a, rows[_i].value, strlen(rows[_i].value));
    ck_assert_msg(a.state == rows[_i].state, "%s: state %d (%s)", rows[_i].value, a.state,
                  a.reason ? a.reason : "");
    ck_assert_str_eq(a.text, rows[_i].text);
    ck_assert(a.state == ADDRESS_ONE ? a.reason == NULL : a.reason != NULL);
}
END_TEST

START_TEST(nul_is_ambiguous)
{
    struct address a;

    read_copy(&a, " a@b.example\0.evil", 18);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
}
END_TEST

START_TEST(long_ones)
{
    char text[4000];
    struct address a;

    memset(text, 'a', sizeof text);
    pieces_put(text + 2000, "@b");
    read_copy(&a, text, sizeof text);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    memset(text, '(', sizeof text);
    read_copy(&a, text, sizeof text);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    memset(text, 'a', sizeof text);
    pieces_put(text + 60, "@b");
    read_copy(&a, text, sizeof text);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    memset(text, '\\', sizeof text);
    text[0] = '"';
    pieces_put(text + 1998, "\"@b");
    read_copy(&a, text, 2001);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    /* The longest quoted local part that is let pass, all of it in need of escapes. */
    for (size_t n = 400; n < 520; n++) {
        memset(text, '\\', sizeof text);
        text[0] = '"';
        pieces_put(text + n, "\"@b");
        read_copy(&a, text, n + 3);
    }
}
END_TEST

START_TEST(twice_is_ambiguous)
{
    const char *block = "From: a@b\nSender: c@d\nfrom: a@b\n\n";
    struct header *h;
    struct address a;
    size_t used;

    ck_assert_int_eq(header_new(&h, 1000), 0);
    ck_assert_int_eq(header_update(h, (const uint8_t *)block, strlen(block), &used, NULL), 0);
    address_from_header(&a, h, "From");
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    address_from_header(&a, h, "Sender");
    ck_assert_int_eq(a.state, ADDRESS_ONE);
    ck_assert_str_eq(a.text, "c@d");
    address_from_header(&a, h, "Reply-To");
    ck_assert_int_eq(a.state, ADDRESS_NONE);
    header_free(&h);
}
END_TEST

START_TEST(every_prefix_is_survived)
{
    struct address a;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t n = 0; n < strlen(rows[i].value); n++)
            read_copy(&a, rows[i].value, n);
}
END_TEST

/* Where other programs may see a From that is not there for us. */
START_TEST(doubtful_headers)
{
    static const char *const headers[] = {
        "Subject: x\rFrom: alice@example.org\nFrom: eve@example.org\n\n",
        "Subject: x\r\r\nFrom: eve@example.org\r\n\r\n",
        "X: y\nFrom\x01: alice@example.org\nFrom: eve@example.org\n\n",
        "X: y\nFrom\xa0: alice@example.org\n\n",
        "X: y\nwords\nFrom: eve@example.org\n\n",
        "X: y\nFrom: eve@example.org\r",
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct header *h;
        struct address a;
        size_t used;

        ck_assert_int_eq(header_new(&h, 4096), 0);
        ck_assert_int_eq(header_update(h, (const uint8_t *)headers[i], strlen(headers[i]), &used,
                                       NULL), 0);
        ck_assert_int_eq(header_finish(h, NULL), 0);
        ck_assert(header_doubtful(h));
        address_from_header(&a, h, "From");
        ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
        header_free(&h);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail address");
    TCase *t = tcase_create("address");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, values, 0, sizeof rows / sizeof *rows);
    tcase_add_test(t, nul_is_ambiguous);
    tcase_add_test(t, long_ones);
    tcase_add_test(t, twice_is_ambiguous);
    tcase_add_test(t, doubtful_headers);
    tcase_add_test(t, every_prefix_is_survived);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
