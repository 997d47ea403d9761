/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Damaged and hostile messages: an error or a bad verdict, never a crash. */
#include "tests/cms/craft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/der.h"

static const char text[] = "Pay 100 to Alice.\r\n";
#define TEXT_LEN (sizeof text - 1)

/* Messages to damage; index by _i. */
static const struct {
    const char *scheme;
    bool detached, known_size, no_attributes, ski;
} makes[] = {
    { "ecdsa-sha256", false, false, false, false },
    { "ed25519", false, true, false, false },
    { "ed25519", true, false, false, true },
    { "ecdsa-sha384", false, false, true, false },
    { "rsa-pss-sha256", false, true, false, false },
    { "rsa-pkcs1-sha256", true, false, true, false },
};
#define MAKES ((int)(sizeof makes / sizeof *makes))

static struct buf *
make(int i)
{
    struct cms_signer signer = person_signer(person_of(makes[i].scheme));
    struct cms_sign_options options = {
        .signers = &signer, .count = 1, .detached = makes[i].detached,
        .content_size = makes[i].known_size ? (int64_t)TEXT_LEN : -1,
        .no_attributes = makes[i].no_attributes,
    };

    signer.ski = makes[i].ski;
    return sign_content(&options, text, TEXT_LEN, 5);
}

static struct reading
judge(int i, const void *data, size_t len)
{
    return read_message(data, len, len / 2, makes[i].detached ? text : NULL, TEXT_LEN);
}

START_TEST(a_flipped_bit_of_content_or_signature_is_bad)
{
    struct buf *message = make(_i);
    uint8_t *data = buf_mutable(message);
    size_t len = buf_len(message);
    uint8_t *content = makes[_i].detached ? NULL : memmem(data, len, text, 4);
    struct reading r;

    if (content != NULL) {
        content[1] ^= 1;
        r = judge(_i, data, len);
        ck_assert_int_eq(r.rc, 0);
        ck_assert_int_eq(r.result->signatures[0].state,
                         makes[_i].no_attributes ? CMS_BAD_SIGNATURE : CMS_ALTERED);
        reading_clear(&r);
        content[1] ^= 1;
    }
    /* the signature is the last thing in the message but for ends */
    while (len > 0 && data[len - 1] == 0)
        len--;
    data[len - 2] ^= 4;
    r = judge(_i, data, buf_len(message));
    ck_assert_int_eq(r.rc, 0);
    ck_assert_int_eq(r.result->signatures[0].state, CMS_BAD_SIGNATURE);
    ck_assert_str_eq(r.result->signatures[0].problems[0], "bad-signature");
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

START_TEST(truncation_is_told_with_its_place)
{
    struct buf *message = make(_i);
    char place[32];

    for (size_t len = 0; len < buf_len(message); len++) {
        struct reading r = judge(_i, buf_data(message), len);

        ck_assert_msg(r.rc == E_TRUNCATED, "cut at %zu: %s", len, err_text(&r.err));
        snprintf(place, sizeof place, "offset %zu,", len);
        if (len > 0)
            ck_assert_msg(strstr(r.err.text, place) != NULL, "%s", r.err.text);
        reading_clear(&r);
    }
    buf_free(&message);
}
END_TEST

START_TEST(bytes_behind_are_refused)
{
    static const char *const tails[] = { "x", "\n", "\r\n", "\0", "\0\0\n" };
    static const size_t lens[] = { 1, 1, 2, 1, 3 };

    for (size_t i = 0; i < 5; i++) {
        struct buf *m = make(_i);
        struct cms_reader_options padding = { .allow_padding = true };
        struct reading r;

        ck_assert_int_eq(buf_put(m, tails[i], lens[i]), 0);
        r = judge(_i, buf_data(m), buf_len(m));
        ck_assert_int_eq(r.rc, E_MALFORMED);
        ck_assert_ptr_nonnull(strstr(r.err.text, "other bytes follow"));
        reading_clear(&r);
        r = read_with(buf_data(m), buf_len(m), 0, NULL, NULL, &padding);
        ck_assert_int_eq(r.rc, i == 0 ? E_MALFORMED : 0);
        reading_clear(&r);
        buf_free(&m);
    }
}
END_TEST

/* count copies of one element in a place: "digests", "certs", "signers". */
static struct reading
read_many(const char *place, const struct buf *element, size_t count)
{
    struct buf *many = buf_new(), *none = buf_new(), *encap = craft_no_content(), *m;
    struct reading r;

    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(buf_put(many, buf_data(element), buf_len(element)), 0);
    m = craft_signed_data(*place == 'd' ? many : none, encap, *place == 'c' ? many : none,
                          *place == 's' ? many : none);
    r = read_message(buf_data(m), buf_len(m), 1000, NULL, 0);
    buf_free(&m);
    buf_free(&many);
    buf_free(&none);
    buf_free(&encap);
    return r;
}

START_TEST(too_many_of_anything)
{
    struct buf *digest = buf_new(), *attribute_cert = buf_new();
    struct buf *signer = craft_signer_info(person_of(makes[0].scheme), text, TEXT_LEN);
    const struct {
        const char *place;
        struct buf *element;
        size_t max;
        const char *says;
    } cases[] = {
        { "digests", digest, CMS_MAX_DIGESTS, "digest algorithms" },
        { "certs", attribute_cert, CMS_MAX_CERTS, "certificates" },
        { "signers", signer, CMS_MAX_SIGNERS, "signers" },
    };

    ck_assert_int_eq(buf_put(digest, "\x30\x04\x06\x02\x2a\x03", 6), 0);
    ck_assert_int_eq(buf_put(attribute_cert, "\xa1\x00", 2), 0);
    for (size_t i = 0; i < 3; i++) {
        struct reading r = read_many(cases[i].place, cases[i].element, cases[i].max);

        ck_assert_msg(r.rc == 0, "%s: %s", cases[i].place, err_text(&r.err));
        reading_clear(&r);
        r = read_many(cases[i].place, cases[i].element, cases[i].max + 1);
        ck_assert_int_eq(r.rc, E_LIMIT);
        ck_assert_ptr_nonnull(strstr(r.err.text, cases[i].says));
        ck_assert_ptr_nonnull(strstr(r.err.text, "offset"));
        reading_clear(&r);
        buf_free((struct buf **)(uintptr_t)&cases[i].element);
    }
}
END_TEST

START_TEST(too_big_of_anything)
{
    struct buf *big = buf_new(), *content = buf_new();
    uint8_t *fill;
    struct reading r;
    struct cms_reader_options options = { .max_content = 10 };
    struct buf *message = make(0);

    /* one certificate that is too long */
    ck_assert_int_eq(buf_reserve(content, CMS_MAX_CERT_SIZE, &fill), 0);
    fill_pairs(fill, CMS_MAX_CERT_SIZE, 0x05, 0x00);
    ck_assert_int_eq(der_put(big, 0x30, buf_data(content), buf_len(content)), 0);
    r = read_many("certs", big, 1);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "certificates"));
    reading_clear(&r);
    /* many that are not, but too much together */
    buf_reset(big);
    ck_assert_int_eq(der_put(big, 0xa1, buf_data(content), 200000), 0);
    r = read_many("certs", big, 50);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "not content"));
    reading_clear(&r);
    /* content over what the caller wants */
    r = read_with(buf_data(message), buf_len(message), 0, NULL, NULL, &options);
    ck_assert_int_eq(r.rc, E_LIMIT);
    reading_clear(&r);
    options = (struct cms_reader_options){ .max_other = 100 };
    r = read_with(buf_data(message), buf_len(message), 0, NULL, NULL, &options);
    ck_assert_int_eq(r.rc, E_LIMIT);
    reading_clear(&r);
    buf_free(&message);
    buf_free(&big);
    buf_free(&content);
}
END_TEST

#define BYTES(string) string, sizeof(string) - 1
/* SignedData in BER up to a place. */
#define TO_VERSION "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80"
#define TO_ENCAP TO_VERSION "\x02\x01\x01\x31\x00"
#define TO_CONTENT TO_ENCAP "\x30\x80\x06\x01\x2a\xa0\x80"
#define TO_SIGNERS TO_ENCAP "\x30\x03\x06\x01\x2a"

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    int rc;
} hostile[] = {
    { "empty", BYTES(""), E_TRUNCATED },
    { "text", BYTES("Hello, world\n"), E_MALFORMED },
    { "length beyond the file", BYTES("\x30\x84\x7f\xff\xff\xff\x06\x09"), E_TRUNCATED },
    { "2^40 within 2^40",
      BYTES("\x30\x86\x01\x00\x00\x00\x00\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
            "\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80"
            "\x04\x86\x01\x00\x00\x00\x00\x00"), E_MALFORMED },
    { "2^40", BYTES(TO_CONTENT "\x04\x86\x01\x00\x00\x00\x00\x00"), E_TRUNCATED },
    { "2^64", BYTES("\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"), E_LIMIT },
    { "data, not signed", BYTES("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
                                "\xa0\x02\x04\x00"), E_UNSUPPORTED },
    { "unknown type", BYTES("\x30\x80\x06\x03\x2a\x03\x04\xa0\x80"), E_UNSUPPORTED },
    { "no content", BYTES("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
      E_MALFORMED },
    { "OID without octets", BYTES("\x30\x80\x06\x00"), E_MALFORMED },
    { "version 6", BYTES(TO_VERSION "\x02\x01\x06"), E_UNSUPPORTED },
    { "version of 9 bytes", BYTES(TO_VERSION "\x02\x09\x01\0\0\0\0\0\0\0\0"), E_LIMIT },
    { "digest that is no SEQUENCE", BYTES(TO_VERSION "\x02\x01\x01\x31\x80\x05\x00"),
      E_MALFORMED },
    { "eContent that is no string", BYTES(TO_CONTENT "\x31\x80"), E_MALFORMED },
    { "eContent as in PKCS #7", BYTES(TO_CONTENT "\x30\x80"), E_UNSUPPORTED },
    { "segment that is no string", BYTES(TO_CONTENT "\x24\x80\x30\x80"), E_MALFORMED },
    { "signerInfos missing", BYTES(TO_SIGNERS "\x00\x00"), E_MALFORMED },
    { "something behind signerInfos", BYTES(TO_SIGNERS "\x31\x00\x05\x00"), E_MALFORMED },
    { "empty SignerInfo", BYTES(TO_SIGNERS "\x31\x02\x30\x00"), E_MALFORMED },
};

START_TEST(hostile_bytes)
{
    for (size_t split = 0; split <= hostile[_i].len; split++) {
        struct reading r = read_message(hostile[_i].bytes, hostile[_i].len, split, NULL, 0);

        ck_assert_msg(r.rc == hostile[_i].rc, "%s: %s", hostile[_i].name, err_text(&r.err));
        ck_assert_msg(r.rc == E_UNSUPPORTED || hostile[_i].len == 0 ||
                      strstr(r.err.text, "offset") != NULL, "%s", r.err.text);
        /* nothing more is taken */
        ck_assert_int_eq(cms_reader_finish(r.reader, NULL), E_USAGE);
        reading_clear(&r);
    }
}
END_TEST

START_TEST(nested_strings_are_bounded)
{
    static const uint8_t head[] = TO_CONTENT;
    size_t deep = 100000, len = sizeof head - 1 + 2 * deep;
    uint8_t *data = malloc(len);
    struct reading r;

    memcpy(data, head, sizeof head - 1);
    fill_pairs(data + sizeof head - 1, 2 * deep, 0x24, 0x80);
    r = read_message(data, len, 50, NULL, 0);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "nested deeper"));
    reading_clear(&r);
    free(data);
}
END_TEST

static int
stop(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)arg, (void)data, (void)len;
    return err_set(err, E_OUTPUT, "disk is full");
}

START_TEST(the_sink_can_stop)
{
    struct buf *m = make(0);
    struct cms_reader_options options = { .content = { .write = stop } };
    struct cms_reader *r = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_reader_new(&r, &options, &err), 0);
    ck_assert_int_eq(cms_reader_update(r, buf_data(m), buf_len(m), &err), E_OUTPUT);
    ck_assert_str_eq(err.text, "disk is full");
    ck_assert_int_eq(cms_reader_finish(r, &err), E_USAGE);
    cms_reader_free(&r);
    cms_reader_free(&r);
    buf_free(&m);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-bad");
    TCase *tc = tcase_create("bad");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, a_flipped_bit_of_content_or_signature_is_bad, 0, MAKES);
    tcase_add_loop_test(tc, truncation_is_told_with_its_place, 0, MAKES);
    tcase_add_loop_test(tc, bytes_behind_are_refused, 0, MAKES);
    tcase_add_test(tc, too_many_of_anything);
    tcase_add_test(tc, too_big_of_anything);
    tcase_add_loop_test(tc, hostile_bytes, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(tc, nested_strings_are_bounded);
    tcase_add_test(tc, the_sink_can_stop);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
