/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Line ends found in blocks are those found byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail/lines.h"

#define LEN_MAX 700
#define SEEDS 2000

/* Few line ends among many letters, or nearly nothing else. */
static void
fill(uint8_t *text, size_t len, unsigned *seed)
{
    static const char bytes[] = "\n\r-\n\r\n-a";
    int rare = rand_r(seed) % 3 == 0 ? 1 : rand_r(seed) % 100 + 1;

    for (size_t i = 0; i < len; i++)
        text[i] = rand_r(seed) % rare != 0 ? 'x' : (uint8_t)bytes[(size_t)rand_r(seed) %
                                                                  (sizeof bytes - 1)];
}

static const uint8_t *
slow_dash(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n' && (i + 1 == len || text[i + 1] == '-'))
            return text + i;
    return NULL;
}

static const uint8_t *
slow_bare(const uint8_t *text, size_t len, bool after_cr)
{
    for (size_t i = 0; i < len; after_cr = text[i++] == '\r')
        if (text[i] == '\n' && !after_cr)
            return text + i;
    return NULL;
}

static size_t
slow_crlf(const uint8_t *text, size_t len, bool after_cr, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; after_cr = text[i++] == '\r') {
        if (text[i] == '\n' && !after_cr)
            out[n++] = '\r';
        out[n++] = text[i];
    }
    return n;
}

/* Each text in a block of its own size, so that reading beyond it is seen. */
START_TEST(as_byte_by_byte)
{
    uint8_t got[LINES_CRLF_MAX(LEN_MAX)], want[LINES_CRLF_MAX(LEN_MAX)];

    for (unsigned s = 0; s < SEEDS; s++) {
        unsigned seed = s;
        size_t len = (size_t)rand_r(&seed) % LEN_MAX, n;
        uint8_t *text = malloc(len + (len == 0));
        bool after_cr = rand_r(&seed) % 2 == 0;

        ck_assert_ptr_nonnull(text);
        fill(text, len, &seed);
        ck_assert_ptr_eq(lines_find_dash(text, len), slow_dash(text, len));
        ck_assert_ptr_eq(lines_find_bare(text, len, after_cr), slow_bare(text, len, after_cr));
        n = slow_crlf(text, len, after_cr, want);
        ck_assert_uint_eq(lines_to_crlf(text, len, after_cr, got), n);
        ck_assert_mem_eq(got, want, n);
        free(text);
    }
}
END_TEST

/* The most that a text can grow by. */
START_TEST(room_is_enough)
{
    for (size_t len = 0; len < 100; len++) {
        uint8_t *out = malloc(LINES_CRLF_MAX(len)), text[100];

        memset(text, '\n', len);
        ck_assert_ptr_nonnull(out);
        ck_assert_uint_eq(lines_to_crlf(text, len, false, out), 2 * len);
        free(out);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("lines");
    TCase *tc = tcase_create("lines");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, as_byte_by_byte);
    tcase_add_test(tc, room_is_enough);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
