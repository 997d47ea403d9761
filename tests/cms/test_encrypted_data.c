/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EncryptedData (RFC 5652, 8): under a key that both sides have, ours and openssl's. */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

static const char *const ciphers[] = { "aes128-cbc", "aes192-cbc", "aes256-cbc" };

START_TEST(round_trip)
{
    static const size_t sizes[] = { 0, 1, 16, 5000, 200000 };
    const struct cms_cipher *cipher = cms_cipher_by_name(ciphers[_i]);
    struct cms_decrypt_options options = with_key(cipher->key);

    for (size_t i = 0; i < 10; i++) {
        size_t size = sizes[i / 2];
        uint8_t *content = some_content(size);
        struct buf *m = encrypted_data(ciphers[_i], content, size, i % 2);
        struct opened o = open_message(buf_data(m), buf_len(m), FEED_RANDOM, &options);

        ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
        ck_assert_uint_eq(buf_len(o.content), size);
        ck_assert(size == 0 || memcmp(buf_data(o.content), content, size) == 0);
        ck_assert_int_eq(cms_reader_type(o.reader), NID_pkcs7_encrypted);
        ck_assert_ptr_eq(cms_reader_encrypted(o.reader)->cipher, cipher);
        ck_assert_uint_eq(cms_reader_encrypted(o.reader)->count, 0);
        ck_assert(!cms_reader_encrypted(o.reader)->authenticated);
        opened_clear(&o);
        /* without any key it is parsed */
        o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, NULL);
        ck_assert_int_eq(o.rc, 0);
        ck_assert_uint_eq(buf_len(o.content), 0);
        opened_clear(&o);
        buf_free(&m);
        free(content);
    }
}
END_TEST

static void
hex_of(const struct secret *key, char *out)
{
    for (size_t i = 0; i < secret_len(key); i++)
        snprintf(out + 2 * i, 3, "%02x", secret_data_view(key)[i]);
}

START_TEST(openssl_both_ways)
{
    static const char *const names[] = { "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3" };
    size_t key_len = _i == 3 ? 24 : cms_cipher_by_name(ciphers[_i])->key;
    char *dir = scratch_make(), path[4096], key[65];
    uint8_t *content = some_content(100001);
    struct cms_decrypt_options options = with_key(key_len);
    struct opened o;
    struct buf *m;

    hex_of(test_kek(key_len), key);
    write_file(dir, "content", content, 100001);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -EncryptedData_encrypt -binary -%s "
                           "-secretkey %s -in content -outform DER -out theirs", dir, names[_i], key), 0);
    snprintf(path, sizeof path, "%s/theirs", dir);
    m = read_file(path);
    if (_i == 3)
        assert_refused(m, &options, E_WEAK, "3des-cbc, which is weak");
    options.allow_weak = true;
    o = open_message(buf_data(m), buf_len(m), FEED_RANDOM, &options);
    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    ck_assert_uint_eq(buf_len(o.content), 100001);
    ck_assert_mem_eq(buf_data(o.content), content, 100001);
    opened_clear(&o);
    buf_free(&m);
    for (int ber = 0; _i < 3 && ber < 2; ber++) {
        m = encrypted_data(ciphers[_i], content, 100001, ber);
        write_file(dir, "ours", buf_data(m), buf_len(m));
        ck_assert_int_eq(shell("cd '%s' && openssl cms -EncryptedData_decrypt -binary -inform DER "
                               "-secretkey %s -in ours -out back && cmp content back", dir,
                               key), 0);
        buf_free(&m);
    }
    scratch_remove(dir);
    free(content);
}
END_TEST

START_TEST(keys)
{
    struct buf *m = encrypted_data("aes256-cbc", "abc", 3, false);
    struct cms_decrypt_options options = with_key(16);
    struct secret *wrong = secret_new(32);

    assert_refused(m, everything(), E_NO_KEY, "a key that both sides must have");
    assert_refused(m, &options, E_DECRYPT, "the given key has 16 bytes, but aes256-cbc");
    secret_set_len(wrong, 32);
    options.content_key = wrong;
    assert_refused(m, &options, E_DECRYPT, "encrypted with another key");
    secret_free(&wrong);
    buf_free(&m);
}
END_TEST

START_TEST(damage)
{
    struct cms_decrypt_options options = with_key(16);
    uint8_t *content = some_content(200);
    struct buf *m = encrypted_data("aes128-cbc", content, 200, true);

    /* CBC does not tell what was altered within: only cuts are checked against the key */
    for (size_t n = 0; n < buf_len(m); n++) {
        struct opened o = open_message(buf_data(m), n, FEED_WHOLE, &options);

        ck_assert_msg(o.rc == E_TRUNCATED, "%zu: %s", n, err_text(&o.err));
        opened_clear(&o);
    }
    ck_assert_int_eq(buf_put(m, "x", 1), 0);
    assert_refused(m, &options, E_MALFORMED, "other bytes follow");
    buf_free(&m);
    free(content);
}
END_TEST

/* unprotectedAttrs [1] and version 2, which libcrypto writes none of. */
START_TEST(unprotected_attributes)
{
    static const uint8_t attributes[] = {
        0xa1, 0x18, 0x30, 0x16, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0d,
        0x31, 0x09, 0x0c, 0x07, 'a', ' ', 'd', 'r', 'a', 'f', 't',
    };
    struct cms_decrypt_options options = with_key(16);
    struct buf *plain = encrypted_data("aes128-cbc", "abc", 3, false), *m = buf_new();
    struct opened o;
    uint8_t *at;

    ck_assert_int_eq(buf_put(m, buf_data(plain), buf_len(plain)), 0);
    ck_assert_int_eq(buf_put(m, attributes, sizeof attributes), 0);
    at = buf_mutable(m);
    /* ContentInfo, [0], EncryptedData are longer now */
    at[1] += sizeof attributes;
    at[14] += sizeof attributes;
    at[16] += sizeof attributes;
    at[19] = 2;
    o = open_message(buf_data(m), buf_len(m), FEED_BYTES, &options);
    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    ck_assert_uint_eq(cms_reader_encrypted(o.reader)->attribute_count, 1);
    ck_assert_str_eq(cms_reader_encrypted(o.reader)->attributes[0].oid, "1.2.840.113549.1.9.13");
    ck_assert(!cms_reader_encrypted(o.reader)->attributes[0].is_signed);
    opened_clear(&o);
    at[19] = 3;
    assert_refused(m, &options, E_UNSUPPORTED, "newer than is known");
    buf_free(&m);
    buf_free(&plain);
}
END_TEST

static void
assert_not_written(const struct cms_encrypt_options *options, int code, const char *words)
{
    struct err err = { 0 };

    ck_assert_ptr_null(try_encrypt(options, "abc", 3, 0, &err));
    ck_assert_msg(err.code == code && strstr(err.text, words) != NULL, "%s", err_text(&err));
}

START_TEST(misused)
{
    struct cms_to to = to_of("kek128");
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-gcm"),
                                           .key = test_kek(32), .content_size = 3 };

    assert_not_written(&options, E_USAGE, "EncryptedData has no place");
    options.cipher = cms_cipher_by_name("aes256-cbc");
    options.key = test_kek(16);
    assert_not_written(&options, E_USAGE, "the key has 16 bytes");
    options.key = test_kek(32);
    options.to = &to;
    options.count = 1;
    assert_not_written(&options, E_USAGE, "recipients beside a key");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-encrypted-data");
    TCase *tc = tcase_create("encrypted-data");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, round_trip, 0, 3);
    tcase_add_loop_test(tc, openssl_both_ways, 0, 4);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, unprotected_attributes);
    tcase_add_test(tc, misused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
