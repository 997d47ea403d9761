/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates in the store: found by all that they are found by, through an index each. */
#include <check.h>
#include <grp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/support/pki.h"
#include "trust/certificate.h"
#include "trust/store_int.h"
#include "trust/store_schema.h"

#define NOBODY 65534

static char folder[256];
static EVP_PKEY *key, *other_key;

static void
begin(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/signet-store.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    key = pki_key("p256");
    other_key = pki_key("p256");
}

static void
end(void)
{
    char command[600];

    snprintf(command, sizeof command, "chmod -R u+rwX '%s' && rm -rf '%s'", folder, folder);
    ck_assert_int_eq(system(command), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}

static X509 *
cert(const char *cn, const char *email)
{
    return pki_cert(&(struct pki_request){.cn = cn, .email = email}, key, NULL, NULL);
}

static struct store *
open_store(void)
{
    struct store *s = NULL;
    struct err err = {0};

    ck_assert_msg(store_open(&s, folder, false, &err) == 0, "%s", err_text(&err));
    return s;
}

static bool
add(struct store *s, X509 *c, const char *source)
{
    struct err err = {0};
    bool new = false;

    ck_assert_msg(store_add(s, c, source, &new, &err) == 0, "%s", err_text(&err));
    return new;
}

/* "CN=A(source) CN=B(source, trusted) " */
static int
write_down(void *arg, const struct store_cert *c)
{
    static const char *const marks[] = {"", ", trusted", ", distrusted"};
    struct buf *out = arg;

    ck_assert_int_eq(certificate_put_name(out, X509_get_subject_name(c->cert)), 0);
    ck_assert_int_eq(buf_putf(out, "(%s%s) ", c->source, marks[c->trust]), 0);
    ck_assert_int_gt(c->learnt, 0);
    ck_assert_int_eq(c->marked > 0, c->trust != STORE_NO_MARK);
    return 0;
}

static void
finds(struct store *s, const struct store_query *q, size_t limit, const char *want)
{
    struct buf *out = buf_new();
    struct err err = {0};

    ck_assert_msg(store_search(s, q, limit, write_down, out, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(buf_cstr(out), want);
    buf_free(&out);
}

static void
by_address(struct store *s, const char *address, const char *want)
{
    finds(s, &(struct store_query){.by = STORE_BY_ADDRESS, .address = address}, 0, want);
}

static void
by_key(struct store *s, const X509 *c, const char *want)
{
    uint8_t *spki = NULL, hash[STORE_FINGERPRINT];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &spki);

    SHA256(spki, (size_t)len, hash);
    OPENSSL_free(spki);
    finds(s, &(struct store_query){.by = STORE_BY_KEY, .bytes = hash, .len = sizeof hash}, 0,
          want);
}

static void
by_fingerprint(struct store *s, const X509 *c, const EVP_MD *md, size_t len, const char *want)
{
    uint8_t print[EVP_MAX_MD_SIZE];
    unsigned whole;

    ck_assert_int_eq(X509_digest(c, md, print, &whole), 1);
    finds(s, &(struct store_query){.by = STORE_BY_FINGERPRINT, .bytes = print,
                                   .len = len == 0 ? whole : len}, 0, want);
}

START_TEST(each_way_finds_it)
{
    struct store *s = open_store();
    X509 *a = cert("A", "a@example.org"), *b = cert("B", "b@Example.ORG");
    X509 *c = pki_cert(&(struct pki_request){.cn = "C", .email = "a@example.org"}, other_key, a,
                       key);
    struct store_query issuer = {.by = STORE_BY_ISSUER_SERIAL, .name = X509_get_issuer_name(c),
                                 .serial = X509_get0_serialNumber(c)};

    ck_assert(add(s, a, "file a"));
    ck_assert(add(s, b, "file b"));
    ck_assert(!add(s, a, "again"));
    ck_assert(add(s, c, "ldap"));
    finds(s, &(struct store_query){.by = STORE_ALL}, 0, "CN=A(file a) CN=B(file b) CN=C(ldap) ");
    finds(s, &(struct store_query){.by = STORE_ALL}, 2, "CN=A(file a) CN=B(file b) ");
    by_address(s, "b@example.org", "CN=B(file b) ");
    by_address(s, "a@EXAMPLE.org", "CN=C(ldap) CN=A(file a) ");
    by_address(s, "A@example.org", "");
    by_key(s, c, "CN=C(ldap) ");
    by_key(s, a, "CN=A(file a) CN=B(file b) ");
    by_fingerprint(s, b, EVP_sha256(), 0, "CN=B(file b) ");
    by_fingerprint(s, b, EVP_sha256(), 4, "CN=B(file b) ");
    by_fingerprint(s, b, EVP_sha1(), 0, "CN=B(file b) ");
    by_fingerprint(s, b, EVP_sha1(), 5, "CN=B(file b) ");
    finds(s, &(struct store_query){.by = STORE_BY_SUBJECT, .name = X509_get_subject_name(b)}, 0,
          "CN=B(file b) ");
    finds(s, &issuer, 0, "CN=C(ldap) ");
    issuer.name = X509_get_issuer_name(b);
    finds(s, &issuer, 0, "");
    store_close(&s);
    X509_free(a);
    X509_free(b);
    X509_free(c);
}
END_TEST

/* RFC 5280 7.1: another string type, case and blanks make no other name. */
START_TEST(names_are_compared_as_rfc_5280_says)
{
    struct store *s = open_store();
    X509 *a = cert("Alice  Example", NULL);
    X509_NAME *name = X509_NAME_new();

    ck_assert(add(s, a, "x"));
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING,
                                                (const uint8_t *)" alice EXAMPLE", -1, -1, 0), 1);
    finds(s, &(struct store_query){.by = STORE_BY_SUBJECT, .name = name}, 0,
          "CN=Alice  Example(x) ");
    X509_NAME_free(name);
    X509_free(a);
    store_close(&s);
}
END_TEST

START_TEST(an_internationalised_domain_is_one_in_both_forms)
{
    struct store *s = open_store();
    X509 *a = cert("A", "a@xn--mnchen-3ya.example");

    ck_assert(add(s, a, "x"));
    by_address(s, "a@MÜNCHEN.example", "CN=A(x) ");
    X509_free(a);
    store_close(&s);
}
END_TEST

START_TEST(marks_are_kept_and_taken_back)
{
    struct store *s = open_store();
    X509 *a = cert("A", "a@example.org"), *b = cert("B", "b@example.org");
    struct store_query trusted = {.by = STORE_BY_TRUST, .trust = STORE_TRUSTED};
    struct store_query distrusted = {.by = STORE_BY_TRUST, .trust = STORE_DISTRUSTED};
    struct store_query none = {.by = STORE_BY_TRUST, .trust = STORE_NO_MARK};
    uint8_t print[STORE_FINGERPRINT];
    struct err err = {0};

    add(s, a, "x");
    ck_assert_int_eq(store_mark(s, a, STORE_TRUSTED, "y", &err), 0);
    ck_assert_int_eq(store_mark(s, b, STORE_DISTRUSTED, "y", &err), 0);
    finds(s, &trusted, 0, "CN=A(x, trusted) ");
    finds(s, &distrusted, 0, "CN=B(y, distrusted) ");
    finds(s, &none, 0, "");
    store_close(&s);
    s = open_store();
    ck_assert_int_eq(store_mark(s, a, STORE_DISTRUSTED, "y", &err), 0);
    finds(s, &distrusted, 0, "CN=A(x, distrusted) CN=B(y, distrusted) ");
    ck_assert_int_eq(store_mark(s, a, STORE_NO_MARK, "y", &err), 0);
    finds(s, &none, 0, "CN=A(x) ");
    ck_assert_int_eq(store_fingerprint(b, print, &err), 0);
    ck_assert_int_eq(store_remove(s, print, &err), 0);
    by_address(s, "b@example.org", "");
    finds(s, &distrusted, 0, "");
    ck_assert_int_eq(store_remove(s, print, &err), E_NO_CERT);
    store_close(&s);
    X509_free(a);
    X509_free(b);
}
END_TEST

START_TEST(many_are_one_transaction)
{
    struct store *s = open_store(), *elsewhere = open_store();
    X509 *a = cert("A", NULL), *b = cert("B", NULL), *c = cert("C", NULL);
    struct store_query all = {.by = STORE_ALL};
    struct err err = {0};

    ck_assert_int_eq(store_begin(s, &err), 0);
    add(s, a, "x");
    finds(elsewhere, &all, 0, "");
    add(s, b, "x");
    ck_assert_int_eq(store_end(s, 0, &err), 0);
    finds(elsewhere, &all, 0, "CN=A(x) CN=B(x) ");
    ck_assert_int_eq(store_begin(s, &err), 0);
    add(s, c, "x");
    ck_assert_int_eq(store_end(s, E_CANCELLED, &err), E_CANCELLED);
    finds(s, &all, 0, "CN=A(x) CN=B(x) ");
    store_close(&s);
    store_close(&elsewhere);
    X509_free(a);
    X509_free(b);
    X509_free(c);
}
END_TEST

static int
note_plan(void *arg, const struct sql_row *row)
{
    ck_assert_int_eq(buf_putf(arg, "%s; ", sql_row_text(row, 3)), 0);
    return 0;
}

START_TEST(every_question_has_an_index)
{
    struct store *s = open_store();

    for (unsigned by = STORE_ALL + 1; store_question(by) != NULL; by++) {
        struct buf *plan = buf_new();
        struct err err = {0};
        char text[1024];

        snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", store_question(by));
        ck_assert_msg(sql_query(store_sql(s), text, NULL, 0, note_plan, plan, &err) == 0, "%s",
                      err_text(&err));
        ck_assert_msg(strstr(buf_cstr(plan), "SEARCH") != NULL &&
                          strstr(buf_cstr(plan), "SCAN") == NULL, "question %u: %s", by,
                      buf_cstr(plan));
        buf_free(&plan);
    }
    store_close(&s);
}
END_TEST

START_TEST(among_many_the_right_one_is_found)
{
    enum { MANY = 600 };
    static X509 *certs[MANY];
    struct store *s = open_store();
    struct err err = {0};

    ck_assert_int_eq(store_begin(s, &err), 0);
    for (int i = 0; i < MANY; i++) {
        char cn[32], email[64];

        snprintf(cn, sizeof cn, "n%d", i);
        snprintf(email, sizeof email, "n%d@example.org", i);
        certs[i] = cert(cn, email);
        ck_assert(add(s, certs[i], "x"));
    }
    ck_assert_int_eq(store_end(s, 0, &err), 0);
    for (int i = 0; i < MANY; i++) {
        char want[32], email[64];

        snprintf(want, sizeof want, "CN=n%d(x) ", i);
        snprintf(email, sizeof email, "n%d@example.org", i);
        by_address(s, email, want);
        by_fingerprint(s, certs[i], EVP_sha256(), 8, want);
        finds(s, &(struct store_query){.by = STORE_BY_SUBJECT,
                                       .name = X509_get_subject_name(certs[i])}, 0, want);
        X509_free(certs[i]);
    }
    store_close(&s);
}
END_TEST

/* A store as the first version left it. */
START_TEST(an_older_store_is_brought_up_to_date)
{
    X509 *a = cert("A", "a@example.org");
    struct sql *db = NULL;
    struct store *s;
    struct err err = {0};
    uint8_t print[STORE_FINGERPRINT], *der = NULL;
    int len = i2d_X509(a, &der);
    char path[300];

    snprintf(path, sizeof path, "%s/" STORE_FILE, folder);
    ck_assert_int_eq(sql_open(&db, path, &err), 0);
    ck_assert_int_eq(sql_exec(db, store_migrations[0], &err), 0);
    ck_assert_int_eq(sql_exec(db, "PRAGMA user_version = 1", &err), 0);
    ck_assert_int_eq(store_fingerprint(a, print, &err), 0);
    struct sql_arg args[] = {sql_blob(print, sizeof print), sql_blob(der, (size_t)len)};
    struct sql_arg broken[] = {sql_blob("x", 1), sql_blob("junk", 4)};
    ck_assert_int_eq(sql_query(db, "INSERT INTO certificate (fingerprint, der, source, learnt) "
                               "VALUES (?, ?, 'old', 5)", args, 2, NULL, NULL, &err), 0);
    ck_assert_int_eq(sql_query(db, "INSERT INTO certificate (fingerprint, der, source, learnt) "
                               "VALUES (?, ?, 'old', 5)", broken, 2, NULL, NULL, &err), 0);
    sql_close(&db);
    OPENSSL_free(der);
    s = open_store();
    by_key(s, a, "CN=A(old) ");
    by_address(s, "a@example.org", "CN=A(old) ");
    by_fingerprint(s, a, EVP_sha1(), 0, "CN=A(old) ");
    store_close(&s);
    X509_free(a);
}
END_TEST

static void
fails_with(int code, const char *word, struct store *s)
{
    X509 *c = cert("new", NULL);
    struct err err = {0};
    int rc = store_add(s, c, "x", NULL, &err);

    ck_assert_msg(rc == code && strstr(err_text(&err), word) != NULL &&
                      strstr(err_text(&err), STORE_FILE) != NULL, "%d: %s", rc, err_text(&err));
    X509_free(c);
}

START_TEST(a_full_disk_is_told_and_nothing_is_lost)
{
    struct store *s = open_store();
    X509 *a = cert("A", NULL);
    struct buf *pad = buf_new();
    struct err err = {0};
    int rc = 0;

    add(s, a, "x");
    while (buf_len(pad) < 64 * 1024)
        ck_assert_int_eq(buf_put_str(pad, "0123456789"), 0);
    ck_assert_int_eq(sql_exec(store_sql(s), "PRAGMA max_page_count = 1", &err), 0);
    /* Pages that are half empty take a few. */
    for (int i = 0; rc == 0 && i < 100; i++) {
        X509 *c = cert("B", NULL);
        rc = store_add(s, c, buf_cstr(pad), NULL, &err);
        X509_free(c);
    }
    ck_assert_int_eq(rc, E_OUTPUT);
    ck_assert_msg(strstr(err_text(&err), "disk is full; make room") != NULL, "%s",
                  err_text(&err));
    by_fingerprint(s, a, EVP_sha256(), 0, "CN=A(x) ");
    ck_assert_int_eq(sql_exec(store_sql(s), "PRAGMA max_page_count = 100000", &err), 0);
    X509 *c = cert("C", NULL);
    add(s, c, "y");
    by_fingerprint(s, c, EVP_sha256(), 0, "CN=C(y) ");
    X509_free(c);
    store_close(&s);
    X509_free(a);
    buf_free(&pad);
}
END_TEST

/* Whoever may write anything is made nobody. */
static void
as_nobody(void (*body)(void))
{
    pid_t pid = fork();
    int status = -1;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (geteuid() == 0 &&
            (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(0);   /* a sandbox that lets nobody become another */
        body();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static void
read_only(void)
{
    struct store *s = NULL;
    struct err err = {0};
    int rc = store_open(&s, folder, false, &err);

    if (rc == 0)
        fails_with(E_OUTPUT, "check the", s);
    else
        ck_assert_msg(rc == E_OUTPUT && strstr(err_text(&err), "; check ") != NULL, "%d: %s", rc, err_text(&err));
    store_close(&s);
}

START_TEST(what_cannot_be_written_is_told)
{
    struct store *s = open_store();
    X509 *a = cert("A", NULL);
    char path[300];

    add(s, a, "x");
    store_close(&s);
    snprintf(path, sizeof path, "%s/" STORE_FILE, folder);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    as_nobody(read_only);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    as_nobody(read_only);
    X509_free(a);
}
END_TEST

/* Damage in the middle, which opening does not see. */
START_TEST(damage_found_later_is_told)
{
    struct store *s = open_store();
    struct err err = {0};
    char path[300], command[900];
    X509 *a;
    int rc = 0;

    for (int i = 0; i < 40; i++) {
        a = cert("A", "a@example.org");
        add(s, a, "x");
        X509_free(a);
    }
    store_close(&s);
    snprintf(path, sizeof path, "%s/" STORE_FILE, folder);
    snprintf(command, sizeof command, "dd if=/dev/zero of='%s' bs=4096 seek=1 conv=notrunc "
             "count=$(($(stat -c %%s '%s') / 4096 - 1)) 2>/dev/null", path, path);
    ck_assert_int_eq(system(command), 0);
    rc = store_open(&s, folder, false, &err);
    if (rc == 0) {
        struct buf *out = buf_new();
        rc = store_search(s, &(struct store_query){.by = STORE_ALL}, 0, write_down, out, &err);
        buf_free(&out);
    }
    ck_assert_msg(rc == E_CONFIG && strstr(err_text(&err), "move it away") != NULL, "%d: %s", rc,
                  err_text(&err));
    store_close(&s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("trust store, certificates");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, each_way_finds_it);
    tcase_add_test(c, names_are_compared_as_rfc_5280_says);
    tcase_add_test(c, an_internationalised_domain_is_one_in_both_forms);
    tcase_add_test(c, marks_are_kept_and_taken_back);
    tcase_add_test(c, many_are_one_transaction);
    tcase_add_test(c, every_question_has_an_index);
    tcase_add_test(c, among_many_the_right_one_is_found);
    tcase_add_test(c, an_older_store_is_brought_up_to_date);
    tcase_add_test(c, a_full_disk_is_told_and_nothing_is_lost);
    tcase_add_test(c, what_cannot_be_written_is_told);
    tcase_add_test(c, damage_found_later_is_told);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
