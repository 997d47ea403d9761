/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people type, and what they are told when it is wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define WORDS_MAX 16

static const struct option_row rows[] = {
    {.name = "key", .letter = 'u', .value = "KEY", .help = "", .many = true},
    {.name = "output", .letter = 'o', .value = "OUT", .help = ""},
    {.name = "opaque", .help = ""},
    {.name = "type", .value = "T", .help = "", .choices = "p256|p384|rsa2048"},
    {.name = NULL},
};
static const struct option_row more[] = {
    {.name = "quiet", .letter = 'q', .help = ""},
    {.name = NULL},
};

static struct options o;
static struct err err;
static char line[256];
static char *words[WORDS_MAX];

static int
parse_as(const char *text, bool only_leading)
{
    int n = 0;

    err_clear(&err);
    strcpy(line, text);
    for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
        words[n++] = w;
    words[n] = NULL;
    return options_parse(&o, n, words, rows, more, only_leading, &err);
}

static int
parse(const char *text)
{
    return parse_as(text, false);
}

START_TEST(options_and_operands_mix)
{
    ck_assert_int_eq(parse("sign -u a file -q --key=b --output out -- -x"), 0);
    ck_assert_str_eq(options_value(&o, "key", 0), "a");
    ck_assert_str_eq(options_value(&o, "key", 1), "b");
    ck_assert_ptr_null(options_value(&o, "key", 2));
    ck_assert_str_eq(options_get(&o, "output"), "out");
    ck_assert(options_has(&o, "quiet"));
    ck_assert(!options_has(&o, "opaque"));
    ck_assert_ptr_null(options_get(&o, "type"));
    ck_assert_uint_eq(o.operand_count, 2);
    ck_assert_str_eq(o.operands[0], "file");
    ck_assert_str_eq(o.operands[1], "-x");
}
END_TEST

START_TEST(short_forms)
{
    ck_assert_int_eq(parse("sign -qoout --opa -"), 0);
    ck_assert_str_eq(options_get(&o, "output"), "out");
    ck_assert(options_has(&o, "quiet"));
    ck_assert(options_has(&o, "opaque"));
    ck_assert_str_eq(o.operands[0], "-");
}
END_TEST

START_TEST(leading_options_alone)
{
    ck_assert_int_eq(parse_as("signet -q sign --unknown", true), 0);
    ck_assert_uint_eq(o.operand_count, 2);
    ck_assert_str_eq(o.operands[0], "sign");
    ck_assert_str_eq(o.operands[1], "--unknown");
}
END_TEST

START_TEST(nothing_at_all)
{
    ck_assert_int_eq(parse("sign"), 0);
    ck_assert_uint_eq(o.count, 0);
    ck_assert_uint_eq(o.operand_count, 0);
}
END_TEST

START_TEST(mistakes_are_told)
{
    static const struct {
        const char *line, *said, *also;
    } rows_[] = {
        {"sign --opaqe", "no option --opaqe", "--opaque"},
        {"sign --ouptut=x", "--ouptut;", "--output"},
        {"sign --frobnicate", "no option --frobnicate", "--help"},
        {"sign -x", "no option -x", "--help"},
        {"sign -qx", "no option -x", "--help"},
        {"sign -u", "-u needs a value", ""},
        {"sign --output", "--output needs a value", ""},
        {"sign --opaque=yes", "--opaque takes no value", ""},
        {"sign --o x", "--o is short for several", ""},
        {"sign -o a -o b", "--output is given twice", ""},
        {"sign --type p257", "cannot be \"p257\"", "p256|p384|rsa2048"},
        {"sign --type p25", "cannot be \"p25\"", ""},
        {"sign --type p256|p384", "cannot be", ""},
    };

    ck_assert_int_eq(parse(rows_[_i].line), E_USAGE);
    ck_assert_msg(strstr(err.text, rows_[_i].said) && strstr(err.text, rows_[_i].also), "%s",
                  err.text);
}
END_TEST

START_TEST(the_last_parse_leaves_nothing)
{
    ck_assert_int_eq(parse("sign -u a -u b -q x"), 0);
    ck_assert_int_eq(parse("sign y"), 0);
    ck_assert_uint_eq(o.count, 0);
    ck_assert_str_eq(o.operands[0], "y");
}
END_TEST

START_TEST(the_nearest_name)
{
    static const char *const names[] = {"sign", "verify", "token create", NULL};

    ck_assert_str_eq(options_nearest("sing", names), "sign");
    ck_assert_str_eq(options_nearest("verfy", names), "verify");
    ck_assert_str_eq(options_nearest("token creat", names), "token create");
    ck_assert_ptr_null(options_nearest("frobnicate", names));
    ck_assert_ptr_null(options_nearest("x", names));
    ck_assert_ptr_null(options_nearest("", names));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("options");
    TCase *tc = tcase_create("options");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, options_and_operands_mix);
    tcase_add_test(tc, short_forms);
    tcase_add_test(tc, leading_options_alone);
    tcase_add_test(tc, nothing_at_all);
    tcase_add_loop_test(tc, mistakes_are_told, 0, 13);
    tcase_add_test(tc, the_last_parse_leaves_nothing);
    tcase_add_test(tc, the_nearest_name);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
