/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may go along in encrypted messages: the originator's certificates and revocation
 * lists, attributes that nothing protects, keying material beside a key agreement. */
#include "tests/cms/env_kit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/recipient_asn1.h"

static const char text[] = "what goes along is not what it is about";
#define TEXT_LEN (sizeof text - 1)

static X509_CRL *
empty_crl(struct receiver *issuer)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, 1700000000);

    ck_assert_int_eq(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    ck_assert_int_eq(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)), 1);
    ck_assert_int_eq(X509_CRL_set1_lastUpdate(crl, now), 1);
    ck_assert_int_eq(X509_CRL_set1_nextUpdate(crl, now), 1);
    ck_assert_int_gt(X509_CRL_sign(crl, issuer->key, EVP_sha256()), 0);
    ASN1_TIME_free(now);
    return crl;
}

static STACK_OF(X509_ATTRIBUTE) *
attribute(const char *oid)
{
    STACK_OF(X509_ATTRIBUTE) *attrs = NULL;

    ck_assert_ptr_nonnull(X509at_add1_attr_by_txt(&attrs, oid, V_ASN1_UTF8STRING,
                                                  (const uint8_t *)"hint", 4));
    return attrs;
}

static const struct {
    const char *word, *cipher;
    bool ber, authenticated;
    int version;
} forms[] = {
    { "rsa2048", "aes128-cbc", false, false, 2 },   { "rsa2048", "aes128-cbc", true, false, 2 },
    { "password", "aes256-cbc", false, false, 3 },  { "kek128", "aes128-gcm", false, true, 0 },
    { "p256", "aes256-gcm", true, true, 0 },        { "kek256", "aes256-ccm", false, true, 0 },
};
#define FORMS ((int)(sizeof forms / sizeof *forms))

static struct buf *
with_extras(int i, bool originator, bool unprotected)
{
    struct cms_to to = to_of(forms[i].word);
    struct cms_encrypt_options options = {
        .cipher = cms_cipher_by_name(forms[i].cipher), .to = &to, .count = 1,
        .content_size = forms[i].ber ? -1 : (int64_t)TEXT_LEN,
    };
    STACK_OF(X509_ATTRIBUTE) *open = attribute("1.2.3.4"), *closed = attribute("1.2.3.5");
    STACK_OF(X509) *certs = sk_X509_new_null();
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    struct buf *m;

    sk_X509_push(certs, receiver_of("p521")->cert);
    sk_X509_push(certs, receiver_of("p256")->cert);
    sk_X509_CRL_push(crls, empty_crl(receiver_of("p384")));
    if (originator) {
        options.originator_certs = certs;
        options.originator_crls = crls;
    }
    if (unprotected)
        options.unprotected = open;
    if (forms[i].authenticated)
        options.attributes = closed;
    m = encrypt_content(&options, text, TEXT_LEN, 7);
    sk_X509_ATTRIBUTE_pop_free(open, X509_ATTRIBUTE_free);
    sk_X509_ATTRIBUTE_pop_free(closed, X509_ATTRIBUTE_free);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    sk_X509_free(certs);
    return m;
}

static bool
has(const struct cms_encrypted *e, const char *oid, bool is_signed)
{
    for (size_t i = 0; i < e->attribute_count; i++)
        if (strcmp(e->attributes[i].oid, oid) == 0 && e->attributes[i].is_signed == is_signed)
            return true;
    return false;
}

START_TEST(what_goes_along_is_read)
{
    struct buf *m = with_extras(_i, true, true);
    const struct cms_encrypted *e;
    struct opened o;

    assert_opens(m, everything(), text, TEXT_LEN);
    o = open_message(buf_data(m), buf_len(m), FEED_BYTES, everything());
    e = cms_reader_encrypted(o.reader);
    ck_assert_int_eq(sk_X509_num(e->originator_certs), 2);
    ck_assert_uint_eq(e->originator_crls, 1);
    ck_assert(has(e, "1.2.3.4", false));
    ck_assert(has(e, "1.2.3.5", true) == forms[_i].authenticated);
    opened_clear(&o);
    buf_free(&m);
}
END_TEST

/* Each alone, and libcrypto's parser finds the same, in the version that it wants. */
START_TEST(libcrypto_reads_it)
{
    for (int which = 0; which < 4; which++) {
        struct buf *m = with_extras(_i, which & 1, which & 2);
        const uint8_t *at = buf_data(m);
        CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(m));
        uint8_t *again = NULL;
        int len;

        assert_opens(m, everything(), text, TEXT_LEN);
        ck_assert_ptr_nonnull(cms);
        ck_assert_ptr_eq(at, buf_data(m) + buf_len(m));
        len = i2d_CMS_ContentInfo(cms, &again);
        ck_assert_int_gt(len, 0);
        if (!forms[_i].ber) {
            /* it is DER: what is encoded again is the same */
            ck_assert_uint_eq((size_t)len, buf_len(m));
            ck_assert_mem_eq(again, buf_data(m), (size_t)len);
        }
        OPENSSL_free(again);
        CMS_ContentInfo_free(cms);
        buf_free(&m);
    }
}
END_TEST

START_TEST(versions)
{
    struct buf *m = with_extras(_i, true, true), *bare = with_extras(_i, false, false);
    struct parts p;

    if (!forms[_i].ber && !forms[_i].authenticated) {
        /* split_message knows no originatorInfo: version stands right before it */
        static const uint8_t head[] = { 0xa0 };
        const uint8_t *version = memmem(buf_data(m), 40, "\x02\x01", 2);

        ck_assert_ptr_nonnull(version);
        ck_assert_int_eq(version[2], forms[_i].version);
        ck_assert_int_eq(version[3], head[0]);
        p = split_message(bare);
        ck_assert_int_eq(p.version.data[2], forms[_i].version == 2 ? 0 : forms[_i].version);
    }
    buf_free(&bare);
    buf_free(&m);
}
END_TEST

/* What nobody protects may be taken out on the way; nothing else changes. */
START_TEST(unprotected_is_unprotected)
{
    struct buf *m = with_extras(3, false, true);
    uint8_t *hint = memmem(buf_mutable(m), buf_len(m), "\x2a\x03\x04\x31\x06\x0c\x04hint", 11);
    struct opened o;

    ck_assert_ptr_nonnull(hint);
    hint[9] ^= 1;
    o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, everything());
    ck_assert_int_eq(o.rc, 0);
    opened_clear(&o);
    hint = memmem(buf_mutable(m), buf_len(m), "\x2a\x03\x05\x31\x06\x0c\x04hint", 11);
    ck_assert_ptr_nonnull(hint);
    hint[9] ^= 1;
    assert_refused(m, everything(), E_DECRYPT, "cannot be decrypted");
    buf_free(&m);
}
END_TEST

static struct buf *
with_ukm(const char *word, const void *ukm, size_t len, const char *cipher, struct err *err)
{
    struct cms_to to = to_of(word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1, .content_size = TEXT_LEN };

    to.ukm = ukm;
    to.ukm_len = len;
    return try_encrypt(&options, text, TEXT_LEN, 0, err);
}

START_TEST(keying_material)
{
    static const char *const words[] = { "p256", "p384", "p521", "x25519", "x448", "p256-ski" };
    static const char ukm[] = "sixty-four octets, as those who wrote the standards like to have";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct err err = { 0 };
        struct buf *m = with_ukm(words[i], ukm, 64, "aes256-gcm", &err);
        uint8_t *there;

        ck_assert_msg(m != NULL, "%s", err_text(&err));
        assert_opens(m, everything(), text, TEXT_LEN);
        there = memmem(buf_mutable(m), buf_len(m), ukm, 64);
        ck_assert_ptr_nonnull(there);
        there[20] ^= 1;
        assert_refused(m, everything(), E_DECRYPT, "does not unwrap");
        buf_free(&m);
    }
}
END_TEST

START_TEST(keying_material_misplaced)
{
    static const char *const words[] = { "rsa2048", "kek128", "password" };
    static const uint8_t octets[CMS_UKM_MAX + 1];
    struct err err = { 0 };
    struct buf *m;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_null(with_ukm(words[i], "x", 1, "aes256-gcm", &err));
        ck_assert_int_eq(err.code, E_USAGE);
        ck_assert_ptr_nonnull(strstr(err_text(&err), "key agreement"));
    }
    ck_assert_ptr_null(with_ukm("p256", octets, sizeof octets, "aes256-gcm", &err));
    ck_assert_int_eq(err.code, E_LIMIT);
    m = with_ukm("p256", octets, CMS_UKM_MAX, "aes256-gcm", &err);
    assert_opens(m, everything(), text, TEXT_LEN);
    buf_free(&m);
}
END_TEST

/* The openssl program derives the same from it. */
START_TEST(keying_material_and_openssl)
{
    static const char *const words[] = { "p256", "p521" };

    for (size_t i = 0; i < 2; i++) {
        struct err err = { 0 };
        struct buf *m = with_ukm(words[i], "some material", 13, "aes128-cbc", &err);
        char *dir = scratch_make();

        write_receiver(dir, receiver_of(words[i]));
        write_file(dir, "m", buf_data(m), buf_len(m));
        write_file(dir, "content", text, TEXT_LEN);
        ck_assert_int_eq(shell("cd '%s' && openssl cms -decrypt -binary -inform DER -in m "
                               "-recip cert.pem -inkey key.pem -out out && cmp out content", dir), 0);
        scratch_remove(dir);
        buf_free(&m);
    }
}
END_TEST

/* EncryptedData has no originator; its attributes make it version 2. */
START_TEST(encrypted_data)
{
    STACK_OF(X509_ATTRIBUTE) *open = attribute("1.2.3.4");
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes128-cbc"),
                                           .key = test_kek(16), .content_size = TEXT_LEN,
                                           .unprotected = open };
    struct cms_decrypt_options decrypt = { .content_key = test_kek(16) };
    struct err err = { 0 };
    struct buf *m = encrypt_content(&options, text, TEXT_LEN, 0);
    struct opened o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, &decrypt);

    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    ck_assert_uint_eq(buf_len(o.content), TEXT_LEN);
    ck_assert_ptr_nonnull(memmem(buf_data(m), 40, "\x02\x01\x02", 3));
    opened_clear(&o);
    buf_free(&m);
    options.originator_certs = certs;
    ck_assert_ptr_null(try_encrypt(&options, text, TEXT_LEN, 0, &err));
    ck_assert_int_eq(err.code, E_USAGE);
    sk_X509_free(certs);
    sk_X509_ATTRIBUTE_pop_free(open, X509_ATTRIBUTE_free);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-extras");
    TCase *tc = tcase_create("extras");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, what_goes_along_is_read, 0, FORMS);
    tcase_add_loop_test(tc, libcrypto_reads_it, 0, FORMS);
    tcase_add_loop_test(tc, versions, 0, FORMS);
    tcase_add_test(tc, unprotected_is_unprotected);
    tcase_add_test(tc, keying_material);
    tcase_add_test(tc, keying_material_misplaced);
    tcase_add_test(tc, keying_material_and_openssl);
    tcase_add_test(tc, encrypted_data);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
