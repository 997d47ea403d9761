/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted messages that are damaged, and keys that do not fit. */
#include "tests/cms/env_kit.h"

#include <stdlib.h>
#include <string.h>

#include "cms/ber.h"

START_TEST(truncated)
{
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 100, kinds[_i].ber);

    for (size_t len = 0; len < buf_len(message); len++) {
        struct opened o = open_message(buf_data(message), len, FEED_WHOLE, everything());

        ck_assert_msg(o.rc == E_TRUNCATED, "%zu: %s: %s", len, err_name(o.rc), err_text(&o.err));
        opened_clear(&o);
    }
    buf_free(&message);
}
END_TEST

/* Nothing that is authenticated is ever altered and taken; nothing crashes. */
START_TEST(each_byte_altered)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 100, kinds[_i].ber);
    bool authenticated = cms_cipher_by_name(kinds[_i].cipher)->tag != 0;
    uint8_t *content = some_content(100);

    for (size_t i = 0; i < 3 * buf_len(message); i++) {
        struct opened o;

        buf_mutable(message)[i / 3] ^= flips[i % 3];
        o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, everything());
        buf_mutable(message)[i / 3] ^= flips[i % 3];
        if (o.rc == 0 && authenticated) {
            ck_assert_uint_eq(buf_len(o.content), 100);
            ck_assert_int_eq(memcmp(buf_data(o.content), content, 100), 0);
        }
        if (o.rc != 0)
            ck_assert_msg(*err_text(&o.err) != '\0', "%zu", i);
        opened_clear(&o);
    }
    free(content);
    buf_free(&message);
}
END_TEST

START_TEST(tag_wrong)
{
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 200000, false);

    if (cms_cipher_by_name(kinds[_i].cipher)->tag != 0) {
        buf_mutable(message)[buf_len(message) - 1] ^= 1;
        assert_refused(message, everything(), E_DECRYPT, "cannot be decrypted");
        /* a tag that was cut short is none */
        struct parts p = split_message(message);
        uint8_t tag[] = { BER_OCTET_STRING, 1, p.tail.data[2] };
        struct buf *cut_short;

        p.tail = (struct span){ tag, sizeof tag };
        cut_short = join_message(&p, 0);
        assert_refused(cut_short, everything(), E_DECRYPT, "cannot be decrypted");
        buf_free(&cut_short);
    }
    buf_free(&message);
}
END_TEST

static const char *const padding_words = "cannot be decrypted: it was altered, or encrypted";

START_TEST(padding_damaged)
{
    struct buf *message = message_for("kek128", "aes128-cbc", 100, false), *other;
    struct parts p;

    buf_mutable(message)[buf_len(message) - 1] ^= 1;
    assert_refused(message, everything(), E_DECRYPT, padding_words);
    p = split_message(message);
    p.sealed.len -= 3;
    other = join_message(&p, 0);
    assert_refused(other, everything(), E_DECRYPT, padding_words);
    buf_free(&other);
    p.sealed.len = 0;
    other = join_message(&p, 0);
    assert_refused(other, everything(), E_DECRYPT, padding_words);
    buf_free(&other);
    buf_free(&message);
}
END_TEST

/* RFC 3218: a wrong key, a refused padding and a wrong length all end alike. */
START_TEST(pkcs1_tells_nothing)
{
    static const struct act acts[] = { { .len = 32 }, { .rc = E_DECRYPT }, { .len = 31 },
                                       { .len = 0 }, { .len = 64 } };
    struct buf *message = message_for("rsa2048-pkcs1", "aes256-cbc", 100, false);
    struct buf *sealed = message_for("rsa2048-pkcs1", "aes256-gcm", 100, false);

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct act act = acts[i];
        struct cms_opener opener = act_opener(&act);
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(sealed, &options, E_DECRYPT, padding_words);
        ck_assert_int_eq(act.calls, 2);
        ck_assert_str_eq(act.scheme, "rsa-pkcs1");
        ck_assert_uint_eq(act.expected, 32);
        /* one random key in 256 gives a padding that fits; ten do not */
        for (int tries = 0;; tries++) {
            struct opened o = open_message(buf_data(message), buf_len(message), FEED_WHOLE,
                                           &options);
            bool done = o.rc == E_DECRYPT;

            if (done)
                ck_assert_ptr_nonnull(strstr(err_text(&o.err), padding_words));
            opened_clear(&o);
            if (done || act.len == 32)
                break;
            ck_assert_int_lt(tries, 10);
        }
    }
    buf_free(&sealed);
    buf_free(&message);
}
END_TEST

/* What is not about the key comes back as it is. */
START_TEST(callback_fails)
{
    static const char *const words[] = { "rsa2048", "rsa2048-pkcs1" };

    for (size_t i = 0; i < 2; i++) {
        struct buf *message = message_for(words[i], "aes256-gcm", 100, false);
        struct act act = { .rc = E_PIN_CANCELLED };
        struct cms_opener opener = act_opener(&act);
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(message, &options, E_PIN_CANCELLED, "the token said so");
        buf_free(&message);
    }
}
END_TEST

/* OAEP protects its key by itself, so its failure comes at once. */
START_TEST(oaep_fails)
{
    struct buf *message = message_for("rsa2048", "aes256-gcm", 100, false);
    struct act act = { .rc = E_DECRYPT };
    struct cms_opener opener = act_opener(&act);
    struct cms_decrypt_options options = options_of(&opener);

    assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
    act = (struct act){ .len = 16 };
    assert_refused(message, &options, E_DECRYPT, "another length");
    ck_assert_str_eq(act.scheme, "rsa-oaep-sha256");
    buf_free(&message);
}
END_TEST

/* Finds octets in a message. */
static uint8_t *
find_octets(struct buf *message, const void *octets, size_t len)
{
    uint8_t *at = memmem(buf_mutable(message), buf_len(message), octets, len);

    ck_assert_ptr_nonnull(at);
    return at;
}

/* Malformed OAEP parameters never become v1.5: the key is not asked at all. */
START_TEST(oaep_malformed)
{
    static const uint8_t oaep[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07 };
    static const struct {
        size_t at;      /* behind the OID */
        uint8_t value;
        int code;
    } damages[] = {
        { 0, 0x31, E_MALFORMED },     /* parameters are no SEQUENCE */
        { 0, 0x04, E_MALFORMED },
        { 2, 0xa7, E_MALFORMED },     /* an unknown field */
        { 4, 0x31, E_MALFORMED },     /* hashFunc is no AlgorithmIdentifier */
        { 16, 0x19, E_UNSUPPORTED },  /* an unknown digest */
    };

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct buf *message = message_for("rsa2048", "aes256-gcm", 100, false);
        struct act act = { .len = 32 };
        struct cms_opener opener = act_opener(&act);
        struct cms_decrypt_options options = options_of(&opener);

        find_octets(message, oaep, sizeof oaep)[sizeof oaep + damages[i].at] = damages[i].value;
        assert_refused(message, &options, damages[i].code, "recipient 1, before offset");
        ck_assert_int_eq(act.calls, 0);
        buf_free(&message);
    }
}
END_TEST

START_TEST(wrong_kek)
{
    struct buf *message = message_for("kek256", "aes256-gcm", 100, false);
    struct secret *wrong = secret_new(32);
    struct cms_kek kek = { .key = wrong };
    struct cms_decrypt_options options = { .keks = &kek, .kek_count = 1 };

    secret_set_len(wrong, 32);
    assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
    kek.id = (const uint8_t *)"another";
    kek.id_len = 7;
    assert_refused(message, &options, E_NO_KEY, "1 recipient");
    kek = (struct cms_kek){ .key = test_kek(16) };
    assert_refused(message, &options, E_DECRYPT, "32 bytes");
    secret_free(&wrong);
    buf_free(&message);
}
END_TEST

START_TEST(wrong_password)
{
    struct buf *message = message_for("password", "aes256-cbc", 100, true);
    struct cms_decrypt_options options = { .password = test_password("incorrect horse") };

    assert_refused(message, &options, E_DECRYPT, "password is wrong");
    buf_free(&message);
}
END_TEST

START_TEST(wrong_key)
{
    static const char *const words[] = { "p256", "p521", "x25519", "rsa2048" };

    for (size_t i = 0; i < 4; i++) {
        struct receiver *r = receiver_of(words[i]);
        struct buf *message = message_for(words[i], "aes256-gcm", 100, false);
        struct receiver other = { .type = r->type, .cert = r->cert,
                                  .key = *r->type == 'x'
                                      ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519")
                                      : pki_key(words[i]) };
        struct cms_opener opener = receiver_opener(&other);
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
        EVP_PKEY_free(other.key);
        opener = receiver_opener(receiver_of("p384"));
        assert_refused(message, &options, E_NO_KEY, "none of the given keys");
        options.opener_count = 0;
        assert_refused(message, &options, E_NO_KEY, "none of the given keys");
        buf_free(&message);
    }
}
END_TEST

/* The certificate that is named, but with a key of another kind. */
START_TEST(key_of_wrong_type)
{
    static const char *const pairs[][2] = { { "rsa2048", "p256" }, { "p256", "rsa2048" },
                                            { "p256", "p384" }, { "x25519", "x448" },
                                            { "p384", "x25519" } };

    for (size_t i = 0; i < 5; i++) {
        struct buf *message = message_for(pairs[i][0], "aes256-gcm", 100, false);
        struct receiver *r = receiver_of(pairs[i][1]);
        X509 *cert = X509_dup(receiver_of(pairs[i][0])->cert);
        struct cms_opener opener = receiver_opener(r);
        struct cms_decrypt_options options = options_of(&opener);

        ck_assert_int_eq(X509_set_pubkey(cert, r->key), 1);
        opener.cert = cert;
        assert_refused(message, &options, E_MALFORMED, "recipient 1, before offset");
        X509_free(cert);
        buf_free(&message);
    }
}
END_TEST

/* The sender's point must be on the curve: no private key ever sees another. */
START_TEST(point_off_curve)
{
    struct buf *message = message_for("p256", "aes256-gcm", 100, false);
    static const uint8_t head[] = { 0x03, 0x42, 0x00, 0x04 };

    find_octets(message, head, sizeof head)[20] ^= 1;
    assert_refused(message, everything(), E_MALFORMED, "on the curve");
    buf_free(&message);
}
END_TEST

/* A point of small order: no secret comes of it, whatever the key's holder says. */
static int
agree_zero(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    (void)arg;
    (void)point;
    (void)len;
    (void)err;
    secret_set_len(z, 32);
    return 0;
}

START_TEST(no_secret_agreed)
{
    struct buf *message = message_for("x25519", "aes256-gcm", 100, false);
    struct cms_opener opener = { .cert = receiver_of("x25519")->cert, .agree = agree_zero };
    struct cms_decrypt_options options = options_of(&opener);

    assert_refused(message, &options, E_MALFORMED, "makes no secret");
    buf_free(&message);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-bad");
    TCase *tc = tcase_create("bad");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, truncated, 0, KINDS);
    tcase_add_loop_test(tc, each_byte_altered, 0, KINDS);
    tcase_add_loop_test(tc, tag_wrong, 0, KINDS);
    tcase_add_test(tc, padding_damaged);
    tcase_add_test(tc, pkcs1_tells_nothing);
    tcase_add_test(tc, callback_fails);
    tcase_add_test(tc, oaep_fails);
    tcase_add_test(tc, oaep_malformed);
    tcase_add_test(tc, wrong_kek);
    tcase_add_test(tc, wrong_password);
    tcase_add_test(tc, wrong_key);
    tcase_add_test(tc, key_of_wrong_type);
    tcase_add_test(tc, point_off_curve);
    tcase_add_test(tc, no_secret_agreed);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
