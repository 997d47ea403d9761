/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN cache by a clock of the test's. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "agent/pin.h"
#include "tests/base/run.h"

static time_t clock_now;
static unsigned log_outs;
static struct pins *pins;
static struct pin *pin;
static struct err err;

static time_t
test_clock(void)
{
    return clock_now;
}

static void
log_out(const struct pin_login *at)
{
    ck_assert_uint_eq(at->slot, 7);
    log_outs++;
}

static struct pin *
pin_of(const char *label, const char *serial)
{
    const struct token t = {.label = label, .manufacturer = "M", .model = "T", .serial = serial};

    return pins_get(pins, &t);
}

static void
begin(unsigned ttl, unsigned ttl_max)
{
    clock_now = 1000;
    log_outs = 0;
    pins = pins_new(ttl, ttl_max, test_clock, log_out);
    pin = pin_of("demo", "1");
    ck_assert_ptr_nonnull(pin);
}

static void
setup(void)
{
    begin(60, 300);
}

static void
teardown(void)
{
    pins_free(&pins);
}

static struct secret *
secret_of(const char *text)
{
    struct secret *s = secret_new(64);

    ck_assert_int_eq(secret_set(s, text, strlen(text)), 0);
    return s;
}

static void
log_in(const char *text)
{
    const struct pin_login at = {.host = (struct host *)&clock_now, .slot = 7, .generation = 1};
    struct secret *s = secret_of(text);

    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pin_store_steal(pin, &s, &at);
    ck_assert_ptr_null(s);
    pin_end_turn(pin, 0, NULL);
}

static void
use(void)
{
    pin_enter(pin);
    pin_leave(pin);
}

START_TEST(is_kept_while_used)
{
    log_in("1234");
    for (int i = 0; i < 5; i++) {
        clock_now += 59;
        use();
        ck_assert_ptr_nonnull(pin_cached_view(pin));
    }
    ck_assert_uint_eq(log_outs, 0);
}
END_TEST

START_TEST(is_forgotten_when_unused)
{
    log_in("1234");
    clock_now += 60;
    ck_assert_ptr_null(pin_cached_view(pin));
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 1);
    clock_now = 1000;
    ck_assert_ptr_null(pin_cached_view(pin));
}
END_TEST

START_TEST(is_forgotten_at_the_latest)
{
    log_in("1234");
    for (int i = 0; i < 29; i++) {
        clock_now += 10;
        use();
    }
    ck_assert_ptr_nonnull(pin_cached_view(pin));
    clock_now += 10;
    use();
    ck_assert_ptr_null(pin_cached_view(pin));
    ck_assert_uint_eq(log_outs, 1);
}
END_TEST

/* The keeper may be late: an operation logs out first. */
START_TEST(expired_login_is_not_used)
{
    log_in("1234");
    clock_now += 61;
    pin_enter(pin);
    ck_assert_uint_eq(log_outs, 1);
    pin_leave(pin);
}
END_TEST

START_TEST(no_logout_under_an_operation)
{
    log_in("1234");
    pin_enter(pin);
    clock_now += 400;
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 0);
    pin_leave(pin);
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 1);
}
END_TEST

START_TEST(zero_keeps_nothing)
{
    teardown();
    begin(0, 300);
    pin_enter(pin);
    log_in("1234");
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 0);
    pin_leave(pin);
    ck_assert_ptr_null(pin_cached_view(pin));
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 1);
}
END_TEST

START_TEST(says_when_to_look_again)
{
    ck_assert_uint_eq(pins_expire(pins), 0);
    log_in("1234");
    ck_assert_uint_eq(pins_expire(pins), 60);
    clock_now += 50;
    use();
    ck_assert_uint_eq(pins_expire(pins), 60);
    for (int i = 0; i < 5; i++) {
        clock_now += 45;
        use();
    }
    ck_assert_uint_eq(pins_expire(pins), 25);
}
END_TEST

/* A crash of the host and a silent login do not prolong a PIN's life. */
START_TEST(login_anew_has_the_old_end)
{
    const struct pin_login at = {.host = (struct host *)&clock_now, .slot = 7, .generation = 2};

    log_in("1234");
    for (int i = 0; i < 5; i++) {
        clock_now += 50;
        use();
    }
    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pin_note_login(pin, &at);
    pin_end_turn(pin, 0, NULL);
    clock_now += 49;
    ck_assert_ptr_nonnull(pin_cached_view(pin));
    clock_now += 1;
    ck_assert_ptr_null(pin_cached_view(pin));
}
END_TEST

START_TEST(refused_pins_are_remembered)
{
    struct secret *a = secret_of("1111"), *b = secret_of("22222"), *c = secret_of("111");

    ck_assert(!pin_was_refused(pin, a));
    ck_assert_int_eq(pin_refuse(pin, a), 0);
    ck_assert_int_eq(pin_refuse(pin, b), 0);
    ck_assert(pin_was_refused(pin, a));
    ck_assert(pin_was_refused(pin, b));
    ck_assert(!pin_was_refused(pin, c));
    log_in("3333");
    ck_assert(!pin_was_refused(pin, a));
    secret_free(&a);
    secret_free(&b);
    secret_free(&c);
}
END_TEST

START_TEST(no_more_than_can_be_remembered)
{
    char text[16];
    int rc = 0;

    for (unsigned i = 0; i < 10000 && rc == 0; i++) {
        snprintf(text, sizeof text, "%08u", i);
        struct secret *s = secret_of(text);
        rc = pin_refuse(pin, s);
        ck_assert(pin_was_refused(pin, s) == (rc == 0));
        secret_free(&s);
    }
    ck_assert_int_eq(rc, E_LIMIT);
}
END_TEST

START_TEST(each_token_has_its_own)
{
    ck_assert_ptr_eq(pin_of("demo", "1"), pin);
    ck_assert_ptr_ne(pin_of("demo", "2"), pin);
    ck_assert_ptr_ne(pin_of("other", "1"), pin);
    log_in("1234");
    ck_assert_ptr_null(pin_cached_view(pin_of("demo", "2")));
}
END_TEST

START_TEST(forgotten_on_request)
{
    log_in("1234");
    pin_forget(pin);
    ck_assert_ptr_null(pin_cached_view(pin));
    ck_assert_uint_eq(log_outs, 1);
    pin_forget(pin);
    ck_assert_uint_eq(log_outs, 1);
}
END_TEST

#define WAITERS 20

struct waiting {
    pthread_t thread;
    int rc;
    struct err err;
};

/* Entered by all before the one with the turn ends it. */
static pthread_barrier_t gathered;

static void *
await_turn(void *arg)
{
    struct waiting *w = arg;
    unsigned long seen = pin_logins(pin);

    pthread_barrier_wait(&gathered);
    w->rc = pin_take_turn(pin, seen, NULL, NULL, &w->err);
    if (w->rc == 0)
        pin_end_turn(pin, PIN_OTHERS_DID, NULL);
    return NULL;
}

static void
gather(struct waiting *w)
{
    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pthread_barrier_init(&gathered, NULL, WAITERS + 1);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, await_turn, &w[i]), 0);
    pthread_barrier_wait(&gathered);
}

static void
join(struct waiting *w)
{
    for (int i = 0; i < WAITERS; i++)
        pthread_join(w[i].thread, NULL);
    pthread_barrier_destroy(&gathered);
}

START_TEST(one_login_serves_all)
{
    struct waiting w[WAITERS] = {0};

    gather(w);
    pin_end_turn(pin, 0, NULL);
    join(w);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(w[i].rc, PIN_OTHERS_DID);
}
END_TEST

/* Nobody is asked in the name of a client that had no means to ask. */
START_TEST(lack_of_means_is_not_shared)
{
    struct waiting w[WAITERS] = {0};
    struct err why = {0};

    gather(w);
    err_set(&why, E_PIN_NEEDED, "nobody there");
    pin_end_turn(pin, E_PIN_NEEDED, &why);
    join(w);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(w[i].rc, 0);
}
END_TEST

/* The logout of an expired login, which an operation meets under way: the test's
 * log_out holds it there until the operation's thread is at the door. */
static pthread_barrier_t at_logout;
static atomic_bool logged_out, entered_late;

static void
slow_log_out(const struct pin_login *at)
{
    (void)at;
    pthread_barrier_wait(&at_logout);
    for (int i = 0; i < 1000; i++)
        sched_yield();
    atomic_store(&logged_out, true);
}

static void *
enter_meanwhile(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&at_logout);
    pin_enter(pin);
    atomic_store(&entered_late, atomic_load(&logged_out));
    pin_leave(pin);
    return NULL;
}

START_TEST(no_operation_under_a_logout)
{
    pthread_t thread;

    pins_free(&pins);
    pins = pins_new(60, 300, test_clock, slow_log_out);
    pin = pin_of("demo", "1");
    log_in("1234");
    clock_now += 61;
    pthread_barrier_init(&at_logout, NULL, 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, enter_meanwhile, NULL), 0);
    pins_expire(pins);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&at_logout);
    ck_assert(atomic_load(&entered_late));
}
END_TEST

static bool
is_gone(void *arg)
{
    (void)arg;
    return true;
}

START_TEST(who_has_gone_waits_no_more)
{
    ck_assert_int_eq(pin_take_turn(pin, 0, NULL, NULL, &err), 0);
    ck_assert_int_eq(pin_take_turn(pin, 0, is_gone, NULL, &err), E_CANCELLED);
    pin_end_turn(pin, PIN_OTHERS_DID, NULL);
}
END_TEST

/* Seconds until it is tried again, by the test's clock. */
static unsigned
rest(void)
{
    time_t began = clock_now;

    while (pin_rests(pin))
        clock_now++;
    return (unsigned)(clock_now - began);
}

START_TEST(rests_ever_longer)
{
    unsigned last = 0, now;

    ck_assert(!pin_rests(pin));
    pin_note_error(pin);
    ck_assert_uint_eq(rest(), PIN_REST_FIRST + 1);
    for (int i = 0; i < 5; i++) {
        pin_note_error(pin);
        now = rest();
        ck_assert_uint_gt(now, last);
        last = now;
    }
    for (int i = 0; i < 100; i++)
        pin_note_error(pin);
    ck_assert_uint_eq(rest(), PIN_REST_MAX + 1);
}
END_TEST

START_TEST(success_ends_the_rest)
{
    for (int i = 0; i < 10; i++)
        pin_note_error(pin);
    ck_assert(pin_rests(pin));
    ck_assert(!pin_rests(pin_of("demo", "2")));
    pin_note_success(pin);
    ck_assert(!pin_rests(pin));
    /* And the next error is a first one. */
    pin_note_error(pin);
    ck_assert_uint_eq(rest(), PIN_REST_FIRST + 1);
}
END_TEST

START_TEST(removed_token_has_no_pin)
{
    struct pin_login at;

    log_in("1234");
    pin_removed(pin);
    ck_assert_ptr_null(pin_cached_view(pin));
    pin_get_login(pin, &at);
    ck_assert_ptr_null(at.host);
    /* It is not there to be logged out. */
    ck_assert_uint_eq(log_outs, 0);
}
END_TEST

/* Somebody is about to use the cached PIN, or to cache one, as the token goes. */
START_TEST(removed_under_a_login)
{
    struct secret *copy = secret_of("");

    log_in("1234");
    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pin_removed(pin);
    ck_assert(!pin_copy_cached(pin, copy));
    pin_end_turn(pin, PIN_OTHERS_DID, NULL);
    ck_assert_ptr_null(pin_cached_view(pin));
    log_in("5678");
    ck_assert(pin_copy_cached(pin, copy));
    ck_assert_uint_eq(secret_len(copy), 4);
    secret_free(&copy);
}
END_TEST

START_TEST(refused_pin_is_not_copied)
{
    struct secret *copy = secret_of(""), *same = secret_of("1234");

    log_in("1234");
    ck_assert(pin_copy_cached(pin, copy));
    pin_refuse_now(pin, same);
    ck_assert(!pin_copy_cached(pin, copy));
    ck_assert(pin_was_refused(pin, same));
    secret_free(&copy);
    secret_free(&same);
}
END_TEST

START_TEST(expired_pin_is_not_copied)
{
    struct secret *copy = secret_of("");

    log_in("1234");
    clock_now += 61;
    ck_assert(!pin_copy_cached(pin, copy));
    secret_free(&copy);
}
END_TEST

START_TEST(failed_source_is_forgiven_by_a_login)
{
    ck_assert(!pin_source_failed(pin));
    pin_note_source_failed(pin);
    ck_assert(pin_source_failed(pin));
    log_in("1234");
    ck_assert(!pin_source_failed(pin));
}
END_TEST

START_TEST(times_of_its_own)
{
    log_in("1234");
    pin_set_times(pin, 10, 20);
    clock_now += 9;
    use();
    ck_assert_ptr_nonnull(pin_cached_view(pin));
    clock_now += 10;
    ck_assert_ptr_null(pin_cached_view(pin));
    pins_expire(pins);
    ck_assert_uint_eq(log_outs, 1);
    /* Another token's are as they were. */
    pin = pin_of("other", "2");
    log_in("1234");
    clock_now += 59;
    ck_assert_ptr_nonnull(pin_cached_view(pin));
}
END_TEST

/* A reload may shorten or lengthen what stands. */
START_TEST(changed_times_hold_for_what_stands)
{
    log_in("1234");
    pin_set_times(pin, 1000, 5);
    clock_now += 6;
    ck_assert_ptr_null(pin_cached_view(pin));
    pin_set_times(pin, 1000, 1000);
    ck_assert_ptr_nonnull(pin_cached_view(pin));
    clock_now += 993;
    ck_assert_ptr_nonnull(pin_cached_view(pin));
    clock_now += 2;
    ck_assert_ptr_null(pin_cached_view(pin));
}
END_TEST

START_TEST(all_are_forgotten)
{
    log_in("1234");
    pin = pin_of("other", "2");
    log_in("5678");
    ck_assert_uint_eq(pins_cached(pins), 2);
    pins_forget_all(pins);
    ck_assert_uint_eq(pins_cached(pins), 0);
    ck_assert_uint_eq(log_outs, 2);
}
END_TEST

/* Who is logging in just then has a login of before: it ends with the turn. */
START_TEST(forgotten_at_the_end_of_a_turn)
{
    const struct pin_login at = {.host = (struct host *)&clock_now, .slot = 7, .generation = 1};
    struct secret *s = secret_of("1234");

    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pins_forget_all(pins);
    pin_store_steal(pin, &s, &at);
    ck_assert_uint_eq(log_outs, 0);
    pin_end_turn(pin, 0, NULL);
    ck_assert_uint_eq(log_outs, 1);
    ck_assert_uint_eq(pins_cached(pins), 0);
    struct pin_login left;
    pin_get_login(pin, &left);
    ck_assert_ptr_null(left.host);
    /* And the next one stays. */
    log_in("1234");
    ck_assert_uint_eq(pins_cached(pins), 1);
}
END_TEST

/* Forgotten while a person is asked: what he enters then is of afterwards. */
START_TEST(entered_after_forgetting_stays)
{
    const struct pin_login at = {.host = (struct host *)&clock_now, .slot = 7, .generation = 1};
    struct secret *s = secret_of("1234");

    ck_assert_int_eq(pin_take_turn(pin, pin_logins(pin), NULL, NULL, &err), 0);
    pins_forget_all(pins);
    pin_entered(pin);
    pin_store_steal(pin, &s, &at);
    pin_end_turn(pin, 0, NULL);
    ck_assert_uint_eq(log_outs, 0);
    ck_assert_uint_eq(pins_cached(pins), 1);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("pin");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, is_kept_while_used);
    tcase_add_test(c, is_forgotten_when_unused);
    tcase_add_test(c, is_forgotten_at_the_latest);
    tcase_add_test(c, expired_login_is_not_used);
    tcase_add_test(c, no_logout_under_an_operation);
    tcase_add_test(c, zero_keeps_nothing);
    tcase_add_test(c, says_when_to_look_again);
    tcase_add_test(c, login_anew_has_the_old_end);
    tcase_add_test(c, refused_pins_are_remembered);
    tcase_add_test(c, no_more_than_can_be_remembered);
    tcase_add_test(c, each_token_has_its_own);
    tcase_add_test(c, forgotten_on_request);
    tcase_add_test(c, no_operation_under_a_logout);
    tcase_add_test(c, one_login_serves_all);
    tcase_add_test(c, lack_of_means_is_not_shared);
    tcase_add_test(c, who_has_gone_waits_no_more);
    tcase_add_test(c, rests_ever_longer);
    tcase_add_test(c, success_ends_the_rest);
    tcase_add_test(c, removed_token_has_no_pin);
    tcase_add_test(c, removed_under_a_login);
    tcase_add_test(c, refused_pin_is_not_copied);
    tcase_add_test(c, expired_pin_is_not_copied);
    tcase_add_test(c, failed_source_is_forgiven_by_a_login);
    tcase_add_test(c, times_of_its_own);
    tcase_add_test(c, changed_times_hold_for_what_stands);
    tcase_add_test(c, all_are_forgotten);
    tcase_add_test(c, forgotten_at_the_end_of_a_turn);
    tcase_add_test(c, entered_after_forgetting_stays);
    return run_suite("agent-pin", &c, 1);
}
