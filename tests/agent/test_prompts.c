/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of dialogs: one at a time, in order; who goes leaves it. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/prompts.h"
#include "tests/base/run.h"

#define MANY 40

static struct prompts *all;
static struct err err;
static atomic_int shown, most, served;

static void
setup(void)
{
    all = prompts_new();
    ck_assert_ptr_nonnull(all);
    atomic_store(&shown, 0);
    atomic_store(&most, 0);
    atomic_store(&served, 0);
}

static void
teardown(void)
{
    ck_assert_uint_eq(prompts_count(all), 0);
    prompts_free(&all);
}

/* One that waits in a thread. */
struct waiter {
    pthread_t thread;
    struct prompt prompt;
    int client[2];
    int rc;
    int place;
};

static void *
wait_in_line(void *arg)
{
    struct waiter *w = arg;
    struct err why = {0};

    w->rc = prompts_enter(all, &w->prompt, w->client[0], &why);
    if (w->rc != 0)
        return NULL;
    int n = atomic_fetch_add(&shown, 1) + 1;
    if (n > atomic_load(&most))
        atomic_store(&most, n);
    w->place = atomic_fetch_add(&served, 1);
    sched_yield();
    atomic_fetch_sub(&shown, 1);
    prompts_leave(all, &w->prompt);
    return NULL;
}

static void
begin(struct waiter *w, unsigned waiting)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->client), 0);
    ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_in_line, w), 0);
    while (prompts_count(all) < waiting)
        sched_yield();
}

static void
end(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    close(w->client[0]);
    if (w->client[1] >= 0)
        close(w->client[1]);
}

START_TEST(the_first_has_no_wait)
{
    struct prompt p;

    ck_assert_int_eq(prompts_enter(all, &p, -1, &err), 0);
    ck_assert_uint_eq(prompts_count(all), 1);
    prompts_leave(all, &p);
}
END_TEST

START_TEST(one_at_a_time_in_order)
{
    struct waiter w[MANY];
    struct prompt p;

    ck_assert_int_eq(prompts_enter(all, &p, -1, &err), 0);
    for (unsigned i = 0; i < MANY; i++)
        begin(&w[i], i + 2);
    ck_assert_int_eq(atomic_load(&served), 0);
    prompts_leave(all, &p);
    for (int i = 0; i < MANY; i++) {
        end(&w[i]);
        ck_assert_int_eq(w[i].rc, 0);
        ck_assert_int_eq(w[i].place, i);
    }
    ck_assert_int_eq(atomic_load(&most), 1);
}
END_TEST

/* In the middle of the queue, its client hangs up; those behind it move up. */
START_TEST(who_goes_leaves_the_queue)
{
    struct waiter w[3];
    struct prompt p;

    ck_assert_int_eq(prompts_enter(all, &p, -1, &err), 0);
    for (unsigned i = 0; i < 3; i++)
        begin(&w[i], i + 2);
    close(w[1].client[1]);
    w[1].client[1] = -1;
    end(&w[1]);
    ck_assert_int_eq(w[1].rc, E_CANCELLED);
    ck_assert_uint_eq(prompts_count(all), 3);
    prompts_leave(all, &p);
    end(&w[0]);
    end(&w[2]);
    ck_assert_int_eq(w[0].rc, 0);
    ck_assert_int_eq(w[2].rc, 0);
    ck_assert_int_eq(atomic_load(&served), 2);
}
END_TEST

START_TEST(withdrawn_all_at_once)
{
    struct waiter w[3];
    struct prompt p;

    ck_assert_int_eq(prompts_enter(all, &p, -1, &err), 0);
    for (unsigned i = 0; i < 3; i++)
        begin(&w[i], i + 2);
    prompts_withdraw(all);
    for (unsigned i = 0; i < 3; i++) {
        end(&w[i]);
        ck_assert_int_eq(w[i].rc, E_LOCKED);
    }
    /* The one that is shown is told by its descriptor. */
    struct pollfd told = {.fd = p.wake, .events = POLLIN};
    ck_assert_int_eq(poll(&told, 1, 0), 1);
    ck_assert(prompts_was_withdrawn(all, &p));
    prompts_leave(all, &p);
    /* And the next one is asked. */
    ck_assert_int_eq(prompts_enter(all, &p, -1, &err), 0);
    ck_assert(!prompts_was_withdrawn(all, &p));
    told.fd = p.wake;
    ck_assert_int_eq(poll(&told, 1, 0), 0);
    prompts_leave(all, &p);
}
END_TEST

/* What told it that it is its turn must not look like a withdrawal. */
START_TEST(a_turn_is_no_withdrawal)
{
    struct waiter w;
    struct prompt first, second;

    ck_assert_int_eq(prompts_enter(all, &first, -1, &err), 0);
    begin(&w, 2);
    prompts_leave(all, &first);
    end(&w);
    ck_assert_int_eq(w.rc, 0);
    ck_assert_int_eq(prompts_enter(all, &second, -1, &err), 0);
    struct pollfd told = {.fd = second.wake, .events = POLLIN};
    ck_assert_int_eq(poll(&told, 1, 0), 0);
    prompts_leave(all, &second);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("prompts");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, the_first_has_no_wait);
    tcase_add_test(c, one_at_a_time_in_order);
    tcase_add_test(c, who_goes_leaves_the_queue);
    tcase_add_test(c, withdrawn_all_at_once);
    tcase_add_test(c, a_turn_is_no_withdrawal);
    return run_suite("agent-prompts", &c, 1);
}
