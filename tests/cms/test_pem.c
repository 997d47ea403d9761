/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PEM and base64, both ways. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/base64.h"

static struct buf *
armored(const struct cms_armor_options *options, const uint8_t *data, size_t len, size_t piece)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_armor *a = NULL;

    ck_assert_int_eq(cms_armor_new(&a, options, &sink, NULL), 0);
    for (size_t at = 0; at < len; at += piece)
        ck_assert_int_eq(cms_armor_update(a, data + at, piece < len - at ? piece : len - at,
                                          NULL), 0);
    ck_assert_int_eq(cms_armor_finish(a, NULL), 0);
    cms_armor_free(&a);
    return out;
}

struct undone {
    int rc;
    struct err err;
    struct buf *out;
    enum cms_form form;
    char label[CMS_PEM_LABEL_MAX + 1];
};

static struct undone
dearmored(enum cms_form form, const void *text, size_t len, size_t split)
{
    struct undone u = { .out = buf_new() };
    struct sink sink = gather_sink(u.out);
    struct cms_dearmor *d = NULL;
    const uint8_t *at = text;

    u.rc = cms_dearmor_new(&d, form, &sink, &u.err);
    for (size_t left = len; u.rc == 0 && left > 0;) {
        size_t n = split == SPLIT_BYTES ? 1 : left == len && split > 0 && split < len ? split
                                                                                       : left;
        uint8_t *piece = malloc(n);

        memcpy(piece, at, n);
        u.rc = cms_dearmor_update(d, piece, n, &u.err);
        free(piece);
        at += n;
        left -= n;
    }
    if (u.rc == 0)
        u.rc = cms_dearmor_finish(d, &u.err);
    u.form = cms_dearmor_form(d);
    snprintf(u.label, sizeof u.label, "%s", cms_dearmor_label(d));
    cms_dearmor_free(&d);
    return u;
}

static void
fill(uint8_t *data, size_t len)
{
    uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    if (len > 0)
        data[0] = 0x30;
}

static const struct cms_armor_options forms[] = {
    { .label = "CMS" }, { .label = "PKCS7", .crlf = true }, { 0 },
    { .columns = 76, .crlf = true }, { .columns = 4 }, { .label = "X", .columns = 76 },
};

START_TEST(round_trip)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 4, 47, 48, 49, 57, 58, 1000, 70000, 200000 };
    const struct cms_armor_options *o = &forms[_i];

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t len = sizes[i];
        uint8_t *data = malloc(len + 1);
        struct buf *text;
        struct undone u;

        fill(data, len);
        text = armored(o, data, len, len > 1000 ? 999 : 1);
        for (size_t split = 0; split < 5; split++) {
            u = dearmored(o->label != NULL ? CMS_FORM_PEM : CMS_FORM_BASE64, buf_data(text),
                          buf_len(text), split == 4 ? SPLIT_BYTES : split * buf_len(text) / 4);
            ck_assert_msg(u.rc == 0, "%s", err_text(&u.err));
            ck_assert_uint_eq(buf_len(u.out), len);
            ck_assert_int_eq(memcmp(buf_data(u.out), data, len), 0);
            ck_assert_str_eq(u.label, o->label == NULL ? "" : o->label);
            buf_free(&u.out);
        }
        buf_free(&text);
        free(data);
    }
}
END_TEST

START_TEST(form_is_found_out)
{
    uint8_t data[500];
    static const enum cms_form expected[] = { CMS_FORM_PEM, CMS_FORM_PEM, CMS_FORM_BASE64,
                                              CMS_FORM_BASE64, CMS_FORM_BASE64, CMS_FORM_PEM };
    struct buf *text;
    struct undone u;

    fill(data, sizeof data);
    text = armored(&forms[_i], data, sizeof data, 100);
    for (size_t split = 0; split < buf_len(text); split++) {
        u = dearmored(CMS_FORM_AUTO, buf_data(text), buf_len(text), split);
        ck_assert_msg(u.rc == 0, "%s", err_text(&u.err));
        ck_assert_int_eq(u.form, expected[_i]);
        ck_assert_uint_eq(buf_len(u.out), sizeof data);
        ck_assert_int_eq(memcmp(buf_data(u.out), data, sizeof data), 0);
        buf_free(&u.out);
    }
    buf_free(&text);
    for (size_t split = 0; split < sizeof data; split += 100) {
        u = dearmored(CMS_FORM_AUTO, data, sizeof data, split);
        ck_assert_int_eq(u.rc, 0);
        ck_assert_int_eq(u.form, CMS_FORM_BINARY);
        ck_assert_uint_eq(buf_len(u.out), sizeof data);
        buf_free(&u.out);
    }
}
END_TEST

#define B "-----BEGIN CMS-----\n"
#define E "-----END CMS-----\n"

static const struct {
    enum cms_form form;
    const char *text;
    int rc;
    const char *out;    /* or part of the sentence */
} texts[] = {
    { CMS_FORM_BASE64, "MDEyMw==", 0, "0123" },
    { CMS_FORM_BASE64, " M D\tE\r\ny\rMw\n=\n=\n", 0, "0123" },
    { CMS_FORM_BASE64, "", 0, "" },
    { CMS_FORM_BASE64, "MDEy", 0, "012" },
    { CMS_FORM_BASE64, "MDE=", 0, "01" },
    { CMS_FORM_PEM, B "MDEy\n" E, 0, "012" },
    { CMS_FORM_PEM, B "MDEy\n-----END CMS-----", 0, "012" },
    { CMS_FORM_PEM, B "MDEy-----END CMS-----\n\n  \n", 0, "012" },
    { CMS_FORM_PEM, "-----BEGIN CMS-----  \r\n\r\nMDEy\r\n-----END CMS----- \r\n", 0, "012" },
    { CMS_FORM_PEM, "Subject: x\n\nfoo -----BEGIN CMS-----\n" B "MDEy\n" E, 0, "012" },
    { CMS_FORM_AUTO, "Some words first:\n" B "MDEy\n" E, 0, "012" },
    { CMS_FORM_AUTO, "\n\n" B "MDEy\n" E, 0, "012" },
    { CMS_FORM_AUTO, "MDEy", 0, "012" },
    { CMS_FORM_AUTO, "\r\n MDEyMw==", 0, "0123" },
    { CMS_FORM_AUTO, "My own words\n" B "MDEy\n" E, 0, "012" },
    { CMS_FORM_AUTO, "nothing of the kind", E_MALFORMED, "neither" },
    { CMS_FORM_PEM, "nothing", E_MALFORMED, "no BEGIN" },
    { CMS_FORM_BASE64, "MDE", E_TRUNCATED, "offset 3" },
    { CMS_FORM_BASE64, "M", E_TRUNCATED, "offset 1" },
    { CMS_FORM_BASE64, "MDE=MDEy", E_MALFORMED, "offset 4" },
    { CMS_FORM_BASE64, "MD=x", E_MALFORMED, "offset 3" },
    { CMS_FORM_BASE64, "MD=", E_TRUNCATED, "offset 3" },
    { CMS_FORM_BASE64, "M===", E_MALFORMED, "offset 1" },
    { CMS_FORM_BASE64, "====", E_MALFORMED, "offset 0" },
    { CMS_FORM_BASE64, "MDEy=", E_MALFORMED, "offset 4" },
    { CMS_FORM_BASE64, "MDE==", E_MALFORMED, "offset 4" },
    { CMS_FORM_BASE64, "MD!y", E_MALFORMED, "offset 2" },
    { CMS_FORM_BASE64, "MDEy\n-----", E_MALFORMED, "offset 5" },
    { CMS_FORM_BASE64, "MDEy\xc3\xa4", E_MALFORMED, "0xc3" },
    { CMS_FORM_PEM, B "MDEy\n", E_TRUNCATED, "END" },
    { CMS_FORM_PEM, B "MDEy\n-----END PKCS7-----\n", E_MALFORMED, "END CMS" },
    { CMS_FORM_PEM, B "MDE\n" E, E_MALFORMED, "offset" },
    { CMS_FORM_PEM, B "MDEy\n" E "more", E_MALFORMED, "offset" },
    { CMS_FORM_PEM, B "Proc-Type: 4,ENCRYPTED\n\nMDEy\n" E, E_MALFORMED, "offset" },
    { CMS_FORM_PEM, B "Proc: 4\n\nMDEy\n" E, E_UNSUPPORTED, "headers" },
};

START_TEST(texts_as_they_come)
{
    size_t len = strlen(texts[_i].text);

    for (size_t split = 0; split <= len; split++) {
        struct undone u = dearmored(texts[_i].form, texts[_i].text, len,
                                    split == len ? SPLIT_BYTES : split);

        ck_assert_msg(u.rc == texts[_i].rc, "%s: %s: %s", texts[_i].text, err_name(u.rc),
                      err_text(&u.err));
        if (u.rc == 0)
            ck_assert_str_eq(buf_cstr(u.out), texts[_i].out);
        else
            ck_assert_msg(strstr(err_text(&u.err), texts[_i].out) != NULL, "%s: %s",
                          texts[_i].text, err_text(&u.err));
        buf_free(&u.out);
    }
}
END_TEST

/* Every character at every place of a vector: the quick way agrees with the slow. */
START_TEST(both_decoders_agree)
{
    uint8_t text[100], fast[100 + BASE64_SLACK], slow[100 + BASE64_SLACK];

    base64_expect(BASE64_LONG);
    for (size_t place = 0; place < 70; place++)
        for (unsigned c = 0; c < 256; c++) {
            size_t n, m;

            memset(text, 'Q', sizeof text);
            text[place] = (uint8_t)c;
            n = base64_decode(text, sizeof text, fast);
            m = base64_decode_portable(text, sizeof text, slow);
            ck_assert_uint_eq(n, m);
            ck_assert_int_eq(memcmp(fast, slow, n / 4 * 3), 0);
            ck_assert_uint_eq(n, base64_value((uint8_t)c) == BASE64_NONE ? place / 4 * 4 : 100);
        }
}
END_TEST

/* Lines of any length and end, cut anywhere. */
START_TEST(both_line_decoders_agree)
{
    static const char *const ends[] = { "\n", "\r\n", "\r", "=", "\n\n", " \n", "-" };
    uint8_t text[400], fast[400 + BASE64_SLACK], slow[400 + BASE64_SLACK];

    base64_expect(BASE64_LONG);
    for (size_t columns = 0; columns <= 100; columns++)
        for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
            size_t len = 0, n, m, fast_len = 0, slow_len = 0;

            while (len + columns + 2 < 300) {
                for (size_t i = 0; i < columns; i++, len++)
                    text[len] = (uint8_t)('A' + (i + len) % 26);
                len += (size_t)sprintf((char *)text + len, "%s", ends[e]);
            }
            for (size_t cut = 0; cut <= len; cut++) {
                n = base64_decode_lines(text, cut, fast, &fast_len);
                m = base64_decode_lines_portable(text, cut, slow, &slow_len);
                ck_assert_msg(n == m && fast_len == slow_len, "%zu columns, end %zu, cut %zu: "
                              "%zu %zu", columns, e, cut, n, m);
                ck_assert_int_eq(memcmp(fast, slow, fast_len), 0);
            }
        }
}
END_TEST

START_TEST(both_encoders_agree)
{
    uint8_t data[300], fast[400 + BASE64_SLACK], slow[400 + BASE64_SLACK];

    base64_expect(BASE64_LONG);
    for (unsigned seed = 0; seed < 256; seed++)
        for (size_t len = 0; len <= sizeof data; len += 3) {
            for (size_t i = 0; i < len; i++)
                data[i] = (uint8_t)(seed + i * 37);
            base64_encode(data, len, fast);
            base64_encode_portable(data, len, slow);
            ck_assert_int_eq(memcmp(fast, slow, len / 3 * 4), 0);
        }
}
END_TEST

START_TEST(endless_preamble_is_refused)
{
    size_t len = CMS_PEM_PREAMBLE_MAX * 2;
    char *text = malloc(len);
    struct undone u;

    memset(text, 'x', len);
    u = dearmored(CMS_FORM_AUTO, text, len, 0);
    ck_assert_int_eq(u.rc, E_MALFORMED);
    buf_free(&u.out);
    free(text);
}
END_TEST

START_TEST(openssl_reads_our_pem)
{
    uint8_t data[1000] = { 0x30, 0x82, 0x03, 0xe4, 0x04, 0x82, 0x03, 0xe0 };
    char *dir = scratch_make();
    struct buf *text = armored(&forms[_i], data, sizeof data, 100);

    write_file(dir, "pem", buf_data(text), buf_len(text));
    write_file(dir, "data", data, sizeof data);
    ck_assert_int_eq(shell("cd '%s' && openssl asn1parse -in pem -noout -out got && "
                           "cmp got data", dir), 0);
    buf_free(&text);
    scratch_remove(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-pem");
    TCase *tc = tcase_create("pem");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, round_trip, 0, 6);
    tcase_add_loop_test(tc, form_is_found_out, 0, 6);
    tcase_add_loop_test(tc, texts_as_they_come, 0, (int)(sizeof texts / sizeof *texts));
    tcase_add_test(tc, both_decoders_agree);
    tcase_add_test(tc, both_line_decoders_agree);
    tcase_add_test(tc, both_encoders_agree);
    tcase_add_test(tc, endless_preamble_is_refused);
    tcase_add_loop_test(tc, openssl_reads_our_pem, 0, 2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
