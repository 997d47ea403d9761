/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that are files: signing and opening with each kind, and files that are none. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "cms/keyfile.h"

static char *dir;

static void
setup(void)
{
    dir = scratch_make();
}

static void
teardown(void)
{
    scratch_remove(dir);
}

static const char *
path_of(const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

enum form { PEM_FILES, DER_FILES, ONE_FILE, FORMS };

/* Writes both and loads them. */
static struct cms_keyfile *
load(X509 *cert, EVP_PKEY *key, enum form form)
{
    const char *cert_path = path_of("cert"), *key_path = path_of(form == ONE_FILE ? "cert" : "key");
    struct cms_keyfile *k = NULL;
    struct err err = { 0 };
    FILE *f;

    if (form == DER_FILES)
        pki_write_der(cert_path, cert);
    else
        pki_write_pem(cert_path, cert, false);
    f = fopen(key_path, form == ONE_FILE ? "a" : "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(form == DER_FILES ? i2d_PrivateKey_fp(f, key)
                                       : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    ck_assert_msg(cms_keyfile_load(&k, cert_path, key_path, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(X509_cmp(cms_keyfile_cert_view(k), cert), 0);
    return k;
}

/* Everybody's signature is intact; by the scheme that the loop names and by the usual one. */
START_TEST(signs)
{
    struct person *p = people((size_t)_i);
    struct cms_keyfile *k = load(p->cert, p->key, (enum form)(_i % FORMS));
    struct cms_signer signer = cms_keyfile_signer(k);
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = 5 };

    ck_assert_ptr_nonnull(signer.scheme);
    for (int usual = 1; usual >= 0; usual--) {
        struct buf *message;
        struct reading r;

        if (!usual)
            signer.scheme = alg_sig_by_name(p->scheme);
        message = sign_content(&options, "hello", 5, 0);
        r = read_message(buf_data(message), buf_len(message), buf_len(message), NULL, 0);
        ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
        ck_assert_uint_eq(r.result->count, 1);
        ck_assert_int_eq(r.result->signatures[0].state, CMS_INTACT);
        reading_clear(&r);
        buf_free(&message);
    }
    cms_keyfile_free(&k);
    ck_assert_ptr_null(k);
    cms_keyfile_free(&k);
}
END_TEST

static const char *const receivers[] = {
    "rsa2048", "rsa2048-pkcs1", "p256", "p384", "p521", "x25519", "x448",
};

START_TEST(opens)
{
    struct cms_to to = to_of(receivers[_i]);
    char type[16];
    struct receiver *who = (snprintf(type, sizeof type, "%.*s", (int)strcspn(receivers[_i], "-"),
                                     receivers[_i]), receiver_of(type));
    struct cms_keyfile *k = load(who->cert, who->key, PEM_FILES);
    struct cms_opener opener = cms_keyfile_opener(k);
    struct cms_decrypt_options with = { .openers = &opener, .opener_count = 1 };
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-gcm"), .to = &to,
                                           .count = 1, .content_size = -1 };
    struct buf *message = encrypt_content(&options, "hello", 5, 0);

    assert_opens(message, &with, "hello", 5);
    buf_free(&message);
    cms_keyfile_free(&k);
}
END_TEST

/* An OAEP label, and another digest in MGF1. */
START_TEST(opens_odd_oaep)
{
    struct cms_to to = to_of("rsa2048");
    struct receiver *who = receiver_of("rsa2048");
    struct cms_keyfile *k = load(who->cert, who->key, PEM_FILES);
    struct cms_opener opener = cms_keyfile_opener(k);
    struct cms_decrypt_options with = { .openers = &opener, .opener_count = 1 };
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes128-cbc"), .to = &to,
                                           .count = 1, .content_size = -1 };
    struct buf *message;

    to.label = (const uint8_t *)"label";
    to.label_len = 5;
    to.mgf = alg_digest_by_name("sha384");
    message = encrypt_content(&options, "hello", 5, 0);
    assert_opens(message, &with, "hello", 5);
    buf_free(&message);
    cms_keyfile_free(&k);
}
END_TEST

/* Each sentence names the file and what to do. */
START_TEST(refuses)
{
    struct person *p = person_of("ecdsa-sha256"), *other = person_of("ed25519");
    struct cms_keyfile *k = load(p->cert, p->key, PEM_FILES);
    struct err err = { 0 };
    FILE *f = fopen(path_of("locked"), "w");

    cms_keyfile_free(&k);
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(f, p->key, EVP_aes_128_cbc(), NULL, 0, NULL,
                                               (void *)(uintptr_t)"password"), 1);
    fclose(f);
    pki_write_pem(path_of("other"), other->cert, false);
    write_file(dir, "text", "hello", 5);
    write_file(dir, "empty", "", 0);

    ck_assert_int_eq(cms_keyfile_load(&k, path_of("none"), path_of("key"), &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/none\""));
    ck_assert_int_eq(cms_keyfile_load(&k, path_of("text"), path_of("key"), &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/text\" holds no certificate; name"));
    ck_assert_int_eq(cms_keyfile_load(&k, path_of("cert"), path_of("locked"), &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/locked\" holds no private key, or an encrypted one"));
    ck_assert_int_eq(cms_keyfile_load(&k, path_of("cert"), path_of("empty"), &err), E_INPUT);
    ck_assert_int_eq(cms_keyfile_load(&k, path_of("other"), path_of("key"), &err), E_NO_KEY);
    ck_assert_ptr_nonnull(strstr(err.text, "is not the certificate's; name"));
    ck_assert_ptr_null(k);
}
END_TEST

/* A key that cannot do what it is asked for says so. */
START_TEST(wrong_work)
{
    struct person *p = person_of("ecdsa-sha256");
    struct receiver *r = receiver_of("x25519");
    struct cms_keyfile *k = load(p->cert, p->key, PEM_FILES);
    struct cms_signer signer = cms_keyfile_signer(k);
    struct buf *out = buf_new();
    struct err err = { 0 };

    ck_assert_int_eq(signer.sign(signer.arg, alg_sig_by_name("rsa-pss-sha256"),
                                 (const uint8_t *)"01234567890123456789012345678901", 32, out,
                                 &err), E_CRYPTO);
    ck_assert_ptr_nonnull(strstr(err.text, "rsa-pss-sha256"));
    ck_assert_uint_eq(buf_len(out), 0);
    cms_keyfile_free(&k);
    k = load(r->cert, r->key, PEM_FILES);
    ck_assert_ptr_null(cms_keyfile_signer(k).scheme);
    cms_keyfile_free(&k);
    buf_free(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-keyfile");
    TCase *tc = tcase_create("keyfile");

    receiver_of("rsa2048");
    person_of("rsa-pss-sha256");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, signs, 0, (int)people_count());
    tcase_add_loop_test(tc, opens, 0, (int)(sizeof receivers / sizeof *receivers));
    tcase_add_test(tc, opens_odd_oaep);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, wrong_work);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
