/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a mail is encrypted with, by what its recipients are known to read. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "mail/capability.h"
#include "tests/support/pki.h"

#define AES "2.16.840.1.101.3.4.1."
#define GCM256 AES "46"
#define GCM128 AES "6"
#define CBC256 AES "42"
#define CBC128 AES "2"
#define TDES "1.2.840.113549.3.7"
#define RECIPIENTS 3

/* Each recipient's capabilities, blank-separated; UNKNOWN. */
#define UNKNOWN "?"
static const struct {
    const char *can[RECIPIENTS];
    const char *wanted, *cipher, *says;
} rows[] = {
    {{UNKNOWN}, NULL, "aes256-cbc", "nothing is known of what bob"},
    {{GCM256 " " CBC256}, NULL, "aes256-gcm", "all recipients are known"},
    {{GCM256 " " CBC256, UNKNOWN}, NULL, "aes256-cbc", "nothing is known of what carol"},
    {{GCM128, GCM256 " " GCM128}, NULL, "aes128-gcm", "strongest"},
    {{GCM128, GCM256}, NULL, "aes128-cbc", "nothing authenticated in common"},
    {{GCM256 " " CBC256 " " CBC128, CBC128 " " TDES}, NULL, "aes128-cbc",
     "carol is not known to read anything that is authenticated"},
    {{CBC256 " " CBC128}, NULL, "aes256-cbc", "bob is not known"},
    {{CBC128, UNKNOWN}, NULL, "aes128-cbc", "carol"},
    {{TDES}, NULL, "aes128-cbc", "bob is not known"},
    {{UNKNOWN}, "aes256-gcm", "aes256-gcm", "as asked"},
    {{"1.2.3.4"}, NULL, "aes128-cbc", "bob"},
};

static void
note_all(struct capabilities *c, const char *list)
{
    char *copy = strdup(list), *save = NULL;

    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        capability_note_text(c, word);
    free(copy);
}

START_TEST(the_strongest_that_all_share)
{
    static const char *const names[RECIPIENTS] = {"bob", "carol", "dave"};
    struct capability_choice list[RECIPIENTS] = {{.pkcs1 = false}};
    const char *wanted = rows[_i].wanted;
    const struct cms_cipher *got;
    char reason[512];
    size_t n = 0;

    for (; n < RECIPIENTS && rows[_i].can[n] != NULL; n++) {
        list[n].name = names[n];
        if (strcmp(rows[_i].can[n], UNKNOWN) != 0)
            note_all(&list[n].can, rows[_i].can[n]);
    }
    got = capability_choose(list, n, wanted ? cms_cipher_by_name(wanted) : NULL, reason,
                            sizeof reason);
    ck_assert_str_eq(got->name, rows[_i].cipher);
    ck_assert_msg(strstr(reason, rows[_i].says) != NULL, "%s", reason);
    ck_assert_msg(strstr(reason, got->name) != NULL, "%s", reason);
}
END_TEST

START_TEST(key_transport)
{
    struct capability_choice list[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    char reason[512];

    capability_note_text(&list[1].can, "1.2.840.113549.1.1.7 3000");
    for (size_t i = 0; capability_own[i] != NULL; i++)
        capability_note_text(&list[2].can, capability_own[i]);
    ck_assert_ptr_nonnull(capability_choose(list, 3, NULL, reason, sizeof reason));
    ck_assert(list[0].pkcs1);
    ck_assert(!list[1].pkcs1);
    ck_assert_str_eq(list[1].digest->name, "sha1");
    ck_assert(!list[2].pkcs1);
    ck_assert_str_eq(list[2].digest->name, "sha256");
}
END_TEST

/* RFC 4262, as libcrypto writes it by hand. */
static X509 *
cert_with(const uint8_t *der, int len)
{
    EVP_PKEY *key = pki_key("p256");
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Bob", .email = "bob@example.org"}, key,
                          NULL, NULL);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext;

    ck_assert_int_eq(ASN1_OCTET_STRING_set(value, der, len), 1);
    ext = X509_EXTENSION_create_by_NID(NULL, NID_SMIMECapabilities, 0, value);
    ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    EVP_PKEY_free(key);
    return cert;
}

START_TEST(from_a_certificate)
{
    static const uint8_t gcm[] = {0x30, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                  0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};
    struct capability_choice one = {.name = "bob"};
    char reason[512];
    X509 *cert = cert_with(gcm, sizeof gcm);

    ck_assert_int_eq(capability_from_cert(&one.can, cert), 0);
    ck_assert(one.can.known);
    ck_assert_str_eq(capability_choose(&one, 1, NULL, reason, sizeof reason)->name, "aes256-gcm");
    X509_free(cert);
    for (int cut = 0; cut < (int)sizeof gcm; cut++) {
        struct capabilities c = {.known = false};

        cert = cert_with(gcm, cut);
        ck_assert_int_eq(capability_from_cert(&c, cert), E_MALFORMED);
        X509_free(cert);
    }
}
END_TEST

START_TEST(none_in_a_certificate)
{
    struct capabilities c = {.known = false};
    EVP_PKEY *key = pki_key("p256");
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Bob"}, key, NULL, NULL);

    ck_assert_int_eq(capability_from_cert(&c, cert), 0);
    ck_assert(!c.known);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail capability");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(c, the_strongest_that_all_share, 0, sizeof rows / sizeof *rows);
    tcase_add_test(c, key_transport);
    tcase_add_test(c, from_a_certificate);
    tcase_add_test(c, none_in_a_certificate);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
