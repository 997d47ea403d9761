/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Eight writers, killed at random: what one of them was told is stored is there afterwards, and
 * the file is whole. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/pki.h"
#include "trust/store.h"
#include "trust/sql.h"

enum { WRITERS = 8, KILLS = 40, BETWEEN_MAX = 12, TOLD_MAX = 8192 };

static char folder[256];
static EVP_PKEY *key;

static struct store *
open_store(void)
{
    struct store *s = NULL;
    struct err err = {0};

    ck_assert_msg(store_open(&s, folder, false, &err) == 0, "%s", err_text(&err));
    return s;
}

/* Writes the fingerprint of each certificate into the pipe once the store said that it has
 * it. */
static void
write_for_ever(int number, int told)
{
    for (;;) {
        struct store *s = NULL;
        struct err err = {0};
        int rc = store_open(&s, folder, false, &err);

        /* Now and then anew, so that opening is killed too. */
        for (int i = 0; rc == 0 && i < 5; i++) {
            X509 *c = pki_cert(&(struct pki_request){.cn = "W", .email = "w@example.org"}, key,
                               NULL, NULL);
            uint8_t print[STORE_FINGERPRINT];

            rc = store_add(s, c, "writer", NULL, &err);
            if (rc == 0 && (X509_digest(c, EVP_sha256(), print, NULL) != 1 ||
                            write(told, print, sizeof print) != sizeof print))
                _exit(1);
            X509_free(c);
        }
        if (rc != 0) {
            fprintf(stderr, "writer %d: %s\n", number, err_text(&err));
            _exit(1);
        }
        store_close(&s);
    }
}

static pid_t
start(int number, const int pipe_[2])
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(pipe_[0]);
        write_for_ever(number, pipe_[1]);
    }
    return pid;
}

static void
kill_one(pid_t pid)
{
    int status = 0;

    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "a writer gave up by itself");
}

static int
take_text(void *arg, const struct sql_row *row)
{
    snprintf(arg, 64, "%s", sql_row_text(row, 0));
    return 0;
}

static int
count_one(void *arg, const struct store_cert *c)
{
    (void)c;
    ++*(int *)arg;
    return 0;
}

static void
check_store(uint8_t told[][STORE_FINGERPRINT], size_t count)
{
    struct store *s = open_store();
    char state[64] = "";
    struct err err = {0};

    ck_assert_int_eq(sql_query(store_sql(s), "PRAGMA integrity_check", NULL, 0, take_text, state,
                               &err), 0);
    ck_assert_str_eq(state, "ok");
    for (size_t i = 0; i < count; i++) {
        struct store_query q = {.by = STORE_BY_FINGERPRINT, .bytes = told[i],
                                .len = STORE_FINGERPRINT};
        int found = 0;

        ck_assert_int_eq(store_search(s, &q, 0, count_one, &found, &err), 0);
        ck_assert_msg(found == 1, "certificate %zu of %zu was told stored, and is lost", i, count);
    }
    store_close(&s);
}

START_TEST(nothing_is_lost_by_kills)
{
    static uint8_t told[TOLD_MAX][STORE_FINGERPRINT];
    int pipe_[2], kills = 0, patience;
    pid_t pids[WRITERS];
    size_t count = 0;

    srand(20261123);
    patience = 1 + rand() % BETWEEN_MAX;
    ck_assert_int_eq(pipe(pipe_), 0);
    for (int i = 0; i < WRITERS; i++)
        pids[i] = start(i, pipe_);
    /* Each is an event: so many are stored, then one writer dies. */
    while (kills < KILLS && count < TOLD_MAX) {
        ck_assert_int_eq(read(pipe_[0], told[count], STORE_FINGERPRINT), STORE_FINGERPRINT);
        count++;
        if (--patience > 0)
            continue;
        int victim = rand() % WRITERS;
        kill_one(pids[victim]);
        pids[victim] = start(victim, pipe_);
        patience = 1 + rand() % BETWEEN_MAX;
        kills++;
    }
    for (int i = 0; i < WRITERS; i++)
        kill_one(pids[i]);
    close(pipe_[1]);
    while (count < TOLD_MAX && read(pipe_[0], told[count], STORE_FINGERPRINT) ==
                                   STORE_FINGERPRINT)
        count++;
    close(pipe_[0]);
    ck_assert_int_ge(count, KILLS);
    check_store(told, count);
}
END_TEST

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

int
main(void)
{
    Suite *s = suite_create("trust store, crashes");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, nothing_is_lost_by_kills);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
