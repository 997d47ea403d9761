/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OCSP answers: who may sign them, what they are about, when they count. Nonces and responders
 * that answer on loopback are e2e's. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/ocsp.h>

#include "tests/trust/revoking.h"

static struct ca root, other;
static X509 *leaf;

struct answer {
    int status;               /* 0 good, 1 revoked, 2 unknown */
    int reason;
    long when;
    long from, until;         /* seconds from now; both 0: an hour ago to tomorrow */
    bool endless;
    const X509 *about;        /* NULL: leaf */
    const EVP_MD *id_md, *md; /* NULL: SHA-1; SHA-256 */
    X509 *signer;             /* NULL: root */
    EVP_PKEY *key;
};

static void
setup(void)
{
    root = ca_new("Root", NULL);
    other = ca_new("Other", NULL);
    leaf = leaf_new("leaf", &root);
}

static void
teardown(void)
{
    ca_clear(&root);
    ca_clear(&other);
    X509_free(leaf);
}

static size_t
answer_new(const struct answer *a, uint8_t **ret)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(a->id_md != NULL ? a->id_md : EVP_sha1(),
                                      a->about != NULL ? a->about : leaf, root.cert);
    bool dated = a->from != 0 || a->until != 0;
    time_t now = time(NULL);
    ASN1_TIME *from = ASN1_TIME_adj(NULL, now, 0, dated ? a->from : -3600);
    ASN1_TIME *until = a->endless ? NULL : ASN1_TIME_adj(NULL, now, 0, dated ? a->until : DAY);
    ASN1_TIME *when = a->status == 1 ? ASN1_TIME_adj(NULL, now, 0, a->when) : NULL;
    OCSP_RESPONSE *response;
    int len;

    ck_assert_ptr_nonnull(OCSP_basic_add1_status(basic, id, a->status, a->reason, when, from,
                                                 until));
    ck_assert_int_eq(OCSP_basic_sign(basic, a->signer != NULL ? a->signer : root.cert,
                                     a->key != NULL ? a->key : root.key,
                                     a->md != NULL ? a->md : EVP_sha256(), NULL, 0), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    *ret = NULL;
    len = i2d_OCSP_RESPONSE(response, ret);
    ck_assert_int_gt(len, 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    ASN1_TIME_free(when);
    return (size_t)len;
}

static struct revocation_finding
judge_at(const struct answer *a, long offset, bool weak)
{
    struct revocation_settings s = {.mode = REVOCATION_HARD, .allow_weak = weak,
                                    .at = offset == 0 ? 0 : time(NULL) + offset};
    struct revocation_finding f[2];
    struct revocation *r = NULL;
    uint8_t *der;
    size_t len = answer_new(a, &der);
    struct err err = {0};

    ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
    ck_assert_msg(revocation_add_ocsp(r, der, len, &err) == 0, "%s", err_text(&err));
    judge_path(r, (X509 *[]){leaf, root.cert}, 2, NULL, f);
    revocation_free(&r);
    OPENSSL_free(der);
    return f[0];
}

#define expect(wanted, words, ...) \
    do { \
        struct revocation_finding f_ = judge_at(&(struct answer){__VA_ARGS__}, 0, false); \
        ck_assert_msg(f_.state == (wanted), "%d: %s", (int)f_.state, f_.text); \
        ck_assert_msg(strstr(f_.text, (words)) != NULL, "%s", f_.text); \
    } while (0)

START_TEST(test_states)
{
    expect(REVOCATION_GOOD, "not revoked, says the OCSP answer", .status = 0);
    expect(REVOCATION_GOOD, "not revoked", .id_md = EVP_sha256());
    expect(REVOCATION_REVOKED, "(keyCompromise)", .status = 1, .reason = 1, .when = -DAY);
    expect(REVOCATION_UNKNOWN, "does not know the certificate", .status = 2);
    expect(REVOCATION_UNKNOWN, "", .about = other.cert);
}
END_TEST

START_TEST(test_times)
{
    expect(REVOCATION_UNKNOWN, "good until", .from = -3 * DAY, .until = -DAY);
    expect(REVOCATION_UNKNOWN, "too late to say it", .from = DAY, .until = 2 * DAY);
    expect(REVOCATION_UNKNOWN, "good until", .from = -DAY, .endless = true);
    expect(REVOCATION_GOOD, "", .from = -10, .until = 1, .endless = true);

    /* As of ten days ago, an answer of today. */
    struct revocation_finding f =
        judge_at(&(struct answer){.status = 1, .when = -5 * DAY, .reason = 4}, -10 * DAY, false);
    ck_assert_msg(f.state == REVOCATION_GOOD, "%s", f.text);
    f = judge_at(&(struct answer){.status = 1, .when = -5 * DAY, .reason = 1}, -10 * DAY, false);
    ck_assert_msg(f.state == REVOCATION_REVOKED, "%s", f.text);
    f = judge_at(&(struct answer){.status = 1, .when = -15 * DAY, .reason = 4}, -10 * DAY, false);
    ck_assert_msg(f.state == REVOCATION_REVOKED, "%s", f.text);
}
END_TEST

static X509 *
responder_new(EVP_PKEY *key, const char *eku, long until, const struct ca *ca)
{
    struct pki_request r = {.cn = "Responder", .eku = eku, .not_before = -DAY,
                            .not_after = until};

    return pki_cert(&r, key, ca->cert, ca->key);
}

START_TEST(test_signers)
{
    EVP_PKEY *key = pki_key("p256");
    X509 *good = responder_new(key, "OCSPSigning", DAY, &root);
    X509 *mail = responder_new(key, "emailProtection", DAY, &root);
    X509 *any = responder_new(key, "anyExtendedKeyUsage", DAY, &root);
    X509 *expired = responder_new(key, "OCSPSigning", -10, &root);
    X509 *foreign = responder_new(key, "OCSPSigning", DAY, &other);

    expect(REVOCATION_GOOD, "", .signer = good, .key = key);
    expect(REVOCATION_UNKNOWN, "not one for signing OCSP", .signer = mail, .key = key);
    expect(REVOCATION_UNKNOWN, "not one for signing OCSP", .signer = any, .key = key);
    expect(REVOCATION_UNKNOWN, "expired", .signer = expired, .key = key);
    expect(REVOCATION_UNKNOWN, "has not named", .signer = foreign, .key = key);
    expect(REVOCATION_UNKNOWN, "has not named", .signer = other.cert, .key = other.key);
    expect(REVOCATION_UNKNOWN, "weak", .md = EVP_sha1());
    struct revocation_finding f = judge_at(&(struct answer){.md = EVP_sha1()}, 0, true);
    ck_assert_msg(f.state == REVOCATION_GOOD, "%s", f.text);
    /* Nobody is accused by a stranger. */
    expect(REVOCATION_UNKNOWN, "", .status = 1, .signer = foreign, .key = key);
    X509_free(good);
    X509_free(mail);
    X509_free(any);
    X509_free(expired);
    X509_free(foreign);
    EVP_PKEY_free(key);
}
END_TEST

/* A responder whose own certificate says where to ask about it. */
START_TEST(test_responder_revoked)
{
    EVP_PKEY *key = pki_key("p256");
    X509 *responder = responder_new(key, "OCSPSigning", DAY, &root);
    struct revocation_finding f[2];

    leaf_point(&responder, "cas", 0, NULL, &root);
    leaf_point(&leaf, "leaves", 0, NULL, &root);
    for (int revoked = 0; revoked < 2; revoked++) {
        struct revocation_settings s = {.mode = REVOCATION_HARD};
        struct list l = {.point = "cas", .revoked = {{.cert = revoked ? responder : NULL}}};
        struct revocation *r = NULL;
        uint8_t *der;
        size_t len = list_new(&l, &root, &der);

        ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
        ck_assert_int_eq(revocation_add_crl(r, der, len, NULL), 0);
        OPENSSL_free(der);
        len = answer_new(&(struct answer){.signer = responder, .key = key}, &der);
        ck_assert_int_eq(revocation_add_ocsp(r, der, len, NULL), 0);
        OPENSSL_free(der);
        judge_path(r, (X509 *[]){leaf, root.cert}, 2, NULL, f);
        ck_assert_msg(f[0].state == (revoked ? REVOCATION_UNKNOWN : REVOCATION_GOOD), "%s",
                      f[0].text);
        ck_assert_msg(!revoked || strstr(f[0].text, "responder's certificate was revoked") != NULL,
                      "%s", f[0].text);
        revocation_free(&r);
    }
    X509_free(responder);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(test_malformed)
{
    struct revocation_settings s = {.mode = REVOCATION_HARD};
    struct revocation *r = NULL;
    struct err err = {0};
    uint8_t *der;
    size_t len = answer_new(&(struct answer){.status = 0}, &der);
    /* tryLater */
    static const uint8_t later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};

    ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_ne(revocation_add_ocsp(r, der, cut, NULL), 0);
    ck_assert_int_ne(revocation_add_ocsp(r, later, sizeof later, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "trylater"));
    revocation_free(&r);
    for (size_t i = 0; i < len; i++) {
        struct revocation_finding f[2];
        der[i] ^= 0x41;
        ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
        if (revocation_add_ocsp(r, der, len, NULL) == 0) {
            judge_path(r, (X509 *[]){leaf, root.cert}, 2, NULL, f);
            ck_assert_int_ne(f[0].state, REVOCATION_REVOKED);
        }
        revocation_free(&r);
        der[i] ^= 0x41;
    }
    OPENSSL_free(der);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ocsp");
    TCase *tcase = tcase_create("ocsp");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_states);
    tcase_add_test(tcase, test_times);
    tcase_add_test(tcase, test_signers);
    tcase_add_test(tcase, test_responder_revoked);
    tcase_add_test(tcase, test_malformed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
