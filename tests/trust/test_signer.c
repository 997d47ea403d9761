/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who signed: addresses as they are compared, and what a verdict makes of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "base/io.h"
#include "tests/support/pki.h"
#include "trust/certificate.h"
#include "trust/domain.h"
#include "trust/verdict.h"

static EVP_PKEY *ca_key, *eve_key, *leaf_key;
static X509 *ca;
static struct anchors *anchors;
static struct err err;

static void
setup(void)
{
    char path[] = "/tmp/signet-signer-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    ca_key = pki_key("p256");
    eve_key = pki_key("p256");
    leaf_key = pki_key("p256");
    ca = pki_cert(&(struct pki_request){.cn = "Root", .ca = true}, ca_key, NULL, NULL);
    pki_write_pem(path, ca, false);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_file(anchors, path, &err), 0);
    unlink(path);
}

static void
teardown(void)
{
    anchors_free(&anchors);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(eve_key);
    EVP_PKEY_free(leaf_key);
}

static const struct {
    const char *a, *b;
    bool same;
} domains[] = {
    {"example.org", "EXAMPLE.Org", true},
    {"example.org", "example.com", false},
    {"b\xc3\xbc" "cher.example", "xn--bcher-kva.example", true},
    {"B\xc3\x9c" "CHER.Example", "XN--BCHER-KVA.example", true},
    {"bu\xcc\x88" "cher.example", "xn--bcher-kva.example", true}, /* decomposed */
    {"b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example", true},
    {"b\xc3\xbc" "cher.example", "bucher.example", false},
    {"stra\xc3\x9f" "e.example", "xn--strae-oqa.example", true}, /* not "strasse" */
    {"stra\xc3\x9f" "e.example", "strasse.example", false},
    {"\xd0\xb5xample.org", "example.org", false}, /* a Cyrillic letter */
    {"xn--bcher-kva.example", "xn--bcher-kvb.example", false},
    {"xn--\xc3\xbc.example", "xn--tda.example", false},
    {"[192.0.2.1]", "[192.0.2.1]", true},
    {"\xff", "\xff", true},
    {"\xff", "\xfe", false},
};

START_TEST(domains_compare)
{
    ck_assert_int_eq(domain_same(domains[_i].a, domains[_i].b), domains[_i].same);
    ck_assert_int_eq(domain_same(domains[_i].b, domains[_i].a), domains[_i].same);
}
END_TEST

/* A local part is compared to the byte, composed or not (RFC 9598 5). */
START_TEST(local_parts_are_not_normalised)
{
    ck_assert(certificate_same_address("\xc3\xbc@b\xc3\xbc" "cher.example",
                                       "\xc3\xbc@xn--bcher-kva.example"));
    ck_assert(!certificate_same_address("u\xcc\x88@example.org", "\xc3\xbc@example.org"));
    ck_assert(!certificate_same_address("U@example.org", "u@example.org"));
}
END_TEST

/* A leaf with that address, as SmtpUTF8Mailbox or as rfc822Name. */
static X509 *
leaf_with(const char *address, bool utf8)
{
    X509 *cert = pki_cert(&(struct pki_request){.cn = "A"}, leaf_key, ca, ca_key);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(utf8 ? V_ASN1_UTF8STRING : V_ASN1_IA5STRING);

    ck_assert_int_eq(ASN1_STRING_set(text, address, (int)strlen(address)), 1);
    if (utf8) {
        ASN1_TYPE *value = ASN1_TYPE_new();

        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
        ck_assert_int_eq(GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox),
                                                     value), 1);
    } else {
        GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    }
    sk_GENERAL_NAME_push(names, name);
    ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0), 1);
    ck_assert_int_gt(X509_sign(cert, ca_key, EVP_sha256()), 0);
    GENERAL_NAMES_free(names);
    return cert;
}

START_TEST(utf8_mailboxes)
{
    X509 *cert = leaf_with("j\xc3\xb6rg@xn--bcher-kva.example", true);

    ck_assert_int_eq(certificate_match(cert, "j\xc3\xb6rg@b\xc3\xbc" "cher.example"),
                     CERTIFICATE_MATCHES);
    ck_assert_int_eq(certificate_match(cert, "jorg@b\xc3\xbc" "cher.example"), CERTIFICATE_OTHER);
    X509_free(cert);
    cert = leaf_with("a@xn--bcher-kva.example", false);
    ck_assert_int_eq(certificate_match(cert, "a@b\xc3\xbc" "cher.example"), CERTIFICATE_MATCHES);
    X509_free(cert);
    /* No IA5String: others read it differently. */
    cert = leaf_with("j\xf6rg@example.org", false);
    ck_assert_int_eq(certificate_match(cert, "j\xc3\xb6rg@example.org"),
                     CERTIFICATE_NAMES_NOBODY);
    X509_free(cert);
    cert = pki_cert(&(struct pki_request){.cn = "A", .subject_email = "a@b"}, leaf_key, ca,
                    ca_key);
    ck_assert_int_eq(certificate_match(cert, "a@b"), CERTIFICATE_IN_SUBJECT);
    X509_free(cert);
    cert = pki_cert(&(struct pki_request){.cn = "a@b"}, leaf_key, ca, ca_key);
    ck_assert_int_eq(certificate_match(cert, "a@b"), CERTIFICATE_NAMES_NOBODY);
    X509_free(cert);
}
END_TEST

static struct verdict_options
options_for(const char *const *from, const char *sender)
{
    return (struct verdict_options){.anchors = anchors, .is_mail = true, .from = from,
                                    .from_count = 1, .sender = sender};
}

/* One signature's status and its first word, NULL for none. */
static void
expect(const struct verdict_options *o, X509 *cert, STACK_OF(X509) *certs,
       enum verdict_status status, const char *word)
{
    struct cms_signature s = {.state = CMS_INTACT, .cert = cert, .algorithm = "x"};
    struct buf *text = buf_new();
    struct verdict *v;

    s.issuer = X509_get_issuer_name(cert);
    s.serial = X509_get0_serialNumber(cert);
    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_add_signature(v, &s, certs, o, &err), 0);
    ck_assert_int_eq(verdict_put_text(v, text), 0);
    ck_assert_msg(verdict_status(v) == status, "%s", buf_cstr(text));
    if (word == NULL)
        ck_assert_msg(strstr(buf_cstr(text), "problem") == NULL &&
                          strstr(buf_cstr(text), "note") == NULL, "%s", buf_cstr(text));
    else
        ck_assert_msg(strstr(buf_cstr(text), word) != NULL, "%s", buf_cstr(text));
    buf_free(&text);
    verdict_free(&v);
}

START_TEST(from_and_sender)
{
    static const char *const alice = "alice@example.org", *const bob = "bob@example.org";
    struct pki_request request = {.cn = "Alice", .email = alice};
    X509 *cert = pki_cert(&request, leaf_key, ca, ca_key);
    struct verdict_options o = options_for(&alice, NULL);

    expect(&o, cert, NULL, VERDICT_GOOD, NULL);
    o = options_for(&alice, bob);
    expect(&o, cert, NULL, VERDICT_GOOD, "note       sender-differs");
    o = options_for(&bob, alice);
    expect(&o, cert, NULL, VERDICT_UNTRUSTED, "address in Sender, not");
    o = options_for(&bob, NULL);
    expect(&o, cert, NULL, VERDICT_UNTRUSTED, "problem    address-mismatch");
    o = options_for(&alice, NULL);
    o.from_ambiguous = true;
    o.from_reason = "From is odd";
    expect(&o, cert, NULL, VERDICT_UNTRUSTED, "address-mismatch: From is odd");
    X509_free(cert);
    request = (struct pki_request){.cn = "Alice", .subject_email = alice};
    cert = pki_cert(&request, leaf_key, ca, ca_key);
    o = options_for(&alice, NULL);
    expect(&o, cert, NULL, VERDICT_GOOD, "note       subject-address");
    X509_free(cert);
    cert = pki_cert(&(struct pki_request){.cn = "Alice"}, leaf_key, ca, ca_key);
    expect(&o, cert, NULL, VERDICT_UNTRUSTED, "names no address");
    X509_free(cert);
}
END_TEST

/* Somebody adds a certificate of the signer's name and key that nobody issued. */
START_TEST(a_forged_certificate_beside_the_true_one)
{
    static const char *const alice = "alice@example.org";
    struct pki_request request = {.cn = "Alice", .email = alice};
    struct verdict_options o = options_for(&alice, NULL);
    X509 *good = pki_cert(&request, leaf_key, ca, ca_key), *forged;
    STACK_OF(X509) *certs = sk_X509_new_null();

    forged = pki_cert(&request, leaf_key, ca, eve_key);
    X509_set_serialNumber(forged, X509_get_serialNumber(good));
    ck_assert_int_gt(X509_sign(forged, eve_key, EVP_sha256()), 0);
    sk_X509_push(certs, forged);
    expect(&o, forged, certs, VERDICT_UNTRUSTED, "problem");
    sk_X509_push(certs, good);
    expect(&o, forged, certs, VERDICT_GOOD, NULL);
    /* One of another key is nobody's. */
    X509 *other = pki_cert(&request, eve_key, ca, ca_key);
    X509_set_serialNumber(other, X509_get_serialNumber(good));
    ck_assert_int_gt(X509_sign(other, ca_key, EVP_sha256()), 0);
    sk_X509_pop(certs);
    sk_X509_push(certs, other);
    expect(&o, forged, certs, VERDICT_UNTRUSTED, "problem");
    sk_X509_free(certs);
    X509_free(good);
    X509_free(forged);
    X509_free(other);
}
END_TEST

START_TEST(signatures_that_contradict)
{
    static const char *const alice = "alice@example.org";
    struct verdict_options o = options_for(&alice, NULL);
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Alice", .email = alice}, leaf_key, ca,
                          ca_key);
    struct cms_signature good = {.state = CMS_INTACT, .cert = cert, .algorithm = "x"};
    struct cms_signature bad = {.state = CMS_BAD_SIGNATURE, .cert = cert, .algorithm = "x",
                                .problems = {"bad-signature"}};
    struct verdict *v;

    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_add_signature(v, &good, NULL, &o, &err), 0);
    ck_assert_int_eq(verdict_compare(v, &err), 0);
    ck_assert(!verdict_has(v, "contradictory-signatures"));
    ck_assert_int_eq(verdict_add_signature(v, &bad, NULL, &o, &err), 0);
    ck_assert_int_eq(verdict_compare(v, &err), 0);
    ck_assert(verdict_has(v, "contradictory-signatures"));
    ck_assert_int_eq(verdict_status(v), VERDICT_BAD);
    json_t *json = verdict_json(v);
    json_t *first = json_array_get(json_object_get(json, "signatures"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(first, "status")), "untrusted");
    json_decref(json);
    verdict_free(&v);
    X509_free(cert);
}
END_TEST

START_TEST(nothing_signed)
{
    struct verdict *v;

    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_status(v), VERDICT_BAD);
    verdict_unsigned(v);
    ck_assert_int_eq(verdict_status(v), VERDICT_GOOD);
    ck_assert_int_eq(verdict_add_problem(v, "unauthenticated-encryption", "x", &err), 0);
    ck_assert_int_eq(verdict_status(v), VERDICT_GOOD);
    ck_assert_int_eq(verdict_add_problem(v, "exposed-encryption", "x", &err), 0);
    ck_assert_int_eq(verdict_status(v), VERDICT_BAD);
    ck_assert_int_eq(verdict_add_problem(v, "a-word-nobody-knows", "x", &err), 0);
    ck_assert_int_eq(verdict_status(v), VERDICT_BAD);
    verdict_free(&v);
}
END_TEST

/* Each word has its paragraph. */
START_TEST(every_word_is_documented)
{
    struct buf *page = buf_new();
    char needle[80];

    ck_assert_int_eq(io_read_file(SIGNET_MAN_PAGE, BUF_MAX, page, &err), 0);
    for (size_t i = 0; problem_at(i) != NULL; i++) {
        snprintf(needle, sizeof needle, "\n*%s*\n", problem_at(i));
        ck_assert_msg(strstr(buf_cstr(page), needle) != NULL, "%s is not in %s", problem_at(i),
                      SIGNET_MAN_PAGE);
    }
    buf_free(&page);
}
END_TEST

/* Whatever speaks against a message comes with what to do. */
START_TEST(every_fault_has_advice)
{
    for (size_t i = 0; problem_at(i) != NULL; i++)
        ck_assert_msg(problem_weight(problem_at(i)) == VERDICT_GOOD ||
                          problem_advice(problem_at(i)) != NULL, "%s", problem_at(i));
    ck_assert_ptr_null(problem_advice("a-word-nobody-knows"));
}
END_TEST

/* An expired certificate that was valid when the signer says: told, and still expired. */
START_TEST(a_claimed_time_makes_nothing_good)
{
    static const char *const alice = "alice@example.org";
    time_t now = time(NULL);
    X509 *cert = pki_cert(&(struct pki_request){.cn = "Alice", .email = alice}, leaf_key, ca,
                          ca_key);
    struct cms_signature s = {.state = CMS_INTACT, .cert = cert, .algorithm = "x",
                              .has_signing_time = true, .signing_time = now};
    struct verdict_options o = options_for(&alice, NULL);
    struct verdict_signer signer;
    struct buf *text = buf_new();
    struct verdict *v;

    /* Both it and its authority end within a hundred years. */
    o.path.at = now + (time_t)100 * 365 * 86400;
    ck_assert_int_eq(verdict_new(&v, &err), 0);
    ck_assert_int_eq(verdict_add_signature(v, &s, NULL, &o, &err), 0);
    ck_assert_int_eq(verdict_status(v), VERDICT_UNTRUSTED);
    ck_assert(verdict_signer_has(v, 0, "expired"));
    ck_assert(verdict_signer_at(v, 0, &signer) && !verdict_signer_at(v, 1, &signer));
    ck_assert(signer.cert == cert && signer.has_time && signer.time == now);
    verdict_set_colour(v, true);
    ck_assert_int_eq(verdict_put_text(v, text), 0);
    ck_assert_ptr_nonnull(strstr(buf_cstr(text), "\033[1;33muntrusted signature\033[0m\n"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(text), "  do         ask the sender for a new"));
    buf_free(&text);
    verdict_free(&v);
    X509_free(cert);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("signer");
    TCase *tcase = tcase_create("signer");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, domains_compare, 0, sizeof domains / sizeof *domains);
    tcase_add_test(tcase, local_parts_are_not_normalised);
    tcase_add_test(tcase, utf8_mailboxes);
    tcase_add_test(tcase, from_and_sender);
    tcase_add_test(tcase, a_forged_certificate_beside_the_true_one);
    tcase_add_test(tcase, signatures_that_contradict);
    tcase_add_test(tcase, nothing_signed);
    tcase_add_test(tcase, every_word_is_documented);
    tcase_add_test(tcase, every_fault_has_advice);
    tcase_add_test(tcase, a_claimed_time_makes_nothing_good);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
