/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tokenizer, the normalizer, and what they must refuse. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "cms/ber.h"
#include "cms/der.h"

static size_t
unhex(const char *hex, uint8_t *out, size_t max)
{
    size_t len = 0;

    ck_assert_int_eq(hex_decode(hex, strlen(hex), out, max, &len), 0);
    return len;
}

/* Describes the events of data, fed in two pieces: "(" for a constructed header,
 * "[" for a primitive one, "." for a byte, ")" for an end. Returns the error. */
static int
events(const uint8_t *data, size_t len, size_t split, char *out, bool *ret_ber)
{
    struct ber ber;
    struct ber_event e;
    int rc = 0;

    ber_init(&ber);
    for (size_t piece = 0; rc == 0 && piece < 2; piece++) {
        const uint8_t *at = piece == 0 ? data : data + split;
        size_t left = piece == 0 ? split : len - split;

        while ((rc = ber_next(&ber, &at, &left, &e, NULL)) == 1) {
            if (e.kind == BER_HEADER)
                *out++ = e.header.constructed ? '(' : '[';
            for (size_t i = 0; e.kind == BER_BYTES && i < e.len; i++)
                *out++ = '.';
            if (e.kind == BER_END)
                *out++ = ')';
        }
        if (rc == 0 && left > 0)
            rc = E_MALFORMED;
    }
    *out = '\0';
    *ret_ber = ber.is_ber;
    return rc != 0 ? rc : ber_finish(&ber, NULL);
}

static const struct {
    const char *hex;
    int rc;
    const char *events;
    bool ber;
} streams[] = {
    { "0400", 0, "[)", false },
    { "0403616263", 0, "[...)", false },
    { "3000", 0, "()", false },
    { "3080" "0000", 0, "()", true },
    { "3005" "0403616263", 0, "([...))", false },
    { "3080" "0401aa" "0000", 0, "([.))", true },
    { "2480" "0401aa" "0402bbcc" "0000", 0, "([.)[..))", true },
    { "2405" "2403" "0401aa", 0, "(([.)))", true },
    { "04810161", 0, "[.)", true },
    { "04850000000001" "61", 0, "[.)", true },
    { "1f8148" "01aa", 0, "[.)", false },
    { "3080" "30020500" "0000", 0, "(([)))", true },
    { "", E_TRUNCATED, "", false },
    { "04", E_TRUNCATED, "", false },
    { "040361", E_TRUNCATED, "[.", false },
    { "3080", E_TRUNCATED, "(", true },
    { "308000", E_TRUNCATED, "(", true },
    { "30800001", E_MALFORMED, "(", true },     /* end-of-contents with a length */
    { "3002" "0000", E_MALFORMED, "(", false }, /* and where none belongs */
    { "0000", E_MALFORMED, "", false },
    { "0480", E_MALFORMED, "", false },         /* primitive, indefinite */
    { "04ff", E_MALFORMED, "", false },         /* reserved length */
    { "1f1e00", E_MALFORMED, "", false },       /* low tag in the long form */
    { "1f808000", E_MALFORMED, "", false },     /* leading zero in the tag */
    { "1fffffffffff", E_LIMIT, "", false },
    { "3002" "0403616263", E_MALFORMED, "(", false }, /* longer than its parent */
    { "3003" "040100" "00", E_MALFORMED, "([.))", false },
    { "3001" "04", E_MALFORMED, "(", false },   /* header longer than its parent */
    { "3004" "3080" "0500", E_MALFORMED, "(([)", true },
    { "0488ffffffffffffffff", E_LIMIT, "", false },
    { "0489010000000000000000", E_LIMIT, "", false },
    { "0486010000000000", E_TRUNCATED, "[", false },
    { "308000000400", E_MALFORMED, "()", true },
};

START_TEST(events_are_the_same_at_every_split)
{
    uint8_t data[256];
    char got[256];
    size_t len = unhex(streams[_i].hex, data, sizeof data);
    bool ber;

    for (size_t split = 0; split <= len; split++) {
        int rc = events(data, len, split, got, &ber);

        ck_assert_msg(rc == streams[_i].rc, "%s: %s, not %s", streams[_i].hex, err_name(rc),
                      err_name(streams[_i].rc));
        ck_assert_str_eq(got, streams[_i].events);
        ck_assert(ber == streams[_i].ber);
    }
}
END_TEST

START_TEST(depth_is_bounded)
{
    size_t len = 200000;
    uint8_t *data = malloc(len);
    char *got = malloc(len);
    bool ber;

    fill_pairs(data, len, 0x30, 0x80);
    ck_assert_int_eq(events(data, len, len, got, &ber), E_LIMIT);
    ck_assert_uint_eq(strlen(got), CMS_MAX_DEPTH);
    free(data);
    free(got);
}
END_TEST

START_TEST(headers_are_written_short)
{
    static const struct {
        int64_t length;
        const char *hex;
    } cases[] = {
        { 0, "0400" }, { 127, "047f" }, { 128, "048180" }, { 255, "0481ff" },
        { 256, "04820100" }, { 65536, "0483010000" }, { -1, "0480" },
        { INT64_MAX, "04887fffffffffffffff" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t header[BER_WRITE_MAX];
        char hex[2 * BER_WRITE_MAX + 1];

        hex_encode(header, ber_write_header(header, 0x04, cases[i].length), hex);
        ck_assert_str_eq(hex, cases[i].hex);
    }
}
END_TEST

static const struct {
    const char *in;
    const char *out;    /* NULL: malformed */
} normals[] = {
    { "0403616263", "0403616263" },
    { "3080" "0401aa" "0000", "30030401aa" },
    { "04810161", "040161" },
    { "2480" "0401aa" "0402bbcc" "0000", "0403aabbcc" },
    { "2408" "2403" "0401aa" "0401bb", "0402aabb" },
    { "2407" "0401aa" "0402bbcc", "0403aabbcc" },
    { "2380" "0302" "00aa" "0302" "04b0" "0000", "0303" "04aab0" },
    { "2c06" "0401" "61" "0c01" "62", "0c02" "6162" },
    { "010101", "0101ff" },
    { "010100", "010100" },
    { "3109" "020103" "020101" "020102", "3109" "020101" "020102" "020103" },
    { "3107" "02020003" "020101", "3107" "020101" "02020003" },
    { "3180" "0402aabb" "2480" "0401aa" "0000" "0000", "3107" "0401aa" "0402aabb" },
    { "a003" "8401aa", "a003" "8401aa" },
    { "a004" "8402aabb", "a004" "8402aabb" },
    { "bf8148" "03" "0401aa", "bf8148" "03" "0401aa" },
    { "bf8148" "80" "0401aa" "0000", "bf8148" "03" "0401aa" },
    { "a080" "3180" "0500" "0400" "0000" "0000", "a006" "3104" "0400" "0500" },
    { "3000" "00", NULL },
    { "3080" "0401aa", NULL },
    { "3003" "0402aa", NULL },
    { "2404" "02020101", NULL },
    { "0000", NULL },
    { "", NULL },
};

START_TEST(normal_form)
{
    struct buf *out = buf_new();
    uint8_t data[256];
    size_t len = unhex(normals[_i].in, data, sizeof data);
    char hex[600];

    if (normals[_i].out == NULL) {
        ck_assert_int_eq(der_normalize(data, len, out), E_MALFORMED);
    } else {
        ck_assert_int_eq(der_normalize(data, len, out), 0);
        hex_encode(buf_data(out), buf_len(out), hex);
        ck_assert_str_eq(hex, normals[_i].out);
    }
    buf_free(&out);
}
END_TEST

START_TEST(normalizing_is_bounded)
{
    size_t len = 100000;
    uint8_t *data = malloc(len);
    struct buf *out = buf_new();

    for (size_t t = 0; t < 2; t++) {
        fill_pairs(data, len, t == 0 ? 0x30 : 0x24, 0x80);
        ck_assert_int_eq(der_normalize(data, len, out), E_LIMIT);
    }
    buf_free(&out);
    free(data);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-ber");
    TCase *tc = tcase_create("ber");

    tcase_add_loop_test(tc, events_are_the_same_at_every_split, 0,
                        (int)(sizeof streams / sizeof *streams));
    tcase_add_test(tc, depth_is_bounded);
    tcase_add_test(tc, headers_are_written_short);
    tcase_add_loop_test(tc, normal_form, 0, (int)(sizeof normals / sizeof *normals));
    tcase_add_test(tc, normalizing_is_bounded);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
