/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Content-Type values, as the RFCs allow them and as senders write them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/param.h"

static struct media *m;

static void
teardown(void)
{
    media_free(&m);
}

static int
parse(const char *value)
{
    size_t len = strlen(value);
    uint8_t *copy = malloc(len > 0 ? len : 1);
    int rc;

    media_free(&m);
    for (size_t i = 0; i < len; i++)
        copy[i] = (uint8_t)value[i];
    rc = media_parse(&m, copy, len);
    free(copy);
    return rc;
}

static const struct {
    const char *value, *type, *subtype, *name, *text;
    bool ambiguous;
} rows[] = {
    {"text/plain", "text", "plain", "charset", NULL, false},
    {" TEXT/Plain ; CharSet = \"UTF-8\" ", "text", "plain", "charset", "UTF-8", false},
    {"text/plain;charset=us-ascii (Plain text)", "text", "plain", "charset", "us-ascii", false},
    {"(a (nested\\) one) b) text (c)/(d) plain(e);(f)charset(g)=(h)x(i)", "text", "plain",
     "charset", "x(i)", false},
    {"multipart/mixed; boundary=\"a b\\\"c\"", "multipart", "mixed", "boundary", "a b\"c",
     false},
    {"multipart/mixed; boundary=----=_Part_0_12.34", "multipart", "mixed", "boundary",
     "----=_Part_0_12.34", false},
    {"multipart/mixed;\r\n\tboundary=\"fol\r\n ded\";", "multipart", "mixed", "boundary",
     "fol ded", false},
    {"text/plain; ; ;x=1;; y=2;", "text", "plain", "y", "2", false},
    {"text/plain; name=foo bar.pdf; y=2", "text", "plain", "y", "2", false},
    {"text/plain charset=x; y=2", "text", "plain", "y", "2", false},
    {"text/plain; y", "text", "plain", "y", NULL, false},
    {"text/plain; =x; y=2", "text", "plain", "y", "2", false},
    {"text/plain; y=\"open", "text", "plain", "y", "open", false},
    {"text/plain; y=a; y=a", "text", "plain", "y", "a", false},
    {"text/plain; y=a; Y=b", "text", "plain", "y", "a", true},
    {"text/plain; y*0=a; y*1=\"b c\"; y*2=d", "text", "plain", "y", "ab cd", false},
    {"text/plain; y*2=d; y*0=a; y*1=b", "text", "plain", "y", "abd", false},
    {"text/plain; y*0=a; y*2=d", "text", "plain", "y", "a", true},
    {"text/plain; y*0=a; y*0=b", "text", "plain", "y", "a", true},
    {"text/plain; y*1=b", "text", "plain", "y", "", true},
    {"text/plain; y*=utf-8'en'a%20%c3%A4", "text", "plain", "y", "a \xc3\xa4", false},
    {"text/plain; y*0*=utf-8''a%20; y*1=%20; y*2*=%41", "text", "plain", "y", "a %20A", false},
    {"text/plain; y=old; y*=utf-8''new", "text", "plain", "y", "new", true},
    {"text/plain; y*=utf-8''new; y=new", "text", "plain", "y", "new", false},
    {"text/plain; y*=%zz%4", "text", "plain", "y", "%zz%4", false},
    {"text/plain; y*0*=utf-8''a; y*01*=b", "text", "plain", "y", "a", false},
    {"attachment; filename=smime.p7m", "attachment", "", "filename", "smime.p7m", false},
};

START_TEST(values)
{
    const char *text;

    ck_assert_int_eq(parse(rows[_i].value), 0);
    ck_assert_str_eq(media_type(m), rows[_i].type);
    ck_assert_str_eq(media_subtype(m), rows[_i].subtype);
    text = media_param(m, rows[_i].name);
    if (rows[_i].text == NULL)
        ck_assert_msg(text == NULL, "%s gave %s", rows[_i].value, text);
    else
        ck_assert_msg(text != NULL && strcmp(text, rows[_i].text) == 0, "%s gave %s",
                      rows[_i].value, text == NULL ? "nothing" : text);
    ck_assert_int_eq(media_param_ambiguous(m, rows[_i].name), rows[_i].ambiguous);
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {"", "  ", ";", "/plain", "text/", "(only", "\"text\"/plain",
                                      "text/plain; y*=a%00b"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(parse(bad[i]) == E_MALFORMED, "%s", bad[i]);
    ck_assert_int_eq(media_parse(&m, (const uint8_t *)"text/pl\0in", 10), E_MALFORMED);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(limits)
{
    char *text = malloc(MEDIA_VALUE_MAX + 2);
    size_t n = 0;

    n += (size_t)sprintf(text, "text/plain");
    for (int i = 0; i < 64; i++)
        n += (size_t)sprintf(text + n, "; a%d=b", i);
    ck_assert_int_eq(parse(text), 0);
    sprintf(text + n, "; last=b");
    ck_assert_int_eq(parse(text), E_LIMIT);
    memset(text, 'x', MEDIA_VALUE_MAX + 1);
    ck_assert_int_eq(media_parse(&m, (uint8_t *)text, MEDIA_VALUE_MAX + 1), E_LIMIT);
    memset(text, '(', MEDIA_VALUE_MAX);
    ck_assert_int_eq(media_parse(&m, (uint8_t *)text, MEDIA_VALUE_MAX), E_MALFORMED);
    free(text);
}
END_TEST

START_TEST(every_prefix_is_survived)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *copy = strdup(rows[i].value);

        for (size_t n = strlen(copy); n > 0; n--) {
            copy[n] = '\0';
            (void)!parse(copy);
        }
        free(copy);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail param");
    TCase *t = tcase_create("param");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_loop_test(t, values, 0, sizeof rows / sizeof *rows);
    tcase_add_test(t, refused);
    tcase_add_test(t, limits);
    tcase_add_test(t, every_prefix_is_survived);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
