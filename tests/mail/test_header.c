/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header reader: fields with their exact bytes, however the input is cut. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "tests/mail/pieces.h"

static struct header *h;
static size_t taken;

static void
setup(void)
{
    ck_assert_int_eq(header_new(&h, 4096), 0);
}

static void
teardown(void)
{
    header_free(&h);
    header_free(&h);
}

static int
update(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    size_t used = 0;
    int rc;

    (void)arg;
    if (header_done(h))
        return 0;
    rc = header_update(h, data, len, &used, err);
    taken += used;
    return rc;
}

static int
feed(const char *text, size_t way)
{
    header_reset(h);
    taken = 0;
    return pieces_feed(update, NULL, text, strlen(text), way, NULL);
}

static void
is_field(size_t i, const char *name, const char *value, const char *raw)
{
    struct header_field f;

    ck_assert(header_at(h, i, &f));
    ck_assert_uint_eq(f.name_len, strlen(name));
    ck_assert_int_eq(memcmp(f.name, name, f.name_len), 0);
    ck_assert_uint_eq(f.value_len, strlen(value));
    ck_assert_int_eq(memcmp(f.value, value, f.value_len), 0);
    ck_assert_uint_eq(f.raw_len, strlen(raw));
    ck_assert_int_eq(memcmp(f.raw, raw, f.raw_len), 0);
}

START_TEST(fields_keep_their_bytes)
{
    const char *block = "From: a@b\nSubject : folded\n  twice\n\tover\nX:\n\n";
    const char *text = "From: a@b\nSubject : folded\n  twice\n\tover\nX:\n\nbody: no\n";
    size_t len;

    EVERY_WAY(way, strlen(text))
    {
        ck_assert_int_eq(feed(text, way), 0);
        ck_assert(header_done(h));
        ck_assert(!header_absent(h));
        ck_assert(!header_malformed(h));
        ck_assert_uint_eq(taken, strlen(block));
        ck_assert_uint_eq(header_count(h), 3);
        is_field(0, "From", " a@b", "From: a@b\n");
        is_field(1, "Subject", " folded\n  twice\n\tover", "Subject : folded\n  twice\n\tover\n");
        is_field(2, "X", "", "X:\n");
        ck_assert_int_eq(memcmp(header_bytes_view(h, &len), block, strlen(block)), 0);
        ck_assert_uint_eq(len, strlen(block));
        ck_assert_uint_eq(header_blank_len(h), 1);
    }
}
END_TEST

START_TEST(crlf_and_mixed)
{
    const char *text = "A: 1\r\n 2\r\nB: 3\nC: 4\r\n\r\nrest";

    EVERY_WAY(way, strlen(text))
    {
        ck_assert_int_eq(feed(text, way), 0);
        ck_assert(header_done(h));
        ck_assert_uint_eq(header_count(h), 3);
        is_field(0, "A", " 1\r\n 2", "A: 1\r\n 2\r\n");
        is_field(1, "B", " 3", "B: 3\n");
        is_field(2, "C", " 4", "C: 4\r\n");
        ck_assert_uint_eq(header_blank_len(h), 2);
        ck_assert_uint_eq(taken, strlen(text) - 4);
    }
}
END_TEST

START_TEST(absent_gives_bytes_back)
{
    static const char *const texts[] = {
        "just words\nno header at all\n", "\tblank first: x\n", "no-colon\n\nA: b\n",
        "From here to there\n\n", ": nameless\n", "\x80: eight\n", "a\rb: bare\n",
    };
    size_t len;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        EVERY_WAY(way, strlen(texts[i]))
        {
            ck_assert_int_eq(feed(texts[i], way), 0);
            ck_assert_msg(header_done(h) && header_absent(h), "%s", texts[i]);
            ck_assert_int_eq(memcmp(header_rest_view(h, &len), texts[i], taken), 0);
            ck_assert_uint_eq(len, taken);
            ck_assert_uint_le(len, HEADER_ABSENT_MAX);
            ck_assert_uint_eq(header_count(h), 0);
        }
}
END_TEST

START_TEST(long_first_line_is_no_header)
{
    char *text = malloc(5000);
    size_t len;

    memset(text, 'x', 4999);
    text[4999] = '\0';
    EVERY_WAY(way, 4999)
    {
        ck_assert_int_eq(feed(text, way), 0);
        ck_assert(header_absent(h));
        header_rest_view(h, &len);
        ck_assert_uint_le(len, HEADER_ABSENT_MAX);
    }
    free(text);
}
END_TEST

START_TEST(mbox_line_is_kept)
{
    const char *text = "From alice@example.org Mon Nov 23 15:28:00 2026\nA: b\n\n";

    EVERY_WAY(way, strlen(text))
    {
        ck_assert_int_eq(feed(text, way), 0);
        ck_assert(!header_absent(h) && !header_malformed(h));
        ck_assert_uint_eq(header_count(h), 2);
        is_field(1, "A", " b", "A: b\n");
    }
}
END_TEST

START_TEST(bad_line_is_named)
{
    const char *text = "A: b\nB: c\nnot a field\n\n";

    EVERY_WAY(way, strlen(text))
    {
        ck_assert_int_eq(feed(text, way), 0);
        ck_assert(header_malformed(h));
        ck_assert_uint_eq(header_bad_line(h), 3);
    }
}
END_TEST

START_TEST(input_may_end_early)
{
    static const char *const texts[] = {"A: b\nC: d", "A: b\nC: d\n", "A: b\r\nC: d\r\n"};

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(feed(texts[i], 0), 0);
        ck_assert(!header_done(h));
        ck_assert_int_eq(header_finish(h, NULL), 0);
        ck_assert(header_done(h) && !header_absent(h));
        ck_assert_uint_eq(header_count(h), 2);
        ck_assert_uint_eq(header_blank_len(h), 0);
    }
    ck_assert_int_eq(feed("", 0), 0);
    ck_assert_int_eq(header_finish(h, NULL), 0);
    ck_assert_uint_eq(header_count(h), 0);
}
END_TEST

START_TEST(limits)
{
    struct err err = {0};
    char *text = malloc(70001);
    size_t used;

    memset(text, 'x', 5000);
    memcpy(text, "A: ", 3);
    text[5000] = '\0';
    ck_assert_int_eq(feed(text, 0), E_LIMIT);
    header_free(&h);
    ck_assert_int_eq(header_new(&h, HEADER_MAX), 0);
    for (size_t i = 0; i < 70000; i += 4)
        memcpy(text + i, "A:b\n", 4);
    ck_assert_int_eq(header_update(h, (uint8_t *)text, 70000, &used, &err), E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "10000 fields"));
    free(text);
}
END_TEST

START_TEST(found_in_any_case)
{
    struct header_field f;

    ck_assert_int_eq(feed("cOntent-type: x\nSubject: 1\nsubject: 2\n\n", 0), 0);
    ck_assert(header_find(h, "Content-Type", 0, &f));
    ck_assert(header_field_starts(&f, "Content-"));
    ck_assert(header_find(h, "SUBJECT", 1, &f));
    ck_assert_int_eq(memcmp(f.value, " 2", 2), 0);
    ck_assert(!header_find(h, "Subject", 2, &f));
    ck_assert(!header_find(h, "Subjec", 0, &f));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail header");
    TCase *t = tcase_create("header");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, fields_keep_their_bytes);
    tcase_add_test(t, crlf_and_mixed);
    tcase_add_test(t, absent_gives_bytes_back);
    tcase_add_test(t, long_first_line_is_no_header);
    tcase_add_test(t, mbox_line_is_kept);
    tcase_add_test(t, bad_line_is_named);
    tcase_add_test(t, input_may_end_early);
    tcase_add_test(t, limits);
    tcase_add_test(t, found_in_any_case);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
