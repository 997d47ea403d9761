/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listings: columns align, foreign text cannot harm the terminal. */
#include <check.h>

#include "cli/table.h"

START_TEST(columns_align)
{
    static const char *const headings[] = {"KEY", "TOKEN", "STATE", NULL};
    static const char *const rows[][3] = {
        {"a", "größer", "ready"},
        {"bcdef", NULL, "PIN is locked"},
        {"\x1b[31mred", "x\ny", ""},
    };
    autofree_table struct table *t = table_new(headings);
    autofree_buf struct buf *out = buf_new();

    ck_assert_ptr_nonnull(t);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(table_add(t, rows[i]), 0);
    ck_assert_int_eq(table_put(t, out), 0);
    ck_assert_str_eq(buf_cstr(out), "KEY          TOKEN   STATE\n"
                                    "a            größer  ready\n"
                                    "bcdef                PIN is locked\n"
                                    "\\x1b[31mred  x\\x0ay  \n");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("table");
    TCase *tc = tcase_create("table");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, columns_align);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
