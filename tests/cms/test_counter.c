/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Countersignatures: made, read, forged. */
#include "tests/cms/resign_kit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "cms/attr.h"
#include "cms/ber.h"

static const char text[] = "What was agreed on.\r\n";
#define TEXT_LEN (sizeof text - 1)

static struct person *
author(void)
{
    return person_of("rsa-pkcs1-sha256");
}

static struct reading
read_form(const struct buf *m, enum resign_form form, size_t split)
{
    return read_message(buf_data(m), buf_len(m), split, form == RESIGN_DETACHED ? text : NULL,
                        TEXT_LEN);
}

static const struct cms_signature *
assert_countersigned(const struct reading *r, struct person *by)
{
    const struct cms_signature *s, *c;

    ck_assert_msg(r->rc == 0, "%s", err_text(&r->err));
    ck_assert_uint_eq(r->result->count, 1);
    s = &r->result->signatures[0];
    ck_assert_msg(s->state == CMS_INTACT, "%s", s->reason);
    ck_assert_uint_eq(s->countersignature_count, 1);
    c = &s->countersignatures[0];
    ck_assert_msg(c->state == CMS_INTACT, "%s: %s", by->scheme, c->reason);
    ck_assert_int_eq(X509_cmp(c->cert, by->cert), 0);
    ck_assert_str_eq(c->algorithm, by->scheme);
    ck_assert_ptr_null(c->problems[0]);
    ck_assert(c->has_signing_time);
    ck_assert_int_eq(c->signing_time, RESIGN_TIME);
    for (size_t i = 0; i < c->attribute_count; i++)
        ck_assert_str_ne(c->attributes[i].oid, ATTR_CONTENT_TYPE);
    ck_assert_ptr_null(c->countersignatures);
    return c;
}

START_TEST(anybody_countersigns_any_form)
{
    struct person *by = people((size_t)_i);

    for (enum resign_form form = 0; form < RESIGN_FORMS; form++) {
        struct buf *m = resign_message(form, author(), text, TEXT_LEN);
        struct buf *out = countersign(m, by, 0, 40);
        struct reading r = read_form(out, form, buf_len(out));

        (void)assert_countersigned(&r, by);
        ck_assert(r.result->is_ber == (form != RESIGN_DETACHED));
        ck_assert_uint_eq(buf_len(r.content), form == RESIGN_DETACHED ? 0 : TEXT_LEN);
        reading_clear(&r);
        r = read_form(out, form, SPLIT_BYTES);
        (void)assert_countersigned(&r, by);
        reading_clear(&r);
        resign_libcrypto_accepts(out, form == RESIGN_DETACHED, text, TEXT_LEN);
        buf_free(&out);
        buf_free(&m);
    }
}
END_TEST

START_TEST(every_split_point)
{
    enum resign_form form = (enum resign_form)_i;
    struct person *by = person_of("rsa-pkcs1-sha512");
    struct buf *m = resign_message(form, author(), text, TEXT_LEN);
    struct buf *whole = countersign(m, by, 0, buf_len(m)), *out;

    out = countersign(m, by, 0, SPLIT_BYTES);
    ck_assert_uint_eq(buf_len(out), buf_len(whole));
    ck_assert_mem_eq(buf_data(out), buf_data(whole), buf_len(whole));
    buf_free(&out);
    for (size_t split = 0; split <= buf_len(m); split += 7) {
        out = countersign(m, by, 0, split);
        ck_assert_uint_eq(buf_len(out), buf_len(whole));
        ck_assert_mem_eq(buf_data(out), buf_data(whole), buf_len(whole));
        buf_free(&out);
    }
    for (size_t split = 0; split <= buf_len(whole); split++) {
        struct reading r = read_form(whole, form, split);

        (void)assert_countersigned(&r, by);
        reading_clear(&r);
    }
    buf_free(&whole);
    buf_free(&m);
}
END_TEST

/* All fields of the SignerInfo but unsignedAttrs are in the new one as they were. */
START_TEST(the_signature_stays_byte_for_byte)
{
    for (enum resign_form form = 0; form < RESIGN_FORMS; form++) {
        struct buf *m = resign_message(form, author(), text, TEXT_LEN);
        struct buf *out = countersign(m, person_of("ecdsa-sha384"), 0, 100);
        struct ber_header h;
        size_t len, out_len;
        const uint8_t *info = signer_infos_view(m, &len);
        const uint8_t *now = signer_infos_view(out, &out_len);

        ck_assert_int_eq(ber_read_header(info, len, &h), 1);
        ck_assert_ptr_nonnull(memmem(now, out_len, info + h.size, len - h.size));
        buf_free(&out);
        buf_free(&m);
    }
}
END_TEST

START_TEST(several_on_the_signer_that_was_meant)
{
    struct cms_signer signers[] = { person_signer(author()),
                                    person_signer(person_of("ecdsa-sha512")) };
    struct cms_sign_options options = { .signers = signers, .count = 2, .content_size = -1 };
    struct buf *m = sign_content(&options, text, TEXT_LEN, 0), *once, *twice;
    struct reading r = read_message(buf_data(m), buf_len(m), 0, NULL, 0);
    X509 *second = X509_dup(r.result->signatures[1].cert);

    reading_clear(&r);
    once = countersign(m, person_of("ed25519"), 1, 0);
    twice = countersign(once, person_of("ecdsa-sha384"), 1, 0);
    r = read_message(buf_data(twice), buf_len(twice), 0, NULL, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(r.result->signatures[0].countersignature_count, 0);
    ck_assert_uint_eq(r.result->signatures[1].countersignature_count, 2);
    ck_assert_int_eq(X509_cmp(r.result->signatures[1].cert, second), 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(r.result->signatures[i].state, CMS_INTACT);
        ck_assert_int_eq(r.result->signatures[1].countersignatures[i].state, CMS_INTACT);
    }
    reading_clear(&r);
    X509_free(second);
    buf_free(&m);
    buf_free(&once);
    buf_free(&twice);
}
END_TEST

START_TEST(without_attributes)
{
    struct cms_signer signer = person_signer(person_of("ecdsa-sha3-256"));
    struct cms_countersign_options options = { .signer = &signer, .no_attributes = true };
    struct buf *m = resign_message(RESIGN_DER, author(), text, TEXT_LEN), *out = buf_new();
    struct err err = { 0 };
    struct reading r;

    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m), 0, out, &err), 0);
    r = read_message(buf_data(out), buf_len(out), 0, NULL, 0);
    ck_assert_int_eq(r.result->signatures[0].countersignatures[0].state, CMS_INTACT);
    ck_assert(!r.result->signatures[0].countersignatures[0].has_attributes);
    reading_clear(&r);
    signer = person_signer(person_of("ed25519"));
    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m), 0, out, &err),
                     E_UNSUPPORTED);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

/* A certificate that is not in the message: it says so, and the caller's do. */
START_TEST(without_the_certificate)
{
    struct person *by = person_of("ecdsa-sha256");
    struct cms_signer signer = person_signer(by);
    struct cms_countersign_options options = { .signer = &signer, .no_cert = true };
    struct buf *m = resign_message(RESIGN_BER, author(), text, TEXT_LEN), *out = buf_new();
    STACK_OF(X509) *known = sk_X509_new_null();
    struct err err = { 0 };
    struct reading r;

    signer.ski = true;
    sk_X509_push(known, by->cert);
    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m), 0, out, &err), 0);
    r = read_message(buf_data(out), buf_len(out), 0, NULL, 0);
    ck_assert_int_eq(r.result->signatures[0].state, CMS_INTACT);
    ck_assert_int_eq(r.result->signatures[0].countersignatures[0].state, CMS_NO_CERTIFICATE);
    reading_clear(&r);
    r = read_with(buf_data(out), buf_len(out), 0, NULL, known, NULL);
    ck_assert_int_eq(r.result->signatures[0].countersignatures[0].state, CMS_INTACT);
    ck_assert_ptr_nonnull(r.result->signatures[0].countersignatures[0].ski);
    reading_clear(&r);
    sk_X509_free(known);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

/* Each byte of the countersignature and of the signature under it; 0x20 is the bit
 * that tells constructed from primitive. */
START_TEST(no_altered_byte_is_intact)
{
    static const uint8_t flips[] = { 0x01, 0x20, 0x80 };
    uint8_t flip = flips[_i];
    struct person *by = person_of("ecdsa-sha256");
    struct buf *m = resign_message(RESIGN_DETACHED, author(), text, TEXT_LEN);
    struct buf *out = countersign(m, by, 0, 0);
    struct reading r = read_form(out, RESIGN_DETACHED, 0);
    size_t infos_len, from, seen = 0;
    const uint8_t *infos = signer_infos_view(out, &infos_len);

    reading_clear(&r);
    /* the signature of RSA and all behind it: from the last OCTET STRING of 256 bytes */
    from = (size_t)((const uint8_t *)memmem(infos, infos_len, "\x04\x82\x01\x00", 4) -
                    buf_data(out)) + 4;
    for (size_t at = from; at < buf_len(out); at += at < from + 256 ? 17 : 1) {
        buf_mutable(out)[at] ^= flip;
        r = read_form(out, RESIGN_DETACHED, 0);
        if (r.rc == 0) {
            const struct cms_signature *s = &r.result->signatures[0];

            seen++;
            if (at < from + 256)
                ck_assert_int_eq(s->state, CMS_BAD_SIGNATURE);
            else
                ck_assert_int_eq(s->state, CMS_INTACT);
            /* not protected: the SignerInfo's version, the case of letters in names */
            ck_assert_msg(s->countersignature_count == 0 ||
                          s->countersignatures[0].state != CMS_INTACT ||
                          memcmp(buf_data(out) + at - 2, "\x02\x01", 2) == 0 ||
                          (flip == 0x20 && isalpha(buf_data(out)[at])), "byte %zu", at);
        }
        reading_clear(&r);
        buf_mutable(out)[at] ^= flip;
    }
    ck_assert_uint_gt(seen, 100);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

/* A message of libcrypto's with this countersignature, so many times. */
static struct buf *
with_value(const struct buf *message, const uint8_t *info, size_t len, int times)
{
    const uint8_t *at = buf_data(message);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(message));
    CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    X509_ATTRIBUTE *attr = X509_ATTRIBUTE_create_by_NID(NULL, NID_pkcs9_countersignature,
                                                        V_ASN1_SEQUENCE, info, (int)len);
    struct buf *out = buf_new();
    uint8_t *der = NULL;
    int n;

    for (int i = 1; i < times; i++)
        ck_assert_int_eq(X509_ATTRIBUTE_set1_data(attr, V_ASN1_SEQUENCE, info, (int)len), 1);
    ck_assert_int_eq(CMS_unsigned_add1_attr(si, attr), 1);
    n = i2d_CMS_ContentInfo(cms, &der);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(buf_put(out, der, (size_t)n), 0);
    OPENSSL_free(der);
    X509_ATTRIBUTE_free(attr);
    CMS_ContentInfo_free(cms);
    return out;
}

/* libcrypto's SignerInfo over these octets, as it would be without attributes, or with its
 * own, contentType among them. */
static struct buf *
peer_signer_info(struct person *p, const uint8_t *data, size_t len, bool attributes)
{
    BIO *in = BIO_new_mem_buf(data, (int)len);
    CMS_ContentInfo *cms = CMS_sign(p->cert, p->key, NULL, in,
                                    CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP |
                                    (attributes ? 0 : CMS_NOATTR));
    struct buf *message = buf_new(), *info = buf_new();
    const uint8_t *at;
    uint8_t *der = NULL;
    size_t info_len;
    int n;

    ck_assert_ptr_nonnull(cms);
    n = i2d_CMS_ContentInfo(cms, &der);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(buf_put(message, der, (size_t)n), 0);
    at = signer_infos_view(message, &info_len);
    ck_assert_int_eq(buf_put(info, at, info_len), 0);
    OPENSSL_free(der);
    buf_free(&message);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return info;
}

static const uint8_t *
signature_of(const struct buf *message, CMS_ContentInfo **ret, size_t *ret_len)
{
    const uint8_t *at = buf_data(message);
    const ASN1_OCTET_STRING *sig;

    *ret = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(message));
    sig = CMS_SignerInfo_get0_signature(
        sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(*ret), 0));
    *ret_len = (size_t)ASN1_STRING_length(sig);
    return ASN1_STRING_get0_data(sig);
}

START_TEST(one_of_another_maker)
{
    struct person *by = person_of("ecdsa-sha256");
    struct buf *m = resign_message(RESIGN_DER, author(), text, TEXT_LEN), *info, *out;
    STACK_OF(X509) *known = sk_X509_new_null();
    CMS_ContentInfo *cms;
    size_t len;
    const uint8_t *sig = signature_of(m, &cms, &len);
    struct reading r;

    sk_X509_push(known, by->cert);
    for (int attributes = 0; attributes < 2; attributes++) {
        const struct cms_signature *c;

        info = peer_signer_info(by, sig, len, attributes);
        out = with_value(m, buf_data(info), buf_len(info), 3);
        r = read_with(buf_data(out), buf_len(out), 0, NULL, known, NULL);
        ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
        ck_assert_uint_eq(r.result->signatures[0].countersignature_count, 3);
        c = &r.result->signatures[0].countersignatures[2];
        ck_assert_msg(c->state == (attributes ? CMS_MALFORMED : CMS_INTACT), "%s", c->reason);
        if (attributes)
            ck_assert_ptr_nonnull(strstr(c->reason, "contentType"));
        ck_assert_int_eq(r.result->signatures[0].state, CMS_INTACT);
        reading_clear(&r);
        buf_free(&out);
        buf_free(&info);
    }
    CMS_ContentInfo_free(cms);
    sk_X509_free(known);
    buf_free(&m);
}
END_TEST

START_TEST(too_many_and_malformed)
{
    static const uint8_t empty[] = { 0x30, 0x00 };
    struct buf *m = resign_message(RESIGN_DER, author(), text, TEXT_LEN);
    struct buf *out = with_value(m, empty, sizeof empty, CMS_MAX_COUNTERSIGNATURES);
    struct reading r = read_message(buf_data(out), buf_len(out), 0, NULL, 0);
    const struct cms_signature *s;

    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    s = &r.result->signatures[0];
    ck_assert_int_eq(s->state, CMS_INTACT);
    ck_assert_uint_eq(s->countersignature_count, CMS_MAX_COUNTERSIGNATURES);
    for (size_t i = 0; i < s->countersignature_count; i++) {
        ck_assert_int_eq(s->countersignatures[i].state, CMS_MALFORMED);
        ck_assert_str_eq(s->countersignatures[i].problems[0], "malformed");
    }
    reading_clear(&r);
    buf_free(&out);
    out = with_value(m, empty, sizeof empty, CMS_MAX_COUNTERSIGNATURES + 1);
    r = read_message(buf_data(out), buf_len(out), 0, NULL, 0);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err_text(&r.err), "256 countersignatures"));
    reading_clear(&r);
    buf_free(&out);
    buf_free(&m);
}
END_TEST

START_TEST(bad_input_is_refused)
{
    struct cms_signer signer = person_signer(person_of("ed25519"));
    struct cms_countersign_options options = { .signer = &signer, .index = 1 };
    struct buf *m = resign_message(RESIGN_BER, author(), text, TEXT_LEN), *out = buf_new();
    struct err err = { 0 };

    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m), 0, out, &err), E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.text, "no signer 1"));
    options.index = 0;
    for (size_t len = 0; len < buf_len(m); len++)
        ck_assert_int_eq(countersign_try(&options, buf_data(m), len, 0, out, &err), E_TRUNCATED);
    ck_assert_int_eq(buf_put(m, "x", 1), 0);
    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m), 0, out, &err),
                     E_MALFORMED);
    signer.scheme = alg_sig_by_name("ecdsa-sha256");
    ck_assert_int_eq(countersign_try(&options, buf_data(m), buf_len(m) - 1, 0, out, &err),
                     E_USAGE);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

START_TEST(rfc4134_4_4)
{
    char *path = vector_path("rfc4134/4.4.bin");
    struct buf *m;
    struct reading r;
    const struct cms_signature *s;

    if (path == NULL) {
        fprintf(stderr, "cms-counter: no vector rfc4134/4.4.bin, part skipped\n");
        return;
    }
    m = read_file(path);
    r = read_message(buf_data(m), buf_len(m), SPLIT_BYTES, NULL, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    s = &r.result->signatures[0];
    ck_assert_uint_eq(s->countersignature_count, 1);
    ck_assert_msg(s->countersignatures[0].state == CMS_INTACT, "%s: %s",
                  cms_state_word(s->countersignatures[0].state), s->countersignatures[0].reason);
    reading_clear(&r);
    buf_free(&m);
    free(path);
}
END_TEST

START_TEST(openssl_program_shows_it)
{
    struct buf *m = resign_message(RESIGN_BER, author(), text, TEXT_LEN);
    struct buf *out = countersign(m, person_of("ecdsa-sha384"), 0, 0);
    char *dir = scratch_make();

    write_file(dir, "message", buf_data(out), buf_len(out));
    write_file(dir, "content", text, TEXT_LEN);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -verify -binary -inform DER -in message "
                           "-noverify -out out 2>log && cmp content out && openssl cms -cmsout "
                           "-print -noout -inform DER -in message | grep -q countersignature",
                           dir), 0);
    scratch_remove(dir);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-counter");
    TCase *tc = tcase_create("counter");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, anybody_countersigns_any_form, 0, (int)people_count());
    tcase_add_loop_test(tc, every_split_point, 0, RESIGN_FORMS);
    tcase_add_test(tc, the_signature_stays_byte_for_byte);
    tcase_add_test(tc, several_on_the_signer_that_was_meant);
    tcase_add_test(tc, without_attributes);
    tcase_add_test(tc, without_the_certificate);
    tcase_add_loop_test(tc, no_altered_byte_is_intact, 0, 3);
    tcase_add_test(tc, one_of_another_maker);
    tcase_add_test(tc, too_many_and_malformed);
    tcase_add_test(tc, bad_input_is_refused);
    tcase_add_test(tc, rfc4134_4_4);
    tcase_add_test(tc, openssl_program_shows_it);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
