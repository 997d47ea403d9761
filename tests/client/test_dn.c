/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subjects as people write them, against what libcrypto makes of the result. */
#include <check.h>
#include <openssl/bio.h>

#include "cli/dn.h"

static struct err err;

/* libcrypto's own text of the name, in the order of its encoding. */
static const char *
shown(const X509_NAME *name)
{
    static char text[1024];
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ &
                                         ~ASN1_STRFLGS_ESC_QUOTE);
    n = BIO_read(bio, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
    return text;
}

START_TEST(names_are_read)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"CN=Alice Example,O=Acme,C=DE", "C=DE, O=Acme, CN=Alice Example"},
        {"/C=DE/O=Acme, Inc./CN=Alice", "C=DE, O=Acme\\, Inc., CN=Alice"},
        {" CN = Alice , O = Acme ", "O=Acme, CN=Alice"},
        {"CN=Größe", "CN=Größe"},
        {"CN=a\\,b\\+c\\\\d\\20", "CN=a\\,b\\+c\\\\d\\ "},
        {"CN=Gr\\c3\\b6\\C3\\9fe", "CN=Größe"},
        {"CN=Alice+UID=7,O=Acme", "O=Acme, UID=7 + CN=Alice"},
        {"/O=Acme/CN=Alice+UID=7", "O=Acme, CN=Alice + UID=7"},
        {"2.5.4.3=Alice", "CN=Alice"},
        {"emailAddress=a@example.org", "emailAddress=a@example.org"},
    };
    X509_NAME *name = NULL;

    ck_assert_msg(dn_parse(rows[_i].text, &name, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(shown(name), rows[_i].shown);
    X509_NAME_free(name);
}
END_TEST

START_TEST(what_is_no_name)
{
    static const char *const rows[] = {
        "", "Alice", "CN=", "CN=a,", "CN=a,,O=b", "=a", "NOPE=a", "C=Germany", "CN=a\\",
        "CN=a\xff", "/", "CN=Alice,O",
    };
    X509_NAME *name = NULL;

    ck_assert_int_eq(dn_parse(rows[_i], &name, &err), E_USAGE);
    ck_assert_ptr_null(name);
    ck_assert_str_ne(err.text, "");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("dn");
    TCase *tc = tcase_create("dn");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, names_are_read, 0, 10);
    tcase_add_loop_test(tc, what_is_no_name, 0, 12);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
