/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person is shown of a mail: text made safe, placeholders for the rest, header
 * values decoded. */
#include <check.h>
#include <string.h>

#include "mail/charset.h"
#include "mail/show.h"
#include "tests/mail/pieces.h"

static int
update_show(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return show_update(arg, data, len, err);
}

static const struct {
    const char *mail, *shown;
} shows[] = {
    {"\nplain\r\nlines\n", "plain\nlines\n"},
    {"Content-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdf" "e\tx\n", "Gr\xc3\xbc\xc3\x9f" "e\tx\n"},
    {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
     "R3LDvMOfZQo=\n", "Gr\xc3\xbc\xc3\x9f" "e\n"},
    {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
     "Gr=C3=BC=\n=C3=9Fe", "Gr\xc3\xbc\xc3\x9f" "e\n"},
    {"Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\naABpAAoA\n",
     "hi\n"},
    {"Content-Type: text/plain; charset=utf-8\n\n\x1b[31mred\xe2\x80\xae\xff\n",
     "\\x1b[31mred\\u{202e}\\xff\n"},
    {"Content-Type: text/plain; charset=\"../../evil\"\n\nx\xe9\n", "x\\xe9\n"},
    {"Content-Type: text/plain; charset=utf-8//IGNORE\n\nx\xe9\n", "x\\xe9\n"},
    {"Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: base64\n\n*YWJj\n",
     "[the rest of this part cannot be decoded]\n"},
    {"Content-Type: text/html\n\n<b>x\n", "[part that is not shown (text/html)]\n"},
    {"Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n"
     "Content-Type: text/html\n\n<b>x\n--b--\n", "plain\n"},
    {"Content-Type: multipart/mixed; boundary=b\n\nhidden\n--b\n\none\n--b\nContent-Type: "
     "application/pdf; name=\"a\x1b.pdf\"\n\nx\n--b\nContent-Disposition: attachment; "
     "filename=t.txt\n\nsecret\n--b\n\ntwo\n--b--\nhidden\n",
     "one\n\n[part that is not shown \"a\\x1b.pdf\" (application/pdf)]\n\n[attachment \"t.txt\"]\n\ntwo\n"},
    {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
     "From: ceo@example.com\n\nPay now\n--b--\n",
     "[attached message, for whose header nothing vouches (message/rfc822)]\n"},
    {"Content-Type: message/rfc822\n\nFrom: a@b\n\nwrapped\n", "wrapped\n"},
    {"Content-Type: message/rfc822; forwarded=yes\n\nFrom: a@b\n\nwrapped\n",
     "[attached message, for whose header nothing vouches (message/rfc822)]\n"},
    {"Content-Type: text/plain; hp=cipher; hp-legacy-display=1\n\nSubject: x\n\nbody\n", "body\n"},
    {"Content-Type: text/plain; hp-legacy-display=1\n\nSubject: x\n\nbody\n",
     "Subject: x\n\nbody\n"},
    {"Content-Type: text/plain\nContent-Type: text/html\n\nx\n", "[unreadable part (text/plain)]\n"},
};

START_TEST(what_a_person_reads)
{
    size_t len = strlen(shows[_i].mail);

    EVERY_WAY(way, len)
    {
        struct buf *out = buf_new();
        struct sink sink = pieces_sink(out);
        struct show *s;

        ck_assert_int_eq(show_new(&s, &sink, NULL), 0);
        ck_assert_int_eq(pieces_feed(update_show, s, shows[_i].mail, len, way, NULL), 0);
        ck_assert_int_eq(show_finish(s, NULL), 0);
        pieces_is(out, shows[_i].shown);
        show_free(&s);
        buf_free(&out);
    }
}
END_TEST

START_TEST(long_lines_are_shown_in_pieces)
{
    struct buf *mail = buf_new(), *out = buf_new();
    struct sink sink = pieces_sink(out);
    struct show *s;

    ck_assert_int_eq(buf_put_str(mail, "Content-Type: text/plain; charset=utf-8\n\n"), 0);
    for (size_t i = 0; i < 10001; i++)
        ck_assert_int_eq(buf_put_str(mail, "\xe2\x82\xac"), 0);
    ck_assert_int_eq(show_new(&s, &sink, NULL), 0);
    ck_assert_int_eq(pieces_feed(update_show, s, buf_data(mail), buf_len(mail), 777, NULL), 0);
    ck_assert_int_eq(show_finish(s, NULL), 0);
    ck_assert_uint_eq(buf_len(out), 30004);
    ck_assert_ptr_null(strchr(buf_cstr(out), '\\'));
    show_free(&s);
    buf_free(&mail);
    buf_free(&out);
}
END_TEST

static const struct {
    const char *value, *shown;
} values[] = {
    {" plain text", "plain text"},
    {" =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Gr\xc3\xbc\xc3\x9f" "e"},
    {" =?ISO-8859-1?Q?a_b?=\r\n =?utf-8*de?B?w7w=?= c", "a b\xc3\xbc c"},
    {" a =?utf-8?q?b?= c", "a b c"},
    {" =?utf-8?x?b?= =?nope", "=?utf-8?x?b?= =?nope"},
    {" =?utf-8?b?w7w=", "=?utf-8?b?w7w="},
    {" folded\r\n\there ", "folded here"},
    {"", ""},
    {" =??q?a?=", "=??q?a?="},
};

START_TEST(header_values)
{
    struct buf *out = buf_new();

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_reset(out);
        ck_assert_int_eq(charset_put_header(out, (const uint8_t *)values[i].value,
                                            strlen(values[i].value)), 0);
        pieces_is(out, values[i].shown);
    }
    buf_free(&out);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail show");
    TCase *t = tcase_create("show");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, what_a_person_reads, 0, sizeof shows / sizeof *shows);
    tcase_add_test(t, long_lines_are_shown_in_pieces);
    tcase_add_test(t, header_values);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
