/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted messages that others made: RFC 4134, the LAMPS samples, libksba's. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CONTENT "rfc4134/ExContent.bin"
#define LAMPS "lamps-samples/binary-files/"
#define KEYS "lamps-samples/certs-and-keys/"

static const struct vector {
    const char *name;
    const char *cert, *key;     /* of a recipient */
    const char *cipher;
    const char *algorithm;      /* of the recipient that opens it */
    size_t recipients;
    bool weak, authenticated;
} vectors[] = {
    { "rfc4134/5.1.bin", "rfc4134/BobRSASignByCarl.cer", "rfc4134/BobPrivRSAEncrypt.pri",
      "3des-cbc", "rsa-pkcs1", 1, true, false },
    { "rfc4134/5.2.bin", "rfc4134/BobRSASignByCarl.cer", "rfc4134/BobPrivRSAEncrypt.pri",
      "rc2-cbc", "rsa-pkcs1", 2, true, false },
    { LAMPS "encryptedForBobRSAOaep.p7m", KEYS "lamps-bob.encrypt.crt",
      KEYS "lamps-bob.decrypt.p8.pem", "aes128-cbc", "rsa-oaep", 1, false, false },
    { LAMPS "encryptedForBobAndDana.p7m", KEYS "lamps-bob.encrypt.crt",
      KEYS "lamps-bob.decrypt.p8.pem", "aes128-cbc", "rsa-oaep", 2, false, false },
    { LAMPS "encryptedForBobAndDana.p7m", KEYS "lamps-dana.encrypt.crt",
      KEYS "lamps-dana.decrypt.p8.pem", "aes128-cbc", "ecdh-x963-sha256", 2, false,
      false },
    { LAMPS "authEnvelopedForDanaX25519HKDF.p7m", KEYS "lamps-dana.encrypt.crt",
      KEYS "lamps-dana.decrypt.p8.pem", "aes128-gcm", "ecdh-hkdf-sha256", 1, false,
      true },
    { LAMPS "authEnvelopedForBobChaCha20Poly1305.p7m", KEYS "lamps-bob.encrypt.crt",
      KEYS "lamps-bob.decrypt.p8.pem", "chacha20-poly1305", "rsa-oaep", 1, false,
      true },
};

static struct buf *
vector(const char *name)
{
    char *path = vector_path(name);
    struct buf *b;

    ck_assert_msg(path != NULL, "%s is missing", name);
    b = read_file(path);
    free(path);
    return b;
}

static void
read_receiver(const struct vector *v, struct receiver *ret)
{
    struct buf *cert = vector(v->cert), *key = vector(v->key);
    BIO *cert_bio = BIO_new_mem_buf(buf_data(cert), (int)buf_len(cert));
    BIO *key_bio = BIO_new_mem_buf(buf_data(key), (int)buf_len(key));
    const uint8_t *at = buf_data(key);

    ret->cert = buf_data(cert)[0] == 0x30 ? d2i_X509_bio(cert_bio, NULL)
                                          : PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    ret->key = at[0] == 0x30 ? d2i_AutoPrivateKey(NULL, &at, (long)buf_len(key))
                             : PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(ret->cert);
    ck_assert_ptr_nonnull(ret->key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    buf_free(&cert);
    buf_free(&key);
}

START_TEST(vector_opens)
{
    const struct vector *v = &vectors[_i];
    struct buf *message = vector(v->name), *content = vector(CONTENT);
    struct receiver receiver = { 0 };
    struct cms_opener opener;
    struct cms_decrypt_options options = { .openers = &opener, .opener_count = 1,
                                           .allow_weak = v->weak };
    const struct cms_encrypted *e;
    struct opened o;

    read_receiver(v, &receiver);
    opener = receiver_opener(&receiver);
    assert_opens(message, &options, buf_data(content), buf_len(content));
    o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, &options);
    e = cms_reader_encrypted(o.reader);
    ck_assert_uint_eq(e->count, v->recipients);
    ck_assert_str_eq(e->cipher->name, v->cipher);
    ck_assert_str_eq(e->opened->algorithm, v->algorithm);
    ck_assert(e->weak == v->weak && e->authenticated == v->authenticated);
    opened_clear(&o);
    if (v->weak) {
        options.allow_weak = false;
        o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, &options);
        ck_assert_int_eq(o.rc, E_WEAK);
        opened_clear(&o);
    }
    X509_free(receiver.cert);
    EVP_PKEY_free(receiver.key);
    buf_free(&message);
    buf_free(&content);
}
END_TEST

/* What the dumps beside libksba's samples say; their keys are not known. */
static const struct parsed {
    const char *name, *cipher;
    enum cms_recipient_kind kind;
    const char *algorithm;
    bool ber;
    const char *kek_id;
} parsed[] = {
    { "libksba/ecdh-sample1.p7m", "aes128-cbc", CMS_TO_AGREE, "ecdh-x963-sha256", false, NULL },
    { "libksba/rsa-sample1.p7m", "aes128-cbc", CMS_TO_RSA, "rsa-pkcs1", true, NULL },
    { LAMPS "encryptedKekri.p7m", "aes192-cbc", CMS_TO_KEK, "aes256-wrap", false, "keyid" },
};

START_TEST(vector_parses)
{
    const struct parsed *v = &parsed[_i];
    struct buf *message = vector(v->name);

    for (int feeding = FEED_WHOLE; feeding <= FEED_RANDOM; feeding++) {
        struct opened o = open_message(buf_data(message), buf_len(message), feeding, NULL);
        const struct cms_encrypted *e;

        ck_assert_msg(o.rc == 0, "%s: %s", v->name, err_text(&o.err));
        e = cms_reader_encrypted(o.reader);
        ck_assert_uint_eq(e->count, 1);
        ck_assert_int_eq(e->recipients[0].kind, v->kind);
        ck_assert_str_eq(e->recipients[0].algorithm, v->algorithm);
        ck_assert_str_eq(e->cipher->name, v->cipher);
        ck_assert(cms_reader_is_ber(o.reader) == v->ber);
        ck_assert((v->kek_id != NULL) == (e->recipients[0].kek_id != NULL));
        if (v->kek_id != NULL)
            ck_assert_mem_eq(ASN1_STRING_get0_data(e->recipients[0].kek_id), v->kek_id,
                             strlen(v->kek_id));
        opened_clear(&o);
    }
    buf_free(&message);
}
END_TEST

/* RFC 4134's other types; 7.1 and 7.2 with the key that the RFC prints. */
static const struct plain {
    const char *name;
    int type;
    bool key, ber;
    size_t attributes;
} plain[] = {
    { "rfc4134/3.1.bin", NID_pkcs7_data, false, true, 0 },
    { "rfc4134/3.2.bin", NID_pkcs7_data, false, false, 0 },
    { "rfc4134/6.0.bin", NID_pkcs7_digest, false, false, 0 },
    { "rfc4134/7.1.bin", NID_pkcs7_encrypted, true, false, 0 },
    { "rfc4134/7.2.bin", NID_pkcs7_encrypted, true, false, 1 },
};

START_TEST(other_types)
{
    static const uint8_t octets[] = {
        0x73, 0x7c, 0x79, 0x1f, 0x25, 0xea, 0xd0, 0xe0, 0x46, 0x29, 0x25, 0x43,
        0x52, 0xf7, 0xdc, 0x62, 0x91, 0xe5, 0xcb, 0x26, 0x91, 0x7a, 0xda, 0x32,
    };
    const struct plain *v = &plain[_i];
    struct buf *message = vector(v->name), *content = vector(CONTENT);
    struct secret *key = secret_new(sizeof octets);
    struct cms_decrypt_options options = { .content_key = key, .allow_weak = true };

    ck_assert_int_eq(secret_set(key, octets, sizeof octets), 0);
    for (int feeding = FEED_WHOLE; feeding <= FEED_RANDOM; feeding++) {
        struct opened o = open_message(buf_data(message), buf_len(message), feeding, &options);

        ck_assert_msg(o.rc == 0, "%s: %s", v->name, err_text(&o.err));
        ck_assert_int_eq(cms_reader_type(o.reader), v->type);
        ck_assert_int_eq(cms_reader_content_type(o.reader), NID_pkcs7_data);
        ck_assert(cms_reader_is_ber(o.reader) == v->ber);
        ck_assert_uint_eq(buf_len(o.content), buf_len(content));
        ck_assert_mem_eq(buf_data(o.content), buf_data(content), buf_len(content));
        if (v->key)
            ck_assert_uint_eq(cms_reader_encrypted(o.reader)->attribute_count, v->attributes);
        opened_clear(&o);
    }
    if (v->key) {
        options.allow_weak = false;
        assert_refused(message, &options, E_WEAK, "3des-cbc, which is weak");
    }
    secret_free(&key);
    buf_free(&message);
    buf_free(&content);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-vectors");
    TCase *tc = tcase_create("vectors");
    char *there = vector_path("README.md");

    if (there == NULL) {
        puts("skipped: no test vectors at ../shared/vectors (SIGNET_VECTORS)");
        return 77;
    }
    free(there);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, vector_opens, 0, (int)(sizeof vectors / sizeof *vectors));
    tcase_add_loop_test(tc, vector_parses, 0, (int)(sizeof parsed / sizeof *parsed));
    tcase_add_loop_test(tc, other_types, 0, (int)(sizeof plain / sizeof *plain));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
