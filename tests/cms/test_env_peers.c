/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted messages both ways with libcrypto's CMS and the openssl program. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

/* What libcrypto's CMS (3.0) knows. */
static const char *const ciphers[] = {
    "aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-gcm", "aes192-gcm", "aes256-gcm",
};
static const char *const words[] = {
    "rsa2048", "rsa2048-pkcs1", "rsa2048-ski", "p256", "p384", "p521", "p384-ski", "kek128",
    "kek192", "kek256", "password",
};

#define CIPHERS (sizeof ciphers / sizeof *ciphers)
#define WORDS (sizeof words / sizeof *words)

static const size_t sizes[] = { 0, 1, 16, 1000, 100000 };
#define SIZES (sizeof sizes / sizeof *sizes)

/* Gives libcrypto the secret that the word stands for. */
static void
hand_over(CMS_ContentInfo *cms, const char *word)
{
    struct cms_to to = to_of(word);
    uint8_t *key;

    if (to.cert != NULL) {
        for (size_t i = 0; receiver_at(i) != NULL; i++)
            if (receiver_at(i)->cert == to.cert)
                ck_assert_int_eq(CMS_decrypt_set1_pkey(cms, receiver_at(i)->key, to.cert), 1);
        return;
    }
    if (to.password != NULL) {
        ck_assert_int_eq(CMS_decrypt_set1_password(
                             cms, (uint8_t *)(uintptr_t)secret_data_view(to.password),
                             (ossl_ssize_t)secret_len(to.password)), 1);
        return;
    }
    key = OPENSSL_memdup(secret_data_view(to.kek), secret_len(to.kek));
    ck_assert_int_eq(CMS_decrypt_set1_key(cms, key, secret_len(to.kek), to.kek_id, to.kek_id_len),
                     1);
    OPENSSL_free(key);
}

static void
assert_libcrypto_opens(const struct buf *message, const char *word, const uint8_t *content,
                       size_t len)
{
    BIO *in = BIO_new_mem_buf(buf_data(message), (int)buf_len(message));
    BIO *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    char *got;

    ck_assert_ptr_nonnull(cms);
    hand_over(cms, word);
    ck_assert_msg(CMS_decrypt(cms, NULL, NULL, NULL, out, CMS_BINARY) == 1, "%s: %s", word,
                  ERR_error_string(ERR_peek_last_error(), NULL));
    ck_assert_int_eq(BIO_get_mem_data(out, &got), (long)len);
    ck_assert(len == 0 || memcmp(got, content, len) == 0);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
}

/* What we encrypt, in DER and BER, libcrypto opens. */
START_TEST(libcrypto_opens_ours)
{
    const char *word = words[(size_t)_i % WORDS];
    const struct cms_cipher *cipher = cms_cipher_by_name(ciphers[(size_t)_i / WORDS]);
    struct cms_to to = to_of(word);

    for (size_t i = 0; i < 2 * SIZES; i++) {
        size_t size = sizes[i / 2];
        struct cms_encrypt_options options = { .cipher = cipher, .to = &to, .count = 1,
                                               .content_size = i % 2 ? (int64_t)size : -1 };
        uint8_t *content = some_content(size);
        struct buf *message = encrypt_content(&options, content, size, 0);

        /* libcrypto 3.0 reads no empty ciphertext: it takes it for content elsewhere */
        if (size > 0 || cipher->tag == 0)
            assert_libcrypto_opens(message, word, content, size);
        buf_free(&message);
        free(content);
    }
}
END_TEST

static void
add_recipient(CMS_ContentInfo *cms, const char *word)
{
    struct cms_to to = to_of(word);
    CMS_RecipientInfo *info = NULL;
    uint8_t *key, *id;

    if (to.cert != NULL) {
        info = CMS_add1_recipient_cert(cms, to.cert,
                                       CMS_KEY_PARAM | (to.ski ? CMS_USE_KEYID : 0));
        ck_assert_ptr_nonnull(info);
        if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS && !to.pkcs1) {
            EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

            EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING);
            EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha384());
        }
    } else if (to.password != NULL) {
        key = OPENSSL_memdup(secret_data_view(to.password), secret_len(to.password));
        info = CMS_add0_recipient_password(cms, -1, NID_id_alg_PWRI_KEK, -1, key,
                                           (ossl_ssize_t)secret_len(to.password),
                                           EVP_aes_256_cbc());
    } else {
        key = OPENSSL_memdup(secret_data_view(to.kek), secret_len(to.kek));
        id = OPENSSL_memdup(to.kek_id, to.kek_id_len);
        info = CMS_add0_recipient_key(cms, NID_undef, key, secret_len(to.kek), id, to.kek_id_len,
                                      NULL, NULL, NULL);
    }
    ck_assert_ptr_nonnull(info);
}

/* What libcrypto encrypts, in DER and streamed, we open. */
START_TEST(we_open_libcryptos)
{
    const char *word = words[(size_t)_i % WORDS];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(
        NULL, cms_cipher_by_name(ciphers[(size_t)_i / WORDS])->ossl, NULL);

    /* libcrypto 3.0 cannot write an empty AEAD content */
    for (size_t i = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE ? 2 : 0; i < 2 * SIZES; i++) {
        size_t size = sizes[i / 2];
        unsigned flags = CMS_BINARY | CMS_PARTIAL | (i % 2 ? CMS_STREAM : 0);
        uint8_t *content = some_content(size);
        BIO *in = BIO_new_mem_buf(content, (int)size), *out = BIO_new(BIO_s_mem());
        CMS_ContentInfo *cms = CMS_encrypt_ex(NULL, NULL, cipher, flags, NULL, NULL);
        struct buf *message = buf_new();
        char *data;
        long len;

        add_recipient(cms, word);
        if (i % 2 == 0)
            ck_assert_int_eq(CMS_final(cms, in, NULL, CMS_BINARY), 1);
        ck_assert_int_eq(i2d_CMS_bio_stream(out, cms, in, i % 2 ? CMS_STREAM | CMS_BINARY : 0), 1);
        len = BIO_get_mem_data(out, &data);
        ck_assert_int_eq(buf_put(message, data, (size_t)len), 0);
        assert_opens(message, everything(), content, size);
        buf_free(&message);
        CMS_ContentInfo_free(cms);
        BIO_free(in);
        BIO_free(out);
        free(content);
    }
    EVP_CIPHER_free(cipher);
}
END_TEST

/* The openssl program's options for a word: to encrypt, to decrypt. */
static const struct {
    const char *word, *encrypt, *decrypt, *cipher;
} programs[] = {
    { "rsa2048-pkcs1", "-recip cert.pem", "-inkey key.pem -recip cert.pem", "-aes-256-cbc" },
    { "rsa2048", "-recip cert.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
      "-inkey key.pem -recip cert.pem", "-aes-256-gcm" },
    { "p256", "-recip cert.pem -keyopt ecdh_kdf_md:sha256", "-inkey key.pem -recip cert.pem",
      "-aes-128-gcm" },
    { "p384", "-recip cert.pem -keyopt ecdh_kdf_md:sha384", "-inkey key.pem -recip cert.pem",
      "-aes-192-cbc" },
    { "p521", "-recip cert.pem", "-inkey key.pem -recip cert.pem", "-aes-256-gcm" },
    { "kek128", "-secretkey %s -secretkeyid 7468652d6b6579",
      "-secretkey %s -secretkeyid 7468652d6b6579", "-aes-128-cbc" },
    { "password", "-pwri_password 'correct horse'", "-pwri_password 'correct horse'",
      "-aes-256-cbc" },
};

START_TEST(the_program)
{
    const char *word = programs[_i].word;
    struct cms_to to = to_of(word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-gcm"), .to = &to,
                                           .count = 1, .content_size = -1 };
    char *dir = scratch_make(), key[65] = "", line[400], path[4096];
    uint8_t *content = some_content(300000);
    struct buf *message;

    for (size_t i = 0; to.kek != NULL && i < secret_len(to.kek); i++)
        snprintf(key + 2 * i, 3, "%02x", secret_data_view(to.kek)[i]);
    for (size_t i = 0; receiver_at(i) != NULL; i++)
        if (receiver_at(i)->cert == to.cert)
            write_receiver(dir, receiver_at(i));
    write_file(dir, "content", content, 300000);

    message = encrypt_content(&options, content, 300000, 70000);
    write_file(dir, "ours", buf_data(message), buf_len(message));
    buf_free(&message);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(line, sizeof line, programs[_i].decrypt, key);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -decrypt -binary -inform DER -in ours -out got "
                           "%s && cmp content got", dir, line), 0);
    snprintf(line, sizeof line, programs[_i].encrypt, key);
#pragma GCC diagnostic pop
    ck_assert_int_eq(shell("cd '%s' && openssl cms -encrypt -binary -outform DER -in content "
                           "-stream -out theirs %s %s", dir, programs[_i].cipher, line), 0);
    snprintf(path, sizeof path, "%s/theirs", dir);
    message = read_file(path);
    assert_opens(message, everything(), content, 300000);
    buf_free(&message);
    free(content);
    scratch_remove(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-peers");
    TCase *tc = tcase_create("peers");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, libcrypto_opens_ours, 0, (int)(CIPHERS * WORDS));
    tcase_add_loop_test(tc, we_open_libcryptos, 0, (int)(CIPHERS * WORDS));
    tcase_add_loop_test(tc, the_program, 0, (int)(sizeof programs / sizeof *programs));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
