/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which certificate a recipient's name becomes, and which are refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/recipients.h"
#include "tests/support/pki.h"

#define DAY 86400L
#define FOLDER_MAX 512

/* A place with certificates, each under a name. */
struct place {
    struct {
        const char *who;
        X509 *cert;
    } entries[4];
    size_t count;
    int rc;         /* fails with this */
    unsigned asked;
};

static struct err err;
static struct recipients *recipients;
static struct place here, there;
static EVP_PKEY *rsa, *ec;

static int
find(void *arg, const char *who, struct choose_list *out, struct err *e)
{
    struct place *p = arg;

    p->asked++;
    if (p->rc != 0)
        return err_set(e, p->rc, "the place is closed");
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->entries[i].who, who) == 0)
            ck_assert_int_eq(choose_list_add(out, p->entries[i].cert, CHOOSE_GIVEN, false), 0);
    return 0;
}

static X509 *
make(const char *cn, EVP_PKEY *key, const char *usage, long from, long until)
{
    struct pki_request r = {.cn = cn, .usage = usage, .not_before = from, .not_after = until};

    return pki_cert(&r, key, NULL, key);
}

static X509 *
put(struct place *p, const char *who, X509 *cert)
{
    p->entries[p->count].who = who;
    p->entries[p->count++].cert = cert;
    return cert;
}

static void
begin(const struct recipients_wish *wish)
{
    struct recipients_source a = {.name = "the first place", .find = find, .arg = &here};
    struct recipients_source b = {.name = "the second place", .find = find, .arg = &there};

    recipients_free(&recipients);
    ck_assert_int_eq(recipients_new(&recipients, wish, &err), 0);
    ck_assert_int_eq(recipients_source(recipients, &a, &err), 0);
    ck_assert_int_eq(recipients_source(recipients, &b, &err), 0);
}

static void
setup(void)
{
    static const struct recipients_wish plain = {.allow_expired = false};

    rsa = pki_key("rsa2048");
    ec = pki_key("p256");
    begin(&plain);
}

static void
clear(struct place *p)
{
    for (size_t i = 0; i < p->count; i++)
        X509_free(p->entries[i].cert);
    memset(p, 0, sizeof *p);
}

static void
teardown(void)
{
    recipients_free(&recipients);
    clear(&here);
    clear(&there);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void
refused(const char *who, int code, const char *part)
{
    size_t count;

    ck_assert_int_eq(recipients_add(recipients, who, &err), code);
    ck_assert_msg(strstr(err_text(&err), part), "no \"%s\" in: %s", part, err_text(&err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), who));
    recipients_list(recipients, &count);
    ck_assert_uint_eq(count, 0);
}

static X509 *
added(const char *who)
{
    size_t count;
    const struct cms_to *to;

    ck_assert_msg(recipients_add(recipients, who, &err) == 0, "%s", err_text(&err));
    to = recipients_list(recipients, &count);
    ck_assert_uint_ge(count, 1);
    return to[count - 1].cert;
}

START_TEST(newest_that_is_fit)
{
    X509 *fit;

    put(&here, "a", make("old", rsa, "keyEncipherment", -9 * DAY, DAY));
    fit = put(&here, "a", make("newer", ec, "keyAgreement", -5 * DAY, DAY));
    put(&here, "a", make("signs", rsa, "digitalSignature", -2 * DAY, DAY));
    put(&here, "a", make("expired", rsa, "keyEncipherment", -3 * DAY, -DAY));
    ck_assert_ptr_eq(added("a"), fit);
    ck_assert_uint_eq(there.asked, 0);
}
END_TEST

START_TEST(next_place_when_none_is_fit)
{
    X509 *fit;

    put(&here, "a", make("expired", rsa, "keyEncipherment", -3 * DAY, -DAY));
    fit = put(&there, "a", make("renewed", rsa, "keyEncipherment", -2 * DAY, DAY));
    ck_assert_ptr_eq(added("a"), fit);
}
END_TEST

START_TEST(faults_are_told)
{
    EVP_PKEY *weak = pki_key("rsa1024"), *edwards = pki_key("ed25519");

    put(&here, "expired", make("E", rsa, "keyEncipherment", -3 * DAY, -DAY));
    put(&here, "early", make("E", rsa, "keyEncipherment", DAY, 3 * DAY));
    put(&here, "signs", make("S", rsa, "keyAgreement", -DAY, DAY));
    put(&here, "ec", make("S", ec, "keyEncipherment", -DAY, DAY));
    put(&there, "weak", make("W", weak, "keyEncipherment", -DAY, DAY));
    put(&there, "edwards", make("Ed", edwards, "keyAgreement", -DAY, DAY));
    refused("expired", E_NO_CERT, "expired on 20");
    refused("early", E_NO_CERT, "valid from 20");
    refused("signs", E_NO_CERT, "lacks keyEncipherment");
    refused("ec", E_NO_CERT, "lacks keyAgreement");
    refused("weak", E_WEAK, "1024 bits");
    refused("edwards", E_NO_CERT, "can sign");
    refused("nobody", E_NO_CERT, "the second place");
    EVP_PKEY_free(weak);
    EVP_PKEY_free(edwards);
}
END_TEST

START_TEST(a_place_that_fails)
{
    here.rc = E_AGENT;
    refused("a", E_AGENT, "the place is closed");
}
END_TEST

START_TEST(expired_on_request)
{
    static const struct recipients_wish wish = {.allow_expired = true, .pkcs1 = true};
    const struct cms_to *to;
    size_t count;

    put(&here, "expired", make("E", rsa, "keyEncipherment", -3 * DAY, -DAY));
    put(&here, "ec", make("C", ec, "keyAgreement", -3 * DAY, -DAY));
    begin(&wish);
    added("expired");
    added("ec");
    /* The same certificate again is no further recipient. */
    added("expired");
    to = recipients_list(recipients, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert(to[0].pkcs1);
    ck_assert(!to[1].pkcs1);
}
END_TEST

static void
scratch_name(char out[FOLDER_MAX])
{
    const char *tmp = getenv("TMPDIR");

    ck_assert_int_lt(snprintf(out, FOLDER_MAX, "%s/recipients-XXXXXX", tmp ? tmp : "/tmp"),
                     FOLDER_MAX);
}

START_TEST(files)
{
    char dir[FOLDER_MAX], path[FOLDER_MAX + 16];
    X509 *one = make("one", rsa, "keyEncipherment", -DAY, DAY);
    X509 *two = make("two", ec, "keyAgreement", -DAY, DAY);

    scratch_name(dir);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/cert", dir);
    refused(path, E_INPUT, "cannot be opened");
    pki_write_pem(path, one, false);
    pki_write_pem(path, two, true);
    refused(path, E_INPUT, "2 certificates");
    pki_write_der(path, two);
    ck_assert_int_eq(X509_cmp(added(path), two), 0);
    ck_assert_uint_eq(here.asked, 0);
    unlink(path);
    rmdir(dir);
    X509_free(one);
    X509_free(two);
}
END_TEST

START_TEST(passwords)
{
    char path[FOLDER_MAX];
    const struct cms_to *to;
    size_t count;
    int fd;

    scratch_name(path);
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(recipients_add_password(recipients, path, &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "first line is empty"));
    ck_assert_int_eq(write(fd, "secret\r\nmore\n", 13), 13);
    ck_assert_int_eq(recipients_add_password(recipients, path, &err), 0);
    to = recipients_list(recipients, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(secret_len(to[0].password), 6);
    ck_assert_int_eq(recipients_add_password(recipients, "/nowhere/at/all", &err), E_INPUT);
    close(fd);
    unlink(path);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("recipients");
    TCase *tc = tcase_create("recipients");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, newest_that_is_fit);
    tcase_add_test(tc, next_place_when_none_is_fit);
    tcase_add_test(tc, faults_are_told);
    tcase_add_test(tc, a_place_that_fails);
    tcase_add_test(tc, expired_on_request);
    tcase_add_test(tc, files);
    tcase_add_test(tc, passwords);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
