/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people see of a description. */
#include <check.h>
#include <string.h>

#include "cli/tree.h"

static const struct tree_row rows[] = {
    {.key = "size", .unit = "bytes"},
    {.key = "signers", .label = "signer", .of = "subject"},
    {.key = "parts", .label = "part", .of = "type", .number = "part"},
    {.key = "attributes", .lines = true},
    {.key = NULL},
};

static const struct {
    const char *json, *text;
} cases[] = {
    /* labels, units, numbers, words */
    {"{\"size\": 12, \"a_long_label\": \"x\", \"ca\": true, \"no\": false}",
     "size          12 bytes\na long label  x\nca            yes\nno            no\n"},
    /* an identifier stands behind what it identifies */
    {"{\"digest\": \"sha256\", \"digest_oid\": \"1.2.3\", \"lone_oid\": \"4.5\"}",
     "digest    sha256 (1.2.3)\nlone oid  4.5\n"},
    {"{\"name\": \"1.2.3\", \"oid\": \"1.2.3\"}", "name  1.2.3\n"},
    /* lines first, blocks behind them */
    {"{\"cipher\": {\"key\": 1}, \"first\": \"line\"}", "first  line\ncipher\n  key  1\n"},
    /* numbered blocks, with what they are about */
    {"{\"signers\": [{\"subject\": \"A\", \"v\": 1}, {\"v\": 3}]}",
     "signer 1: A\n  v  1\nsigner 2\n  v  3\n"},
    {"{\"parts\": [{\"part\": \"1.2\", \"type\": \"text/plain\", \"size\": 3}]}",
     "part 1.2: text/plain\n  size  3 bytes\n"},
    /* short lists on one line, long ones on several */
    {"{\"usage\": [\"a\", \"b\"], \"none\": []}", "usage  a, b\n"},
    {"{\"l\": [\"1234567890123456789012345678901234567890\","
     "\"1234567890123456789012345678901234567890\"]}",
     "l  1234567890123456789012345678901234567890\n"
     "   1234567890123456789012345678901234567890\n"},
    /* attributes: a line each, more below it */
    {"{\"attributes\": [{\"name\": \"signingTime\", \"oid\": \"1.9\", \"values\": [\"now\"]},"
     "{\"name\": \"hint\", \"values\": [\"data\"], \"description\": \"d\"},"
     "{\"name\": \"label\", \"policy\": \"p\"}]}",
     "attributes\n  signingTime  now\n  hint         data\n    description  d\n"
     "  label\n    policy  p\n"},
};

START_TEST(looks_so)
{
    json_t *object = json_loads(cases[_i].json, 0, NULL);
    autofree_buf struct buf *out = buf_new();

    ck_assert_ptr_nonnull(object);
    ck_assert_int_eq(tree_put(out, object, rows), 0);
    ck_assert_str_eq(buf_cstr(out), cases[_i].text);
    json_decref(object);
}
END_TEST

/* However deep it is: bounded, and the beginning is there. */
START_TEST(deep)
{
    json_t *object = json_object(), *at = object;
    autofree_buf struct buf *out = buf_new();

    for (int i = 0; i < 2 * TREE_DEPTH_MAX; i++) {
        json_t *inner = json_pack("{s:i}", "n", i);

        json_object_set_new(at, "in", inner);
        at = inner;
    }
    ck_assert_int_eq(tree_put(out, object, rows), 0);
    ck_assert_msg(strncmp(buf_cstr(out), "in\n  n  0\n  in\n    n  1\n", 24) == 0, "%.40s",
                  buf_cstr(out));
    ck_assert_uint_lt(buf_len(out), 100000);
    json_decref(object);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("tree");
    TCase *tc = tcase_create("tree");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, looks_so, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tc, deep);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
