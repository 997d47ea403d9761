/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signed attributes on request: written, read, taken by peers, refused. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <string.h>

#include "cms/attributes.h"

static const char text[] = "With more than is needed.\r\n";
#define TEXT_LEN (sizeof text - 1)

#define AES256_CBC "2.16.840.1.101.3.4.1.42"
#define AES256_GCM "2.16.840.1.101.3.4.1.46"
static const char *const capabilities[] = { AES256_GCM, AES256_CBC, "1.2.3.4.5", NULL };

static const uint8_t octets[] = { 4, 3, 'a', 'b', 'c' }, truth[] = { 1, 1, 0xff };
static const uint8_t tagged[] = { 0xa3, 2, 5, 0 };
static const struct cms_new_attribute given[] = {
    { "1.3.6.1.4.1.99999.1", octets, sizeof octets },
    { "1.3.6.1.4.1.99999.2", truth, sizeof truth },
    { "1.3.6.1.4.1.99999.3", tagged, sizeof tagged },
};

static struct buf *
make(struct person *p, const X509 *preferred)
{
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = { .signers = &signer, .count = 1,
                                        .content_size = TEXT_LEN };

    signer.capabilities = capabilities;
    signer.preferred = preferred;
    signer.attributes = given;
    signer.attribute_count = 3;
    return sign_content(&options, text, TEXT_LEN, 0);
}

static void
assert_said(const struct cms_signed *m, X509 *preferred)
{
    const struct cms_signature *s = &m->signatures[0];
    struct cms_capability c;
    STACK_OF(X509) *certs = sk_X509_new_null();
    X509 *found = NULL;

    ck_assert_msg(s->state == CMS_INTACT, "%s", s->reason);
    for (size_t i = 0; capabilities[i] != NULL; i++) {
        ck_assert_int_eq(cms_capability_at(s, i, &c), 1);
        ck_assert_str_eq(c.oid, capabilities[i]);
        ck_assert_ptr_null(c.parameters);
    }
    ck_assert_int_eq(cms_capability_at(s, 3, &c), 0);
    ck_assert_int_eq(cms_preferred_cert(s, certs, &found), 0);
    sk_X509_push(certs, s->cert);
    sk_X509_push(certs, preferred);
    ck_assert_int_eq(cms_preferred_cert(s, certs, &found), 1);
    ck_assert_int_eq(X509_cmp(found, preferred), 0);
    sk_X509_free(certs);
    for (size_t i = 0; i < 3; i++) {
        const struct cms_attribute *a = NULL;

        for (size_t j = 0; j < s->attribute_count; j++)
            if (strcmp(s->attributes[j].oid, given[i].oid) == 0)
                a = &s->attributes[j];
        ck_assert_ptr_nonnull(a);
        ck_assert(a->is_signed);
        ck_assert_uint_eq(a->len, given[i].len + 2);
        ck_assert_mem_eq(a->der + 2, given[i].der, given[i].len);
    }
}

START_TEST(what_was_asked_for_is_read)
{
    X509 *preferred = person_of("ecdsa-sha512")->cert;
    struct buf *m = make(people((size_t)_i), preferred);

    for (size_t split = 0; split <= buf_len(m); split += 11) {
        struct reading r = read_message(buf_data(m), buf_len(m), split, NULL, 0);

        ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
        assert_said(r.result, preferred);
        reading_clear(&r);
    }
    buf_free(&m);
}
END_TEST

START_TEST(openssl_program_takes_and_shows_them)
{
    struct buf *m = make(person_of("ecdsa-sha256"), person_of("ecdsa-sha256")->cert);
    char *dir = scratch_make();

    write_file(dir, "message", buf_data(m), buf_len(m));
    ck_assert_int_eq(shell("cd '%s' && openssl cms -verify -binary -noverify -inform DER "
                           "-in message -out out 2>log && openssl cms -cmsout -print -noout -inform DER "
                           "-in message >print && grep -q 'S/MIME Capabilities' print && "
                           "grep -q 99999.3 print", dir), 0);
    scratch_remove(dir);
    buf_free(&m);
}
END_TEST

/* libcrypto writes SMIMECapabilities by itself. */
START_TEST(libcrypto_s_capabilities)
{
    struct person *p = person_of("rsa-pkcs1-sha256");
    BIO *in = BIO_new_mem_buf(text, TEXT_LEN);
    CMS_ContentInfo *cms = CMS_sign(p->cert, p->key, NULL, in, CMS_BINARY | CMS_PARTIAL);
    uint8_t *der = NULL;
    struct cms_capability c;
    struct reading r;
    size_t n = 0;
    int len, rc;

    ck_assert_int_eq(CMS_final(cms, in, NULL, CMS_BINARY), 1);
    len = i2d_CMS_ContentInfo(cms, &der);
    r = read_message(der, (size_t)len, SPLIT_BYTES, NULL, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    while ((rc = cms_capability_at(&r.result->signatures[0], n, &c)) == 1)
        n++;
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_gt(n, 2);
    reading_clear(&r);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
}
END_TEST

static int
try_given(const struct cms_signer *signer, bool none, struct err *err)
{
    struct cms_sign_options options = { .signers = signer, .count = 1, .detached = true,
                                        .no_attributes = none };
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_sign *s = NULL;
    int rc = cms_sign_new(&s, &options, &sink, err);

    cms_sign_free(&s);
    buf_free(&out);
    return rc;
}

START_TEST(what_cannot_be_is_refused)
{
    static const uint8_t ber[] = { 4, 0x81, 1, 'a' }, two[] = { 5, 0, 5, 0 };
    const struct cms_new_attribute bad[][2] = {
        { { "1.2.840.113549.1.9.3", octets, sizeof octets } },      /* contentType */
        { { "1.2.840.113549.1.9.6", octets, sizeof octets } },      /* countersignature */
        { { "no oid", octets, sizeof octets } },
        { { "1.2.3", ber, sizeof ber } },
        { { "1.2.3", two, sizeof two } },
        { { "1.2.3", octets, 4 } },
        { { "1.2.3", octets, 0 } },
        { { "1.2.3", octets, sizeof octets }, { "1.2.3", truth, sizeof truth } },
    };
    static const char *const no_oids[] = { AES256_CBC, "aes", NULL };
    struct cms_signer signer = person_signer(person_of("ecdsa-sha256"));
    struct err err = { 0 };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        signer.attributes = bad[i];
        signer.attribute_count = bad[i][1].oid == NULL ? 1 : 2;
        ck_assert_msg(try_given(&signer, false, &err) == E_USAGE, "%zu: %s", i, err_text(&err));
    }
    signer.attributes = given;
    signer.attribute_count = CMS_NEW_ATTRIBUTES_MAX + 1;
    ck_assert_int_eq(try_given(&signer, false, &err), E_LIMIT);
    signer.attribute_count = 1;
    ck_assert_int_eq(try_given(&signer, false, &err), 0);
    ck_assert_int_eq(try_given(&signer, true, &err), E_USAGE);
    signer.attribute_count = 0;
    signer.capabilities = no_oids;
    ck_assert_int_eq(try_given(&signer, false, &err), E_USAGE);
}
END_TEST

/* Malformed values are said to be so, and no error of the signature. */
START_TEST(malformed_values)
{
    static const uint8_t values[][8] = {
        { 4, 1, 0 }, { 0x30, 2, 5, 0 }, { 0x30, 4, 0x30, 2, 5, 0 },
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct cms_new_attribute mine[] = {
            { "1.2.840.113549.1.9.15", values[i], values[i][1] + 2u },
            { "1.2.840.113549.1.9.16.2.11", values[i], values[i][1] + 2u },
        };
        struct cms_signer signer = person_signer(person_of("ecdsa-sha256"));
        struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };
        struct cms_capability c;
        struct reading r;
        struct buf *m;
        X509 *found = NULL;

        signer.attributes = mine;
        signer.attribute_count = 2;
        m = sign_content(&options, text, TEXT_LEN, 0);
        r = read_message(buf_data(m), buf_len(m), 0, NULL, 0);
        ck_assert_int_eq(r.result->signatures[0].state, CMS_INTACT);
        ck_assert_int_eq(cms_capability_at(&r.result->signatures[0], 0, &c), E_MALFORMED);
        ck_assert_int_eq(cms_preferred_cert(&r.result->signatures[0], r.result->certs, &found),
                         E_MALFORMED);
        reading_clear(&r);
        buf_free(&m);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-attributes");
    TCase *tc = tcase_create("attributes");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, what_was_asked_for_is_read, 0, (int)people_count());
    tcase_add_test(tc, openssl_program_takes_and_shows_them);
    tcase_add_test(tc, libcrypto_s_capabilities);
    tcase_add_test(tc, what_cannot_be_is_refused);
    tcase_add_test(tc, malformed_values);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
