/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the openssl program signs, read by us. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

static const char content[] = "Some content,\r\nin two lines.\r\n";
#define CONTENT_LEN (sizeof content - 1)

/* A command line, run where {rsa,ec,ed}.{key,pem} and content are. */
struct peer_case {
    const char *options;
    const char *algorithm;      /* what we should call it */
    bool detached, no_certs, no_attributes, pem, ber;
    size_t signers;
    unsigned min_attributes;
    const char *problem;        /* expected in problems, state still intact */
};

#define RSA "-signer rsa.pem -inkey rsa.key "
#define EC "-signer ec.pem -inkey ec.key "
#define EC384 "-signer ec384.pem -inkey ec384.key "
#define DER "-outform DER "

static const struct peer_case cases[] = {
    { RSA DER "-nodetach", "rsa-pkcs1-sha256", .signers = 1 },
    { RSA DER, "rsa-pkcs1-sha256", .detached = true, .signers = 1 },
    { RSA DER "-nodetach -stream", "rsa-pkcs1-sha256", .ber = true, .signers = 1 },
    /* the program embeds it then, whatever its manual says */
    { RSA DER "-stream", "rsa-pkcs1-sha256", .ber = true, .signers = 1 },
    { RSA "-nodetach -outform PEM", "rsa-pkcs1-sha256", .pem = true, .signers = 1 },
    { RSA "-nodetach -outform PEM -stream", "rsa-pkcs1-sha256", .pem = true, .ber = true,
      .signers = 1 },
    { RSA DER "-nodetach -nosmimecap", "rsa-pkcs1-sha256", .signers = 1 },
    { RSA DER "-nodetach -noattr", "rsa-pkcs1-sha256", .no_attributes = true, .signers = 1 },
    { RSA DER "-noattr", "rsa-pkcs1-sha256", .no_attributes = true, .detached = true,
      .signers = 1 },
    { RSA DER "-nodetach -keyid", "rsa-pkcs1-sha256", .signers = 1 },
    { RSA DER "-nodetach -nocerts", "rsa-pkcs1-sha256", .no_certs = true, .signers = 1 },
    { RSA DER "-nodetach -cades", "rsa-pkcs1-sha256", .signers = 1 },
    { RSA DER "-nodetach -md sha384", "rsa-pkcs1-sha384", .signers = 1 },
    { RSA DER "-nodetach -md sha3-256", "rsa-pkcs1-sha3-256", .signers = 1 },
    { RSA DER "-nodetach -md sha1", "rsa-pkcs1-sha1", .signers = 1,
      .problem = "weak-algorithm" },
    { RSA DER "-nodetach -keyopt rsa_padding_mode:pss", "rsa-pss-sha256", .signers = 1 },
    { RSA DER "-nodetach -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:7",
      "rsa-pss-sha256", .signers = 1 },
    { RSA DER "-nodetach -md sha512 -keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha1",
      "rsa-pss-sha512", .signers = 1 },
    { RSA DER "-nodetach -md sha384 -keyopt rsa_padding_mode:pss -noattr", "rsa-pss-sha384",
      .no_attributes = true, .signers = 1 },
    { EC DER "-nodetach", "ecdsa-sha256", .signers = 1 },
    { EC DER "-md sha512", "ecdsa-sha512", .detached = true, .signers = 1 },
    { EC DER "-nodetach -noattr -stream", "ecdsa-sha256", .no_attributes = true, .ber = true,
      .signers = 1 },
    { EC DER RSA EC384 "-nodetach", NULL, .signers = 3 },
    { EC DER RSA "-nodetach -stream", NULL, .ber = true, .signers = 2 },
    { RSA DER "-nodetach -econtent_type 1.2.3.4", "rsa-pkcs1-sha256", .signers = 1 },
    { RSA DER "-nodetach -receipt_request_all -receipt_request_to a@example.org",
      "rsa-pkcs1-sha256", .signers = 1 },
};
#define CASES (sizeof cases / sizeof *cases)

static char *dir;

static void
put_key(const char *name, const struct person *p)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    f = fopen(path, "w");
    ck_assert_int_eq(PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    pki_write_pem(path, p->cert, false);
}

static void
set_up(void)
{
    dir = scratch_make();
    put_key("rsa", person_of("rsa-pkcs1-sha256"));
    put_key("ec", person_of("ecdsa-sha256"));
    put_key("ec384", person_of("ecdsa-sha384"));
    write_file(dir, "content", content, CONTENT_LEN);
}

static void
tear_down(void)
{
    scratch_remove(dir);
}

static struct buf *
peer_signs(const char *options)
{
    char path[4096];
    struct buf *raw;

    ck_assert_msg(shell("cd '%s' && openssl cms -sign -binary -in content -out message %s "
                        "2>log || { cat log; false; }", dir, options) == 0, "%s", options);
    snprintf(path, sizeof path, "%s/message", dir);
    raw = read_file(path);
    return raw;
}

static struct buf *
dearmored(const struct buf *text, size_t split)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_dearmor *d = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_dearmor_new(&d, CMS_FORM_AUTO, &sink, &err), 0);
    ck_assert_msg(cms_dearmor_update(d, buf_data(text), split, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(cms_dearmor_update(d, buf_data(text) + split, buf_len(text) - split, &err) == 0,
                  "%s", err_text(&err));
    ck_assert_msg(cms_dearmor_finish(d, &err) == 0, "%s", err_text(&err));
    cms_dearmor_free(&d);
    return out;
}

static void
check_result(const struct peer_case *c, const struct reading *r)
{
    ck_assert_msg(r->rc == 0, "%s: %s", c->options, err_text(&r->err));
    ck_assert_uint_eq(r->result->count, c->signers);
    ck_assert(r->result->detached == c->detached);
    ck_assert_msg(r->result->is_ber == c->ber, "%s", c->options);
    for (size_t i = 0; i < r->result->count; i++) {
        const struct cms_signature *s = &r->result->signatures[i];

        ck_assert_msg(s->state == CMS_INTACT, "%s: %s", c->options, s->reason);
        ck_assert(s->has_attributes != c->no_attributes);
        if (c->algorithm != NULL)
            ck_assert_str_eq(s->algorithm, c->algorithm);
        if (c->problem != NULL)
            ck_assert_str_eq(s->problems[0], c->problem);
        else
            ck_assert_ptr_null(s->problems[0]);
    }
    if (c->detached)
        return;
    ck_assert_uint_eq(buf_len(r->content), CONTENT_LEN);
    ck_assert_int_eq(memcmp(buf_data(r->content), content, CONTENT_LEN), 0);
}

START_TEST(peer_signature_is_intact)
{
    const struct peer_case *c = &cases[_i];
    struct buf *raw = peer_signs(c->options);
    struct buf *message = dearmored(raw, buf_len(raw) / 3);
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_digests *digests = c->detached ? digests_of(content, CONTENT_LEN) : NULL;
    const size_t splits[] = { 0, SPLIT_BYTES };

    sk_X509_push(certs, person_of("rsa-pkcs1-sha256")->cert);
    for (size_t i = 0; i < 2; i++) {
        struct reading r = read_with(buf_data(message), buf_len(message), splits[i], digests,
                                     certs, NULL);

        check_result(c, &r);
        reading_clear(&r);
    }
    /* every seventh place, other ones in each case */
    for (size_t split = 1 + (size_t)_i % 7; split < buf_len(message); split += 7) {
        struct reading r = read_with(buf_data(message), buf_len(message), split, digests, certs,
                                     NULL);

        check_result(c, &r);
        reading_clear(&r);
    }
    sk_X509_free(certs);
    cms_digests_free(&digests);
    buf_free(&message);
    buf_free(&raw);
}
END_TEST

START_TEST(missing_certificate_is_told)
{
    struct buf *message = peer_signs(RSA DER "-nodetach -nocerts");
    struct reading r = read_message(buf_data(message), buf_len(message), 0, NULL, 0);
    const struct cms_signature *s = &r.result->signatures[0];

    ck_assert_int_eq(s->state, CMS_NO_CERTIFICATE);
    ck_assert_str_eq(s->problems[0], "no-certificate");
    ck_assert_ptr_null(s->cert);
    ck_assert_int_eq(X509_NAME_cmp(s->issuer, X509_get_issuer_name(
        person_of("rsa-pkcs1-sha256")->cert)), 0);
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

START_TEST(missing_content_is_told)
{
    struct buf *message = peer_signs(RSA DER);
    struct cms_digests *wrong = NULL;
    struct reading r = read_message(buf_data(message), buf_len(message), 0, NULL, 0);
    const struct cms_signed *again;
    struct cms_verify_options options = { 0 };

    ck_assert_int_eq(r.result->signatures[0].state, CMS_NO_CONTENT);
    /* a set without the digest that is needed */
    ck_assert_int_eq(cms_digests_new(&wrong, NULL), 0);
    ck_assert_int_eq(cms_digests_add(wrong, alg_digest_by_name("sha512"), NULL), 0);
    ck_assert_int_eq(cms_digests_update(wrong, content, CONTENT_LEN, NULL), 0);
    options.content = wrong;
    ck_assert_int_eq(cms_verify(r.reader, &options, &again, NULL), 0);
    ck_assert_int_eq(again->signatures[0].state, CMS_NO_CONTENT);
    ck_assert_str_eq(again->signatures[0].digest->name, "sha256");
    cms_digests_free(&wrong);
    /* and then the right one */
    options.content = wrong = digests_of(content, CONTENT_LEN);
    ck_assert_int_eq(cms_verify(r.reader, &options, &again, NULL), 0);
    ck_assert_int_eq(again->signatures[0].state, CMS_INTACT);
    cms_digests_free(&wrong);
    /* and another content */
    options.content = wrong = digests_of(content, CONTENT_LEN - 1);
    ck_assert_int_eq(cms_verify(r.reader, &options, &again, NULL), 0);
    ck_assert_int_eq(again->signatures[0].state, CMS_ALTERED);
    ck_assert_str_eq(again->signatures[0].problems[0], "content-altered");
    cms_digests_free(&wrong);
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

/* A message with content of its own, where the content is elsewhere: one could
 * show the one and have checked the other. */
START_TEST(content_twice_is_refused)
{
    struct buf *message = peer_signs(RSA DER "-nodetach");
    struct reading r = read_message(buf_data(message), buf_len(message), 0, content,
                                    CONTENT_LEN);

    ck_assert_int_eq(r.rc, E_MALFORMED);
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

/* Puts what the signer's attributes hash as into out. */
static void
put_attributes(CMS_SignerInfo *si, struct buf *out)
{
    struct buf *body = buf_new();

    for (int i = 0; i < CMS_signed_get_attr_count(si); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(si, i), &der);

        ck_assert_int_eq(buf_put(body, der, (size_t)len), 0);
        OPENSSL_free(der);
    }
    ck_assert_uint_lt(buf_len(body), 128);
    ck_assert_int_eq(buf_put_byte(out, 0x31), 0);
    ck_assert_int_eq(buf_put_byte(out, (uint8_t)buf_len(body)), 0);
    ck_assert_int_eq(buf_put(out, buf_data(body), buf_len(body)), 0);
    buf_free(&body);
}

static int
sign_stolen(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
            struct buf *out, struct err *err)
{
    const ASN1_OCTET_STRING *sig = arg;

    (void)scheme, (void)data, (void)len, (void)err;
    return buf_put(out, ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig));
}

/* Someone passes off the signed attributes of a message as the content of another,
 * without attributes: the signature does fit. libcrypto falls for it, which shows
 * that the attack is made right. */
START_TEST(attributes_as_content_are_refused)
{
    struct buf *message = peer_signs(RSA DER "-nodetach -nosmimecap"), *set = buf_new();
    const uint8_t *at = buf_data(message);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(message));
    CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    struct cms_signer signer = person_signer(person_of("rsa-pkcs1-sha256"));
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1,
                                        .no_attributes = true };
    struct buf *forged;
    struct reading r;

    put_attributes(si, set);
    signer.sign = sign_stolen;
    signer.arg = CMS_SignerInfo_get0_signature(si);
    forged = sign_content(&options, buf_data(set), buf_len(set), 0);
    CMS_ContentInfo_free(cms);
    at = buf_data(forged);
    cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(forged));
    ck_assert_int_eq(CMS_verify(cms, NULL, NULL, NULL, NULL,
                                CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY), 1);
    r = read_message(buf_data(forged), buf_len(forged), 0, NULL, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_int_eq(r.result->signatures[0].state, CMS_MALFORMED);
    reading_clear(&r);
    CMS_ContentInfo_free(cms);
    buf_free(&forged);
    buf_free(&set);
    buf_free(&message);
}
END_TEST

START_TEST(several_digests_in_one_pass)
{
    struct cms_digests *set = NULL;
    uint8_t got[CMS_DIGEST_SIZE_MAX], want[EVP_MAX_MD_SIZE];
    size_t got_len, size = 100000;
    uint8_t *data = calloc(1, size);

    ck_assert_int_eq(cms_digests_new(&set, NULL), 0);
    for (size_t i = 0; alg_digest_at(i) != NULL; i++) {
        ck_assert_int_eq(cms_digests_add(set, alg_digest_at(i), NULL), 0);
        ck_assert_int_eq(cms_digests_add(set, alg_digest_at(i), NULL), 0);
        ck_assert_uint_eq(cms_digests_count(set), i + 1);
    }
    for (size_t at = 0, n = 1; at < size; at += n, n = n * 2 < size - at ? n * 2 : size - at)
        ck_assert_int_eq(cms_digests_update(set, data + at, n, NULL), 0);
    ck_assert_uint_eq(cms_digests_size(set), size);
    ck_assert_int_eq(cms_digests_add(set, cms_digest_by_nid(NID_shake256), NULL), E_USAGE);
    for (size_t i = 0; alg_digest_at(i) != NULL; i++) {
        const struct alg_digest *d = alg_digest_at(i);
        EVP_MD *md = EVP_MD_fetch(NULL, d->ossl, NULL);

        ck_assert_int_eq(EVP_Digest(data, size, want, NULL, md, NULL), 1);
        ck_assert_int_eq(cms_digests_get(set, d, got, &got_len, NULL), 0);
        ck_assert_uint_eq(got_len, d->size);
        ck_assert_int_eq(memcmp(got, want, got_len), 0);
        EVP_MD_free(md);
    }
    cms_digests_free(&set);
    free(data);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-read");
    TCase *tc = tcase_create("read");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 240);
    tcase_add_unchecked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, peer_signature_is_intact, 0, (int)CASES);
    tcase_add_test(tc, missing_certificate_is_told);
    tcase_add_test(tc, missing_content_is_told);
    tcase_add_test(tc, content_twice_is_refused);
    tcase_add_test(tc, attributes_as_content_are_refused);
    tcase_add_test(tc, several_digests_in_one_pass);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
