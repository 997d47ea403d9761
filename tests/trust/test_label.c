/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels before a policy program: what it is told, and what its answer does. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/pki.h"
#include "trust/label.h"

static char dir[64], program[80], asked[80];
static struct cms_label label;
static struct err err;

static void
setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/signet-label-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(program, sizeof program, "%s/policy", dir);
    snprintf(asked, sizeof asked, "%s/asked", dir);
    ck_assert_int_eq(label_parse("1.2.3.4:secret:NATO & friends", &label, &err), 0);
}

static void
teardown(void)
{
    unlink(program);
    unlink(asked);
    rmdir(dir);
}

static void
write_program(const char *script)
{
    FILE *f = fopen(program, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    ck_assert_int_eq(chmod(program, 0755), 0);
}

/* script: run by sh in dir; what must come of it. */
static const struct {
    const char *script;
    bool allowed;
    const char *reason;
} answers[] = {
    { "exit 0", true, "" },
    { "cat >/dev/null; echo 'read it and burn it'; echo more", true, "read it and burn it" },
    { "echo 'not cleared for this'; exit 1", false, "not cleared for this" },
    { "printf 'a\\033[2Jb\\n'; exit 7", false, "a\\x1b[2Jb" },
    { "kill -9 $$", false, "" },
    { "yes no | head -c 3000000; exit 1", false, "no" },
    { "i=0; while [ $i -lt 300 ]; do printf '\\303\\274'; i=$((i+1)); done; exit 1", false, NULL },
};

START_TEST(the_answer_counts)
{
    char reason[LABEL_REASON_MAX + 1];
    bool allowed = !answers[_i].allowed;

    write_program(answers[_i].script);
    ck_assert_int_eq(label_ask(program, LABEL_READ, &label, NULL, &allowed, reason, &err), 0);
    ck_assert_int_eq(allowed, answers[_i].allowed);
    if (answers[_i].reason != NULL)
        ck_assert_str_eq(reason, answers[_i].reason);
    else
        ck_assert_uint_eq(strlen(reason), LABEL_REASON_MAX);
}
END_TEST

START_TEST(a_program_that_is_not_there_has_refused)
{
    char reason[LABEL_REASON_MAX + 1];
    bool allowed = true;

    ck_assert_int_eq(label_ask(program, LABEL_READ, &label, NULL, &allowed, reason, &err), 0);
    ck_assert(!allowed);
    ck_assert_ptr_nonnull(strstr(reason, "cannot be run"));
}
END_TEST

START_TEST(the_program_is_told_all)
{
    EVP_PKEY *key = pki_key("p256");
    X509 *cert = pki_cert(&(struct pki_request){ .cn = "Alice", .email = "alice@example.org" },
                          key, NULL, NULL);
    char script[128], reason[LABEL_REASON_MAX + 1];
    json_t *got;
    bool allowed = false;

    snprintf(script, sizeof script, "exec cat >'%s'", asked);
    write_program(script);
    ck_assert_int_eq(label_ask(program, LABEL_SIGN, &label, cert, &allowed, reason, &err), 0);
    ck_assert(allowed);
    got = json_load_file(asked, 0, NULL);
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(json_string_value(json_object_get(got, "action")), "sign");
    ck_assert_str_eq(json_string_value(json_object_get(got, "policy")), "1.2.3.4");
    ck_assert_int_eq(json_integer_value(json_object_get(got, "classification")), 4);
    ck_assert_str_eq(json_string_value(json_object_get(got, "classification_name")), "secret");
    ck_assert_str_eq(json_string_value(json_object_get(got, "mark")), "NATO & friends");
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(got, "signer")), "Alice"));
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(got, "emails"), 0)),
                     "alice@example.org");
    json_decref(got);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

static const struct {
    const char *text;
    int rc, classification;
    const char *mark;
} texts[] = {
    { "1.2.3", 0, -1, "" },
    { "1.2.3:unmarked", 0, 0, "" },
    { "1.2.3:top-secret:a:b", 0, 5, "a:b" },
    { "1.2.3:256", 0, 256, "" },
    { "1.2.3::only a mark", 0, -1, "only a mark" },
    { "1.2.3:257", E_USAGE, 0, NULL },
    { "1.2.3:-1", E_USAGE, 0, NULL },
    { "1.2.3:geheim", E_USAGE, 0, NULL },
    { "secret", E_USAGE, 0, NULL },
    { "", E_USAGE, 0, NULL },
};

START_TEST(labels_are_parsed)
{
    struct cms_label got;
    int rc = label_parse(texts[_i].text, &got, &err);

    ck_assert_int_eq(rc, texts[_i].rc);
    if (rc != 0)
        return;
    ck_assert_str_eq(got.policy, "1.2.3");
    ck_assert_int_eq(got.classification, texts[_i].classification);
    ck_assert_str_eq(got.mark, texts[_i].mark);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int
main(void)
{
    Suite *s = suite_create("trust-label");
    TCase *t = tcase_create("label");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_answer_counts, 0, COUNT(answers));
    tcase_add_test(t, a_program_that_is_not_there_has_refused);
    tcase_add_test(t, the_program_is_told_all);
    tcase_add_loop_test(t, labels_are_parsed, 0, COUNT(texts));
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
