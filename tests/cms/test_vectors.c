/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that others made: RFC 4134, the LAMPS samples, libksba's. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#define EX_CONTENT "rfc4134/ExContent.bin"
/* The content of all LAMPS samples is RFC 4134's. */

/* What one signer should come to. */
struct expected {
    enum cms_state state;
    const char *algorithm;
    size_t attributes;
};

static const struct vector {
    const char *name;
    const char *certs[3];       /* that the caller brings */
    const char *detached;       /* content, when it is not in the message */
    const char *content;        /* what it should be, else NULL */
    bool weak, ber;
    int certs_in_message, crls;
    size_t signers;
    struct expected expected[2];
} vectors[] = {
    { "rfc4134/4.1.bin", { 0 }, NULL, EX_CONTENT, true, false, 1, 0, 1,
      { { CMS_INTACT, "dsa-sha1", 0 } } },
    { "rfc4134/4.2.bin", { 0 }, NULL, EX_CONTENT, true, false, 1, 0, 1,
      { { CMS_INTACT, "rsa-pkcs1-sha1", 0 } } },
    { "rfc4134/4.3.bin", { 0 }, EX_CONTENT, NULL, true, false, 1, 0, 1,
      { { CMS_INTACT, "dsa-sha1", 0 } } },
    { "rfc4134/4.4.bin", { 0 }, NULL, EX_CONTENT, true, false, 3, 1, 1,
      { { CMS_INTACT, "dsa-sha1", 5 } } },
    { "rfc4134/4.5.bin", { 0 }, NULL, EX_CONTENT, true, true, 2, 0, 1,
      { { CMS_INTACT, "rsa-pkcs1-sha1", 0 } } },
    { "rfc4134/4.6.bin", { "rfc4134/CarlDSSSelf.cer" }, NULL, EX_CONTENT, true, false, 2, 0, 2,
      { { CMS_INTACT, "dsa-sha1", 0 }, { CMS_INTACT, "dsa-sha1", 0 } } },
    { "rfc4134/4.7.bin", { 0 }, NULL, EX_CONTENT, true, false, 1, 0, 1,
      { { CMS_INTACT, "dsa-sha1", 0 } } },
    { "rfc4134/4.10.bin", { 0 }, NULL, EX_CONTENT, true, false, 1, 0, 1,
      { { CMS_INTACT, "dsa-sha1", 10 } } },
    { "rfc4134/4.11.bin", { 0 }, NULL, NULL, false, false, 2, 1, 0, { { 0 } } },
    { "lamps-samples/binary-files/signedByAliceRSA.p7m",
      { "lamps-samples/certs-and-keys/lamps-alice.crt" }, NULL, EX_CONTENT, false, false, 1, 0, 1,
      { { CMS_INTACT, "rsa-pkcs1-sha256", 0 } } },
    { "lamps-samples/binary-files/signedByAliceRSAPSS.p7m",
      { "lamps-samples/certs-and-keys/lamps-alice.crt" }, NULL, EX_CONTENT, false, false, 1, 0, 1,
      { { CMS_INTACT, "rsa-pss-sha256", 3 } } },
    { "lamps-samples/binary-files/signedByCarlosEd25519.p7m",
      { "lamps-samples/certs-and-keys/lamps-carlos.crt" }, NULL, EX_CONTENT, false, false, 1, 0,
      1, { { CMS_INTACT, "ed25519", 3 } } },
    { "lamps-samples/binary-files/signedByCarlosDetached.p7m",
      { "lamps-samples/certs-and-keys/lamps-carlos.crt" }, EX_CONTENT, NULL, false, false, 1, 0,
      1, { { CMS_INTACT, "ed25519", 0 } } },
    { "lamps-samples/binary-files/signedByAliceAndCarlosNoCerts.p7m",
      { "lamps-samples/certs-and-keys/lamps-alice.crt",
        "lamps-samples/certs-and-keys/lamps-carlos.crt" }, NULL, EX_CONTENT, false, false, 0, 0,
      2, { { CMS_INTACT, "ed25519", 0 }, { CMS_INTACT, "rsa-pkcs1-sha256", 0 } } },
    { "lamps-samples/binary-files/signedByAliceAndCarlosNoCerts.p7m", { 0 }, NULL, EX_CONTENT,
      false, false, 0, 0, 2, { { CMS_NO_CERTIFICATE, "ed25519", 0 },
                               { CMS_NO_CERTIFICATE, "rsa-pkcs1-sha256", 0 } } },
    { "libksba/rsa-sample1.p7s", { 0 }, NULL, NULL, false, true, 1, 0, 1,
      { { CMS_INTACT, "rsa-pkcs1-sha256", 4 } } },
    { "libksba/ecdsa-sample1.p7s", { 0 }, NULL, NULL, false, true, 1, 0, 1,
      { { CMS_NO_CONTENT, "ecdsa-sha256", 5 } } },
    { "libksba/ecdsa-sample1.p7s", { 0 }, EX_CONTENT, NULL, false, true, 1, 0, 1,
      { { CMS_ALTERED, "ecdsa-sha256", 5 } } },
    { "libksba/detached-sig.cms", { 0 }, NULL, NULL, false, true, 0, 0, 1,
      { { CMS_NO_CERTIFICATE, "rsa-pkcs1-sha256", 4 } } },
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

static X509 *
read_cert(const char *name)
{
    struct buf *b = vector(name);
    BIO *bio = BIO_new_mem_buf(buf_data(b), (int)buf_len(b));
    X509 *cert = buf_data(b)[0] == 0x30 ? d2i_X509_bio(bio, NULL)
                                        : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(cert);
    BIO_free(bio);
    buf_free(&b);
    return cert;
}

static void
check_signer(const struct vector *v, const struct cms_signature *s, const struct expected *e)
{
    ck_assert_msg(s->state == e->state, "%s: %s: %s", v->name, cms_state_word(s->state),
                  s->reason);
    ck_assert_str_eq(s->algorithm, e->algorithm);
    ck_assert_uint_eq(s->attribute_count, e->attributes);
    ck_assert(s->weak == v->weak);
    ck_assert((s->cert == NULL) == (e->state == CMS_NO_CERTIFICATE));
}

static void
check_vector(const struct vector *v, const struct reading *r)
{
    ck_assert_msg(r->rc == 0, "%s: %s", v->name, err_text(&r->err));
    ck_assert_uint_eq(r->result->count, v->signers);
    for (size_t i = 0; i < v->signers; i++)
        check_signer(v, &r->result->signatures[i], &v->expected[i]);
    ck_assert_msg(r->result->is_ber == v->ber, "%s", v->name);
    ck_assert_msg(sk_X509_num(r->result->certs) == v->certs_in_message, "%s: %d", v->name,
                  sk_X509_num(r->result->certs));
    ck_assert_msg(sk_X509_CRL_num(r->result->crls) == v->crls, "%s: %d crls", v->name,
                  sk_X509_CRL_num(r->result->crls));
    if (v->content != NULL) {
        struct buf *want = vector(v->content);

        ck_assert_uint_eq(buf_len(r->content), buf_len(want));
        ck_assert_int_eq(memcmp(buf_data(r->content), buf_data(want), buf_len(want)), 0);
        buf_free(&want);
    }
}

START_TEST(vector_is_as_expected)
{
    const struct vector *v = &vectors[_i];
    struct buf *message = vector(v->name);
    struct buf *content = v->detached == NULL ? NULL : vector(v->detached);
    struct cms_digests *digests = content == NULL ? NULL : digests_of(buf_data(content),
                                                                      buf_len(content));
    STACK_OF(X509) *certs = sk_X509_new_null();

    for (size_t i = 0; v->certs[i] != NULL; i++)
        sk_X509_push(certs, read_cert(v->certs[i]));
    for (size_t split = 0; split <= buf_len(message) + 1; split += 3) {
        bool last = split > buf_len(message);
        struct reading r = read_with(buf_data(message), buf_len(message),
                                     last ? SPLIT_BYTES : split, digests, certs, NULL);

        check_vector(v, &r);
        reading_clear(&r);
    }
    sk_X509_pop_free(certs, X509_free);
    cms_digests_free(&digests);
    buf_free(&content);
    buf_free(&message);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-vectors");
    TCase *tc = tcase_create("vectors");
    char *there = vector_path("README.md");

    if (there == NULL) {
        puts("skipped: no test vectors at ../shared/vectors (SIGNET_VECTORS)");
        return 77;
    }
    free(there);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, vector_is_as_expected, 0, (int)(sizeof vectors / sizeof *vectors));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
