/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DigestedData (RFC 5652, 7): ours and openssl's, whole and damaged. */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

static const char *const digests[] = { "sha256", "sha384", "sha512", "sha3-256", "sha224" };

START_TEST(round_trip)
{
    static const size_t sizes[] = { 0, 1, 5000, 200000 };
    const struct alg_digest *digest = alg_digest_by_name(digests[_i]);

    for (size_t i = 0; i < 8; i++) {
        size_t size = sizes[i / 2];
        struct cms_digested_options options = {
            .digest = _i == 0 ? NULL : digest, .content_size = i % 2 ? (int64_t)size : -1,
            .content_type = i == 5 ? NID_pkcs7_signed : 0 };
        uint8_t *content = some_content(size);
        struct buf *m = digest_content(&options, content, size, 777);
        struct opened o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, NULL);

        ck_assert_int_eq(cms_reader_type(o.reader), NID_pkcs7_digest);
        ck_assert_ptr_eq(cms_reader_digest(o.reader), digest);
        ck_assert(cms_reader_is_ber(o.reader) == (options.content_size < 0));
        opened_clear(&o);
        assert_opens(m, NULL, content, size);
        buf_free(&m);
        free(content);
    }
}
END_TEST

START_TEST(openssl_both_ways)
{
    char *dir = scratch_make(), path[4096];
    uint8_t *content = some_content(100000);
    struct cms_digested_options options = { .digest = alg_digest_by_name(digests[_i]),
                                            .content_size = 100000 };
    struct buf *m;

    write_file(dir, "content", content, 100000);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -digest_create -binary -md %s -in content "
                           "-outform DER -out theirs", dir, digests[_i]), 0);
    snprintf(path, sizeof path, "%s/theirs", dir);
    m = read_file(path);
    assert_opens(m, NULL, content, 100000);
    buf_free(&m);
    for (int ber = 0; ber < 2; ber++) {
        if (ber)
            options.content_size = -1;
        m = digest_content(&options, content, 100000, 0);
        write_file(dir, "ours", buf_data(m), buf_len(m));
        ck_assert_int_eq(shell("cd '%s' && openssl cms -digest_verify -binary -inform DER -in ours "
                               "-out back 2>err && cmp content back", dir), 0);
        buf_free(&m);
    }
    scratch_remove(dir);
    free(content);
}
END_TEST

START_TEST(damage)
{
    uint8_t *content = some_content(300);
    struct cms_digested_options options = { .content_size = 300 };
    struct buf *m = digest_content(&options, content, 300, 0);
    static const uint8_t sha256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
    static const uint8_t other[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x7f };

    assert_survives_damage(m, NULL, content, 300);
    buf_mutable(m)[buf_len(m) - 40] ^= 1;
    assert_refused(m, NULL, E_ALTERED, "it was altered or damaged");
    replace_octets(m, sha256, other, sizeof other);
    assert_refused(m, NULL, E_UNSUPPORTED, "its digest 2.16.840.1.101.3.4.2.127, before offset");
    buf_free(&m);
    free(content);
}
END_TEST

/* No content: nothing to compare. */
START_TEST(detached)
{
    static const uint8_t m[] = {
        0x30, 0x44, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x05, 0xa0, 0x37,
        0x30, 0x35, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x02, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
        0x01, 0x04, 0x16, 'w', 'h', 'a', 't', 'e', 'v', 'e', 'r', ' ', 't', 'h', 'e', ' ', 'd',
        'i', 'g', 'e', 's', 't', 's', ' ', 'i',
    };
    struct buf *b = buf_new();

    ck_assert_int_eq(buf_put(b, m, sizeof m), 0);
    assert_refused(b, NULL, E_UNSUPPORTED, "its content is not in it");
    buf_free(&b);
}
END_TEST

START_TEST(misused)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_digested_options options = { .digest = alg_digest_by_name("sha1") };
    struct cms_digested *d = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_digested_new(&d, &options, &sink, &err), E_WEAK);
    options = (struct cms_digested_options){ .content_size = 3 };
    ck_assert_int_eq(cms_digested_new(&d, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_digested_update(d, "abcd", 4, &err), E_USAGE);
    cms_digested_free(&d);
    ck_assert_int_eq(cms_digested_new(&d, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_digested_update(d, "ab", 2, &err), 0);
    ck_assert_int_eq(cms_digested_finish(d, &err), E_USAGE);
    ck_assert_int_eq(cms_digested_finish(d, &err), E_USAGE);
    cms_digested_free(&d);
    buf_free(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-digested");
    TCase *tc = tcase_create("digested");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, round_trip, 0, 5);
    tcase_add_loop_test(tc, openssl_both_ways, 0, 5);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, detached);
    tcase_add_test(tc, misused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
