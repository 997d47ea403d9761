/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is learnt of correspondents: newest counts, many processes at once, damage. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/support/pki.h"
#include "trust/certificate.h"
#include "trust/store.h"

static char folder[256];
static EVP_PKEY *key;

static void
begin(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/signet-store.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    key = pki_key("p256");
}

static void
end(void)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    EVP_PKEY_free(key);
}

static const char *
file(void)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/" STORE_FILE, folder);
    return path;
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

static void
learn(struct store *s, const char *address, X509 *c, const char *capability, time_t when)
{
    const char *list[] = {capability, NULL};
    struct store_news n = {.address = address, .cert = c,
                           .capabilities = capability == NULL ? NULL : list, .signed_at = when,
                           .source = "test"};
    struct err err = {0};

    ck_assert_msg(store_learn(s, &n, &err) == 0, "%s", err_text(&err));
}

/* The common names found, a blank behind each. */
static void
finds(struct store *s, const char *address, const char *want)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    struct buf *text = buf_new();
    struct err err = {0};

    ck_assert_msg(store_find(s, address, found, &err) == 0, "%s", err_text(&err));
    for (int i = 0; i < sk_X509_num(found); i++) {
        ck_assert_int_eq(certificate_put_name(text,
                                              X509_get_subject_name(sk_X509_value(found, i))), 0);
        ck_assert_int_eq(buf_put_str(text, " "), 0);
    }
    ck_assert_str_eq(buf_cstr(text), want);
    sk_X509_pop_free(found, X509_free);
    buf_free(&text);
}

static void
note(void *arg, const char *text)
{
    ck_assert_int_eq(buf_putf(arg, "%s;", text), 0);
}

static void
can(struct store *s, X509 *c, const char *want)
{
    struct buf *text = buf_new();
    struct err err = {0};

    ck_assert_msg(store_capabilities(s, c, note, text, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(buf_cstr(text), want);
    buf_free(&text);
}

START_TEST(what_was_learnt_is_found)
{
    struct store *s = open_store();
    X509 *bob = cert("Bob", "bob@example.org"), *other = cert("Other", "o@example.org");
    struct stat st;

    finds(s, "bob@example.org", "");
    can(s, bob, "");
    learn(s, "bob@Example.ORG", bob, "1.2.3 3000", 1000);
    finds(s, "bob@example.org", "CN=Bob ");
    finds(s, "bob@EXAMPLE.org", "CN=Bob ");
    finds(s, "Bob@example.org", "");
    can(s, bob, "1.2.3 3000;");
    can(s, other, "");
    store_close(&s);
    s = open_store();
    finds(s, "bob@example.org", "CN=Bob ");
    store_close(&s);
    ck_assert_int_eq(stat(file(), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    X509_free(bob);
    X509_free(other);
}
END_TEST

START_TEST(the_mail_signed_last_counts)
{
    struct store *s = open_store();
    X509 *old = cert("Old", "bob@example.org"), *new = cert("New", "bob@example.org");
    const time_t day = 24 * 60 * 60;

    learn(s, "bob@example.org", new, "1.2", 10 * day);
    learn(s, "bob@example.org", old, "1.1", 5 * day);
    finds(s, "bob@example.org", "CN=New ");
    can(s, new, "1.2;");
    /* The same again, and without a word of capabilities: those stay. */
    learn(s, "bob@example.org", new, NULL, 20 * day);
    can(s, new, "1.2;");
    learn(s, "bob@example.org", new, "1.3", 15 * day);
    can(s, new, "1.2;");
    learn(s, "bob@example.org", old, "1.4", 25 * day);
    finds(s, "bob@example.org", "CN=Old CN=New ");
    can(s, old, "1.4;");
    can(s, new, "");
    /* Nobody is believed tomorrow's mail for ever. */
    learn(s, "bob@example.org", new, "1.5", time(NULL) + 1000 * day);
    learn(s, "bob@example.org", old, "1.6", time(NULL) + 2000 * day);
    can(s, old, "1.6;");
    /* A mail from which nobody can be encrypted to changes no certificate. */
    learn(s, "bob@example.org", NULL, "1.7", time(NULL) + 3000 * day);
    finds(s, "bob@example.org", "CN=Old CN=New ");
    can(s, old, "1.7;");
    store_close(&s);
    X509_free(old);
    X509_free(new);
}
END_TEST

START_TEST(no_store_is_made_by_looking)
{
    struct store *s = (struct store *)1;
    struct err err = {0};

    ck_assert_int_eq(store_open(&s, folder, true, &err), 0);
    ck_assert_ptr_null(s);
    ck_assert_int_ne(access(file(), F_OK), 0);
}
END_TEST

START_TEST(many_processes_at_once)
{
    enum { PROCESSES = 12, EACH = 15 };
    pid_t pids[PROCESSES];
    struct store *s;
    int status;

    for (int p = 0; p < PROCESSES; p++) {
        pids[p] = fork();
        ck_assert_int_ge(pids[p], 0);
        if (pids[p] > 0)
            continue;
        for (int i = 0; i < EACH; i++) {
            char address[64];
            struct store *mine = open_store();
            X509 *c;

            snprintf(address, sizeof address, "p%d-%d@example.org", p, i);
            c = cert(address, address);
            learn(mine, address, c, "1.2", 1000);
            learn(mine, "all@example.org", c, "1.2", 1000 + i * 100000 + p);
            store_close(&mine);
            X509_free(c);
        }
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
        ck_assert_int_eq(status, 0);
    }
    s = open_store();
    for (int p = 0; p < PROCESSES; p++)
        for (int i = 0; i < EACH; i++) {
            char address[64], want[64];

            snprintf(address, sizeof address, "p%d-%d@example.org", p, i);
            snprintf(want, sizeof want, "CN=p%d-%d@example.org ", p, i);
            finds(s, address, want);
        }
    store_close(&s);
}
END_TEST

static void
write_file(const char *text, size_t len)
{
    FILE *f = fopen(file(), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(damage_and_strangers_are_told)
{
    static const char garbage[] = "this is no data base, but it is long enough to be looked at: "
                                  "0123456789012345678901234567890123456789012345678901234567890";
    struct store *s = NULL;
    struct err err = {0};
    char command[400];

    write_file(garbage, sizeof garbage);
    ck_assert_int_eq(store_open(&s, folder, false, &err), E_CONFIG);
    ck_assert_msg(strstr(err_text(&err), STORE_FILE) != NULL &&
                      strstr(err_text(&err), "move it away") != NULL, "%s", err_text(&err));
    ck_assert_int_eq(unlink(file()), 0);
    ck_assert_int_eq(mkdir(file(), 0700), 0);
    ck_assert_int_eq(store_open(&s, folder, false, &err), E_OUTPUT);
    ck_assert_int_eq(rmdir(file()), 0);
    ck_assert_int_eq(store_open(&s, "/nonexistent", false, &err), E_OUTPUT);
    /* One from the future. */
    s = open_store();
    store_close(&s);
    snprintf(command, sizeof command, "printf '\\000\\000\\001\\000' | "
             "dd of='%s' bs=1 seek=60 conv=notrunc 2>/dev/null", file());
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(store_open(&s, folder, false, &err), E_CONFIG);
    ck_assert_msg(strstr(err_text(&err), "newer Signet") != NULL, "%s", err_text(&err));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("trust store");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, what_was_learnt_is_found);
    tcase_add_test(c, the_mail_signed_last_counts);
    tcase_add_test(c, no_store_is_made_by_looking);
    tcase_add_test(c, many_processes_at_once);
    tcase_add_test(c, damage_and_strangers_are_told);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
