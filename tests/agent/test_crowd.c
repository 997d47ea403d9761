/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thousand connections and a hundred requests under way, with bounded memory: some rounds,
 * or with TEST_LONG (suite `long`) for a minute. A sanitizer's threads are heavy: a tenth then.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/agent/raw.h"
#include "tests/agent/rig.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IDLE 90
#define BUSY 20
#else
#define IDLE 900
#define BUSY 100
#endif
#define ROUNDS 20
#define LONG_SECONDS 60
/* What may come to what the first rounds took, in KiB. */
#define GROWTH_KIB (8 * 1024)

static struct err err;
static atomic_uint failures, signatures;
static pthread_barrier_t halves;

static bool
is_long(void)
{
    return getenv("TEST_LONG") != NULL;
}

static unsigned
resident(int pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    const char *at = strstr(rig_read(path), "VmRSS:");
    return at ? (unsigned)strtoul(at + 6, NULL, 10) : 0;
}

static void
sign_for(int fd, unsigned rounds, time_t until)
{
    for (unsigned i = 0; i < rounds || time(NULL) < until; i++) {
        if (strncmp(raw_ask(fd, "SIGN " FAKE_KEY " ed25519 68656c6c6f"), "OK", 2) != 0)
            failures++;
        signatures++;
    }
}

static void *
work(void *arg)
{
    int fd = *(int *)arg;

    sign_for(fd, ROUNDS, 0);
    pthread_barrier_wait(&halves); /* memory is measured */
    pthread_barrier_wait(&halves);
    sign_for(fd, ROUNDS, is_long() ? time(NULL) + LONG_SECONDS : 0);
    return NULL;
}

START_TEST(a_thousand_connections)
{
    static int fds[IDLE + BUSY];
    pthread_t threads[BUSY];
    char conf[8400];
    struct rlimit l;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = l.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    snprintf(conf, sizeof conf,
             "pinentry = none\nmax-connections = 1010\n[token fake]\npin-source = file:%s\n",
             scratch_write("pin", FAKE_PIN "\n"));
    ck_assert_int_eq(chmod(scratch_path("pin"), 0600), 0);
    rig_fake(conf);
    struct client *c = rig_open(NULL);
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    int pid = rig_status("pid", false);
    for (unsigned i = 0; i < IDLE + BUSY; i++) {
        fds[i] = raw_open(rig_home()->socket);
        ck_assert_msg(fds[i] >= 0, "connection %u", i);
    }
    ck_assert_int_eq(rig_status("connections", false), IDLE + BUSY + 1);
    pthread_barrier_init(&halves, NULL, BUSY + 1);
    for (unsigned i = 0; i < BUSY; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &fds[IDLE + i]), 0);
    pthread_barrier_wait(&halves);
    unsigned before = resident(pid);
    pthread_barrier_wait(&halves);
    for (unsigned i = 0; i < BUSY; i++)
        pthread_join(threads[i], NULL);
    unsigned after = resident(pid);
    ck_assert_uint_eq(failures, 0);
    ck_assert_uint_ge(signatures, 2 * ROUNDS * BUSY);
    ck_assert_msg(after < before + GROWTH_KIB, "%u KiB, then %u KiB", before, after);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    /* About 45 KiB for each connection. */
    ck_assert_uint_lt(after, 72 * 1024);
#endif
    /* The idle ones are still served. */
    for (unsigned i = 0; i < IDLE; i += 100)
        ck_assert_int_eq(strncmp(raw_ask(fds[i], "NOP"), "OK", 2), 0);
    for (unsigned i = 0; i < IDLE + BUSY; i++)
        close(fds[i]);
    ck_assert_int_eq(rig_status("pid", false), pid);
    ck_assert_int_eq(rig_status("restarts", true), 0);
    ck_assert_uint_eq(fake_lines("logins"), 1);
    pthread_barrier_destroy(&halves);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("crowd");

    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_set_timeout(c, 280);
    tcase_add_test(c, a_thousand_connections);
    return rig_main(is_long() ? "agent-crowd-long" : "agent-crowd", c);
}
