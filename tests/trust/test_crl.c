/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CRLs of every kind, judged with revocation_judge as a path's check does. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/trust/revoking.h"
#include "trust/crl_der.h"

static struct ca root, other;
static X509 *leaf;

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

static struct revocation *
new_at(long offset, bool allow_weak)
{
    struct revocation_settings s = {.mode = REVOCATION_HARD, .allow_weak = allow_weak,
                                    .at = offset == 0 ? 0 : time(NULL) + offset};
    struct revocation *r = NULL;

    ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
    return r;
}

static void
add(struct revocation *r, const struct list *l, const struct ca *ca)
{
    uint8_t *der;
    size_t len = list_new(l, ca, &der);
    struct err err = {0};

    ck_assert_msg(revocation_add_crl(r, der, len, &err) == 0, "%s", err_text(&err));
    OPENSSL_free(der);
}

static struct revocation_finding
judge(struct revocation *r)
{
    struct revocation_finding f[2];

    judge_path(r, (X509 *[]){leaf, root.cert}, 2, NULL, f);
    ck_assert_int_eq(f[1].state, REVOCATION_NOT_ASKED);
    return f[0];
}

/* One list alone, and what is then known. */
static struct revocation_finding
judge_with(const struct list *l, const struct ca *ca)
{
    struct revocation *r = new_at(0, false);

    add(r, l, ca);
    struct revocation_finding f = judge(r);
    revocation_free(&r);
    return f;
}

#define expect(f, wanted, words) \
    do { \
        ck_assert_msg((f).state == (wanted), "%d: %s", (int)(f).state, (f).text); \
        ck_assert_msg(strstr((f).text, (words)) != NULL, "%s", (f).text); \
    } while (0)

START_TEST(test_plain)
{
    struct revocation_finding f = judge_with(&(struct list){.number = 1}, &root);
    expect(f, REVOCATION_GOOD, "not revoked, says the CRL of \"CN=Root\"");

    f = judge_with(&(struct list){.revoked = {{.cert = leaf, .reason = 4, .when = -DAY}}}, &root);
    expect(f, REVOCATION_REVOKED, "revoked on ");
    expect(f, REVOCATION_REVOKED, "(superseded)");
    ck_assert_int_eq(f.reason, 4);
    ck_assert_int_le(labs(f.revoked_at - (time(NULL) - DAY)), 60);

    struct revocation *r = new_at(0, false);
    f = judge(r);
    expect(f, REVOCATION_UNKNOWN, "no CRL of its issuer is at hand");
    revocation_free(&r);
}
END_TEST

START_TEST(test_refused)
{
    struct revocation_finding f =
        judge_with(&(struct list){.from = -3 * DAY, .until = -DAY}, &root);
    expect(f, REVOCATION_UNKNOWN, "was good until ");
    f = judge_with(&(struct list){.from = DAY, .until = 2 * DAY}, &root);
    expect(f, REVOCATION_UNKNOWN, "too late to say it");
    f = judge_with(&(struct list){.number = 1}, &other);
    expect(f, REVOCATION_UNKNOWN, "");
    f = judge_with(&(struct list){.key = other.key}, &root);
    expect(f, REVOCATION_UNKNOWN, "the signature does not fit");
    f = judge_with(&(struct list){.md = EVP_sha1()}, &root);
    expect(f, REVOCATION_UNKNOWN, "weak algorithm");
    /* A revocation that nobody believable speaks of is none. */
    f = judge_with(&(struct list){.key = other.key, .revoked = {{.cert = leaf}}}, &root);
    ck_assert_int_eq(f.state, REVOCATION_UNKNOWN);
    /* RFC 5280 5.3: such a CRL says nothing of anybody. */
    f = judge_with(&(struct list){.revoked = {{.cert = other.cert, .odd = true}}}, &root);
    expect(f, REVOCATION_UNKNOWN, "ritical");
}
END_TEST

/* What a message brings hides no good CRL. */
START_TEST(test_bad_ones_beside)
{
    struct revocation *r = new_at(0, false);

    add(r, &(struct list){.from = -3 * DAY, .until = DAY, .revoked = {{.cert = leaf}}}, &root);
    for (long i = 1; i <= 50; i++)
        add(r, &(struct list){.from = -i, .until = 9 * DAY, .key = other.key}, &root);
    struct revocation_finding f = judge(r);
    expect(f, REVOCATION_REVOKED, "revoked on ");
    revocation_free(&r);
}
END_TEST

START_TEST(test_delta)
{
    struct revocation *r = new_at(0, false);
    leaf_extend(&leaf, NID_freshest_crl, "URI:http://delta/", &root);
    add(r, &(struct list){.number = 5, .from = -2 * DAY, .until = DAY}, &root);
    expect(judge(r), REVOCATION_GOOD, "");
    add(r, &(struct list){.number = 6, .base = 5, .revoked = {{.cert = leaf, .reason = 1}}},
        &root);
    expect(judge(r), REVOCATION_REVOKED, "keyCompromise");
    revocation_free(&r);

    /* Held, and let go (removeFromCRL). */
    r = new_at(0, false);
    add(r, &(struct list){.number = 5, .from = -2 * DAY, .until = DAY,
                          .revoked = {{.cert = leaf, .reason = 6}}}, &root);
    expect(judge(r), REVOCATION_REVOKED, "certificateHold");
    add(r, &(struct list){.number = 6, .base = 5, .revoked = {{.cert = leaf, .reason = 8}}},
        &root);
    expect(judge(r), REVOCATION_GOOD, "");
    revocation_free(&r);

    /* One that is not the CA's changes nothing. */
    r = new_at(0, false);
    add(r, &(struct list){.number = 5, .from = -2 * DAY, .until = DAY}, &root);
    add(r, &(struct list){.number = 6, .base = 5, .key = other.key,
                          .revoked = {{.cert = leaf}}}, &root);
    expect(judge(r), REVOCATION_GOOD, "");
    revocation_free(&r);
}
END_TEST

/* Another CA lists for ours; who a line is of holds for those that follow it. */
START_TEST(test_indirect)
{
    struct ca lister = ca_new("Lister", &root);
    X509 *second = leaf_new("second", &root), *third = leaf_new("third", &other);
    struct revocation_finding f[2];
    STACK_OF(X509) *others = sk_X509_new_null();

    leaf_point(&lister.cert, "cas", 0, NULL, &root);
    sk_X509_push(others, lister.cert);
    leaf_point(&leaf, "lists", 0, &lister, &root);
    leaf_point(&second, "lists", 0, &lister, &root);
    for (int with = 0; with < 2; with++) {
        struct revocation *r = new_at(0, false);
        /* The lister's own certificate is asked about, too. */
        add(r, &(struct list){.point = "cas"}, &root);
        add(r, &(struct list){.point = "lists", .indirect = true,
                              .revoked = {{.cert = third, .issuer = other.cert},
                                          {.cert = with ? second : third, .issuer = root.cert},
                                          {.cert = with ? leaf : third}}}, &lister);
        judge_path(r, (X509 *[]){leaf, root.cert}, 2, others, f);
        expect(f[0], with ? REVOCATION_REVOKED : REVOCATION_GOOD, "Lister");
        judge_path(r, (X509 *[]){second, root.cert}, 2, others, f);
        expect(f[0], with ? REVOCATION_REVOKED : REVOCATION_GOOD, "Lister");
        revocation_free(&r);
    }
    sk_X509_free(others);
    X509_free(second);
    X509_free(third);
    ca_clear(&lister);
}
END_TEST

START_TEST(test_scopes)
{
    /* Partitions: the other one is not asked. */
    leaf_point(&leaf, "a", 0, NULL, &root);
    struct revocation *r = new_at(0, false);
    add(r, &(struct list){.point = "b", .revoked = {{.cert = leaf}}}, &root);
    expect(judge(r), REVOCATION_UNKNOWN, "");
    add(r, &(struct list){.point = "a"}, &root);
    expect(judge(r), REVOCATION_GOOD, "");
    revocation_free(&r);

    /* Reasons: all must be answered for. */
    r = new_at(0, false);
    add(r, &(struct list){.point = "a", .reasons = 0x006}, &root);
    expect(judge(r), REVOCATION_UNKNOWN, "");
    add(r, &(struct list){.point = "a", .reasons = 0x1f8}, &root);
    expect(judge(r), REVOCATION_GOOD, "");
    revocation_free(&r);
}
END_TEST

START_TEST(test_past)
{
    static const struct {
        long when;
        int reason;
        enum revocation_state state;
    } cases[] = {
        {-20 * DAY, 0, REVOCATION_REVOKED},
        {-5 * DAY, 4, REVOCATION_GOOD},      /* revoked after the time that is asked about */
        {-5 * DAY, 1, REVOCATION_REVOKED},   /* but for its key */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct revocation *r = new_at(-10 * DAY, false);
        add(r, &(struct list){.revoked = {{.cert = leaf, .reason = cases[i].reason,
                                           .when = cases[i].when}}}, &root);
        expect(judge(r), cases[i].state, "");
        revocation_free(&r);
    }
    /* A time at which the CRL of today tells nothing: the future. */
    struct revocation *r = new_at(10 * DAY, false);
    add(r, &(struct list){.number = 1}, &root);
    expect(judge(r), REVOCATION_UNKNOWN, "was good until");
    revocation_free(&r);
}
END_TEST

START_TEST(test_malformed)
{
    uint8_t *der;
    size_t len = list_new(&(struct list){.number = 1, .revoked = {{.cert = leaf, .reason = 1}}},
                          &root, &der);
    struct revocation *r = new_at(0, false);
    struct revocation_finding f;
    unsigned changed = 0;

    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_ne(revocation_add_crl(r, der, cut, NULL), 0);
    /* With any byte changed it is refused when it comes or when it is used. */
    for (size_t i = 0; i < len; i++) {
        struct revocation *own = new_at(0, false);
        der[i] ^= 0x41;
        if (revocation_add_crl(own, der, len, NULL) == 0) {
            changed++;
            f = judge(own);
            ck_assert_msg(f.state == REVOCATION_UNKNOWN, "byte %zu: %s", i, f.text);
        }
        der[i] ^= 0x41;
        revocation_free(&own);
    }
    ck_assert_uint_gt(changed, 50);
    OPENSSL_free(der);
    revocation_free(&r);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("crl");
    TCase *tcase = tcase_create("crl");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_plain);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_bad_ones_beside);
    tcase_add_test(tcase, test_delta);
    tcase_add_test(tcase, test_indirect);
    tcase_add_test(tcase, test_scopes);
    tcase_add_test(tcase, test_past);
    tcase_add_test(tcase, test_malformed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
