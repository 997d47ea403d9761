/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What we encrypt, opened by ourselves: every recipient with every cipher. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    "rsa2048", "rsa2048-pkcs1", "rsa2048-ski", "p256", "p384", "p521", "p256-ski", "x25519",
    "x448", "x448-ski", "kek128", "kek192", "kek256", "password",
};

#define WORDS (sizeof words / sizeof *words)

/* Sizes around the blocks of ciphers, segments and counters. */
static const size_t sizes[] = { 0, 1, 15, 16, 17, 1000, 65535, 65536, 65537, 200001 };

#define SIZES (sizeof sizes / sizeof *sizes)

static bool
is_usable(const struct cms_cipher *c)
{
    return !c->weak;
}

/* Each recipient with each cipher, a small content. */
START_TEST(each_recipient)
{
    struct cms_to to = to_of(words[_i]);
    uint8_t *content = some_content(1000);

    for (size_t i = 0; cms_cipher_at(i) != NULL; i++) {
        struct cms_encrypt_options options = { .cipher = cms_cipher_at(i), .to = &to, .count = 1,
                                               .content_size = 1000 };
        struct buf *message;

        if (!is_usable(options.cipher))
            continue;
        message = encrypt_content(&options, content, 1000, 0);
        assert_opens(message, everything(), content, 1000);
        buf_free(&message);
        options.content_size = -1;
        if (options.cipher->mode == CMS_MODE_CCM)
            continue;
        message = encrypt_content(&options, content, 1000, 7);
        assert_opens(message, everything(), content, 1000);
        buf_free(&message);
    }
    free(content);
}
END_TEST

/* Each cipher with each size, in pieces, known before or not. */
START_TEST(each_size)
{
    static const size_t pieces[] = { 0, 1009, 70000 };
    const struct cms_cipher *cipher = cms_cipher_at((size_t)_i / SIZES);
    size_t size = sizes[(size_t)_i % SIZES];
    struct cms_to to = to_of("kek256");
    uint8_t *content = some_content(size);

    for (int known = 0; is_usable(cipher) && known < 2; known++) {
        for (size_t p = 0; p < 3; p++) {
            struct cms_encrypt_options options = { .cipher = cipher, .to = &to, .count = 1,
                                                   .content_size = known ? (int64_t)size : -1 };
            struct err err = { 0 };
            struct buf *message = try_encrypt(&options, content, size, pieces[p], &err);
            struct opened o;

            if (cipher->mode == CMS_MODE_CCM && !known) {
                ck_assert_int_eq(err.code, E_USAGE);
                continue;
            }
            ck_assert_msg(message != NULL, "%s", err_text(&err));
            assert_opens(message, everything(), content, size);
            o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, everything());
            ck_assert(cms_reader_is_ber(o.reader) == !known);
            opened_clear(&o);
            buf_free(&message);
        }
    }
    free(content);
}
END_TEST

/* All recipients in one message: each alone opens it, and is told to have. */
START_TEST(several_recipients)
{
    const struct cms_decrypt_options *all = everything();
    struct cms_to to[WORDS];
    struct cms_encrypt_options options = { .cipher = cms_cipher_at((size_t)_i), .to = to,
                                           .count = WORDS, .content_size = 3000 };
    uint8_t *content = some_content(3000);
    struct buf *message;

    for (size_t i = 0; i < WORDS; i++)
        to[i] = to_of(words[i]);
    if (!is_usable(options.cipher)) {
        free(content);
        return;
    }
    message = encrypt_content(&options, content, 3000, 0);
    for (size_t i = 0; i < all->opener_count + all->kek_count + 1; i++) {
        struct cms_decrypt_options one = { 0 };
        struct opened o;

        if (i < all->opener_count)
            one.openers = &all->openers[i], one.opener_count = 1;
        else if (i < all->opener_count + all->kek_count)
            one.keks = &all->keks[i - all->opener_count], one.kek_count = 1;
        else
            one.password = all->password;
        assert_opens(message, &one, content, 3000);
        o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, &one);
        ck_assert_uint_eq(cms_reader_encrypted(o.reader)->count, WORDS);
        if (i < all->opener_count)
            ck_assert(cms_recipient_is(cms_reader_encrypted(o.reader)->opened,
                                       all->openers[i].cert));
        opened_clear(&o);
    }
    buf_free(&message);
    free(content);
}
END_TEST

/* OAEP with every digest, another one in MGF1, and a label. */
START_TEST(oaep_parameters)
{
    static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };
    uint8_t *content = some_content(100);

    for (size_t i = 0; i < 25; i++) {
        struct cms_to to = to_of("rsa2048");
        struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("AES256-GCM"),
                                               .to = &to, .count = 1, .content_size = 100 };
        struct buf *message;

        to.digest = alg_digest_by_name(digests[i / 5]);
        to.mgf = alg_digest_by_name(digests[i % 5]);
        if (i % 2 == 0) {
            to.label = (const uint8_t *)"a label";
            to.label_len = 7;
        }
        message = encrypt_content(&options, content, 100, 0);
        assert_opens(message, everything(), content, 100);
        buf_free(&message);
    }
    free(content);
}
END_TEST

/* Key agreement with every digest of the KDF. */
START_TEST(kdf_digests)
{
    static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };
    static const char *const types[] = { "p256", "p521", "x25519" };

    for (size_t i = 0; i < 15; i++) {
        struct cms_to to = to_of(types[i / 5]);
        struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes192-cbc"),
                                               .to = &to, .count = 1, .content_size = -1 };
        struct err err = { 0 };
        struct buf *message;

        to.digest = alg_digest_by_name(digests[i % 5]);
        message = try_encrypt(&options, "content", 7, 0, &err);
        if (i / 5 == 2 && i % 5 < 2) {
            ck_assert_int_eq(err.code, E_UNSUPPORTED);
            continue;
        }
        ck_assert_msg(message != NULL, "%s", err_text(&err));
        assert_opens(message, everything(), "content", 7);
        buf_free(&message);
    }
}
END_TEST

/* An attribute with an UTF8String, of any length. */
static STACK_OF(X509_ATTRIBUTE) *
attributes_of(size_t len)
{
    STACK_OF(X509_ATTRIBUTE) *attrs = NULL;
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    ck_assert_ptr_nonnull(X509at_add1_attr_by_txt(&attrs, "1.2.3.4", V_ASN1_UTF8STRING,
                                                  (unsigned char *)text, (int)len));
    ck_assert_ptr_nonnull(X509at_add1_attr_by_txt(&attrs, "1.2.3.1", V_ASN1_UTF8STRING,
                                                  (unsigned char *)text, 1));
    free(text);
    return attrs;
}

/* Attributes that come behind the content and are authenticated before it. */
START_TEST(authenticated_attributes)
{
    const struct cms_cipher *cipher = cms_cipher_at((size_t)_i);
    struct cms_to to = to_of("kek128");
    struct cms_encrypt_options options = { .cipher = cipher, .to = &to, .count = 1 };
    static const size_t lengths[] = { 1, 3, 19, 200, 70000 };

    for (size_t i = 0; is_usable(cipher) && i < SIZES; i++) {
        STACK_OF(X509_ATTRIBUTE) *attrs = attributes_of(lengths[i % 5]);
        uint8_t *content = some_content(sizes[i]);
        struct err err = { 0 };
        struct buf *message;
        struct opened o;

        options.attributes = attrs;
        options.content_size = (int64_t)sizes[i];
        options.content_type = i % 2 ? NID_pkcs7_signed : 0;
        message = try_encrypt(&options, content, sizes[i], 0, &err);
        if (cipher->tag == 0) {
            ck_assert_int_eq(err.code, E_USAGE);
        } else {
            ck_assert_msg(message != NULL, "%s", err_text(&err));
            assert_opens(message, everything(), content, sizes[i]);
            o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, everything());
            ck_assert_uint_eq(cms_reader_encrypted(o.reader)->attribute_count, 2 + i % 2);
            ck_assert(cms_reader_encrypted(o.reader)->attributes[0].is_signed);
            opened_clear(&o);
            /* the attribute's last octet is behind the content */
            buf_mutable(message)[buf_len(message) - 2 - cipher->tag - 1] ^= 1;
            o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, everything());
            ck_assert_int_eq(o.rc, E_DECRYPT);
            opened_clear(&o);
        }
        buf_free(&message);
        sk_X509_ATTRIBUTE_pop_free(attrs, X509_ATTRIBUTE_free);
        free(content);
    }
}
END_TEST

/* The callback that is asked when nothing given fits. */
static int
find(void *arg, const struct cms_recipient *recipients, size_t count, struct cms_opener *ret,
     struct err *err)
{
    (void)err;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; receiver_at(k) != NULL; k++)
            if (cms_recipient_is(&recipients[i], receiver_at(k)->cert)) {
                *ret = receiver_opener(receiver_at(k));
                ++*(int *)arg;
                return 0;
            }
    return E_NO_KEY;
}

START_TEST(found_on_demand)
{
    struct cms_to to[] = { to_of("kek128"), to_of("p384") };
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-cbc"), .to = to,
                                           .count = 2, .content_size = -1 };
    struct buf *message = encrypt_content(&options, "content", 7, 0);
    int calls = 0;
    struct cms_decrypt_options decrypt = { .find = find, .find_arg = &calls };
    struct opened o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, &decrypt);

    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    ck_assert_int_eq(calls, 1);
    opened_clear(&o);
    buf_free(&message);
}
END_TEST

/* Without keys a message is parsed, and its recipients are told. */
START_TEST(parsed_alone)
{
    struct cms_to to[WORDS];
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-ccm"), .to = to,
                                           .count = WORDS, .content_size = 7 };
    struct buf *message;
    struct opened o;
    const struct cms_encrypted *e;
    const struct cms_signed *none;

    for (size_t i = 0; i < WORDS; i++)
        to[i] = to_of(words[i]);
    message = encrypt_content(&options, "content", 7, 0);
    o = open_message(buf_data(message), buf_len(message), FEED_BYTES, NULL);
    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    e = cms_reader_encrypted(o.reader);
    ck_assert_uint_eq(e->count, WORDS);
    ck_assert(e->authenticated && !e->weak);
    ck_assert_ptr_eq(e->cipher, options.cipher);
    ck_assert_ptr_null(e->opened);
    ck_assert_int_eq(cms_verify(o.reader, &(struct cms_verify_options){ 0 }, &none, &o.err),
                     E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err_text(&o.err), "decrypt it first"));
    ck_assert_uint_eq(buf_len(o.content), 0);
    for (size_t i = 0; i < WORDS; i++) {
        ck_assert_str_ne(e->recipients[i].algorithm, "");
        ck_assert((e->recipients[i].ski != NULL) + (e->recipients[i].serial != NULL) +
                  (e->recipients[i].kek_id != NULL) +
                  (e->recipients[i].kind == CMS_TO_PASSWORD) == 1);
    }
    opened_clear(&o);
    buf_free(&message);
}
END_TEST

/* What the writer refuses. */
START_TEST(refused_to_write)
{
    struct cms_to to = to_of("kek128");
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-gcm"), .to = &to,
                                           .count = 1, .content_size = 5 };
    struct pki_request request = { .cn = "small" };
    EVP_PKEY *small = pki_key("rsa1024"), *signer = pki_key("ed25519");
    X509 *small_cert = pki_cert(&request, small, NULL, NULL);
    X509 *signer_cert = pki_cert(&request, signer, NULL, NULL);
    struct err err = { 0 };

    ck_assert_ptr_null(try_encrypt(&options, "longer", 6, 0, &err));
    ck_assert_int_eq(err.code, E_USAGE);
    ck_assert_ptr_null(try_encrypt(&options, "less", 4, 0, &err));
    ck_assert_int_eq(err.code, E_USAGE);
    options.count = 0;
    ck_assert_ptr_null(try_encrypt(&options, "exact", 5, 0, &err));
    ck_assert_int_eq(err.code, E_USAGE);
    options.count = 1;
    options.cipher = cms_cipher_by_name("3des-cbc");
    ck_assert_ptr_null(try_encrypt(&options, "exact", 5, 0, &err));
    ck_assert_int_eq(err.code, E_WEAK);
    options.cipher = cms_cipher_by_name("aes128-cbc");
    to = (struct cms_to){ .cert = small_cert };
    ck_assert_ptr_null(try_encrypt(&options, "exact", 5, 0, &err));
    ck_assert_int_eq(err.code, E_WEAK);
    to.cert = signer_cert;
    ck_assert_ptr_null(try_encrypt(&options, "exact", 5, 0, &err));
    ck_assert_int_eq(err.code, E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "recipient 1"));
    to = (struct cms_to){ 0 };
    ck_assert_ptr_null(try_encrypt(&options, "exact", 5, 0, &err));
    ck_assert_int_eq(err.code, E_USAGE);
    X509_free(small_cert);
    X509_free(signer_cert);
    EVP_PKEY_free(small);
    EVP_PKEY_free(signer);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env");
    TCase *tc = tcase_create("env");
    int ciphers = 0;

    while (cms_cipher_at((size_t)ciphers) != NULL)
        ciphers++;
    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, each_recipient, 0, (int)WORDS);
    tcase_add_loop_test(tc, each_size, 0, ciphers * (int)SIZES);
    tcase_add_loop_test(tc, several_recipients, 0, ciphers);
    tcase_add_test(tc, oaep_parameters);
    tcase_add_test(tc, kdf_digests);
    tcase_add_loop_test(tc, authenticated_attributes, 0, ciphers);
    tcase_add_test(tc, found_on_demand);
    tcase_add_test(tc, parsed_alone);
    tcase_add_test(tc, refused_to_write);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
