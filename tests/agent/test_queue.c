/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gets which lane of a token host: by the queue alone, step by step. */
#include "agent/host_queue.h"
#include "tests/base/run.h"

#define LANES 4u

/* Lanes are only told apart here. */
static char places[LANES];
static struct queue q;
static const unsigned long slot_a = 1, slot_b = 2;

static struct lane *
lane(unsigned i)
{
    return (struct lane *)&places[i];
}

static void
begin(unsigned count)
{
    struct lane *lanes[LANES] = {lane(0), lane(1), lane(2), lane(3)};

    queue_reset(&q, lanes, count);
}

static void
setup(void)
{
    q = (struct queue){0};
    begin(LANES);
}

static void
join(struct waiter *w, const unsigned long *slot, pid_t owner)
{
    *w = (struct waiter){.slot = slot, .owner = owner};
    pthread_cond_init(&w->cond, NULL);
    queue_join(&q, w);
}

/* The only lane comes back; who has got it. */
static struct waiter *
next_of(struct waiter *all, unsigned count, struct lane *l)
{
    bool had[128];

    for (unsigned i = 0; i < count; i++)
        had[i] = all[i].done;
    queue_release(&q, l, &slot_a, true);
    queue_hand_out(&q);
    for (unsigned i = 0; i < count; i++)
        if (all[i].done && !had[i])
            return &all[i];
    return NULL;
}

START_TEST(hundred_requests_do_not_starve_one)
{
    struct waiter w[101], *got;
    unsigned long turns = 0;

    begin(1);
    struct lane *l = queue_take(&q, &slot_a, 10);
    for (unsigned i = 0; i < 100; i++)
        join(&w[i], &slot_a, 10);
    join(&w[100], &slot_a, 20);
    do {
        got = next_of(w, 101, l);
        ck_assert_ptr_nonnull(got);
        ck_assert_ptr_eq(got->lane, l);
        turns++;
    } while (got != &w[100]);
    ck_assert_uint_eq(turns, 1);
    /* The others follow in their order. */
    for (unsigned i = 0; i < 100; i++)
        ck_assert_ptr_eq(next_of(w, 101, l), &w[i]);
    ck_assert_uint_eq(q.waiting, 0);
}
END_TEST

START_TEST(clients_take_turns)
{
    static const unsigned order[] = {2, 4, 0, 3, 5, 1};
    struct waiter w[6];

    begin(1);
    struct lane *l = queue_take(&q, &slot_a, 1);
    for (unsigned i = 0; i < 6; i++)
        join(&w[i], &slot_a, (pid_t)(i / 2 + 1));
    for (unsigned i = 0; i < 6; i++)
        ck_assert_ptr_eq(next_of(w, 6, l), &w[order[i]]);
}
END_TEST

START_TEST(more_clients_than_are_remembered)
{
    struct waiter w[2];

    begin(1);
    for (unsigned i = 0; i < 3 * QUEUE_OWNERS_MAX; i++)
        queue_release(&q, queue_take(&q, &slot_a, (pid_t)(100 + i)), &slot_a, true);
    /* The last one has just been served; one whose turn is forgotten goes first. */
    struct lane *l = queue_take(&q, &slot_a, 7);
    join(&w[0], &slot_a, (pid_t)(100 + 3 * QUEUE_OWNERS_MAX - 1));
    join(&w[1], &slot_a, 100);
    ck_assert_ptr_eq(next_of(w, 2, l), &w[1]);
    ck_assert_ptr_eq(next_of(w, 2, l), &w[0]);
}
END_TEST

START_TEST(cards_do_one_thing_at_a_time)
{
    struct waiter w[2];

    queue_limit(&q, slot_a, 1);
    struct lane *l = queue_take(&q, &slot_a, 1);
    ck_assert_ptr_nonnull(l);
    ck_assert_ptr_null(queue_take(&q, &slot_a, 2));
    join(&w[0], &slot_a, 2);
    join(&w[1], &slot_b, 3);
    /* The other slot is not held up by who waits for the card. */
    queue_hand_out(&q);
    ck_assert(!w[0].done);
    ck_assert(w[1].done && w[1].lane && w[1].lane != l);
    queue_release(&q, l, &slot_a, true);
    queue_hand_out(&q);
    ck_assert(w[0].done && w[0].lane);
    ck_assert_uint_eq(q.busy, 2);
}
END_TEST

START_TEST(a_slot_without_limit_gets_all_lanes)
{
    for (unsigned i = 0; i < LANES; i++)
        ck_assert_ptr_nonnull(queue_take(&q, &slot_a, 1));
    ck_assert_ptr_null(queue_take(&q, &slot_a, 1));
    ck_assert_uint_eq(q.busy, LANES);
}
END_TEST

/* CKR_SESSION_COUNT on the third lane: two have sessions, and only they serve. */
START_TEST(session_limit_is_learnt)
{
    struct waiter w;
    struct lane *a = queue_take(&q, &slot_a, 1), *b = queue_take(&q, &slot_a, 1),
                *c = queue_take(&q, &slot_a, 1);

    queue_note_warm(&q, a, slot_a);
    queue_note_warm(&q, b, slot_a);
    ck_assert(queue_note_full(&q, c, slot_a));
    queue_release(&q, c, &slot_a, true);
    ck_assert_ptr_null(queue_take(&q, &slot_a, 1));
    join(&w, &slot_a, 1);
    queue_hand_out(&q);
    ck_assert(!w.done);
    queue_release(&q, b, &slot_a, true);
    queue_hand_out(&q);
    ck_assert(w.done);
    ck_assert_ptr_eq(w.lane, b);
    /* Another slot may have all. */
    ck_assert_ptr_nonnull(queue_take(&q, &slot_b, 1));
    ck_assert_ptr_nonnull(queue_take(&q, &slot_b, 1));
    /* A new process has learnt nothing. */
    begin(LANES);
    for (unsigned i = 0; i < LANES; i++)
        ck_assert_ptr_nonnull(queue_take(&q, &slot_a, 1));
}
END_TEST

START_TEST(no_session_at_all_is_not_a_limit)
{
    struct lane *a = queue_take(&q, &slot_a, 1);

    ck_assert(!queue_note_full(&q, a, slot_a));
    queue_note_warm(&q, a, slot_a);
    /* The only one that had a session has lost it: nobody else has one. */
    ck_assert(!queue_note_full(&q, a, slot_a));
    queue_release(&q, a, &slot_a, true);
    for (unsigned i = 0; i < LANES; i++)
        ck_assert_ptr_nonnull(queue_take(&q, &slot_a, 1));
}
END_TEST

START_TEST(listing_spares_lanes_without_a_session)
{
    struct lane *a = queue_take(&q, &slot_a, 1), *b = queue_take(&q, &slot_a, 1);

    queue_note_warm(&q, b, slot_a);
    ck_assert(queue_note_full(&q, a, slot_a));
    queue_release(&q, a, &slot_a, true);
    queue_release(&q, b, &slot_a, true);
    ck_assert_ptr_eq(queue_take(&q, NULL, 0), b);
}
END_TEST

START_TEST(a_warm_lane_is_preferred)
{
    struct lane *a = queue_take(&q, &slot_a, 1), *b = queue_take(&q, &slot_a, 1);

    queue_note_warm(&q, b, slot_a);
    queue_release(&q, a, &slot_a, true);
    queue_release(&q, b, &slot_a, true);
    ck_assert_ptr_eq(queue_take(&q, &slot_a, 1), b);
    ck_assert_ptr_eq(queue_take(&q, &slot_b, 1), a);
}
END_TEST

START_TEST(all_are_sent_away_when_the_host_dies)
{
    struct waiter w[3];
    struct lane *lanes[LANES];

    for (unsigned i = 0; i < LANES; i++)
        lanes[i] = queue_take(&q, &slot_a, 1);
    for (unsigned i = 0; i < 3; i++)
        join(&w[i], &slot_a, (pid_t)i);
    queue_refuse_all(&q);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(w[i].done && !w[i].lane);
    ck_assert_uint_eq(q.waiting, 0);
    /* What comes back is not handed out, and is freed by who brings it. */
    for (unsigned i = 0; i < LANES; i++)
        queue_release(&q, lanes[i], &slot_a, false);
    ck_assert_uint_eq(q.busy, 0);
    ck_assert_ptr_null(queue_take(&q, &slot_a, 1));
    ck_assert_ptr_null(queue_drop_idle(&q));
}
END_TEST

START_TEST(idle_lanes_are_dropped_once)
{
    queue_take(&q, &slot_a, 1);
    for (unsigned i = 1; i < LANES; i++)
        ck_assert_ptr_nonnull(queue_drop_idle(&q));
    ck_assert_ptr_null(queue_drop_idle(&q));
}
END_TEST

START_TEST(more_slots_than_are_counted)
{
    unsigned long slots[QUEUE_SLOTS_MAX + 2];

    for (unsigned i = 0; i < QUEUE_SLOTS_MAX + 2; i++) {
        slots[i] = 1000 + i;
        struct lane *l = queue_take(&q, &slots[i], 1);
        ck_assert_ptr_nonnull(l);
        queue_note_warm(&q, l, slots[i]);
        queue_release(&q, l, &slots[i], true);
    }
    ck_assert_uint_eq(q.busy, 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("queue");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, hundred_requests_do_not_starve_one);
    tcase_add_test(c, clients_take_turns);
    tcase_add_test(c, more_clients_than_are_remembered);
    tcase_add_test(c, cards_do_one_thing_at_a_time);
    tcase_add_test(c, a_slot_without_limit_gets_all_lanes);
    tcase_add_test(c, session_limit_is_learnt);
    tcase_add_test(c, no_session_at_all_is_not_a_limit);
    tcase_add_test(c, listing_spares_lanes_without_a_session);
    tcase_add_test(c, a_warm_lane_is_preferred);
    tcase_add_test(c, all_are_sent_away_when_the_host_dies);
    tcase_add_test(c, idle_lanes_are_dropped_once);
    tcase_add_test(c, more_slots_than_are_counted);
    return run_suite("agent-queue", &c, 1);
}
