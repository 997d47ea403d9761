/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mutexes that are given back when a module forgets to. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "pkcs11/locks.h"
#include "tests/base/run.h"

static CK_C_INITIALIZE_ARGS ck;
static void *mutex;

static void
setup(void)
{
    locks_offer(&ck);
    ck_assert_uint_eq(ck.CreateMutex(&mutex), CKR_OK);
}

static void
teardown(void)
{
    ck_assert_uint_eq(ck.DestroyMutex(mutex), CKR_OK);
}

/* Takes it, counts, and keeps it until locks_release. */
static void *
careless(void *arg)
{
    int *count = arg;

    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_eq(ck.LockMutex(mutex), CKR_OK);
        ++*count;
        ck_assert_uint_eq(ck.LockMutex(mutex), CKR_OK);
        ck_assert_uint_eq(ck.UnlockMutex(mutex), CKR_OK);
        ck_assert_uint_eq(locks_release(), 1);
    }
    return NULL;
}

START_TEST(what_is_kept_is_given_back)
{
    pthread_t threads[4];
    int count = 0;

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, careless, &count), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(count, 4000);
    ck_assert_uint_eq(locks_release(), 0);
}
END_TEST

static void *
other(void *arg)
{
    (void)arg;
    ck_assert_uint_eq(locks_release(), 0);
    ck_assert_uint_eq(ck.UnlockMutex(mutex), CKR_MUTEX_NOT_LOCKED);
    return NULL;
}

START_TEST(only_ones_own)
{
    pthread_t thread;

    ck_assert_uint_eq(ck.LockMutex(mutex), CKR_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, other, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(ck.UnlockMutex(mutex), CKR_OK);
    ck_assert_uint_eq(ck.UnlockMutex(mutex), CKR_MUTEX_NOT_LOCKED);
}
END_TEST

START_TEST(one_that_is_held_can_go)
{
    void *gone;

    ck_assert_uint_eq(ck.CreateMutex(&gone), CKR_OK);
    ck_assert_uint_eq(ck.LockMutex(gone), CKR_OK);
    ck_assert_uint_eq(ck.DestroyMutex(gone), CKR_OK);
    ck_assert_uint_eq(ck.DestroyMutex(gone), CKR_MUTEX_BAD);
    ck_assert_uint_eq(locks_release(), 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("locks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_kept_is_given_back);
    tcase_add_test(tc, only_ones_own);
    tcase_add_test(tc, one_that_is_held_can_go);
    return run_suite("pkcs11: mutexes for modules", &tc, 1);
}
