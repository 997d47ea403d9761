/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/buf.h"
#include "tests/base/run.h"

START_TEST(empty)
{
    autofree_buf struct buf *b = buf_new();
    ck_assert_uint_eq(buf_len(b), 0);
    ck_assert_ptr_nonnull(buf_data(b));
    ck_assert_str_eq(buf_cstr(b), "");
    buf_consume(b, 5);
    buf_trim(b, 5);
    buf_reset(b);
    ck_assert_int_eq(buf_put(b, NULL, 0), 0);
    buf_free(NULL);
    buf_free(&b);
    buf_free(&b);
    ck_assert_ptr_null(b);
}
END_TEST

START_TEST(append_and_take)
{
    autofree_buf struct buf *b = buf_new();
    ck_assert_int_eq(buf_put_str(b, "hello "), 0);
    ck_assert_int_eq(buf_putf(b, "%s %d", "world", 42), 0);
    ck_assert_int_eq(buf_put_byte(b, '!'), 0);
    ck_assert_str_eq(buf_cstr(b), "hello world 42!");
    ck_assert_uint_eq(buf_len(b), 15);
    buf_consume(b, 6);
    ck_assert_str_eq(buf_cstr(b), "world 42!");
    buf_trim(b, 4);
    ck_assert_str_eq(buf_cstr(b), "world");
    buf_mutable(b)[0] = 'W';
    ck_assert_str_eq(buf_cstr(b), "World");
    buf_consume(b, 99);
    ck_assert_uint_eq(buf_len(b), 0);
}
END_TEST

/* Growth and consumption interleaved give what went in, in order. */
START_TEST(queue)
{
    autofree_buf struct buf *b = buf_new();
    uint8_t next_in = 0, next_out = 0;
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < round % 37; i++)
            ck_assert_int_eq(buf_put_byte(b, next_in++), 0);
        size_t take = round % 29;
        if (take > buf_len(b))
            take = buf_len(b);
        for (size_t i = 0; i < take; i++)
            ck_assert_uint_eq(buf_data(b)[i], next_out++);
        buf_consume(b, take);
    }
    ck_assert_uint_gt(buf_len(b), 1000);
    for (size_t i = 0; i < buf_len(b); i++)
        ck_assert_uint_eq(buf_data(b)[i], next_out++);
}
END_TEST

START_TEST(cap_leaves_contents)
{
    autofree_buf struct buf *b = buf_new();
    uint8_t *place = NULL;
    buf_set_max(b, 8);
    ck_assert_int_eq(buf_put_str(b, "12345678"), 0);
    ck_assert_int_eq(buf_put_byte(b, '9'), E_LIMIT);
    ck_assert_int_eq(buf_putf(b, "%d", 9), E_LIMIT);
    ck_assert_int_eq(buf_reserve(b, SIZE_MAX, &place), E_LIMIT);
    ck_assert_ptr_null(place);
    ck_assert_str_eq(buf_cstr(b), "12345678");
    buf_set_max(b, 100);
    ck_assert_int_eq(buf_put_byte(b, '9'), E_LIMIT);
    buf_consume(b, 1);
    ck_assert_int_eq(buf_put_byte(b, '9'), 0);
    ck_assert_str_eq(buf_cstr(b), "23456789");
}
END_TEST

/* What is taken away is no longer in memory. */
START_TEST(wiped)
{
    autofree_buf struct buf *b = buf_new();
    ck_assert_int_eq(buf_put_str(b, "secret-tail"), 0);
    const uint8_t *at = buf_data(b);
    buf_consume(b, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(at[i], 0);
    buf_trim(b, 2);
    ck_assert_uint_eq(at[9], 0);
    ck_assert_uint_eq(at[10], 0);
    buf_reset(b);
    for (size_t i = 0; i < 11; i++)
        ck_assert_uint_eq(at[i], 0);
}
END_TEST

START_TEST(format_longer_than_room)
{
    autofree_buf struct buf *b = buf_new();
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(buf_putf(b, "<%s>", text), 0);
    ck_assert_uint_eq(buf_len(b), 1001);
    ck_assert_uint_eq(strlen(buf_cstr(b)), 1001);
    ck_assert_uint_eq(buf_data(b)[1000], '>');
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("buf");
    tcase_add_test(tc, empty);
    tcase_add_test(tc, append_and_take);
    tcase_add_test(tc, queue);
    tcase_add_test(tc, cap_leaves_contents);
    tcase_add_test(tc, wiped);
    tcase_add_test(tc, format_longer_than_room);
    return run_suite("buf", &tc, 1);
}
