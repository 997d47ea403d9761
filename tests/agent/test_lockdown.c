/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/lockdown.h"
#include "tests/base/run.h"

static struct lockdown *l;
static struct agent agent;
static struct err err;

static void
setup(void)
{
    l = lockdown_new();
    ck_assert_ptr_nonnull(l);
    agent.lockdown = l;
    err_clear(&err);
}

static void
teardown(void)
{
    lockdown_free(&l);
    agent.lockdown = NULL;
}

static int
lock(const char *text, size_t len)
{
    autofree_secret struct secret *s = secret_new(255);

    ck_assert_int_eq(secret_set(s, text, len), 0);
    return lockdown_lock(l, s, &err);
}

static int
unlock_asking(const char *text, bool (*gone)(void *))
{
    autofree_secret struct secret *s = secret_new(255);

    ck_assert_int_eq(secret_set(s, text, strlen(text)), 0);
    return lockdown_unlock(l, s, gone, NULL, &err);
}

static int
unlock(const char *text)
{
    return unlock_asking(text, NULL);
}

START_TEST(open_at_first)
{
    ck_assert(!lockdown_stands(l));
    ck_assert_int_eq(lockdown_check(&agent, &err), 0);
    ck_assert_int_eq(unlock("anything"), 0);
    agent.lockdown = NULL;
    ck_assert_int_eq(lockdown_check(&agent, &err), 0);
}
END_TEST

START_TEST(locked_until_the_passphrase_comes)
{
    ck_assert_int_eq(lock("correct horse", 13), 0);
    ck_assert(lockdown_stands(l));
    ck_assert_int_eq(lockdown_check(&agent, &err), E_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.text, "signet agent unlock"));
    ck_assert_int_eq(unlock("correct hors"), E_PIN_WRONG);
    ck_assert(lockdown_stands(l));
    ck_assert_int_eq(unlock("correct horse"), 0);
    ck_assert(!lockdown_stands(l));
    ck_assert_int_eq(lockdown_check(&agent, &err), 0);
    /* With another one again. */
    ck_assert_int_eq(lock("battery", 7), 0);
    ck_assert_int_eq(unlock("correct horse"), E_PIN_WRONG);
    ck_assert_int_eq(unlock("battery"), 0);
}
END_TEST

START_TEST(locked_once)
{
    ck_assert_int_eq(lock("one", 3), 0);
    ck_assert_int_eq(lock("two", 3), E_LOCKED);
    ck_assert_int_eq(unlock("two"), E_PIN_WRONG);
    ck_assert_int_eq(unlock("one"), 0);
}
END_TEST

START_TEST(what_is_no_passphrase)
{
    char longest[255];

    ck_assert_int_eq(lock("", 0), E_PIN_INVALID);
    ck_assert_int_eq(lock("a\0b", 3), E_PIN_INVALID);
    ck_assert(!lockdown_stands(l));
    /* Every byte of a long one counts. */
    memset(longest, 'x', sizeof longest);
    ck_assert_int_eq(lock(longest, sizeof longest), 0);
    longest[254] = '\0';
    ck_assert_int_eq(unlock(longest), E_PIN_WRONG);
    ck_assert_int_eq(unlock(""), E_PIN_WRONG);
}
END_TEST

static atomic_uint glances;

static bool
gone_at_the_second_glance(void *arg)
{
    (void)arg;
    return atomic_fetch_add(&glances, 1) == 1;
}

/* A wrong one makes the next wait: long enough here that its client goes first. */
START_TEST(wrong_ones_make_the_next_wait)
{
    atomic_store(&glances, 0);
    ck_assert_int_eq(lock("one", 3), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unlock("two"), E_PIN_WRONG);
    /* The pause is a second now: two glances fit. */
    ck_assert_int_eq(unlock_asking("one", gone_at_the_second_glance), E_CANCELLED);
    ck_assert(lockdown_stands(l));
    ck_assert_int_eq(unlock("one"), 0);
}
END_TEST

#define CROWD 6

static void *
guess(void *arg)
{
    *(int *)arg = unlock("one");
    return NULL;
}

/* Many at once with the right one: the first opens, and all are content. */
START_TEST(a_crowd)
{
    pthread_t threads[CROWD];
    int rcs[CROWD];

    ck_assert_int_eq(lock("one", 3), 0);
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, guess, &rcs[i]), 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(rcs[i], 0);
    ck_assert(!lockdown_stands(l));
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("lockdown");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, open_at_first);
    tcase_add_test(c, locked_until_the_passphrase_comes);
    tcase_add_test(c, locked_once);
    tcase_add_test(c, what_is_no_passphrase);
    tcase_add_test(c, wrong_ones_make_the_next_wait);
    tcase_add_test(c, a_crowd);
    return run_suite("agent-lockdown", &c, 1);
}
