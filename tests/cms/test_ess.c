/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels and receipts (RFC 2634): ours, libcrypto's, and each read by the other. */
#include "tests/cms/kit.h"

#include <string.h>

#include <openssl/objects.h>

#include "cms/ess.h"

static const char text[] = "Please say that you got this.\r\n";
#define TEXT_LEN (sizeof text - 1)
#define POLICY "1.3.6.1.4.1.99999.7"

static const struct cms_receipt_request wish = {
    .id = "unlike any other", .id_len = 16, .from = CMS_RECEIPTS_LISTED,
    .listed = { "bob@example.org", "carol@example.org" }, .listed_count = 2,
    .to = { "alice@example.org" }, .to_count = 1,
};

/* A message with attributes of ours. */
static struct buf *
make(struct person *p, const struct cms_new_attribute *attributes, size_t count,
     const void *content, size_t len, int type)
{
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_type = type,
                                        .content_size = (int64_t)len };

    signer.attributes = attributes;
    signer.attribute_count = count;
    return sign_content(&options, content, len, 0);
}

static struct buf *
make_asking(struct person *p, const struct cms_receipt_request *r)
{
    struct buf *der = buf_new(), *m;

    ck_assert_int_eq(cms_receipt_request_put(der, r), 0);
    m = make(p, &(struct cms_new_attribute){ CMS_OID_RECEIPT_REQUEST, buf_data(der),
                                             buf_len(der) }, 1, text, TEXT_LEN, 0);
    buf_free(&der);
    return m;
}

/* The receipt that p signs for the message. */
static struct buf *
make_receipt(struct person *p, const struct cms_signed *original)
{
    struct buf *content = buf_new(), *digest = buf_new(), *m;

    ck_assert_int_eq(cms_receipt_put(content, &original->signatures[0], original->content_oid), 0);
    ck_assert_int_eq(cms_receipt_put_digest(digest, &original->signatures[0]), 0);
    m = make(p, &(struct cms_new_attribute){ CMS_OID_RECEIPT_DIGEST, buf_data(digest),
                                             buf_len(digest) }, 1, buf_data(content),
             buf_len(content), NID_id_smime_ct_receipt);
    buf_free(&digest);
    buf_free(&content);
    return m;
}

static struct reading
read_all(const struct buf *m)
{
    struct reading r = read_message(buf_data(m), buf_len(m), buf_len(m), NULL, 0);

    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_msg(r.result->signatures[0].state == CMS_INTACT, "%s",
                  r.result->signatures[0].reason);
    return r;
}

static CMS_ContentInfo *
as_libcrypto(const struct buf *m)
{
    const uint8_t *at = buf_data(m);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(m));

    ck_assert_ptr_nonnull(cms);
    return cms;
}

static struct buf *
as_buf(CMS_ContentInfo *cms)
{
    struct buf *out = buf_new();
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);

    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(buf_put(out, der, (size_t)len), 0);
    OPENSSL_free(der);
    return out;
}

START_TEST(a_label_is_read_as_it_was_made)
{
    struct cms_label label = { .policy = POLICY, .classification = _i - 1, .mark = "für Berta" };
    struct cms_label got;
    struct buf *der = buf_new(), *m;
    struct reading r;

    if (_i == 2)
        label.mark[0] = '\0';
    ck_assert_int_eq(cms_label_put(der, &label), 0);
    m = make(people(0), &(struct cms_new_attribute){ CMS_OID_LABEL, buf_data(der), buf_len(der) },
             1, text, TEXT_LEN, 0);
    r = read_all(m);
    ck_assert_int_eq(cms_label_read(&r.result->signatures[0], &got), 1);
    ck_assert_str_eq(got.policy, POLICY);
    ck_assert_int_eq(got.classification, _i - 1);
    ck_assert_str_eq(got.mark, label.mark);
    ck_assert_uint_eq(got.category_count, 0);
    reading_clear(&r);
    buf_free(&m);
    buf_free(&der);
}
END_TEST

START_TEST(labels_of_others_are_read_in_any_order)
{
    /* mark, policy, a category, classification 256: as BER SETs may come */
    static const uint8_t der[] = {
        0x31, 0x20, 0x13, 0x02, 'N', 'O', 0x06, 0x03, 0x2a, 0x03, 0x04, 0x31, 0x11, 0x30, 0x0f,
        0x80, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x07, 0xa1, 0x02, 0x05, 0x00,
        0x02, 0x02, 0x01, 0x00,
    };
    struct cms_attribute a = { .oid = CMS_OID_LABEL, .is_signed = true };
    struct cms_signature s = { .attributes = &a, .attribute_count = 1 };
    uint8_t set[sizeof der + 2] = { 0x31, sizeof der };
    struct cms_label got;

    memcpy(set + 2, der, sizeof der);
    a.der = set;
    a.len = sizeof set;
    ck_assert_int_eq(cms_label_read(&s, &got), 1);
    ck_assert_str_eq(got.policy, "1.2.3.4");
    ck_assert_str_eq(got.mark, "NO");
    ck_assert_int_eq(got.classification, 256);
    ck_assert_uint_eq(got.category_count, 1);
    ck_assert_str_eq(got.categories[0], "1.3.6.1.4.1.99999.7");
    /* A bit anywhere: read or malformed, never past the end; cut short: malformed. */
    for (size_t i = 0; i < 8 * sizeof set; i++) {
        int rc;

        set[i / 8] ^= (uint8_t)(1 << i % 8);
        rc = cms_label_read(&s, &got);
        ck_assert(rc == 1 || rc == E_MALFORMED);
        set[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (a.len = 0; a.len < sizeof set; a.len++)
        ck_assert_int_eq(cms_label_read(&s, &got), E_MALFORMED);
    a.is_signed = false;
    ck_assert_int_eq(cms_label_read(&s, &got), 0);
}
END_TEST

START_TEST(labels_that_cannot_be_are_refused)
{
    struct cms_label label = { .policy = "mine", .classification = 1 };
    struct buf *der = buf_new();

    ck_assert_int_eq(cms_label_put(der, &label), E_USAGE);
    strncpy(label.policy, POLICY, sizeof label.policy - 1);
    label.classification = 257;
    ck_assert_int_eq(cms_label_put(der, &label), E_USAGE);
    label.classification = 0;
    label.category_count = 1;
    ck_assert_int_eq(cms_label_put(der, &label), E_USAGE);
    ck_assert_uint_eq(buf_len(der), 0);
    ck_assert_int_eq(cms_classification_by_name("secret"), 4);
    ck_assert_str_eq(cms_classification_name(5), "top-secret");
    ck_assert_ptr_null(cms_classification_name(6));
    ck_assert_int_eq(cms_classification_by_name("geheim"), -1);
    buf_free(&der);
}
END_TEST

START_TEST(a_request_is_read_as_it_was_made)
{
    struct cms_receipt_request ask = wish, got;
    struct buf *m;
    struct reading r;

    ask.from = (enum cms_receipts_from)_i;
    m = make_asking(people(0), &ask);
    r = read_all(m);
    ck_assert_int_eq(cms_receipt_request_read(&r.result->signatures[0], &got), 1);
    ck_assert_uint_eq(got.id_len, ask.id_len);
    ck_assert_mem_eq(got.id, ask.id, ask.id_len);
    ck_assert_int_eq(got.from, ask.from);
    ck_assert_uint_eq(got.listed_count, ask.from == CMS_RECEIPTS_LISTED ? 2 : 0);
    if (got.listed_count > 0)
        ck_assert_str_eq(got.listed[1], "carol@example.org");
    ck_assert_uint_eq(got.to_count, 1);
    ck_assert_str_eq(got.to[0], "alice@example.org");
    reading_clear(&r);
    buf_free(&m);
}
END_TEST

START_TEST(a_request_that_nobody_can_answer_is_refused)
{
    struct cms_receipt_request r = { .id = "x", .id_len = 1 };
    struct buf *der = buf_new();

    ck_assert_int_eq(cms_receipt_request_put(der, &r), E_USAGE);
    r = wish;
    r.listed_count = 0;
    ck_assert_int_eq(cms_receipt_request_put(der, &r), E_USAGE);
    ck_assert_uint_eq(buf_len(der), 0);
    buf_free(&der);
}
END_TEST

START_TEST(libcrypto_answers_our_request)
{
    struct person *alice = people((size_t)_i), *bob = person_of("rsa-pkcs1-sha256");
    struct buf *m = make_asking(alice, &wish), *answer;
    struct reading original = read_all(m), receipt;
    CMS_ContentInfo *asking = as_libcrypto(m), *receipt_cms;
    CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(asking), 0);
    size_t index = 9;
    struct err err = { 0 };

    CMS_SignerInfo_set1_signer_cert(si, alice->cert);
    ck_assert_int_eq(CMS_verify(asking, NULL, NULL, NULL, NULL,
                                CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
    receipt_cms = CMS_sign_receipt(si, bob->cert, bob->key, NULL, CMS_BINARY);
    ck_assert_ptr_nonnull(receipt_cms);
    answer = as_buf(receipt_cms);
    receipt = read_all(answer);
    ck_assert_msg(cms_receipt_matches(&receipt.result->signatures[0], buf_data(receipt.content),
                                      buf_len(receipt.content), original.result, &index,
                                      &err) == 1, "%s", err_text(&err));
    ck_assert_uint_eq(index, 0);
    CMS_ContentInfo_free(receipt_cms);
    CMS_ContentInfo_free(asking);
    reading_clear(&receipt);
    reading_clear(&original);
    buf_free(&answer);
    buf_free(&m);
}
END_TEST

START_TEST(libcrypto_takes_our_receipt)
{
    struct person *alice = people((size_t)_i), *bob = person_of("ecdsa-sha256");
    struct buf *m = make_asking(alice, &wish), *answer;
    struct reading original = read_all(m);
    STACK_OF(X509) *none = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    CMS_ContentInfo *asking = as_libcrypto(m), *receipt;

    answer = make_receipt(bob, original.result);
    receipt = as_libcrypto(answer);
    CMS_SignerInfo_set1_signer_cert(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(asking), 0),
                                    alice->cert);
    ck_assert_int_eq(CMS_verify(asking, NULL, NULL, NULL, NULL,
                                CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
    ck_assert_int_eq(CMS_verify_receipt(receipt, asking, none, store,
                                        CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
    CMS_ContentInfo_free(receipt);
    CMS_ContentInfo_free(asking);
    X509_STORE_free(store);
    sk_X509_free(none);
    reading_clear(&original);
    buf_free(&answer);
    buf_free(&m);
}
END_TEST

/* What differs, and the words that say so. */
static const struct {
    bool other_message;     /* the receipt is compared with another one */
    bool other_type;
    bool wrong_digest;
    bool no_digest;
    int rc;
    const char *sentence;
} mismatches[] = {
    { .other_message = true, .rc = 0, .sentence = "another message" },
    { .other_type = true, .rc = 0, .sentence = "another type" },
    { .wrong_digest = true, .rc = 0, .sentence = "not what was signed" },
    { .no_digest = true, .rc = E_MALFORMED, .sentence = "msgSigDigest" },
};

START_TEST(a_receipt_for_something_else_does_not_match)
{
    struct buf *m = make_asking(people(0), &wish), *other = make_asking(people(1), &wish);
    struct buf *content = buf_new(), *digest = buf_new(), *answer;
    struct reading original = read_all(m), unlike = read_all(other), receipt;
    struct cms_new_attribute a = { CMS_OID_RECEIPT_DIGEST, NULL, 0 };
    size_t index = 0;
    struct err err = { 0 };

    ck_assert_int_eq(cms_receipt_put(content, &original.result->signatures[0],
                                     mismatches[_i].other_type
                                         ? "1.2.3" : original.result->content_oid), 0);
    ck_assert_int_eq(cms_receipt_put_digest(digest, &original.result->signatures[0]), 0);
    if (mismatches[_i].wrong_digest)
        buf_mutable(digest)[5] ^= 1;
    a.der = buf_data(digest);
    a.len = buf_len(digest);
    answer = make(people(2), &a, mismatches[_i].no_digest ? 0 : 1, buf_data(content),
                  buf_len(content), NID_id_smime_ct_receipt);
    receipt = read_all(answer);
    ck_assert_int_eq(cms_receipt_matches(&receipt.result->signatures[0],
                                         buf_data(receipt.content), buf_len(receipt.content),
                                         mismatches[_i].other_message ? unlike.result
                                                                      : original.result,
                                         &index, &err), mismatches[_i].rc);
    ck_assert_msg(strstr(err_text(&err), mismatches[_i].sentence) != NULL, "%s", err_text(&err));
    /* Content that is cut short or has more is no receipt. */
    for (size_t n = 0; n < buf_len(content); n++)
        ck_assert_int_eq(cms_receipt_matches(&receipt.result->signatures[0], buf_data(content), n,
                                             original.result, &index, &err), E_MALFORMED);
    reading_clear(&receipt);
    reading_clear(&unlike);
    reading_clear(&original);
    buf_free(&answer);
    buf_free(&digest);
    buf_free(&content);
    buf_free(&other);
    buf_free(&m);
}
END_TEST

START_TEST(no_request_no_receipt)
{
    struct buf *m = make(people(0), NULL, 0, text, TEXT_LEN, 0), *out = buf_new();
    struct reading r = read_all(m);
    struct cms_receipt_request got;
    struct cms_label label;

    ck_assert_int_eq(cms_receipt_request_read(&r.result->signatures[0], &got), 0);
    ck_assert_int_eq(cms_label_read(&r.result->signatures[0], &label), 0);
    ck_assert_int_eq(cms_receipt_put(out, &r.result->signatures[0], r.result->content_oid),
                     E_USAGE);
    ck_assert_uint_eq(buf_len(out), 0);
    reading_clear(&r);
    buf_free(&out);
    buf_free(&m);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("cms-ess");
    TCase *t = tcase_create("ess");
    int n = (int)people_count();

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_label_is_read_as_it_was_made, 0, 7);
    tcase_add_test(t, labels_of_others_are_read_in_any_order);
    tcase_add_test(t, labels_that_cannot_be_are_refused);
    tcase_add_loop_test(t, a_request_is_read_as_it_was_made, 0, 3);
    tcase_add_test(t, a_request_that_nobody_can_answer_is_refused);
    tcase_add_loop_test(t, libcrypto_answers_our_request, 0, n < 6 ? n : 6);
    tcase_add_loop_test(t, libcrypto_takes_our_receipt, 0, n < 6 ? n : 6);
    tcase_add_loop_test(t, a_receipt_for_something_else_does_not_match, 0,
                        (int)(sizeof mismatches / sizeof *mismatches));
    tcase_add_test(t, no_request_no_receipt);
    suite_add_tcase(s, t);
    return run_suite(s);
}
