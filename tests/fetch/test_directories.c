/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory (slapd), the DNS (nsd, zones signed by ldns) and TLS, each on loopback. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fetch/rig.h"

#define SKIPPED 77

static struct server servers;
static char said[4096];

static const char *
setting(const char *name)
{
    static char values[8][300];
    static unsigned next;
    char *value = values[next++ % 8], want[64];
    snprintf(want, sizeof want, "\n%s=", name);
    const char *at = strstr(said, want);
    ck_assert_ptr_nonnull(at);
    at += strlen(want);
    snprintf(value, sizeof values[0], "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}

/* Starts the servers; false when one is not installed. */
static bool
start_servers(void)
{
    const char *tmp = getenv("TMPDIR");
    char bash[] = "/bin/bash";
    char *argv[] = {bash, getenv("FETCH_SERVERS"), servers.folder, NULL};
    size_t len = 1;
    int out, status;
    ssize_t n;
    said[0] = '\n';
    snprintf(servers.folder, sizeof servers.folder, "%.40s/fetch-XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(servers.folder) == NULL)
        return false;
    rig_start(&servers, argv, &out);
    while (strstr(said, "\nready\n") == NULL
           && (n = read(out, said + len, sizeof said - 1 - len)) > 0)
        said[len += (size_t)n] = '\0';
    if (strstr(said, "\nready\n") != NULL)
        return true;
    waitpid(servers.pid, &status, 0);
    rig_stop(&servers);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        puts("skipped: slapd, nsd, ldnsutils or openssl is not installed");
        exit(SKIPPED);
    }
    return false;
}

static struct fetch_request
directory(const char *rest, size_t max)
{
    static char url[500];
    struct fetcher *f = rig_fetcher(60000);
    snprintf(url, sizeof url, "%s/%s", setting("LDAP"), rest);
    struct fetch_request r = rig_get(url);
    r.max_bytes = max;
    r = rig_fetch(f, r);
    fetcher_free(&f);
    return r;
}

static void
assert_is(const struct fetch_value *v, size_t skip, const char *name)
{
    static uint8_t file[8192];
    FILE *f = fopen(setting(name), "re");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    ck_assert_uint_eq(v->len, n + skip);
    ck_assert_mem_eq(v->data + skip, file, n);
}

START_TEST(several_values_of_an_attribute)
{
    static const char *const asked[] = {
        "cn=ann,o=Test?userCertificate;binary",
        "cn=ann,o=Test?userCertificate",
        "cn=ann,o=Test?usercertificate;BINARY?base",
        "o=Test?userCertificate;binary?sub?(mail=ann@example.org)",
        "o=Test?userCertificate;binary,userSMIMECertificate;binary?sub?(mail=ann@example.org)",
        "cn=ann, o=Test?userCertificate;binary",
    };
    struct fetch_request r = directory(asked[_i], 100000);
    assert_answer(r, 0);
    ck_assert_uint_eq(r.count, 2);
    assert_is(&r.values[0], 0, "ONE");
    assert_is(&r.values[1], 0, "TWO");
    fetch_clear(&r);
}
END_TEST

START_TEST(text_comes_as_it_is)
{
    struct fetch_request r = directory("cn=ann,o=Test?mail", 100000);
    assert_answer(r, 0);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_uint_eq(r.values[0].len, strlen("ann@example.org"));
    ck_assert_mem_eq(r.values[0].data, "ann@example.org", r.values[0].len);
    fetch_clear(&r);
    r = directory("cn=bare,o=Test?sn", 100000);
    assert_answer(r, 0);
    ck_assert_mem_eq(r.values[0].data, "caf\xc3\xa9", 5);
    fetch_clear(&r);
}
END_TEST

START_TEST(what_the_directory_has_not)
{
    static const struct {
        const char *asked;
        int rc;
        size_t max;
    } cases[] = {
        {"cn=nobody,o=Test?userCertificate;binary", E_INPUT, 1000},
        {"cn=bare,o=Test?userCertificate;binary", E_INPUT, 1000},
        {"o=Test?userCertificate;binary?sub?(mail=no@example.org)", E_INPUT, 1000},
        {"o=Elsewhere?userCertificate;binary", E_INPUT, 1000},
        {"ou=there,o=Test?userCertificate;binary", E_SYSTEM, 1000},
        {"cn=ann,o=Test?userCertificate;binary", E_LIMIT, 400},
    };
    struct fetch_request r = directory(cases[_i].asked, cases[_i].max);
    ck_assert_msg(r.rc == cases[_i].rc, "%s: %s: %s", cases[_i].asked, err_name(r.rc),
                  err_text(&r.err));
    fetch_clear(&r);
}
END_TEST

static struct fetch_request
dns(const char *resolver, const char *anchor, const char *address)
{
    struct fetch_settings settings = {.deadline_ms = 30000,
                                      .resolver = setting(resolver),
                                      .trust_anchor = anchor ? setting(anchor) : NULL};
    struct fetcher *f = NULL;
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    struct fetch_request r = {.kind = FETCH_SMIMEA, .where = address, .max_bytes = 100000};
    r = rig_fetch(f, r);
    fetcher_free(&f);
    return r;
}

START_TEST(signed_records_are_authenticated)
{
    struct fetch_request r = dns("SIGNED", "SIGNED_ANCHOR", "ann@example.org");
    assert_answer(r, 0);
    ck_assert(r.authenticated);
    ck_assert_uint_eq(r.count, 2);
    for (size_t i = 0; i < r.count; i++)
        ck_assert_mem_eq(r.values[i].data, "\3\0\0", 3);
    /* A set has no order. */
    FILE *f = fopen(setting("ONE"), "re");
    uint8_t file[4096];
    size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    bool one_first = r.values[0].len == n + 3 && memcmp(r.values[0].data + 3, file, n) == 0;
    assert_is(&r.values[0], 3, one_first ? "ONE" : "TWO");
    assert_is(&r.values[1], 3, one_first ? "TWO" : "ONE");
    fetch_clear(&r);
    /* The domain's case does not matter, the local part's does. */
    r = dns("SIGNED", "SIGNED_ANCHOR", "ann@EXAMPLE.org");
    assert_answer(r, 0);
    fetch_clear(&r);
    r = dns("SIGNED", "SIGNED_ANCHOR", "Ann@example.org");
    assert_answer(r, E_INPUT);
}
END_TEST

START_TEST(absence_can_be_proved)
{
    struct fetch_request r = dns("SIGNED", "SIGNED_ANCHOR", "nobody@example.org");
    assert_answer(r, E_INPUT);
    ck_assert(r.authenticated);
}
END_TEST

START_TEST(a_spoiled_signature_is_refused)
{
    struct fetch_request r = dns("SPOILED", "SPOILED_ANCHOR", "ann@example.org");
    assert_answer(r, E_DENIED);
    ck_assert(!r.authenticated);
    ck_assert_uint_eq(r.count, 0);
    ck_assert_ptr_nonnull(strstr(r.err.text, "DNSSEC"));
}
END_TEST

START_TEST(without_signatures_where_some_must_be)
{
    struct fetch_request r = dns("PLAIN", "SIGNED_ANCHOR", "ann@example.org");
    assert_answer(r, E_DENIED);
    r = dns("SIGNED", "SPOILED_ANCHOR", "ann@example.org");
    assert_answer(r, E_DENIED);
}
END_TEST

START_TEST(dns_settings_that_are_wrong)
{
    struct fetch_settings settings = {.deadline_ms = 30000, .resolver = setting("SIGNED"),
                                      .trust_anchor = "/nonexistent"};
    struct fetcher *f = NULL;
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    struct fetch_request r = {.kind = FETCH_SMIMEA, .where = "ann@example.org", .max_bytes = 1000};
    struct fetch_request no = {.kind = FETCH_SMIMEA, .where = "ann", .max_bytes = 1000};
    r = rig_fetch(f, r);
    assert_answer(r, E_CONFIG);
    no = rig_fetch(f, no);
    assert_answer(no, E_MALFORMED);
    fetcher_free(&f);
}
END_TEST

START_TEST(a_resolver_that_says_nothing)
{
    /* A socket that nobody reads from. */
    struct fetch_settings settings = {.deadline_ms = 300, .resolver = "127.0.0.1@9"};
    struct fetcher *f = NULL;
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    struct fetch_request r = {.kind = FETCH_SMIMEA, .where = "ann@example.org", .max_bytes = 1000};
    r = rig_fetch(f, r);
    ck_assert(r.rc == E_TIMEOUT || r.rc == E_SYSTEM);
    fetcher_free(&f);
}
END_TEST

/* Its certificate is its own, and no authority's of this system. */
START_TEST(a_tls_server_must_prove_itself)
{
    struct fetcher *f = rig_fetcher(60000);
    struct fetch_request r = rig_fetch(f, rig_get(setting("TLS")));
    assert_answer(r, E_DENIED);
    ck_assert_ptr_nonnull(strstr(r.err.text, "certificate"));
    fetcher_free(&f);
}
END_TEST

/* The same, in a system (a mount namespace) that trusts it. */
START_TEST(a_tls_server_that_does_is_believed)
{
    static const char authorities[] = "/etc/ssl/certs/ca-certificates.crt";
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount(setting("TLS_CERTIFICATE"), authorities, NULL, MS_BIND, NULL) != 0) {
        puts("not tried: no mount namespace can be had here");
        return;
    }
    struct fetcher *f = rig_fetcher(60000);
    struct fetch_request r = rig_fetch(f, rig_get(setting("TLS")));
    assert_answer(r, 0);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_uint_gt(r.values[0].len, 0);
    fetch_clear(&r);
    fetcher_free(&f);
}
END_TEST

int
main(void)
{
    if (!start_servers()) {
        fputs("the servers did not start\n", stderr);
        return 1;
    }
    Suite *s = suite_create("fetch-directories");
    TCase *t = tcase_create("directories");
    tcase_set_timeout(t, 100);
    tcase_add_loop_test(t, several_values_of_an_attribute, 0, 6);
    tcase_add_test(t, text_comes_as_it_is);
    tcase_add_loop_test(t, what_the_directory_has_not, 0, 6);
    tcase_add_test(t, signed_records_are_authenticated);
    tcase_add_test(t, absence_can_be_proved);
    tcase_add_test(t, a_spoiled_signature_is_refused);
    tcase_add_test(t, without_signatures_where_some_must_be);
    tcase_add_test(t, dns_settings_that_are_wrong);
    tcase_add_test(t, a_resolver_that_says_nothing);
    tcase_add_test(t, a_tls_server_must_prove_itself);
    tcase_add_test(t, a_tls_server_that_does_is_believed);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    rig_stop(&servers);
    return failed != 0;
}
