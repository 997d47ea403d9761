/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Algorithms beyond the common ones, libcrypto on the other side: RSA-PSS with any digest,
 * mask and salt, Brainpool curves, SHA-3. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

static const char text[] = "Signed in an unusual way.\r\n";
#define TEXT_LEN (sizeof text - 1)

/* libcrypto's message, signed with these; mgf NULL: PKCS#1 or ECDSA. */
static struct buf *
peer_message(struct person *p, const char *digest, const char *mgf, int salt, bool attributes)
{
    BIO *in = BIO_new_mem_buf(text, TEXT_LEN);
    unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM | (attributes ? 0 : CMS_NOATTR);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
    CMS_SignerInfo *si = CMS_add1_signer(cms, p->cert, p->key, EVP_get_digestbyname(digest),
                                         flags);
    struct buf *out = buf_new();
    uint8_t *der = NULL;
    int len;

    ck_assert_msg(si != NULL, "%s: %s", digest, ERR_reason_error_string(ERR_peek_last_error()));
    if (mgf != NULL) {
        EVP_PKEY_CTX *ctx = CMS_SignerInfo_get0_pkey_ctx(si);

        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(mgf)), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt), 1);
    }
    ck_assert_msg(CMS_final(cms, in, NULL, CMS_BINARY) == 1, "%s: %s", digest,
                  ERR_reason_error_string(ERR_peek_last_error()));
    len = i2d_CMS_ContentInfo(cms, &der);
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(buf_put(out, der, (size_t)len), 0);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return out;
}

static void
assert_reads(const struct buf *m, const char *algorithm, bool weak)
{
    static const size_t splits[] = { 0, SPLIT_BYTES };

    for (size_t i = 0; i < 2; i++) {
        struct reading r = read_message(buf_data(m), buf_len(m), splits[i], NULL, 0);
        const struct cms_signature *s;

        ck_assert_msg(r.rc == 0, "%s: %s", algorithm, err_text(&r.err));
        s = &r.result->signatures[0];
        ck_assert_msg(s->state == CMS_INTACT, "%s: %s", algorithm, s->reason);
        ck_assert_str_eq(s->algorithm, algorithm);
        ck_assert_msg(s->weak == weak, "%s", algorithm);
        reading_clear(&r);
    }
}

static void
assert_peer_takes(const struct buf *m, const char *name)
{
    BIO *in = BIO_new_mem_buf(buf_data(m), (int)buf_len(m)), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);

    ck_assert_msg(cms != NULL && CMS_verify(cms, NULL, NULL, NULL, out, CMS_BINARY |
                                            CMS_NO_SIGNER_CERT_VERIFY) == 1, "%s: %s", name,
                  ERR_reason_error_string(ERR_peek_last_error()));
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
}

static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };
#define DIGESTS (sizeof digests / sizeof *digests)

/* Every digest with every mask; salts that are none, short, the digest's, longest. */
START_TEST(pss_of_any_parameters)
{
    static const int salts[] = { 0, 1, 20, 32, 64, RSA_PSS_SALTLEN_MAX };
    const char *digest = digests[_i];
    char name[64];

    snprintf(name, sizeof name, "rsa-pss-%s", digest);
    for (size_t mgf = 0; mgf < DIGESTS; mgf++)
        for (size_t s = 0; s < sizeof salts / sizeof *salts; s++) {
            struct buf *m = peer_message(person_of("rsa-pss-sha256"), digest, digests[mgf],
                                         salts[s], s % 2 == 0);

            assert_reads(m, name, strcmp(digest, "sha1") == 0);
            buf_free(&m);
        }
}
END_TEST

/* Another salt than the parameters say does not pass. */
START_TEST(pss_parameters_count)
{
    struct buf *m = peer_message(person_of("rsa-pss-sha256"), "sha256", "sha384", 17, true);
    uint8_t *salt = memmem(buf_data(m), buf_len(m), "\xa2\x03\x02\x01\x11", 5);
    struct reading r;

    ck_assert_ptr_nonnull(salt);
    salt[4] = 18;
    r = read_message(buf_data(m), buf_len(m), 0, NULL, 0);
    ck_assert_int_eq(r.result->signatures[0].state, CMS_BAD_SIGNATURE);
    reading_clear(&r);
    buf_free(&m);
}
END_TEST

static EVP_PKEY *
curve_key(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);

    ck_assert_ptr_nonnull(key);
    return key;
}

static const char *const curves[] = {
    "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "brainpoolP256t1",
    "brainpoolP320r1", "secp256k1",
};

START_TEST(brainpool_both_ways)
{
    static const char *const schemes[] = { "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512",
                                           "ecdsa-sha3-256", "ecdsa-sha3-512" };
    struct pki_request request = { .cn = curves[_i] };
    struct person p = { .key = curve_key(curves[_i]) };
    struct buf *m;

    p.cert = pki_cert(&request, p.key, NULL, NULL);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct cms_signer signer;
        struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };

        p.scheme = schemes[i];
        signer = person_signer(&p);
        m = sign_content(&options, text, TEXT_LEN, 0);
        assert_reads(m, schemes[i], false);
        assert_peer_takes(m, schemes[i]);
        buf_free(&m);
    }
    for (size_t i = 1; i < DIGESTS; i++) {
        char name[64];

        snprintf(name, sizeof name, "ecdsa-%s", digests[i]);
        m = peer_message(&p, digests[i], NULL, 0, true);
        assert_reads(m, name, false);
        buf_free(&m);
    }
    X509_free(p.cert);
    EVP_PKEY_free(p.key);
}
END_TEST

/* Each scheme with SHA-3, ours to read and for libcrypto, whose CMS (3.0) reads them all
 * and writes none; without attributes, too. */
START_TEST(sha3_both_ways)
{
    static const struct {
        const char *key, *scheme;
    } cases[] = {
        { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-256" },
        { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-384" },
        { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-512" },
        { "rsa-pkcs1-sha256", "rsa-pss-sha3-256" },
        { "rsa-pkcs1-sha256", "rsa-pss-sha3-512" },
        { "ecdsa-sha256", "ecdsa-sha3-256" },
        { "ecdsa-sha256", "ecdsa-sha3-384" },
        { "ecdsa-sha256", "ecdsa-sha3-512" },
    };
    struct person p = *person_of(cases[_i].key);
    struct cms_signer signer;
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };

    p.scheme = cases[_i].scheme;
    signer = person_signer(&p);
    for (int none = 0; none < 2; none++) {
        struct buf *m;

        options.no_attributes = none;
        m = sign_content(&options, text, TEXT_LEN, 0);
        assert_reads(m, p.scheme, false);
        assert_peer_takes(m, p.scheme);
        buf_free(&m);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-algorithms");
    TCase *tc = tcase_create("algorithms");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, pss_of_any_parameters, 0, (int)DIGESTS);
    tcase_add_test(tc, pss_parameters_count);
    tcase_add_loop_test(tc, brainpool_both_ways, 0, (int)(sizeof curves / sizeof *curves));
    tcase_add_loop_test(tc, sha3_both_ways, 0, 8);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
