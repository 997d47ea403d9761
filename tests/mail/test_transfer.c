/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Canonical line ends, quoted-printable and base64, and what a stretch is made of. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail/canonical.h"
#include "mail/measure.h"
#include "mail/transfer.h"
#include "tests/mail/pieces.h"

struct canonical_run {
    struct canonical *c;
    struct sink out;
};

static int
update_canonical(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct canonical_run *run = arg;

    return canonical_update(run->c, data, len, &run->out, err);
}

static void
canonical_gives(const char *in, size_t in_len, const char *want, size_t want_len)
{
    struct canonical *c = malloc(sizeof *c);
    struct buf *out = buf_new();
    struct canonical_run run = {.c = c, .out = pieces_sink(out)};
    struct measure m;

    EVERY_WAY(way, in_len)
    {
        buf_reset(out);
        canonical_init(c);
        ck_assert_int_eq(pieces_feed(update_canonical, &run, in, in_len, way, NULL), 0);
        ck_assert_uint_eq(buf_len(out), want_len);
        ck_assert_int_eq(memcmp(buf_data(out), want, want_len), 0);
    }
    measure_init(&m);
    measure_update(&m, (const uint8_t *)in, in_len);
    ck_assert_uint_eq(measure_canonical(&m), want_len);
    buf_free(&out);
    free(c);
}

START_TEST(canonical_lines)
{
    static const struct {
        const char *in, *out;
    } lines[] = {
        {"", ""},
        {"a", "a"},
        {"\n", "\r\n"},
        {"\r\n", "\r\n"},
        {"a\nb\r\nc\n\n", "a\r\nb\r\nc\r\n\r\n"},
        {"a\rb\r\r\nc\r", "a\rb\r\r\nc\r"},
        {"\r\n\n\r\n", "\r\n\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        canonical_gives(lines[i].in, strlen(lines[i].in), lines[i].out, strlen(lines[i].out));
    canonical_gives("a\0\nb", 4, "a\0\r\nb", 5);
}
END_TEST

/* Pieces around the sizes of the inner buffer, long and short lines. */
START_TEST(canonical_big)
{
    static const size_t lengths[] = {1, 76, 4095, 4096, 4097, 32765, 32766, 32767, 32768, 70000};
    struct canonical *c = malloc(sizeof *c);
    struct buf *in = buf_new(), *want = buf_new(), *out = buf_new();
    struct sink sink = pieces_sink(out);
    uint8_t *p;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t lines = 1; lines < 5; lines++) {
            buf_reset(in);
            buf_reset(want);
            buf_reset(out);
            for (size_t k = 0; k < lines; k++) {
                ck_assert_int_eq(buf_reserve(in, lengths[i], &p), 0);
                memset(p, 'x', lengths[i]);
                ck_assert_int_eq(buf_put(want, p, lengths[i]), 0);
                ck_assert_int_eq(buf_put_str(in, "\n"), 0);
                ck_assert_int_eq(buf_put_str(want, "\r\n"), 0);
            }
            canonical_init(c);
            ck_assert_int_eq(canonical_update(c, buf_data(in), buf_len(in), &sink, NULL), 0);
            ck_assert_uint_eq(buf_len(out), buf_len(want));
            ck_assert_int_eq(memcmp(buf_data(out), buf_data(want), buf_len(out)), 0);
        }
    }
    buf_free(&in);
    buf_free(&want);
    buf_free(&out);
    free(c);
}
END_TEST

static int
update_transfer(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return transfer_update(arg, data, len, err);
}

static int
run(struct transfer_stream *s, const void *data, size_t len, size_t way)
{
    int rc = pieces_feed(update_transfer, s, data, len, way, NULL);

    if (rc == 0)
        rc = transfer_finish(s, NULL);
    transfer_free(&s);
    return rc;
}

static const struct {
    const char *plain, *encoded;
} quoted[] = {
    {"", ""},
    {"plain text\n", "plain text\n"},
    {"no line end", "no line end"},
    {"a=b\n", "a=3Db\n"},
    {"Gr\xc3\xbc\xc3\x9f" "e\n", "Gr=C3=BC=C3=9Fe\n"},
    {"end \nend\t\n \n", "end=20\nend=09\n=20\n"},
    {"end ", "end=20"},
    {"two  blanks\n", "two  blanks\n"},
    {"a\rb\nc\r", "a=0Db\nc=0D"},
    {"a \r", "a=20=0D"},
    {".\n..\na.b\n", "=2E\n=2E.\na.b\n"},
    {"From here\nFrom\nFrom: x\n From y\nFromage \n",
     "From=20here\nFrom\nFrom: x\n From y\nFromage=20\n"},
    {"\x01\x7f\n", "=01=7F\n"},
    {"1234567890123456789012345678901234567890123456789012345678901234567890123456\n",
     "123456789012345678901234567890123456789012345678901234567890123456789012345=\n6\n"},
    {"123456789012345678901234567890123456789012345678901234567890123456789012 \xff\n",
     "123456789012345678901234567890123456789012345678901234567890123456789012 =\n=FF\n"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234 \n",
     "12345678901234567890123456789012345678901234567890123456789012345678901234=\n=20\n"},
};

START_TEST(quoted_printable)
{
    struct buf *out = buf_new();
    struct sink sink = pieces_sink(out);
    struct transfer_stream *s;
    char *crlf = pieces_crlf(quoted[_i].plain), *want = pieces_crlf(quoted[_i].encoded);

    EVERY_WAY(way, strlen(quoted[_i].plain))
    {
        buf_reset(out);
        ck_assert_int_eq(transfer_encoder_new(&s, TRANSFER_QP, false, &sink, NULL), 0);
        ck_assert_int_eq(run(s, quoted[_i].plain, strlen(quoted[_i].plain), way), 0);
        pieces_is(out, quoted[_i].encoded);
        buf_reset(out);
        ck_assert_int_eq(transfer_encoder_new(&s, TRANSFER_QP, true, &sink, NULL), 0);
        ck_assert_int_eq(run(s, crlf, strlen(crlf), way), 0);
        pieces_is(out, want);
    }
    /* And back, byte for byte. */
    EVERY_WAY(way, strlen(quoted[_i].encoded))
    {
        buf_reset(out);
        ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_QP, &sink, NULL), 0);
        ck_assert_int_eq(run(s, quoted[_i].encoded, strlen(quoted[_i].encoded), way), 0);
        if (strchr(quoted[_i].plain, '\r') == NULL)
            pieces_is(out, quoted[_i].plain);
    }
    free(crlf);
    free(want);
    buf_free(&out);
}
END_TEST

START_TEST(quoted_any_bytes)
{
    struct buf *text = buf_new(), *back = buf_new();
    struct sink to_text = pieces_sink(text), to_back = pieces_sink(back);
    struct transfer_stream *s;
    uint8_t data[3000];
    unsigned seed = 1;

    for (size_t i = 0; i < sizeof data; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = "\n\n  \t==.F\x80rom\xff"[(seed >> 16) % 14];
    }
    ck_assert_int_eq(transfer_encoder_new(&s, TRANSFER_QP, false, &to_text, NULL), 0);
    ck_assert_int_eq(run(s, data, sizeof data, sizeof data), 0);
    for (const char *p = buf_cstr(text), *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
        ck_assert_int_le(nl - p, 76);
        ck_assert(nl == p || (nl[-1] != ' ' && nl[-1] != '\t'));
    }
    ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_QP, &to_back, NULL), 0);
    ck_assert_int_eq(run(s, buf_data(text), buf_len(text), 0), 0);
    ck_assert_uint_eq(buf_len(back), sizeof data);
    ck_assert_int_eq(memcmp(buf_data(back), data, sizeof data), 0);
    buf_free(&text);
    buf_free(&back);
}
END_TEST

START_TEST(quoted_forgiving)
{
    static const struct {
        const char *in, *out;
    } bad[] = {
        {"=c3=bC", "\xc3\xbc"}, {"a=\nb", "ab"},      {"a= \t\nb", "ab"},  {"a=\r\nb", "ab"},
        {"a=zb", "a=zb"},       {"a=4", "a=4"},       {"a=", "a"},         {"a==41", "a=A"},
        {"a=4z", "a=4z"},       {"a  \nb", "a\nb"},   {"a \t\r\nb", "a\r\nb"},
        {"a  b", "a  b"},       {"a  ", "a"},         {"a \rb", "a \rb"},  {"a= b", "a= b"},
    };
    struct buf *out = buf_new();
    struct sink sink = pieces_sink(out);
    struct transfer_stream *s;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EVERY_WAY(way, strlen(bad[i].in))
        {
            buf_reset(out);
            ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_QP, &sink, NULL), 0);
            ck_assert_int_eq(run(s, bad[i].in, strlen(bad[i].in), way), 0);
            pieces_is(out, bad[i].out);
        }
    buf_free(&out);
}
END_TEST

START_TEST(base64_and_identity)
{
    struct buf *out = buf_new();
    struct sink sink = pieces_sink(out);
    struct transfer_stream *s;

    ck_assert_int_eq(transfer_encoder_new(&s, TRANSFER_BASE64, false, &sink, NULL), 0);
    ck_assert_int_eq(run(s, "hello\0\xff", 7, 3), 0);
    pieces_is(out, "aGVsbG8A/w==\n");
    buf_reset(out);
    ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_BASE64, &sink, NULL), 0);
    ck_assert_int_eq(run(s, "aGVs\r\nbG8A/w==\n\n", 16, 16), 0);
    ck_assert_uint_eq(buf_len(out), 7);
    ck_assert_int_eq(memcmp(buf_data(out), "hello\0\xff", 7), 0);
    ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_BASE64, &sink, NULL), 0);
    ck_assert_int_eq(run(s, "aGV*", 4, 0), E_MALFORMED);
    buf_reset(out);
    ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_BINARY, &sink, NULL), 0);
    ck_assert_int_eq(run(s, "=41\n", 4, 0), 0);
    pieces_is(out, "=41\n");
    ck_assert_int_eq(transfer_decoder_new(&s, TRANSFER_UNKNOWN, &sink, NULL), E_UNSUPPORTED);
    buf_free(&out);
}
END_TEST

START_TEST(names)
{
    static const struct {
        const char *value;
        enum transfer t;
    } fields[] = {
        {" Base64", TRANSFER_BASE64},   {"quoted-printable ", TRANSFER_QP},
        {" 8BIT (x)", TRANSFER_8BIT},   {"(x)7bit", TRANSFER_7BIT},
        {"binary;", TRANSFER_BINARY},   {"x-uuencode", TRANSFER_UNKNOWN},
        {"", TRANSFER_UNKNOWN},         {"base6", TRANSFER_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        ck_assert_int_eq(transfer_by_field((const uint8_t *)fields[i].value,
                                           strlen(fields[i].value)), fields[i].t);
    ck_assert_str_eq(transfer_name(TRANSFER_QP), "quoted-printable");
    ck_assert_ptr_null(transfer_name(TRANSFER_UNKNOWN));
}
END_TEST

static int
update_measure(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    measure_update(arg, data, len);
    return 0;
}

static void
measured(struct measure *m, const char *text, size_t len, size_t way)
{
    measure_init(m);
    ck_assert_int_eq(pieces_feed(update_measure, m, text, len, way, NULL), 0);
    measure_finish(m);
}

START_TEST(measures)
{
    static const char mixed[] = "0123456789012345678901234567890123456789\r\n\xc3\xbc x\ny\rz\0";
    char text[1100];
    struct measure m;

    EVERY_WAY(way, sizeof mixed - 1)
    {
        measured(&m, mixed, sizeof mixed - 1, way);
        ck_assert(m.eight_bit && m.nul && !m.long_line && !m.not_utf8 && m.first_crlf);
        ck_assert_uint_eq(m.cr, 2);
        ck_assert_uint_eq(m.crlf, 1);
        ck_assert_uint_eq(m.lf, 2);
        ck_assert(measure_fragile(&m));
    }
    memset(text, 'x', sizeof text);
    pieces_put(text + 998, "\r\n");
    pieces_put(text + 1050, "\n");
    EVERY_WAY(way, sizeof text)
    {
        measured(&m, text, sizeof text, way);
        ck_assert(!measure_fragile(&m));
        ck_assert_uint_eq(measure_canonical(&m), 1101);
    }
    pieces_put(text + 998, "x\r\n");
    EVERY_WAY(way, sizeof text)
    {
        measured(&m, text, sizeof text, way);
        ck_assert(m.long_line);
    }
    memset(text, 'x', sizeof text);
    measured(&m, text, 999, 0);
    ck_assert(m.long_line);
    measured(&m, text, 998, 0);
    ck_assert(!m.long_line);
}
END_TEST

START_TEST(utf8)
{
    static const struct {
        const char *text;
        bool good;
    } texts[] = {
        {"\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xbc", true},
        {"\xc3", false},
        {"\xc3x", false},
        {"\x80", false},
        {"\xc0\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xff", false},
    };
    struct measure m;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        EVERY_WAY(way, strlen(texts[i].text))
        {
            measured(&m, texts[i].text, strlen(texts[i].text), way);
            ck_assert_int_eq(m.not_utf8, !texts[i].good);
        }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail transfer");
    TCase *t = tcase_create("transfer");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, canonical_lines);
    tcase_add_test(t, canonical_big);
    tcase_add_loop_test(t, quoted_printable, 0, sizeof quoted / sizeof *quoted);
    tcase_add_test(t, quoted_any_bytes);
    tcase_add_test(t, quoted_forgiving);
    tcase_add_test(t, base64_and_identity);
    tcase_add_test(t, names);
    tcase_add_test(t, measures);
    tcase_add_test(t, utf8);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
