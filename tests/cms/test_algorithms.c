/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Algorithms beyond the common ones, libcrypto on the other side: RSA-PSS with any digest,
 * mask and salt, Brainpool curves, SHA-3. */
#include "tests/cms/craft.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "cms/der.h"

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

/* Each scheme with SHA-3, ours to read and for libcrypto's CMS, whose functions for writing
 * gave an error for each of them here (3.0): what others write is put together by hand
 * below. Without attributes, too. */
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

#define NIST "\x60\x86\x48\x01\x65\x03\x04"

/* SignedData with SHA-3 that is not from our writer: octets as RFC 9688 has them, signed by
 * libcrypto's plain signature functions. */
static const struct {
    const char *key, *name;
    const EVP_MD *(*md)(void);
    char digest, signature;     /* last octets of their identifiers, arcs 2 and 3 */
    bool null;                  /* parameters of the signature's identifier */
} by_hand[] = {
    { "ecdsa-sha256", "ecdsa-sha3-256", EVP_sha3_256, 8, 10, false },
    { "ecdsa-sha384", "ecdsa-sha3-384", EVP_sha3_384, 9, 11, false },
    { "ecdsa-sha512", "ecdsa-sha3-512", EVP_sha3_512, 10, 12, false },
    { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-256", EVP_sha3_256, 8, 14, true },
    { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-384", EVP_sha3_384, 9, 15, true },
    { "rsa-pkcs1-sha256", "rsa-pkcs1-sha3-512", EVP_sha3_512, 10, 16, true },
};

static void
put_algorithm(struct buf *out, char arc, char last, bool null)
{
    uint8_t oid[] = NIST "??";
    struct buf *b = buf_new();

    oid[7] = (uint8_t)arc;
    oid[8] = (uint8_t)last;
    ck_assert_int_eq(der_put(b, 6, oid, 9), 0);
    if (null)
        ck_assert_int_eq(der_put(b, 5, "", 0), 0);
    ck_assert_int_eq(der_put(out, 0x30, buf_data(b), buf_len(b)), 0);
    buf_free(&b);
}

/* contentType and messageDigest, in DER's order: the shorter is first. */
static void
put_attributes(struct buf *out, const EVP_MD *md)
{
    static const uint8_t type[] = { 0x30, 0x18, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3,
                                    0x31, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 };
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct buf *octets = buf_new(), *attr = buf_new();
    unsigned len;

    ck_assert_int_eq(EVP_Digest(text, TEXT_LEN, digest, &len, md, NULL), 1);
    ck_assert_int_eq(der_put(octets, 4, digest, len), 0);
    ck_assert_int_eq(der_put(attr, 6, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04", 9), 0);
    ck_assert_int_eq(der_put(attr, 0x31, buf_data(octets), buf_len(octets)), 0);
    ck_assert_int_eq(buf_put(out, type, sizeof type), 0);
    ck_assert_int_eq(der_put(out, 0x30, buf_data(attr), buf_len(attr)), 0);
    buf_free(&octets);
    buf_free(&attr);
}

static void
put_signature(struct buf *out, EVP_PKEY *key, const EVP_MD *md, const struct buf *attrs)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct buf *set = buf_new();
    uint8_t sig[512];
    size_t len = sizeof sig;

    ck_assert_int_eq(der_put(set, 0x31, buf_data(attrs), buf_len(attrs)), 0);
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, sig, &len, buf_data(set), buf_len(set)), 1);
    ck_assert_int_eq(der_put(out, 4, sig, len), 0);
    EVP_MD_CTX_free(ctx);
    buf_free(&set);
}

static struct buf *
hand_made(int i, const struct person *p)
{
    struct buf *signer = buf_new(), *info = buf_new(), *attrs = buf_new(), *algorithms = buf_new();
    struct buf *encap = craft_no_content(), *content = buf_new(), *certs = buf_new(), *m;
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(p->cert);
    uint8_t *der = NULL;
    int len = i2d_X509(p->cert, &der);

    put_algorithm(algorithms, 2, by_hand[i].digest, false);
    put_attributes(attrs, by_hand[i].md());
    ck_assert_int_eq(buf_put(signer, "\x02\x01\x03", 3), 0);
    ck_assert_int_eq(der_put(signer, 0x80, ASN1_STRING_get0_data(ski),
                             (size_t)ASN1_STRING_length(ski)), 0);
    put_algorithm(signer, 2, by_hand[i].digest, false);
    ck_assert_int_eq(der_put(signer, 0xa0, buf_data(attrs), buf_len(attrs)), 0);
    put_algorithm(signer, 3, by_hand[i].signature, by_hand[i].null);
    put_signature(signer, p->key, by_hand[i].md(), attrs);
    ck_assert_int_eq(der_put(info, 0x30, buf_data(signer), buf_len(signer)), 0);
    ck_assert_int_eq(der_put(content, 4, text, TEXT_LEN), 0);
    ck_assert_int_eq(der_put(encap, 0xa0, buf_data(content), buf_len(content)), 0);
    ck_assert_int_eq(buf_put(certs, der, (size_t)len), 0);
    m = craft_signed_data(algorithms, encap, certs, info);
    OPENSSL_free(der);
    buf_free(&signer);
    buf_free(&info);
    buf_free(&attrs);
    buf_free(&algorithms);
    buf_free(&encap);
    buf_free(&content);
    buf_free(&certs);
    return m;
}

START_TEST(sha3_put_together_by_hand)
{
    struct buf *m = hand_made(_i, person_of(by_hand[_i].key));

    assert_reads(m, by_hand[_i].name, false);
    assert_peer_takes(m, by_hand[_i].name);
    buf_free(&m);
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
    tcase_add_loop_test(tc, sha3_put_together_by_hand, 0, 6);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
