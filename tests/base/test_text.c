/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "tests/base/run.h"

static const struct {
    const char *in, *out;
} safe_cases[] = {
    {"plain text", "plain text"},
    {"J\xc3\xbcrgen \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xf0\x9f\x94\x91"},
    {"a\nb\x1b[31m", "a\\x0ab\\x1b[31m"},
    {"\x7f\xc2\x85", "\\x7f\\u{0085}"},
    {"evil\xe2\x80\xaegpj.exe", "evil\\u{202e}gpj.exe"},
    {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}"},
    {"\xef\xbb\xbf", "\\u{feff}"},
    {"latin \xe9", "latin \\xe9"},
    {"cut \xe2\x82", "cut \\xe2\\x82"},
    {"overlong \xc0\xaf", "overlong \\xc0\\xaf"},
    {"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
    {"beyond \xf4\x90\x80\x80", "beyond \\xf4\\x90\\x80\\x80"},
};
#define SAFE_CASES (int)(sizeof safe_cases / sizeof *safe_cases)

START_TEST(safe)
{
    autofree_buf struct buf *b = buf_new();
    ck_assert_int_eq(text_put_safe(b, safe_cases[_i].in, strlen(safe_cases[_i].in)), 0);
    ck_assert_str_eq(buf_cstr(b), safe_cases[_i].out);
}
END_TEST

START_TEST(safe_with_nul)
{
    autofree_buf struct buf *b = buf_new();
    ck_assert_int_eq(text_put_safe(b, "a\0b", 3), 0);
    ck_assert_str_eq(buf_cstr(b), "a\\x00b");
}
END_TEST

/* Every byte comes back, and what was escaped is one word. */
START_TEST(escape_round_trip)
{
    autofree_buf struct buf *b = buf_new();
    unsigned char all[255];
    char back[1024];
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)(i + 1);
    ck_assert_int_eq(text_put_escaped(b, all, sizeof all), 0);
    ck_assert_ptr_null(strpbrk(buf_cstr(b), " \t\r\n"));
    strcpy(back, buf_cstr(b));
    ck_assert_uint_eq(text_unescape(back), sizeof all);
    ck_assert_mem_eq(back, all, sizeof all);
}
END_TEST

START_TEST(unescape_odd_input)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"", ""}, {"a+b%20c", "a b c"}, {"%", "%"}, {"%4", "%4"}, {"%zz", "%zz"},
                 {"100%", "100%"}, {"%25%2b", "%+"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        strcpy(text, cases[i].in);
        ck_assert_uint_eq(text_unescape(text), strlen(cases[i].out));
        ck_assert_str_eq(text, cases[i].out);
    }
}
END_TEST

START_TEST(times_written)
{
    char out[TEXT_TIME_LEN];
    text_time(0, out);
    ck_assert_str_eq(out, "1970-01-01T00:00:00Z");
    text_time(1795014245, out);
    ck_assert_str_eq(out, "2026-11-18T15:04:05Z");
    text_time((time_t)1 << 60, out);
    ck_assert_str_eq(out, "9999-12-31T23:59:59Z");
    text_time(-((time_t)1 << 60), out);
    ck_assert_str_eq(out, "0000-01-01T00:00:00Z");
}
END_TEST

START_TEST(times_read)
{
    static const struct {
        const char *text;
        time_t t;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00", 0},
        {"2026-11-18T15:04:05Z", 1795014245},
        {"2026-11-18T15:04:05", 1795014245},
        {"2026-11-18T16:04:05+01:00", 1795014245},
        {"2026-11-18T09:34:05-05:30", 1795014245},
        {"2024-02-29", 1709164800},
    };
    static const char *const bad[] = {
        "", "now", "2026", "2026-13-01", "2026-02-30", "2025-02-29", "2026-00-10", "26-01-01",
        "2026-11-18T", "2026-11-18T24:00", "2026-11-18T15:60", "2026-11-18T15:04:05X",
        "2026-11-18T15:04:05Z ", "2026-11-18 15:04", "2026-11-18T15:04+1", "2026-11-18Z",
        "2026-11-18T15:04:", "-026-11-18",
    };
    time_t t;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(text_parse_time(good[i].text, &t) == 0, "%s", good[i].text);
        ck_assert_msg(t == good[i].t, "%s gave %lld", good[i].text, (long long)t);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        t = 77;
        ck_assert_msg(text_parse_time(bad[i], &t) == E_MALFORMED, "\"%s\" was taken", bad[i]);
        ck_assert_int_eq(t, 77);
    }
}
END_TEST

START_TEST(durations)
{
    static const struct {
        const char *text;
        unsigned seconds;
    } good[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"10m", 600}, {"2h", 7200}, {"1d", 86400},
                {"4294967295", 4294967295u}};
    static const char *const bad[] = {"", "m", "-1", "1w", "1.5h", "10 m", "4294967296",
                                      "99999d", "10mm", "999999999999999999999999"};
    unsigned n;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(text_parse_duration(good[i].text, &n) == 0, "%s", good[i].text);
        ck_assert_uint_eq(n, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(text_parse_duration(bad[i], &n) == E_MALFORMED, "\"%s\" was taken", bad[i]);
}
END_TEST

START_TEST(hex)
{
    uint8_t out[4];
    char digits[9];
    size_t n = 99;
    hex_encode("\x00\xff\x1a\xb2", 4, digits);
    ck_assert_str_eq(digits, "00ff1ab2");
    ck_assert_int_eq(hex_decode("00FF1aB2", 8, out, sizeof out, &n), 0);
    ck_assert_uint_eq(n, 4);
    ck_assert_mem_eq(out, "\x00\xff\x1a\xb2", 4);
    ck_assert_int_eq(hex_decode("0", 1, out, sizeof out, &n), E_MALFORMED);
    ck_assert_int_eq(hex_decode("0g", 2, out, sizeof out, &n), E_MALFORMED);
    ck_assert_int_eq(hex_decode("0011223344", 10, out, sizeof out, &n), E_LIMIT);
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(hex_decode("", 0, out, sizeof out, &n), 0);
    ck_assert_uint_eq(n, 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("text");
    tcase_add_loop_test(tc, safe, 0, SAFE_CASES);
    tcase_add_test(tc, safe_with_nul);
    tcase_add_test(tc, escape_round_trip);
    tcase_add_test(tc, unescape_odd_input);
    tcase_add_test(tc, times_written);
    tcase_add_test(tc, times_read);
    tcase_add_test(tc, durations);
    tcase_add_test(tc, hex);
    return run_suite("text", &tc, 1);
}
