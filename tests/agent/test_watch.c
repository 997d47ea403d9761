/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events to those who watch, and waiting for a token: in one process. */
#include "agent/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/registry.h"
#include "tests/base/run.h"

static struct watch *w;
static int pair[2];
static char heard[64 * 1024];
static unsigned count, enough;

static void
setup(void)
{
    w = watch_new();
    ck_assert_ptr_nonnull(w);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    heard[0] = '\0';
    count = 0;
    enough = ~0u;
}

static void
teardown(void)
{
    watch_free(&w);
    ck_assert_ptr_null(w);
    close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
}

static int
hear(void *arg, const char *event)
{
    size_t n = strlen(heard);

    (void)arg;
    snprintf(heard + n, sizeof heard - n, "%s ", event);
    return ++count < enough ? 0 : 7;
}

static int
tell_two(void *arg)
{
    (void)arg;
    watch_tell(w, "one");
    watch_tell(w, "two");
    return 0;
}

START_TEST(nothing_is_missed_after_the_first_look)
{
    watch_tell(w, "before");
    enough = 2;
    ck_assert_int_eq(watch_attend(w, pair[0], tell_two, hear, NULL), 7);
    ck_assert_str_eq(heard, "one two ");
}
END_TEST

static int
tell_many(void *arg)
{
    char text[16];

    (void)arg;
    for (unsigned i = 0; i < WATCH_EVENTS_MAX + 10; i++) {
        snprintf(text, sizeof text, "%u", i);
        watch_tell(w, text);
    }
    return 0;
}

START_TEST(who_is_slow_loses_the_oldest)
{
    enough = WATCH_EVENTS_MAX;
    ck_assert_int_eq(watch_attend(w, pair[0], tell_many, hear, NULL), 7);
    ck_assert_int_eq(strncmp(heard, "10 11 ", 6), 0);
    ck_assert_ptr_nonnull(strstr(heard, " 264 265 "));
}
END_TEST

static int
hang_up(void *arg)
{
    (void)arg;
    close(pair[1]);
    pair[1] = -1;
    return 0;
}

START_TEST(ends_when_the_client_goes)
{
    ck_assert_int_eq(watch_attend(w, pair[0], hang_up, hear, NULL), 0);
    ck_assert_uint_eq(count, 0);
    /* Nobody is there any more to be told. */
    watch_tell(w, "late");
}
END_TEST

static int
refuse(void *arg)
{
    (void)arg;
    return E_NOMEM;
}

START_TEST(the_first_look_may_fail)
{
    ck_assert_int_eq(watch_attend(w, pair[0], refuse, hear, NULL), E_NOMEM);
}
END_TEST

static pthread_barrier_t attending;

static int
meet(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&attending);
    return 0;
}

static void *
attend(void *arg)
{
    *(int *)arg = watch_attend(w, pair[0], meet, hear, NULL);
    return NULL;
}

START_TEST(ends_when_the_agent_does)
{
    pthread_t thread;
    int rc = -1;

    pthread_barrier_init(&attending, NULL, 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, attend, &rc), 0);
    pthread_barrier_wait(&attending);
    watch_stop(w);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&attending);
    ck_assert_int_eq(rc, 0);
}
END_TEST

/* Two at once: each hears all. */
struct listener {
    pthread_t thread;
    char heard[64];
    unsigned count;
    int rc;
};

static int
listen_to(void *arg, const char *event)
{
    struct listener *l = arg;

    strncat(l->heard, event, sizeof l->heard - strlen(l->heard) - 1);
    return ++l->count < 3 ? 0 : 7;
}

static void *
attend_listening(void *arg)
{
    struct listener *l = arg;

    l->rc = watch_attend(w, pair[0], meet, listen_to, l);
    return NULL;
}

START_TEST(each_hears_all)
{
    struct listener l[2] = {0};

    pthread_barrier_init(&attending, NULL, 3);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&l[i].thread, NULL, attend_listening, &l[i]), 0);
    pthread_barrier_wait(&attending);
    watch_tell(w, "a");
    watch_tell(w, "b");
    watch_tell(w, "c");
    for (int i = 0; i < 2; i++) {
        pthread_join(l[i].thread, NULL);
        ck_assert_int_eq(l[i].rc, 7);
        ck_assert_str_eq(l[i].heard, "abc");
    }
    pthread_barrier_destroy(&attending);
}
END_TEST

static bool
never(void *arg)
{
    (void)arg;
    return false;
}

static bool
at_once(void *arg)
{
    ++*(unsigned *)arg;
    return true;
}

START_TEST(waiting_for_a_token_has_an_end)
{
    struct registry *r = registry_new(NULL, NULL, NULL, w, NULL);
    unsigned looks = 0;

    ck_assert_uint_eq(registry_arrivals(r), 0);
    ck_assert(!registry_await_arrival(r, 0, 0, never, NULL));
    ck_assert(!registry_await_arrival(r, 0, 1, never, NULL));
    /* One who has seen fewer does not wait at all. */
    ck_assert(registry_await_arrival(r, 1, 3600 * 1000, never, NULL));
    /* Nor one who has gone. */
    ck_assert(!registry_await_arrival(r, 0, 3600 * 1000, at_once, &looks));
    ck_assert_uint_eq(looks, 1);
    registry_free(&r);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("watch");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, nothing_is_missed_after_the_first_look);
    tcase_add_test(c, who_is_slow_loses_the_oldest);
    tcase_add_test(c, ends_when_the_client_goes);
    tcase_add_test(c, the_first_look_may_fail);
    tcase_add_test(c, ends_when_the_agent_does);
    tcase_add_test(c, each_hears_all);
    tcase_add_test(c, waiting_for_a_token_has_an_end);
    return run_suite("agent-watch", &c, 1);
}
