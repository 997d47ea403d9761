/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caps of cms/reader.h that test_bad, test_forged and test_counter do not have, each with
 * its own sentence; and that work grows no faster than the message: counted in
 * allocations, elements and keys tried, not in time.
 */
#include "tests/cms/craft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cms/asn1.h"
#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/der.h"

static const char text[] = "Pay 100 to Alice.\r\n";
#define TEXT_LEN (sizeof text - 1)
#define SIGNER "ecdsa-sha256"

/* libcrypto's allocations in this process; the tests' own are not among them. */
static size_t allocations, allocated;

static void *
count_malloc(size_t len, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    allocated += len;
    return malloc(len);
}

static void *
count_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    allocated += len;
    return realloc(p, len);
}

static void
count_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

/* What is in a SignedData without content. */
struct parts {
    struct buf *certs, *crls, *signers;
};

static struct parts
parts_new(void)
{
    return (struct parts){ buf_new(), buf_new(), buf_new() };
}

static void
parts_clear(struct parts *p)
{
    buf_free(&p->certs);
    buf_free(&p->crls);
    buf_free(&p->signers);
}

static struct reading
read_parts(const struct parts *p)
{
    struct buf *encap = craft_no_content(), *none = buf_new(), *both = buf_new(), *m;
    struct reading r;

    /* craft_signed_data puts one [0]; [1] goes in behind it */
    m = craft_signed_data(none, encap, p->certs, p->signers);
    if (buf_len(p->crls) > 0) {
        struct buf *fields = buf_new(), *data = buf_new();
        static const uint8_t type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2 };

        ck_assert_int_eq(buf_put(fields, "\x02\x01\x01\x31\x00", 5), 0);
        ck_assert_int_eq(der_put(fields, 0x30, buf_data(encap), buf_len(encap)), 0);
        ck_assert_int_eq(der_put(fields, 0xa1, buf_data(p->crls), buf_len(p->crls)), 0);
        ck_assert_int_eq(der_put(fields, 0x31, buf_data(p->signers), buf_len(p->signers)), 0);
        ck_assert_int_eq(der_put(data, 0x30, buf_data(fields), buf_len(fields)), 0);
        ck_assert_int_eq(buf_put(both, type, sizeof type), 0);
        ck_assert_int_eq(der_put(both, 0xa0, buf_data(data), buf_len(data)), 0);
        buf_reset(m);
        ck_assert_int_eq(der_put(m, 0x30, buf_data(both), buf_len(both)), 0);
        buf_free(&fields);
        buf_free(&data);
    }
    r = read_message(buf_data(m), buf_len(m), 5000, text, TEXT_LEN);
    buf_free(&m);
    buf_free(&none);
    buf_free(&both);
    buf_free(&encap);
    return r;
}

static void
assert_limit(const struct parts *p, const char *says)
{
    struct reading r = read_parts(p);

    ck_assert_msg(r.rc == E_LIMIT, "%s instead of %s", r.rc == 0 ? "no error" : err_text(&r.err),
                  says);
    ck_assert_msg(strstr(err_text(&r.err), says) != NULL, "%s", err_text(&r.err));
    ck_assert_msg(strstr(err_text(&r.err), "offset ") != NULL, "%s", err_text(&r.err));
    reading_clear(&r);
}

static void
put_many(struct buf *out, const void *element, size_t len, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(buf_put(out, element, len), 0);
}

static void
put_long(struct buf *out, uint8_t id, size_t len)
{
    uint8_t *content = calloc(1, len);
    struct buf *string = buf_new();

    ck_assert_int_eq(der_put(string, BER_OCTET_STRING, content, len), 0);
    ck_assert_int_eq(der_put(out, id, buf_data(string), buf_len(string)), 0);
    buf_free(&string);
    free(content);
}

static SN_SIGNER_INFO *
signer_info(void)
{
    struct buf *element = craft_signer_info(person_of(SIGNER), text, TEXT_LEN);
    const uint8_t *at = buf_data(element);
    SN_SIGNER_INFO *info = d2i_SN_SIGNER_INFO(NULL, &at, (long)buf_len(element));

    ck_assert_ptr_nonnull(info);
    buf_free(&element);
    return info;
}

static void
put_signer(struct buf *out, const SN_SIGNER_INFO *info)
{
    uint8_t *der = NULL;
    int len = i2d_SN_SIGNER_INFO(info, &der);

    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(buf_put(out, der, (size_t)len), 0);
    OPENSSL_free(der);
}

START_TEST(revocation_lists)
{
    struct parts p = parts_new();
    struct reading r;

    put_many(p.crls, "\xa1\x00", 2, CMS_MAX_CRLS);
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(r.result->other_crls, CMS_MAX_CRLS);
    reading_clear(&r);
    put_many(p.crls, "\xa1\x00", 2, 1);
    assert_limit(&p, "more than 256 revocation lists");
    buf_reset(p.crls);
    put_long(p.crls, 0xa1, CMS_MAX_CRL_SIZE);
    assert_limit(&p, "is longer than 4194304 bytes");
    parts_clear(&p);
}
END_TEST

START_TEST(ten_thousand_signers)
{
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();

    for (int i = 0; i < 10000; i++)
        put_signer(p.signers, info);
    assert_limit(&p, "more than 256 signers, at offset");
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
}
END_TEST

START_TEST(long_signer)
{
    struct parts p = parts_new();

    put_long(p.signers, 0x30, CMS_MAX_SIGNER_SIZE);
    assert_limit(&p, "signerInfos at offset");
    parts_clear(&p);
}
END_TEST

START_TEST(long_signature)
{
    static uint8_t octets[CMS_MAX_SIGNATURE_SIZE + 1];
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();
    struct reading r;

    ASN1_OCTET_STRING_set(info->signature, octets, CMS_MAX_SIGNATURE_SIZE);
    put_signer(p.signers, info);
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    reading_clear(&r);
    ASN1_OCTET_STRING_set(info->signature, octets, CMS_MAX_SIGNATURE_SIZE + 1);
    buf_reset(p.signers);
    put_signer(p.signers, info);
    assert_limit(&p, "is longer than 65536 bytes");
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
}
END_TEST

START_TEST(attributes)
{
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();
    struct reading r;

    info->unsigned_attrs = sk_X509_ATTRIBUTE_new_null();
    for (int i = 0; i < CMS_MAX_ATTRIBUTES; i++)
        X509at_add1_attr_by_txt(&info->unsigned_attrs, "1.2.3.4", V_ASN1_OCTET_STRING,
                                (const uint8_t *)"x", 1);
    /* libcrypto's function refuses doubles; copies do not ask it */
    while (sk_X509_ATTRIBUTE_num(info->unsigned_attrs) < CMS_MAX_ATTRIBUTES)
        sk_X509_ATTRIBUTE_push(info->unsigned_attrs, X509_ATTRIBUTE_dup(
                                   sk_X509_ATTRIBUTE_value(info->unsigned_attrs, 0)));
    put_signer(p.signers, info);
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    reading_clear(&r);
    sk_X509_ATTRIBUTE_push(info->unsigned_attrs, X509_ATTRIBUTE_dup(
                               sk_X509_ATTRIBUTE_value(info->unsigned_attrs, 0)));
    buf_reset(p.signers);
    put_signer(p.signers, info);
    assert_limit(&p, "more than 128 attributes of a signer");
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
}
END_TEST

/* Names of many tiny parts, in certificates that are no more than that: what would
 * take a hundred times its size in memory. */
START_TEST(elements)
{
    static const uint8_t rdn[] = { 0x31, 9, 0x30, 7, 6, 3, 0x55, 4, 3, 0x0c, 0 };
    struct parts p = parts_new();
    struct buf *name = buf_new(), *cert = buf_new();

    put_many(name, rdn, sizeof rdn, 20000);
    ck_assert_int_eq(der_put(cert, 0x30, buf_data(name), buf_len(name)), 0);
    /* 80,001 elements each */
    put_many(p.certs, buf_data(cert), buf_len(cert), 14);
    assert_limit(&p, "more than 1048576 ASN.1 elements");
    buf_free(&name);
    buf_free(&cert);
    parts_clear(&p);
}
END_TEST

/* libcrypto's work for count signers that are alike. */
static size_t
work_on_signers(size_t count)
{
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();
    struct reading r;
    size_t before;

    for (size_t i = 0; i < count; i++)
        put_signer(p.signers, info);
    before = allocations;
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    reading_clear(&r);
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
    return allocations - before;
}

/* Twice the message is about twice the work, whatever there is twice. */
static void
assert_linear(size_t (*work)(size_t), size_t from)
{
    size_t one, two, four;

    (void)work(from);
    one = work(from);
    two = work(2 * from);
    four = work(4 * from);
    ck_assert_uint_gt(one, 0);
    ck_assert_msg(two < 2 * one + one / 4 && four < 2 * two + two / 4, "%zu, %zu, %zu", one, two,
                  four);
}

START_TEST(work_grows_as_signers)
{
    assert_linear(work_on_signers, 60);
}
END_TEST

static size_t
work_on_values(size_t count)
{
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();
    X509_ATTRIBUTE *a;
    struct reading r;
    size_t before;

    X509at_add1_attr_by_txt(&info->unsigned_attrs, "1.2.3.4", V_ASN1_OCTET_STRING,
                            (const uint8_t *)"x", 1);
    a = sk_X509_ATTRIBUTE_value(info->unsigned_attrs, 0);
    for (size_t i = 0; i < count; i++)
        X509_ATTRIBUTE_set1_data(a, V_ASN1_OCTET_STRING, &i, sizeof i);
    put_signer(p.signers, info);
    before = allocations;
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    reading_clear(&r);
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
    return allocations - before;
}

START_TEST(work_grows_as_values)
{
    assert_linear(work_on_values, 200);
}
END_TEST

/* Events of the tokenizer: no more than octets, however they nest or are cut. */
START_TEST(events_are_no_more_than_octets)
{
    enum { LEN = 300000 };
    static const uint8_t shapes[][2] = { { 0x30, 0x80 }, { 0x30, 0x00 }, { 0x24, 0x80 },
                                         { 0x04, 0x00 }, { 0x31, 0x80 } };
    uint8_t *data = malloc(LEN);

    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t piece = 1; piece <= LEN; piece *= LEN) {
            struct ber ber;
            size_t events = 0;

            fill_pairs(data, LEN, shapes[s][0], shapes[s][1]);
            memcpy(data, "\x30\x80", 2);
            ber_init(&ber);
            for (size_t at = 0; at < LEN; at += piece) {
                const uint8_t *from = data + at;
                size_t len = piece;
                struct ber_event event;

                while (ber_next(&ber, &from, &len, &event, NULL) == 1)
                    events++;
            }
            ck_assert_uint_gt(events, 0);
            ck_assert_uint_le(events, LEN);
        }
    free(data);
}
END_TEST

/* A thousand certificates of the signer's name: a few are tried, and the verdict says it. */
START_TEST(certificates_of_one_name)
{
    struct parts p = parts_new();
    SN_SIGNER_INFO *info = signer_info();
    struct person *other = person_of("ecdsa-sha384");
    X509 *twin = X509_dup(other->cert);
    uint8_t *der = NULL;
    struct reading r;
    int len;

    X509_set_issuer_name(twin, X509_get_issuer_name(person_of(SIGNER)->cert));
    X509_set_serialNumber(twin, X509_get_serialNumber(person_of(SIGNER)->cert));
    len = i2d_re_X509_tbs(twin, &der) > 0 ? (OPENSSL_free(der), der = NULL, i2d_X509(twin, &der))
                                          : 0;
    ck_assert_int_gt(len, 0);
    put_many(p.certs, der, (size_t)len, CMS_MAX_CERTS);
    for (int i = 0; i < CMS_MAX_SIGNERS; i++)
        put_signer(p.signers, info);
    r = read_parts(&p);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    for (size_t i = 0; i < r.result->count; i++) {
        ck_assert_int_eq(r.result->signatures[i].state, CMS_BAD_SIGNATURE);
        ck_assert_ptr_nonnull(strstr(r.result->signatures[i].reason,
                                     "too many certificates of its name to try them all"));
    }
    reading_clear(&r);
    OPENSSL_free(der);
    X509_free(twin);
    SN_SIGNER_INFO_free(info);
    parts_clear(&p);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-limits");
    TCase *tc = tcase_create("limits");

    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return EXIT_FAILURE;
    (void)person_of(SIGNER);
    (void)person_of("ecdsa-sha384");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, revocation_lists);
    tcase_add_test(tc, ten_thousand_signers);
    tcase_add_test(tc, long_signer);
    tcase_add_test(tc, long_signature);
    tcase_add_test(tc, attributes);
    tcase_add_test(tc, elements);
    tcase_add_test(tc, work_grows_as_signers);
    tcase_add_test(tc, work_grows_as_values);
    tcase_add_test(tc, events_are_no_more_than_octets);
    tcase_add_test(tc, certificates_of_one_name);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
