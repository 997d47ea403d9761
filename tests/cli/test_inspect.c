/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is shown of messages, mails and certificates that are whole. */
#include "tests/cli/inspect_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/ess.h"
#include "tests/cms/env_kit.h"
#include "tests/cms/resign_kit.h"

static const char text[] = "What is in it?\r\n";
#define TEXT_LEN (sizeof text - 1)

static const char *const capabilities[] = {
    "2.16.840.1.101.3.4.1.46", "1.2.840.113549.3.2 02020080", "1.2.3.4.5", NULL};

/* PSS, and every attribute that is known. */
static struct buf *
rich_message(struct buf *label, struct buf *request)
{
    static const uint8_t hints[] = {0x30, 0x12, 0x0c, 0x05, 'h', 'e', 'l', 'l', 'o', 0x06, 0x09,
                                    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
    static const uint8_t unknown[] = {0x04, 0x03, 'a', 'b', 'c'};
    struct cms_label l = {.policy = "1.2.3.4", .classification = 3, .mark = "for \"us\""};
    struct cms_receipt_request r = {.id = "id-1", .id_len = 4, .from = CMS_RECEIPTS_FIRST_TIER,
                                    .to = {"alice@example.org"}, .to_count = 1};
    struct person *p = person_of("rsa-pss-sha384");
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = {.signers = &signer, .count = 1,
                                       .content_size = TEXT_LEN, .signing_time = RESIGN_TIME};

    ck_assert_int_eq(cms_label_put(label, &l), 0);
    ck_assert_int_eq(cms_receipt_request_put(request, &r), 0);
    const struct cms_new_attribute more[] = {
        {CMS_OID_LABEL, buf_data(label), buf_len(label)},
        {CMS_OID_RECEIPT_REQUEST, buf_data(request), buf_len(request)},
        {"1.2.840.113549.1.9.16.2.4", hints, sizeof hints},
        {"1.3.6.1.4.1.99999.7", unknown, sizeof unknown},
    };
    signer.capabilities = capabilities;
    signer.preferred = p->cert;
    signer.attributes = more;
    signer.attribute_count = sizeof more / sizeof *more;
    return sign_content(&options, text, TEXT_LEN, 0);
}

static void
assert_attribute(const struct inspected *i, const char *name, const char *values)
{
    char *found = attribute_values(i, "cms.signers.0.signed_attributes", name);

    ck_assert_msg(strcmp(found, values) == 0, "%s: \"%s\", not \"%s\"", name, found, values);
    free(found);
}

START_TEST(signer_facts)
{
    autofree_buf struct buf *label = buf_new(), *request = buf_new(), *m = NULL;
    struct inspected i;
    const json_t *attribute;
    size_t n;

    m = rich_message(label, request);
    i = inspect_buf(AS_MESSAGE, m);
    ck_assert_msg(i.d.rc == 0, "%s", err_text(&i.d.err));
    assert_is(&i, "cms.type", "signed-data");
    assert_is(&i, "cms.oid", "1.2.840.113549.1.7.2");
    assert_is(&i, "cms.encoding", "DER");
    assert_number(&i, "cms.size", (long long)buf_len(m));
    assert_number(&i, "cms.version", 1);
    assert_is(&i, "cms.digest_algorithms", "sha384");
    assert_is(&i, "cms.content.type", "data");
    assert_number(&i, "cms.content.size", TEXT_LEN);
    n = (size_t)json_integer_value(at(&i, "cms.content.offset"));
    ck_assert_mem_eq(buf_data(m) + n, text, TEXT_LEN);
    assert_is(&i, "cms.signers.0.algorithm", "rsa-pss-sha384");
    assert_is(&i, "cms.signers.0.pss.mgf1_digest", "sha384");
    assert_number(&i, "cms.signers.0.pss.salt_bytes", 48);
    assert_number(&i, "cms.signers.0.signature_bytes", 256);
    assert_is(&i, "cms.signers.0.serial",
              json_string_value(at(&i, "cms.certificates.0.serial")));
    assert_attribute(&i, "contentType", "data");
    assert_attribute(&i, "signingTime", "2023-11-14T22:13:20Z");
    assert_attribute(&i, "SMIMECapabilities", "aes256-gcm rc2-cbc (128) 1.2.3.4.5");
    assert_attribute(&i, "contentHints", "data");
    assert_attribute(&i, "1.3.6.1.4.1.99999.7", "0403616263");
    assert_attribute(&i, "signingCertificateV2",
                     json_string_value(at(&i, "cms.certificates.0.fingerprint")));
    json_array_foreach(at(&i, "cms.signers.0.signed_attributes"), n, attribute) {
        const char *name = json_string_value(json_object_get(attribute, "name"));
        const json_t *l = json_array_get(json_object_get(attribute, "labels"), 0);

        if (strcmp(name, "securityLabel") == 0) {
            ck_assert_str_eq(json_string_value(json_object_get(l, "policy")), "1.2.3.4");
            ck_assert_str_eq(json_string_value(json_object_get(l, "classification")),
                             "confidential");
            ck_assert_str_eq(json_string_value(json_object_get(l, "privacy_mark")),
                             "for \"us\"");
        } else if (strcmp(name, "receiptRequest") == 0) {
            ck_assert_str_eq(json_string_value(json_object_get(attribute, "content_identifier")),
                             "69642d31");
            ck_assert_str_eq(json_string_value(json_array_get(
                                 json_object_get(attribute, "receipts_to"), 0)),
                             "alice@example.org");
        } else if (strcmp(name, "encryptionKeyPreference") == 0) {
            ck_assert_str_eq(json_string_value(json_object_get(attribute, "serial")),
                             json_string_value(at(&i, "cms.signers.0.serial")));
        }
    }
    ck_assert_uint_ge(n, 9);
    inspected_clear(&i);
}
END_TEST

START_TEST(countersigned)
{
    struct person *p = person_of("ecdsa-sha256"), *other = person_of("ed25519");
    autofree_buf struct buf *m = resign_message(RESIGN_BER, p, text, TEXT_LEN);
    autofree_buf struct buf *twice = countersign(m, other, 0, 0);
    struct inspected i = inspect_buf(AS_MESSAGE, twice);

    ck_assert_int_eq(i.d.rc, 0);
    assert_is(&i, "cms.encoding", "BER");
    assert_is(&i, "cms.signers.0.algorithm", "ecdsa-sha256");
    assert_is(&i, "cms.signers.0.unsigned_attributes.0.name", "countersignature");
    assert_is(&i, "cms.signers.0.unsigned_attributes.0.signers.0.algorithm", "ed25519");
    inspected_clear(&i);
}
END_TEST

START_TEST(detached)
{
    autofree_buf struct buf *m = resign_message(RESIGN_DETACHED, person_of("ed25519"), text,
                                                TEXT_LEN);
    struct inspected i = inspect_buf(AS_MESSAGE, m);

    ck_assert(json_is_true(at(&i, "cms.content.absent")));
    ck_assert_ptr_null(at(&i, "cms.content.size"));
    inspected_clear(&i);
}
END_TEST

static const struct {
    const char *word, *cipher, *path, *value;
} recipients[] = {
    {"rsa2048", "aes256-gcm", "cms.recipients.0.algorithm", "rsa-oaep"},
    {"rsa2048", "aes256-gcm", "cms.recipients.0.oaep.digest", "sha256"},
    {"rsa2048", "aes256-gcm", "cms.type", "auth-enveloped-data"},
    {"rsa2048", "aes256-gcm", "cms.recipients.0.kind", "key-transport"},
    {"rsa2048", "aes128-cbc", "cms.type", "enveloped-data"},
    {"rsa2048", "aes128-cbc", "cms.cipher.name", "aes128-cbc"},
    {"rsa2048-pkcs1", "aes128-cbc", "cms.recipients.0.algorithm", "rsa-pkcs1"},
    {"p256", "aes256-cbc", "cms.recipients.0.kind", "key-agreement"},
    {"p256", "aes256-cbc", "cms.recipients.0.wrap", "aes256-wrap"},
    {"p256", "aes256-cbc", "cms.recipients.0.originator.public_key", "ec"},
    {"x25519", "chacha20-poly1305", "cms.recipients.0.originator.public_key", "X25519"},
    {"x25519", "chacha20-poly1305", "cms.cipher.name", "chacha20-poly1305"},
    {"kek256", "aes256-gcm", "cms.recipients.0.kind", "kek"},
    {"kek256", "aes256-gcm", "cms.recipients.0.algorithm", "aes256-wrap"},
    {"password", "aes256-cbc", "cms.recipients.0.kind", "password"},
    {"password", "aes256-cbc", "cms.recipients.0.derivation", "PBKDF2"},
};

START_TEST(recipient_facts)
{
    autofree_buf struct buf *m = message_for(recipients[_i].word, recipients[_i].cipher, 1000,
                                             _i % 2 == 1);
    struct inspected i = inspect_buf(AS_MESSAGE, m);

    ck_assert_msg(i.d.rc == 0, "%s", err_text(&i.d.err));
    assert_is(&i, recipients[_i].path, recipients[_i].value);
    assert_number(&i, "cms.size", (long long)buf_len(m));
    ck_assert_int_ge(json_integer_value(at(&i, "cms.content.encrypted_size")), 1000);
    inspected_clear(&i);
}
END_TEST

/* The same whatever the pieces. */
START_TEST(splits)
{
    autofree_buf struct buf *label = buf_new(), *request = buf_new(), *m = NULL;
    struct inspected whole, pieces;

    m = rich_message(label, request);
    whole = inspect_buf(AS_MESSAGE, m);
    for (size_t n = 0; n <= buf_len(m); n++) {
        size_t split = n == buf_len(m) ? SPLIT_BYTES : n;

        pieces = inspect_data(AS_MESSAGE, buf_data(m), buf_len(m), split);
        ck_assert_msg(json_equal(whole.root, pieces.root), "split at %zu", n);
        inspected_clear(&pieces);
    }
    inspected_clear(&whole);
}
END_TEST

/* A message as a mail's part. */
static struct buf *
mail_with(const char *type, const struct buf *message)
{
    struct buf *mail = buf_new();
    struct sink out = gather_sink(mail);
    struct cms_armor *armor = NULL;
    const struct cms_armor_options options = {.columns = 76};

    ck_assert_int_eq(buf_putf(mail, "From: alice@example.org\nMIME-Version: 1.0\n"
                              "Content-Type: application/pkcs7-mime; smime-type=%s;\n"
                              " name=\"smime.p7m\"\nContent-Transfer-Encoding: base64\n\n", type),
                     0);
    ck_assert_int_eq(cms_armor_new(&armor, &options, &out, NULL), 0);
    ck_assert_int_eq(cms_armor_update(armor, buf_data(message), buf_len(message), NULL), 0);
    ck_assert_int_eq(cms_armor_finish(armor, NULL), 0);
    cms_armor_free(&armor);
    return mail;
}

/* Mail, signed, mail, encrypted. */
START_TEST(layers)
{
    struct person *p = person_of("ecdsa-sha256");
    autofree_buf struct buf *inner = message_for("rsa2048", "aes256-cbc", 100, false);
    autofree_buf struct buf *mail = mail_with("enveloped-data", inner);
    autofree_buf struct buf *sealed = resign_message(RESIGN_DER, p, buf_data(mail), buf_len(mail));
    autofree_buf struct buf *outer = mail_with("signed-data", sealed);

    for (size_t n = 0; n < 2; n++) {
        struct inspected i = inspect_data(AS_MAIL, buf_data(outer), buf_len(outer),
                                          n == 0 ? 0 : SPLIT_BYTES);

        ck_assert_msg(i.d.rc == 0, "%s", err_text(&i.d.err));
        assert_is(&i, "mail.from", "alice@example.org");
        assert_is(&i, "mail.smime_type", "signed-data");
        assert_is(&i, "mail.name", "smime.p7m");
        assert_is(&i, "mail.cms.type", "signed-data");
        assert_is(&i, "mail.cms.content.mime.type", "application/pkcs7-mime");
        assert_is(&i, "mail.cms.content.mime.cms.type", "enveloped-data");
        assert_number(&i, "mail.cms.content.mime.cms.size", (long long)buf_len(inner));
        inspected_clear(&i);
    }
}
END_TEST

/* Signed within signed, without a mail between. */
START_TEST(bare_layers)
{
    struct cms_signer signer = person_signer(person_of("ed25519"));
    struct cms_sign_options options = {.signers = &signer, .count = 1, .content_size = -1,
                                       .bare = true};
    autofree_buf struct buf *inner = sign_content(&options, text, TEXT_LEN, 0), *outer = NULL;
    struct inspected i;

    options.bare = false;
    options.content_type = NID_pkcs7_signed;
    outer = sign_content(&options, buf_data(inner), buf_len(inner), 0);
    i = inspect_buf(AS_MESSAGE, outer);
    ck_assert_msg(i.d.rc == 0, "%s", err_text(&i.d.err));
    assert_is(&i, "cms.content.type", "signed-data");
    assert_is(&i, "cms.content.cms.type", "signed-data");
    assert_is(&i, "cms.content.cms.content.type", "data");
    assert_number(&i, "cms.content.cms.content.size", TEXT_LEN);
    inspected_clear(&i);
}
END_TEST

static const char tree[] =
    "From: a@example.org\nSubject:  folded\n\t line \nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=b\n\npreamble\n"
    "--b\nContent-Type: text/plain; charset=utf-8\n\nhello\n"
    "--b\nContent-Type: message/rfc822\n\nFrom: c@example.org\nContent-Type: multipart/alternative;"
    " boundary=i\n\n--i\n\none\n--i--\n"
    "--b\nContent-Type: image/png; name=x.png\nContent-Disposition: attachment; filename=y.png\n"
    "Content-Transfer-Encoding: x-odd\n\n\x80\0\n"
    "--b\nContent-Type: multipart/mixed; boundary=u\n\n--u\n\nnever closed\n"
    "--b--\nepilogue\n";

START_TEST(mime_facts)
{
    struct inspected i = inspect_data(AS_MAIL, tree, sizeof tree - 1, sizeof tree - 1);
    struct inspected bytes = inspect_data(AS_MAIL, tree, sizeof tree - 1, SPLIT_BYTES);
    static const char *const paths[] = {"mail.parts.0", "mail.parts.1", "mail.parts.2",
                                        "mail.parts.3"};

    ck_assert_int_eq(i.d.rc, 0);
    assert_is(&i, "mail.type", "multipart/mixed");
    assert_is(&i, "mail.subject", "folded\\x09 line");
    assert_number(&i, "mail.preamble_bytes", 8);
    assert_is(&i, "mail.parts.0.charset", "utf-8");
    assert_number(&i, "mail.parts.0.size", 5);
    assert_is(&i, "mail.parts.1.parts.0.part", "2.1");
    assert_is(&i, "mail.parts.1.parts.0.from", "c@example.org");
    assert_is(&i, "mail.parts.1.parts.0.parts.0.part", "2.1.1");
    assert_is(&i, "mail.parts.2.name", "x.png");
    assert_is(&i, "mail.parts.2.file_name", "y.png");
    assert_is(&i, "mail.parts.2.problems.0", "unknown-encoding");
    assert_is(&i, "mail.parts.2.problems.1", "nul-bytes");
    assert_is(&i, "mail.parts.2.problems.2", "eight-bit-data");
    assert_is(&i, "mail.parts.3.problems.0", "no-final-boundary");
    ck_assert_ptr_null(at(&i, "mail.problems"));
    for (size_t n = 0; n < 4; n++) {
        char path[40];
        size_t offset;

        snprintf(path, sizeof path, "%s.offset", paths[n]);
        offset = (size_t)json_integer_value(at(&i, path));
        ck_assert_mem_eq(tree + offset - 4, "--b\n", 4);
    }
    /* but for the pieces of it, the same */
    ck_assert(json_equal(i.root, bytes.root));
    inspected_clear(&bytes);
    inspected_clear(&i);
}
END_TEST

START_TEST(certificate_facts)
{
    struct person *p = person_of("ecdsa-sha384");
    uint8_t *der = NULL;
    struct inspected i;
    int len;

    person_make(p);
    len = i2d_X509(p->cert, &der);
    i = inspect_data(AS_MESSAGE, der, (size_t)len, 1);
    ck_assert_int_eq(i.d.rc, 0);
    assert_is(&i, "certificates.0.key_type", "ec");
    assert_is(&i, "certificates.0.curve", "P-384");
    assert_number(&i, "certificates.0.key_bits", 384);
    ck_assert_ptr_nonnull(at(&i, "certificates.0.subject"));
    OPENSSL_free(der);
    inspected_clear(&i);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("inspect");
    TCase *tc = tcase_create("inspect");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, signer_facts);
    tcase_add_test(tc, countersigned);
    tcase_add_test(tc, detached);
    tcase_add_loop_test(tc, recipient_facts, 0, sizeof recipients / sizeof *recipients);
    tcase_add_test(tc, splits);
    tcase_add_test(tc, layers);
    tcase_add_test(tc, bare_layers);
    tcase_add_test(tc, mime_facts);
    tcase_add_test(tc, certificate_facts);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
