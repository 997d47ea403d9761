/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is damaged or hostile: shown up to the fault, safely, and within bounds. */
#include "tests/cli/inspect_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect_int.h"
#include "tests/cms/env_kit.h"
#include "tests/cms/resign_kit.h"

static const char text[] = "Damaged.\r\n";
#define TEXT_LEN (sizeof text - 1)

static bool
is_fault(int rc)
{
    return rc == E_MALFORMED || rc == E_TRUNCATED || rc == E_LIMIT || rc == E_UNSUPPORTED;
}

static struct buf *
sample(int n)
{
    return n == 0   ? resign_message(RESIGN_BER, person_of("ecdsa-sha256"), text, TEXT_LEN)
           : n == 1 ? resign_message(RESIGN_DETACHED, person_of("rsa-pss-sha256"), text, TEXT_LEN)
           : n == 2 ? message_for("p256", "aes256-gcm", 300, false)
                    : message_for("rsa2048", "aes256-cbc", 300, true);
}
#define SAMPLES 4

/* Cut anywhere: a fault, with an offset that is not behind the cut. */
START_TEST(truncated)
{
    autofree_buf struct buf *m = sample(_i);
    size_t listed = 0;

    for (size_t n = 1; n < buf_len(m); n++) {
        struct inspected i = inspect_data(AS_MESSAGE, buf_data(m), n, n);
        const json_t *size = at(&i, "cms.size");

        ck_assert_msg(is_fault(i.d.rc), "cut at %zu: %d", n, i.d.rc);
        ck_assert_ptr_nonnull(at(&i, "error"));
        ck_assert_int_le(json_integer_value(size), (json_int_t)n);
        listed += at(&i, "cms.content.type") != NULL;
        inspected_clear(&i);
    }
    /* what came before the cut was shown */
    ck_assert_uint_gt(listed, buf_len(m) / 4);
}
END_TEST

/* Any byte changed: something is shown, nothing breaks. */
START_TEST(changed)
{
    static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
    autofree_buf struct buf *m = sample(_i);

    for (size_t n = 0; n < buf_len(m); n++)
        for (size_t k = 0; k < sizeof masks; k++) {
            struct inspected i;

            buf_mutable(m)[n] ^= masks[k];
            i = inspect_buf(AS_MESSAGE, m);
            buf_mutable(m)[n] ^= masks[k];
            ck_assert_msg(i.d.rc == 0 || is_fault(i.d.rc), "byte %zu: %d", n, i.d.rc);
            inspected_clear(&i);
        }
}
END_TEST

/* No control character of the input reaches the terminal. */
static void
assert_safe(const struct inspected *i)
{
    char *dump = json_dumps(i->root, JSON_COMPACT);

    ck_assert_ptr_nonnull(dump);
    for (const char *c = dump; *c != '\0'; c++)
        ck_assert_msg((unsigned char)*c >= 0x20 && *c != 0x7f, "%s", dump);
    ck_assert_ptr_null(strstr(dump, "\xe2\x80\xae"));
    ck_assert_ptr_null(strstr(dump, "\\u00"));
    free(dump);
}

START_TEST(names)
{
    struct pki_request request = {.cn = "evil\x1b[2J \xe2\x80\xae gro.elpmaxe\r\n",
                                  .email = "a@example.org"};
    EVP_PKEY *key = pki_key("p256");
    X509 *cert = pki_cert(&request, key, NULL, NULL);
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    struct inspected i = inspect_data(AS_MESSAGE, der, (size_t)len, 0);

    ck_assert_int_eq(i.d.rc, 0);
    assert_safe(&i);
    ck_assert_ptr_nonnull(strstr(json_string_value(at(&i, "certificates.0.subject")), "elpmaxe"));
    inspected_clear(&i);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(header_names)
{
    static const char mail[] = "From: a\0b\x1b[1m@x\nSubject: \xe2\x80\xae txt\xff\n"
                               "Content-Type: text/pl\x07" "ain; "
                               "name=\"\xe2\x80\xae" "gpj.exe\"\n\nx\n";
    struct inspected i = inspect_data(AS_MAIL, mail, sizeof mail - 1, 0);

    assert_safe(&i);
    assert_is(&i, "mail.problems.0", "doubtful-header");
    inspected_clear(&i);
}
END_TEST

/* Known attributes that hold something else are shown as what they are. */
START_TEST(wrong_attributes)
{
    static const uint8_t integer[] = {2, 1, 5}, empty[] = {0x30, 0}, set[] = {0x31, 0},
                         tagged[] = {0xa2, 0x03, 0x04, 0x01, 0x00};
    static const struct cms_new_attribute given[] = {
        {"1.2.840.113549.1.9.16.2.1", integer, sizeof integer},
        {"1.2.840.113549.1.9.16.2.2", empty, sizeof empty},
        {"1.2.840.113549.1.9.16.2.4", set, sizeof set},
        {"1.2.840.113549.1.9.16.2.9", tagged, sizeof tagged},
        {"1.2.840.113549.1.9.16.2.10", empty, sizeof empty},
        {"1.2.840.113549.1.9.16.2.14", empty, sizeof empty},
        {"1.3.6.1.4.1.311.16.4", set, sizeof set},
        {"1.2.840.113549.1.9.13", empty, sizeof empty},
    };
    struct cms_signer signer = person_signer(person_of("ed25519"));
    struct cms_sign_options options = {.signers = &signer, .count = 1, .content_size = TEXT_LEN};
    autofree_buf struct buf *m = NULL;
    struct inspected i;
    size_t n;

    signer.attributes = given;
    signer.attribute_count = sizeof given / sizeof *given;
    m = sign_content(&options, text, TEXT_LEN, 0);
    i = inspect_buf(AS_MESSAGE, m);
    ck_assert_int_eq(i.d.rc, 0);
    for (n = 0; n < signer.attribute_count; n++) {
        const json_t *list = at(&i, "cms.signers.0.signed_attributes"), *one;
        size_t k, found = 0;

        json_array_foreach(list, k, one)
            found += strcmp(json_string_value(json_object_get(one, "oid")), given[n].oid) == 0 &&
                     json_array_size(json_object_get(one, "values")) == 1;
        ck_assert_msg(found == 1, "%s", given[n].oid);
    }
    assert_safe(&i);
    inspected_clear(&i);
}
END_TEST

/* A fault in one part is that part's; the others are shown. */
START_TEST(part_fault)
{
    static const char mail[] =
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
        "MIAGCSqGSIb3DQEHAqCAMIACAQEx\n"
        "--b\nContent-Type: application/pkcs7-signature\n\n!! no base64 !!\n"
        "--b\nContent-Type: text/plain\n\nstill here\n--b--\n";
    struct inspected i = inspect_data(AS_MAIL, mail, sizeof mail - 1, SPLIT_BYTES);

    ck_assert_int_eq(i.d.rc, E_TRUNCATED);
    ck_assert_ptr_nonnull(at(&i, "mail.parts.0.error"));
    assert_is(&i, "mail.parts.0.cms.type", "signed-data");
    ck_assert_ptr_nonnull(at(&i, "mail.parts.1.error"));
    assert_is(&i, "mail.parts.2.type", "text/plain");
    ck_assert_ptr_null(at(&i, "mail.parts.2.error"));
    inspected_clear(&i);
}
END_TEST

START_TEST(many_parts)
{
    autofree_buf struct buf *mail = buf_new();
    struct inspected i;

    ck_assert_int_eq(buf_put_str(mail, "Content-Type: multipart/mixed; boundary=b\n\n"), 0);
    for (int n = 0; n < 20000; n++)
        ck_assert_int_eq(buf_put_str(mail, "--b\n\nx\n"), 0);
    i = inspect_buf(AS_MAIL, mail);
    ck_assert_int_eq(i.d.rc, 0);
    ck_assert_uint_eq(json_array_size(at(&i, "mail.parts")), DESCRIBE_PARTS_MAX - 1);
    ck_assert_uint_eq(i.d.parts_left_out, 20001 - DESCRIBE_PARTS_MAX);
    inspected_clear(&i);
}
END_TEST

/* Values take bounded memory, one and all together. */
START_TEST(bounds)
{
    struct describe d = {0};
    json_t *object = describe_item(&d);
    char long_text[3 * DESCRIBE_TEXT_MAX];

    memset(long_text, 'x', sizeof long_text);
    describe_text(&d, object, "long", long_text, sizeof long_text);
    ck_assert_uint_eq(json_string_length(json_object_get(object, "long")), DESCRIBE_TEXT_MAX + 3);
    /* cut at a character */
    for (size_t n = 1; n + 1 < sizeof long_text; n += 2)
        memcpy(long_text + n, "\xc3\xa4", 2);
    describe_text(&d, object, "umlauts", long_text, sizeof long_text);
    ck_assert_ptr_nonnull(json_object_get(object, "umlauts"));
    json_decref(object);
    d.bytes = DESCRIBE_BYTES_MAX;
    ck_assert_ptr_null(describe_item(&d));
    ck_assert_ptr_null(describe_part(&d));
    d.bytes = 0;
    d.items = DESCRIBE_ITEMS_MAX;
    ck_assert_ptr_null(describe_item(&d));
    ck_assert_uint_eq(d.items_left_out, 2);
    ck_assert_uint_eq(d.parts_left_out, 1);
    ck_assert(!d.no_memory);
}
END_TEST

/* Mail in message in mail, deeper than anybody looks. */
START_TEST(deep)
{
    struct person *p = person_of("ed25519");
    struct buf *m = buf_new();
    struct inspected i;
    const json_t *at_level;
    int levels = 0;

    ck_assert_int_eq(buf_put_str(m, "Content-Type: text/plain\n\nthe end\n"), 0);
    for (int n = 0; n < 20; n++) {
        struct buf *sealed = resign_message(RESIGN_DER, p, buf_data(m), buf_len(m));

        buf_reset(m);
        ck_assert_int_eq(buf_put_str(m, "Content-Type: application/pkcs7-mime\n"
                                     "Content-Transfer-Encoding: binary\n\n"), 0);
        ck_assert_int_eq(buf_put(m, buf_data(sealed), buf_len(sealed)), 0);
        buf_free(&sealed);
    }
    i = inspect_buf(AS_MAIL, m);
    ck_assert_int_eq(i.d.rc, 0);
    at_level = at(&i, "mail.cms");
    while (at_level != NULL) {
        levels++;
        at_level = json_object_get(json_object_get(at_level, "content"), "mime");
        at_level = json_object_get(at_level, "cms");
    }
    ck_assert_int_eq(levels, INSPECT_DEPTH_MAX + 1);
    inspected_clear(&i);
    buf_free(&m);
}
END_TEST

START_TEST(nested_tags)
{
    autofree_buf struct buf *m = buf_new();
    struct inspected i;

    for (int n = 0; n < 100000; n++)
        ck_assert_int_eq(buf_put(m, _i == 0 ? "\x30\x80" : "\xa0\x80", 2), 0);
    i = inspect_buf(AS_MESSAGE, m);
    ck_assert(is_fault(i.d.rc));
    inspected_clear(&i);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("inspect-bad");
    TCase *tc = tcase_create("inspect-bad");

    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, truncated, 0, SAMPLES);
    tcase_add_loop_test(tc, changed, 0, SAMPLES);
    tcase_add_test(tc, names);
    tcase_add_test(tc, header_names);
    tcase_add_test(tc, wrong_attributes);
    tcase_add_test(tc, part_fault);
    tcase_add_test(tc, many_parts);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, deep);
    tcase_add_loop_test(tc, nested_tags, 0, 2);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
