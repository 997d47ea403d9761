/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which certificate an address becomes; SMIMEA records. */
#include <check.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/pki.h"
#include "trust/choose.h"
#include "trust/smimea.h"

#define DAY 86400L

static EVP_PKEY *key, *other;
static X509 *ca;
static struct anchors *anchors;
static struct path_options options;
static struct choose_wish wish;
static struct choose_list list;
static struct choice choice;
static struct err err;

static X509 *
make(const char *cn, long from, long until, bool issued, const char *usage)
{
    return pki_cert(&(struct pki_request){.cn = cn, .email = "bob@example.org",
                                          .usage = usage == NULL ? "keyAgreement" : usage,
                                          .not_before = from, .not_after = until},
                    other, issued ? ca : NULL, issued ? key : other);
}

static X509 *
put(X509 *cert, enum choose_origin origin, bool preferred)
{
    ck_assert_int_eq(choose_list_add(&list, cert, origin, preferred), 0);
    X509_free(cert);
    return cert;
}

static void
begin(void)
{
    char path[] = "/tmp/signet-choose.XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    key = pki_key("p256");
    other = pki_key("p256");
    ca = pki_cert(&(struct pki_request){.cn = "CA", .ca = true}, key, NULL, NULL);
    pki_write_pem(path, ca, false);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_file(anchors, path, &err), 0);
    unlink(path);
    options = (struct path_options){.at = 0};
    wish = (struct choose_wish){.anchors = anchors, .path = &options};
    list = (struct choose_list){.count = 0};
    err_clear(&err);
}

static void
end(void)
{
    choose_list_clear(&list);
    anchors_free(&anchors);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void
takes(const X509 *want, enum choose_fault fault)
{
    ck_assert_msg(choose_best(&list, &wish, &choice, &err) == 0, "%s", err_text(&err));
    ck_assert_ptr_nonnull(choice.best);
    ck_assert_msg(choice.fault == fault, "fault %d: %s", choice.fault, choice.detail);
    ck_assert_ptr_eq(choice.best->cert, want);
}

static void
refuses(int code, const char *words)
{
    ck_assert_int_eq(choose_refuse("bob", &choice, &err), code);
    ck_assert_msg(strstr(err_text(&err), words) != NULL, "%s", err_text(&err));
}

START_TEST(the_newest_that_is_fit)
{
    X509 *old = put(make("old", -3 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);
    X509 *new = put(make("new", -2 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);

    put(make("expired", -DAY, -3600, true, NULL), CHOOSE_GIVEN, false);
    put(make("signs", -DAY, DAY, true, "digitalSignature"), CHOOSE_GIVEN, false);
    put(make("tomorrow", DAY, 2 * DAY, true, NULL), CHOOSE_GIVEN, false);
    takes(new, CHOOSE_FIT);
    ck_assert_uint_eq(choice.fit, 2);
    ck_assert_ptr_null(choice.rival);
    ck_assert(choice.trusted);
    ck_assert_ptr_ne(old, new);
}
END_TEST

START_TEST(what_its_owner_prefers)
{
    X509 *wanted = put(make("wanted", -3 * DAY, DAY, true, NULL), CHOOSE_LEARNT, true);

    put(make("new", -2 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);
    takes(wanted, CHOOSE_FIT);
}
END_TEST

START_TEST(two_equally_good_ones_are_told)
{
    put(make("one", -2 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);
    put(make("two", -2 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);
    ck_assert_int_eq(choose_best(&list, &wish, &choice, &err), 0);
    ck_assert_ptr_nonnull(choice.rival);
}
END_TEST

/* Anybody can put one for this address somewhere. */
START_TEST(what_was_merely_found_needs_a_path)
{
    X509 *planted = put(make("planted", -DAY, DAY, false, NULL), CHOOSE_FOUND, false), *good;

    takes(planted, CHOOSE_UNTRUSTED);
    refuses(E_UNTRUSTED, "signet certs trust");
    good = put(make("good", -3 * DAY, DAY, true, NULL), CHOOSE_FOUND, false);
    takes(good, CHOOSE_FIT);
    ck_assert_int_eq(choose_origin_of("ldap://x"), CHOOSE_FOUND);
    ck_assert_int_eq(choose_origin_of("aia http://x"), CHOOSE_FOUND);
    ck_assert_int_eq(choose_origin_of("signed mail"), CHOOSE_LEARNT);
    ck_assert_int_eq(choose_origin_of("file bob.crt"), CHOOSE_GIVEN);
}
END_TEST

START_TEST(what_the_user_gave_does_not)
{
    X509 *own = put(make("own", -DAY, DAY, false, NULL), CHOOSE_GIVEN, false), *trusted;

    takes(own, CHOOSE_FIT);
    ck_assert(!choice.trusted);
    trusted = put(make("trusted", -3 * DAY, DAY, true, NULL), CHOOSE_GIVEN, false);
    takes(trusted, CHOOSE_FIT);
}
END_TEST

START_TEST(faults_say_what_to_do)
{
    X509 *expired = put(make("gone", -2 * DAY, -DAY, true, NULL), CHOOSE_GIVEN, false);

    takes(expired, CHOOSE_EXPIRED);
    refuses(E_NO_CERT, "expired on");
    wish.allow_expired = true;
    takes(expired, CHOOSE_FIT);
    choice.fault = CHOOSE_REVOKED;
    refuses(E_UNTRUSTED, "was revoked");
    choice.fault = CHOOSE_DISTRUSTED;
    refuses(E_UNTRUSTED, "is distrusted");
    choice.fault = CHOOSE_STATE_UNKNOWN;
    refuses(E_UNTRUSTED, "cannot be learnt");
}
END_TEST

START_TEST(smimea_records)
{
    X509 *cert = make("bob", -DAY, DAY, true, NULL), *stranger = make("x", -DAY, DAY, true, NULL);
    uint8_t *der = NULL, record[4096] = {3, 0, 0};
    int len = i2d_X509(cert, &der);
    struct smimea s;
    X509 *held;

    memcpy(record + 3, der, (size_t)len);
    ck_assert_int_eq(smimea_parse(record, (size_t)len + 3, &s), 0);
    ck_assert(smimea_is_own(&s) && smimea_matches(&s, cert) && !smimea_matches(&s, stranger));
    held = smimea_certificate(&s);
    ck_assert_ptr_nonnull(held);
    ck_assert_int_eq(X509_cmp(held, cert), 0);
    X509_free(held);
    /* One octet too many. */
    ck_assert_int_eq(smimea_parse(record, (size_t)len + 4, &s), 0);
    ck_assert_ptr_null(smimea_certificate(&s));
    record[2] = 1;
    SHA256(der, (size_t)len, record + 3);
    ck_assert_int_eq(smimea_parse(record, 3 + 32, &s), 0);
    ck_assert(smimea_matches(&s, cert) && !smimea_matches(&s, stranger));
    ck_assert_ptr_null(smimea_certificate(&s));
    ck_assert_int_eq(smimea_parse(record, 3 + 31, &s), E_MALFORMED);
    ck_assert_int_eq(smimea_parse(record, 3, &s), E_MALFORMED);
    record[0] = 4;
    ck_assert_int_eq(smimea_parse(record, 3 + 32, &s), E_UNSUPPORTED);
    record[0] = 2;
    ck_assert_int_eq(smimea_parse(record, 3 + 32, &s), 0);
    ck_assert(!smimea_is_own(&s));
    OPENSSL_free(der);
    X509_free(cert);
    X509_free(stranger);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("choosing recipients' certificates");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, the_newest_that_is_fit);
    tcase_add_test(c, what_its_owner_prefers);
    tcase_add_test(c, two_equally_good_ones_are_told);
    tcase_add_test(c, what_was_merely_found_needs_a_path);
    tcase_add_test(c, what_the_user_gave_does_not);
    tcase_add_test(c, faults_say_what_to_do);
    tcase_add_test(c, smimea_records);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
