/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths, names and verdicts: what a user is told of a signer. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/pki.h"
#include "trust/certificate.h"
#include "trust/path.h"
#include "trust/verdict.h"

#define DAY 86400L

static EVP_PKEY *ca_key, *leaf_key;
static X509 *ca;
static char dir[64];
static struct err err;

static void
setup(void)
{
    strcpy(dir, "/tmp/signet-trust-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ca_key = pki_key("p256");
    leaf_key = pki_key("p256");
    ca = pki_cert(&(struct pki_request){.cn = "Root", .ca = true}, ca_key, NULL, NULL);
    err_clear(&err);
}

static void
teardown(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/anchor", dir);
    unlink(path);
    rmdir(dir);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(leaf_key);
}

static X509 *
leaf(const struct pki_request *r)
{
    return pki_cert(r, leaf_key, ca, ca_key);
}

static struct anchors *
anchors_with(const X509 *anchor, bool der)
{
    char path[128];
    struct anchors *anchors;
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    if (anchor == NULL)
        return anchors;
    snprintf(path, sizeof path, "%s/anchor", dir);
    if (der)
        pki_write_der(path, anchor);
    else
        pki_write_pem(path, anchor, false);
    ck_assert_msg(anchors_add_file(anchors, path, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(anchors_count(anchors), 1);
    return anchors;
}

/* Asserts that checking cert against the anchor finds just this word (NULL: none). */
static void
expect_path(const X509 *anchor, X509 *cert, STACK_OF(X509) *untrusted,
            const struct path_options *options, const char *word)
{
    struct anchors *anchors = anchors_with(anchor, false);
    struct path path;
    ck_assert_int_eq(path_check(&path, anchors, cert, untrusted, options, &err), 0);
    if (word == NULL) {
        ck_assert_msg(path.count == 0, "%s: %s", path.problems[0].word, path.problems[0].text);
    } else {
        ck_assert_uint_eq(path.count, 1);
        ck_assert_str_eq(path.problems[0].word, word);
        ck_assert_str_ne(path.problems[0].text, "");
    }
    path_clear(&path);
    anchors_free(&anchors);
}

START_TEST(good_path)
{
    X509 *cert = leaf(&(struct pki_request){.cn = "Alice", .email = "alice@example.org"});
    expect_path(ca, cert, NULL, &(struct path_options){0}, NULL);
    expect_path(cert, cert, NULL, &(struct path_options){0}, NULL); /* itself an anchor */
    X509_free(cert);
}
END_TEST

START_TEST(through_an_intermediate)
{
    EVP_PKEY *mid_key = pki_key("p256");
    X509 *mid = leaf(&(struct pki_request){.cn = "Other", .ca = true});
    X509_free(mid);
    mid = pki_cert(&(struct pki_request){.cn = "Mid", .ca = true}, mid_key, ca, ca_key);
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Alice"}, leaf_key, mid, mid_key);
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    expect_path(ca, cert, untrusted, &(struct path_options){0}, "untrusted-root");
    sk_X509_push(untrusted, mid);
    expect_path(ca, cert, untrusted, &(struct path_options){0}, NULL);
    expect_path(mid, cert, NULL, &(struct path_options){0}, NULL);
    sk_X509_free(untrusted);
    X509_free(cert);
    X509_free(mid);
    EVP_PKEY_free(mid_key);
}
END_TEST

START_TEST(faults_have_their_words)
{
    X509 *cert = leaf(&(struct pki_request){.cn = "Alice"});
    expect_path(NULL, cert, NULL, &(struct path_options){0}, "untrusted-root");
    X509_free(cert);
    cert = leaf(&(struct pki_request){.cn = "Old", .not_before = -9 * DAY, .not_after = -DAY});
    expect_path(ca, cert, NULL, &(struct path_options){0}, "expired");
    X509_free(cert);
    cert = leaf(&(struct pki_request){.cn = "New", .not_before = DAY / 2, .not_after = DAY});
    expect_path(ca, cert, NULL, &(struct path_options){0}, "not-yet-valid");
    expect_path(ca, cert, NULL, &(struct path_options){.at = time(NULL) + DAY * 3 / 4}, NULL);
    X509_free(cert);
    cert = leaf(&(struct pki_request){.cn = "Server", .eku = "serverAuth"});
    expect_path(ca, cert, NULL, &(struct path_options){0}, "wrong-purpose");
    X509_free(cert);
}
END_TEST

START_TEST(weak_needs_the_option)
{
    EVP_PKEY *weak_key = pki_key("rsa1024");
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Weak"}, weak_key, ca, ca_key);
    expect_path(ca, cert, NULL, &(struct path_options){0}, "weak-algorithm");
    expect_path(ca, cert, NULL, &(struct path_options){.allow_weak = true}, NULL);
    X509_free(cert);
    cert = leaf(&(struct pki_request){.cn = "SHA-1", .md = EVP_sha1()});
    expect_path(ca, cert, NULL, &(struct path_options){0}, "weak-algorithm");
    X509_free(cert);
    EVP_PKEY_free(weak_key);
}
END_TEST

START_TEST(anchor_files)
{
    struct anchors *anchors = anchors_with(ca, true);
    anchors_free(&anchors);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_file(anchors, "/nonexistent/anchor", &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "/nonexistent/anchor"));
    ck_assert_int_eq(anchors_add_file(anchors, "/proc/self/cmdline", &err), E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "no certificate"));
    anchors_free(&anchors);
}
END_TEST

START_TEST(addresses)
{
    ck_assert(certificate_same_address("a@example.org", "a@EXAMPLE.org"));
    ck_assert(!certificate_same_address("A@example.org", "a@example.org"));
    ck_assert(!certificate_same_address("a@example.org", "a@example.com"));
    ck_assert(!certificate_same_address("a", "a"));
    X509 *cert = leaf(&(struct pki_request){
        .cn = "Alice", .email = "alice@example.org", .subject_email = "old@example.org"});
    ck_assert(certificate_has_email(cert, "alice@Example.ORG"));
    ck_assert(certificate_has_email(cert, "old@example.org"));
    ck_assert(!certificate_has_email(cert, "bob@example.org"));
    X509_free(cert);
}
END_TEST

START_TEST(names_are_safe_to_show)
{
    X509 *cert = leaf(&(struct pki_request){.cn = "Al\x1b[31mice \xe2\x80\xae"});
    struct buf *name = buf_new();
    ck_assert_int_eq(certificate_put_name(name, X509_get_subject_name(cert)), 0);
    ck_assert_ptr_null(strchr(buf_cstr(name), '\x1b'));
    ck_assert_ptr_null(strstr(buf_cstr(name), "\xe2\x80\xae"));
    buf_free(&name);
    X509_free(cert);
}
END_TEST

/* A verdict over one signature in the given state. */
static struct verdict *
judge(struct cms_signature *s, const char *from, bool allow_weak)
{
    struct verdict *v;
    struct anchors *anchors = anchors_with(ca, false);
    struct verdict_options options = {
        .anchors = anchors, .path = {.allow_weak = allow_weak},
        .is_mail = from != NULL, .from = &from, .from_count = from != NULL};
    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_add_layer(v, "multipart/signed", &err), 0);
    ck_assert_int_eq(verdict_add_signature(v, s, NULL, &options, &err), 0);
    anchors_free(&anchors);
    return v;
}

static void
expect_verdict(struct verdict *v, enum verdict_status status, const char *word)
{
    ck_assert_str_eq(verdict_status_word(verdict_status(v)), verdict_status_word(status));
    json_t *json = verdict_json(v), *signature;
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(json_string_value(json_object_get(json, "status")),
                     verdict_status_word(status));
    signature = json_array_get(json_object_get(json, "signatures"), 0);
    json_t *problems = json_object_get(signature, "problems");
    if (word == NULL)
        ck_assert_uint_eq(json_array_size(problems), 0);
    else
        ck_assert_str_eq(json_string_value(json_array_get(problems, 0)), word);
    struct buf *text = buf_new();
    ck_assert_int_eq(verdict_put_text(v, text), 0);
    ck_assert_ptr_nonnull(strstr(buf_cstr(text), verdict_status_word(status)));
    ck_assert(word == NULL || strstr(buf_cstr(text), word) != NULL);
    buf_free(&text);
    json_decref(json);
    verdict_free(&v);
}

START_TEST(verdicts)
{
    X509 *cert = leaf(&(struct pki_request){.cn = "Alice", .email = "alice@example.org"});
    struct cms_signature s = {.state = CMS_INTACT, .cert = cert, .algorithm = "ecdsa-sha256",
                              .digest = alg_digest_by_name("sha256")};
    expect_verdict(judge(&s, NULL, false), VERDICT_GOOD, NULL);
    expect_verdict(judge(&s, "alice@example.org", false), VERDICT_GOOD, NULL);
    expect_verdict(judge(&s, "bob@example.org", false), VERDICT_UNTRUSTED, "address-mismatch");
    s.problems[0] = "weak-algorithm";
    expect_verdict(judge(&s, NULL, false), VERDICT_UNTRUSTED, "weak-algorithm");
    expect_verdict(judge(&s, NULL, true), VERDICT_GOOD, "weak-algorithm");
    s.state = CMS_ALTERED;
    s.problems[0] = "content-altered";
    expect_verdict(judge(&s, NULL, true), VERDICT_BAD, "content-altered");
    s.state = CMS_MALFORMED;
    s.problems[0] = "malformed";
    expect_verdict(judge(&s, NULL, true), VERDICT_MALFORMED, "malformed");
    s = (struct cms_signature){.state = CMS_NO_CERTIFICATE, .problems = {"no-certificate"}};
    expect_verdict(judge(&s, NULL, true), VERDICT_BAD, "no-certificate");
    X509_free(cert);
}
END_TEST

START_TEST(message_problems_count_for_all)
{
    X509 *cert = leaf(&(struct pki_request){.cn = "Alice"});
    struct cms_signature s = {.state = CMS_INTACT, .cert = cert};
    struct verdict *v = judge(&s, NULL, false);
    ck_assert_int_eq(verdict_add_problem(v, "partial-coverage", "part 2 is not signed", &err), 0);
    expect_verdict(v, VERDICT_UNTRUSTED, "partial-coverage");
    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_exit_status(verdict_status(v)), 1); /* no signature at all */
    verdict_free(&v);
    X509_free(cert);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tcase = tcase_create("trust");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, good_path);
    tcase_add_test(tcase, through_an_intermediate);
    tcase_add_test(tcase, faults_have_their_words);
    tcase_add_test(tcase, weak_needs_the_option);
    tcase_add_test(tcase, anchor_files);
    tcase_add_test(tcase, addresses);
    tcase_add_test(tcase, names_are_safe_to_show);
    tcase_add_test(tcase, verdicts);
    tcase_add_test(tcase, message_problems_count_for_all);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
