/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a mail's header is outside, and what is inside (RFC 9788). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail/protect.h"
#include "tests/mail/pieces.h"

static struct header *
header_of(const char *text)
{
    struct header *h = NULL;
    size_t used;

    ck_assert_int_eq(header_new(&h, HEADER_MAX), 0);
    ck_assert_int_eq(header_update(h, (const uint8_t *)text, strlen(text), &used, NULL), 0);
    ck_assert(header_done(h));
    return h;
}

static const struct {
    enum protect_policy policy;
    const char *field, *outer;
} fields[] = {
    {PROTECT_BASELINE, "Subject: Dinner plans\n", "Subject: [...]\n"},
    {PROTECT_BASELINE, "SUBJECT: Dinner\n plans\n", "SUBJECT: [...]\n"},
    {PROTECT_BASELINE, "Comments: none\n", ""},
    {PROTECT_BASELINE, "Keywords: food\n", ""},
    {PROTECT_BASELINE, "To: Bob <bob@example.org>\n", "To: Bob <bob@example.org>\n"},
    {PROTECT_BASELINE, "X-Any:  two\n\tlines \n", "X-Any:  two\n\tlines \n"},
    {PROTECT_OPEN, "Subject: Dinner plans\n", "Subject: Dinner plans\n"},
    {PROTECT_OPEN, "Keywords: food\n", "Keywords: food\n"},
    {PROTECT_SHY, "Subject: Dinner plans\n", "Subject: [...]\n"},
    {PROTECT_SHY, "From: Alice <alice@Example.org>\n", "From: alice@example.org\n"},
    {PROTECT_SHY, "To: \"Bob, B\" <bob@example.org>,\n carol@example.org (Carol)\n",
     "To: bob@example.org, carol@example.org\n"},
    {PROTECT_SHY, "Cc: what is this\n", "Cc: what is this\n"},
    {PROTECT_SHY, "Date: Fri, 21 Jan 2022 20:40:48 -0500\n",
     "Date: Sat, 22 Jan 2022 01:40:48 +0000\n"},
    {PROTECT_SHY, "Date: 1 Mar 2024 00:30:00 +0130 (x)\n",
     "Date: Thu, 29 Feb 2024 23:00:00 +0000\n"},
    {PROTECT_SHY, "Date: yesterday\n", "Date: yesterday\n"},
    {PROTECT_SHY, "Date: Fri, 21 Jam 2022 20:40:48 -0500\n",
     "Date: Fri, 21 Jam 2022 20:40:48 -0500\n"},
};

START_TEST(outside)
{
    struct buf *out = buf_new(), *text = buf_new(), *want = buf_new();
    struct header *h;
    struct header_field f;

    ck_assert_int_eq(buf_putf(text, "%s\n", fields[_i].field), 0);
    h = header_of(buf_cstr(text));
    ck_assert(header_at(h, 0, &f));
    ck_assert_int_eq(protect_put_outer(out, &f, fields[_i].policy, "\n"), 0);
    pieces_is(out, fields[_i].outer);
    if (!protect_hides(&f, fields[_i].policy))
        ck_assert_str_eq(fields[_i].field, fields[_i].outer);
    buf_reset(out);
    ck_assert_int_eq(protect_put_hp_outer(out, &f, fields[_i].policy, "\n"), 0);
    if (fields[_i].outer[0] != '\0')
        ck_assert_int_eq(buf_putf(want, "HP-Outer: %s", fields[_i].outer), 0);
    pieces_is(out, buf_cstr(want));
    header_free(&h);
    buf_free(&out);
    buf_free(&text);
    buf_free(&want);
}
END_TEST

static const struct {
    enum protect_mode mode;
    bool legacy;
    const char *field, *want;
} types[] = {
    {PROTECT_CLEAR, false, "Content-Type: text/plain", "Content-Type: text/plain;\n hp=\"clear\"\n"},
    {PROTECT_CIPHER, true, "Content-Type: text/plain; charset=utf-8\n",
     "Content-Type: text/plain; charset=utf-8;\n hp=\"cipher\";\n hp-legacy-display=\"1\"\n"},
    {PROTECT_NONE, true, "content-type: text/html\n",
     "content-type: text/html;\n hp-legacy-display=\"1\"\n"},
    {PROTECT_CLEAR, false, "Content-Type: text/plain; hp=cipher; HP-Legacy-Display=\"1\"; x=y\n",
     "Content-Type: text/plain; x=y;\n hp=\"clear\"\n"},
    {PROTECT_CLEAR, false, "Content-Type: text/plain; hp*0=cip; hp*1=her;\n",
     "Content-Type: text/plain;\n hp=\"clear\"\n"},
    {PROTECT_CLEAR, false, "Content-Type: multipart/mixed;\n\tboundary=\"a;hp=x\" (; hp=y) ;\n",
     "Content-Type: multipart/mixed;\n\tboundary=\"a;hp=x\" (; hp=y);\n hp=\"clear\"\n"},
    {PROTECT_CLEAR, false, "Content-Type: text/plain; hpx=1; xhp=2\n",
     "Content-Type: text/plain; hpx=1; xhp=2;\n hp=\"clear\"\n"},
};

START_TEST(content_type)
{
    struct buf *out = buf_new(), *text = buf_new();
    struct header *h;
    struct header_field f;

    ck_assert_int_eq(buf_putf(text, "%s%s\n", types[_i].field,
                              strchr(types[_i].field, '\n') ? "" : "\n"), 0);
    h = header_of(buf_cstr(text));
    ck_assert(header_at(h, 0, &f));
    ck_assert_int_eq(protect_put_type(out, &f, types[_i].mode, types[_i].legacy, "\n"), 0);
    pieces_is(out, types[_i].want);
    header_free(&h);
    buf_free(&out);
    buf_free(&text);
}
END_TEST

START_TEST(legacy_display)
{
    struct header *h = header_of("From: Alice <alice@example.org>\nSubject: a <b> &\n c\n"
                                 "Keywords: k\n\n");
    struct buf *out = buf_new();

    ck_assert_int_eq(protect_put_legacy(out, h, PROTECT_BASELINE, false, "\n"), 0);
    pieces_is(out, "Subject: a <b> & c\nKeywords: k\n\n");
    buf_reset(out);
    ck_assert_int_eq(protect_put_legacy(out, h, PROTECT_BASELINE, true, "\r\n"), 0);
    pieces_is(out, "<div class=\"header-protection-legacy-display\">\r\n"
                   "<pre>Subject: a &lt;b&gt; &amp; c\r\nKeywords: k\r\n</pre>\r\n</div>\r\n");
    buf_reset(out);
    ck_assert_int_eq(protect_put_legacy(out, h, PROTECT_OPEN, false, "\n"), 0);
    pieces_is(out, "");
    header_free(&h);
    buf_free(&out);
}
END_TEST

START_TEST(what_is_never_protected)
{
    struct header *h = header_of("Received: x\nReturn-Path: <>\nDKIM-Signature: y\nBcc: z\n"
                                 "ARC-Seal: i\nResent-To: a\nHP-Outer: Subject: q\n\n");
    struct header *other = header_of("Subject: x\nReceiver: y\nArchived-At: z\nTo: a\n"
                                     "List-Id: b\n\n");
    struct header_field f;

    for (size_t i = 0; header_at(h, i, &f); i++)
        ck_assert_msg(protect_transit(&f), "%.*s", (int)f.name_len, (const char *)f.name);
    for (size_t i = 0; header_at(other, i, &f); i++)
        ck_assert_msg(!protect_transit(&f), "%.*s", (int)f.name_len, (const char *)f.name);
    header_free(&h);
    header_free(&other);
}
END_TEST

START_TEST(names_of_policies)
{
    enum protect_policy p = PROTECT_BASELINE;

    ck_assert(protect_policy_by_name("shy", &p) && p == PROTECT_SHY);
    ck_assert(protect_policy_by_name("none", &p) && p == PROTECT_OPEN);
    ck_assert(protect_policy_by_name("baseline", &p) && p == PROTECT_BASELINE);
    ck_assert(!protect_policy_by_name("Shy", &p));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail protect");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(c, outside, 0, sizeof fields / sizeof *fields);
    tcase_add_loop_test(c, content_type, 0, sizeof types / sizeof *types);
    tcase_add_test(c, legacy_display);
    tcase_add_test(c, what_is_never_protected);
    tcase_add_test(c, names_of_policies);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
