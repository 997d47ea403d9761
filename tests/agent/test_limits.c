/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rates, totals and hours of rules, by clocks of the test's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/counts.h"
#include "agent/limit.h"
#include "tests/base/run.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SECOND 1000000ull

static struct limits *l;
static struct err err;
static time_t wall;
static uint64_t boot;
static enum metrics_denied kind;

static time_t
wall_clock(void)
{
    return wall;
}

static uint64_t
boot_clock(void)
{
    return boot;
}

static void
start(void)
{
    l = limits_new(scratch_path("counts"));
    ck_assert_ptr_nonnull(l);
    limits_set_clocks(l, wall_clock, boot_clock);
}

/* A Wednesday noon, in UTC. */
static void
setup(void)
{
    scratch_setup();
    setenv("TZ", "UTC", 1);
    tzset();
    wall = 1795608000;
    boot = 5000 * SECOND;
    err_clear(&err);
    start();
}

static void
teardown(void)
{
    limits_free(&l);
    scratch_teardown();
}

static int
use(const struct limit_rule *r, const char *key, uid_t uid)
{
    return limits_permit(l, r, key, uid, true, &kind, &err);
}

static struct limit_rule
rates(const char *text)
{
    struct limit_rule r = {.name = "mail"};

    ck_assert_int_eq(limits_parse_rates(text, &r, &err), 0);
    return r;
}

START_TEST(rates_as_they_are_written)
{
    static const char *const bad[] = {"", "10", "10/", "/hour", "0/hour", "-1/hour", "10/week",
                                      "10/hour,", "10/hour;5/day", "x/hour",
                                      "1/second,2/minute,3/hour,4/day,5/day", "10 /hour",
                                      "99999999999/day"};
    struct limit_rule r = rates(" 3/second ,10/Minute,\t200/day");

    ck_assert_uint_eq(r.rate_count, 3);
    ck_assert_uint_eq(r.rates[1].count, 10);
    ck_assert_uint_eq(r.rates[1].seconds, 60);
    ck_assert_uint_eq(r.rates[2].seconds, 86400);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(limits_parse_rates(bad[i], &r, &err) == E_CONFIG, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "write it as"));
    }
    ck_assert_uint_eq(r.rate_count, 3);
}
END_TEST

START_TEST(a_rate)
{
    struct limit_rule r = rates("3/minute");

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_int_eq(kind, METRICS_DENIED_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.text, "rule \"mail\": key aaaaaaaaaaaaaaaa may be used 3 "
                                 "times per minute, and was; try again in "));
    /* Another key is another counter; another user is not. */
    ck_assert_int_eq(use(&r, OTHER, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 2), E_DENIED);
    boot += 59 * SECOND;
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    boot += 2 * SECOND;
    ck_assert_int_eq(use(&r, KEY, 1), 0);
}
END_TEST

START_TEST(asking_takes_nothing)
{
    struct limit_rule r = rates("1/hour");

    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(limits_permit(l, &r, KEY, 1, false, NULL, &err), 0);
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(limits_permit(l, &r, KEY, 1, false, NULL, &err), E_DENIED);
}
END_TEST

START_TEST(for_each_user)
{
    struct limit_rule r = rates("1/hour");

    r.per_user = true;
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 2), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "by each user"));
}
END_TEST

/* However uses come, no span holds more than the rule says, and most of what it says. */
START_TEST(no_span_holds_more)
{
    enum { COUNT = 7, TRIES = 20000 };
    static uint64_t when[TRIES];
    struct limit_rule r = rates("7/minute");
    unsigned n = 0, seed = 4711;

    for (int i = 0; i < TRIES; i++) {
        seed = seed * 1103515245u + 12345u;
        boot += (seed >> 8) % (4 * SECOND);
        if (use(&r, KEY, 1) == 0)
            when[n++] = boot;
    }
    for (unsigned i = COUNT; i < n; i++)
        ck_assert_uint_gt(when[i] - when[i - COUNT], 60 * SECOND);
    ck_assert_uint_gt(n, TRIES * 2 / 60 * 7 * 9 / 10);
}
END_TEST

START_TEST(the_tightest_counts)
{
    struct limit_rule r = rates("2/second, 3/day");

    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "per second"));
    boot += 2 * SECOND;
    /* What was denied was not counted. */
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    boot += 2 * SECOND;
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "per day"));
}
END_TEST

START_TEST(the_wall_clock_resets_no_rate)
{
    struct limit_rule r = rates("1/day");

    ck_assert_int_eq(use(&r, KEY, 1), 0);
    wall += 10 * 86400;
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    wall -= 20 * 86400;
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
}
END_TEST

START_TEST(many_counters)
{
    struct limit_rule r = rates("1/hour");
    uid_t uid = 0;

    r.per_user = true;
    while (use(&r, KEY, uid) == 0)
        ck_assert_uint_lt(++uid, LIMITS_COUNTERS_MAX + 1);
    ck_assert_uint_eq(uid, LIMITS_COUNTERS_MAX);
    ck_assert_ptr_nonnull(strstr(err.text, "too many users"));
    boot += 3700 * SECOND;
    ck_assert_int_eq(use(&r, KEY, uid), 0);
}
END_TEST

START_TEST(a_total_outlives_the_agent)
{
    struct limit_rule r = {.name = "mail", .total = 100};

    for (int i = 0; i < 60; i++) {
        ck_assert_int_eq(use(&r, KEY, 1), 0);
        if (i % 7 == 0) {
            limits_free(&l);
            start();
        }
    }
    limits_free(&l);
    start();
    for (int i = 60; i < 100; i++)
        ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "may be used 100 times, and was"));
    limits_free(&l);
    start();
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_int_eq(use(&r, OTHER, 1), 0);
    r.total = 101;
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
}
END_TEST

/* After a kill, no use that was made is forgotten. */
START_TEST(a_total_after_a_kill)
{
    struct limit_rule r = {.name = "mail", .total = 1000};
    struct limits *killed;

    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(use(&r, KEY, 1), 0);
    killed = l;
    start();
    int more = 0;
    while (use(&r, KEY, 1) == 0)
        more++;
    ck_assert_int_le(more, 500);
    ck_assert_int_ge(more, 500 - 64);
    limits_free(&l);
    l = killed;
    /* Its end would book back: that is the killed one's. */
    unlink(scratch_path("counts"));
}
END_TEST

static int
with_file(const char *text)
{
    struct limit_rule r = {.name = "mail", .total = 10};
    int rc;

    limits_free(&l);
    if (text)
        scratch_write("counts", text);
    start();
    err_clear(&err);
    rc = use(&r, KEY, 1);
    return rc;
}

START_TEST(a_file_that_is_not_as_it_has_to_be)
{
    char good[256];
    struct stat st;

    ck_assert_int_eq(with_file(NULL), 0);
    limits_free(&l);
    ck_assert_int_eq(stat(scratch_path("counts"), &st), 0);
    ck_assert_int_eq(st.st_size, 128);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    snprintf(good, sizeof good, "%s", scratch_read("counts"));
    /* Any digit altered is seen. */
    for (int i = 0; i < 128; i += 9) {
        char bad[256];
        snprintf(bad, sizeof bad, "%s", good);
        bad[i] = bad[i] == '5' ? '6' : '5';
        ck_assert_int_eq(with_file(bad), E_SYSTEM);
        ck_assert_ptr_nonnull(strstr(err.text, "is damaged in its record 1"));
    }
    /* A torn end is no damage. */
    char torn[300];
    snprintf(torn, sizeof torn, "%s%.40s", good, good);
    ck_assert_int_eq(with_file(torn), 0);
    chmod(scratch_path("counts"), 0622);
    ck_assert_int_eq(with_file(NULL), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err.text, "can be written by others"));
    unlink(scratch_path("counts"));
    ck_assert_int_eq(symlink("elsewhere", scratch_path("counts")), 0);
    ck_assert_int_eq(with_file(NULL), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err.text, "is a link"));
    unlink(scratch_path("counts"));
    ck_assert_int_eq(mkdir(scratch_path("counts"), 0700), 0);
    ck_assert_int_eq(with_file(NULL), E_SYSTEM);
    rmdir(scratch_path("counts"));
}
END_TEST

START_TEST(a_disk_that_is_full)
{
    struct limit_rule r = {.name = "mail", .total = 10};

    limits_free(&l);
    l = limits_new("/dev/full");
    ck_assert_int_eq(limits_permit(l, &r, KEY, 1, true, NULL, &err), E_SYSTEM);
    limits_free(&l);
    l = limits_new("/proc/self/nowhere/counts");
    ck_assert_int_eq(limits_permit(l, &r, KEY, 1, true, NULL, &err), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err.text, "/proc/self/nowhere/counts"));
}
END_TEST

START_TEST(many_totals)
{
    struct counts *c = NULL;
    uint8_t name[COUNTS_NAME_SIZE] = {0};

    limits_free(&l);
    ck_assert_int_eq(counts_open(&c, scratch_path("c"), &err), 0);
    for (unsigned i = 0; i < 20; i++) {
        name[0] = (uint8_t)i;
        ck_assert_int_eq(counts_put(c, name, i * 1000ull, &err), 0);
    }
    counts_close(&c);
    ck_assert_int_eq(counts_open(&c, scratch_path("c"), &err), 0);
    for (unsigned i = 0; i < 20; i++) {
        name[0] = (uint8_t)i;
        ck_assert_uint_eq(counts_get(c, name), i * 1000ull);
    }
    name[0] = 99;
    ck_assert_uint_eq(counts_get(c, name), 0);
    counts_close(&c);
}
END_TEST

/* day 0: a Sunday. */
static time_t
at(int day, int hour, int minute)
{
    return 1795305600 + day * 86400 + hour * 3600 + minute * 60;
}

static int
weekday(time_t t)
{
    struct tm tm;

    return localtime_r(&t, &tm)->tm_wday;
}

START_TEST(hours_as_they_are_written)
{
    static const char *const bad[] = {"", "mon-", "mon 8-18", "mon 08:00", "08:00-25:00",
                                      "08:60-09:00", "09:00-09:00", "24:00-01:00", "foo 08:00-09:00",
                                      "mon 08:00-09:00,", "mon 08:00-09:00 tue", "mon,,tue",
                                      "mon,tue,wed,thu,fri,sat,sun,mon,tue"};
    struct hours h = {.count = 0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(hours_parse(bad[i], &h, &err) == E_CONFIG, "%s", bad[i]);
    ck_assert_uint_eq(h.count, 0);
    ck_assert_int_eq(hours_parse("Mon-Fri 08:00-18:00, sat 09:00-12:00", &h, &err), 0);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_eq(h.span[0].days, 0x3e);
    ck_assert_int_eq(hours_parse("fri-mon 00:00-24:00", &h, &err), 0);
    ck_assert_uint_eq(h.span[0].days, 0x63);
}
END_TEST

static const struct {
    const char *hours;
    int day, hour, minute;
    bool open;
} moments[] = {
    {"mon-fri 08:00-18:00", 1, 8, 0, true},   {"mon-fri 08:00-18:00", 1, 7, 59, false},
    {"mon-fri 08:00-18:00", 5, 17, 59, true}, {"mon-fri 08:00-18:00", 5, 18, 0, false},
    {"mon-fri 08:00-18:00", 6, 12, 0, false}, {"mon-fri 08:00-18:00", 0, 12, 0, false},
    {"sat", 6, 0, 0, true},                   {"sat", 6, 23, 59, true},
    {"sat", 0, 0, 0, false},                  {"mon,tue 10:00-11:00", 1, 3, 0, true},
    {"mon,tue 10:00-11:00", 2, 3, 0, false},  {"22:00-06:00", 3, 23, 0, true},
    {"22:00-06:00", 3, 5, 59, true},          {"22:00-06:00", 3, 6, 0, false},
    {"fri 22:00-06:00", 6, 5, 0, true},       {"fri 22:00-06:00", 5, 5, 0, false},
    {"sat 22:00-06:00", 0, 5, 0, true},       {"fri-mon 00:00-24:00", 2, 0, 0, false},
    {"fri-mon 00:00-24:00", 1, 23, 59, true},
};

START_TEST(when_hours_are_open)
{
    struct hours h;
    time_t t = at(moments[_i].day, moments[_i].hour, moments[_i].minute);

    ck_assert_int_eq(weekday(t), moments[_i].day);
    ck_assert_int_eq(hours_parse(moments[_i].hours, &h, &err), 0);
    ck_assert_int_eq(hours_open_at(&h, t), moments[_i].open);
}
END_TEST

START_TEST(hours_are_local)
{
    struct hours h;

    setenv("TZ", "XYZ-3", 1);
    tzset();
    ck_assert_int_eq(hours_parse("08:00-09:00", &h, &err), 0);
    ck_assert(hours_open_at(&h, at(1, 5, 30)));
    ck_assert(!hours_open_at(&h, at(1, 8, 30)));
}
END_TEST

static int
pass(const struct limit_rule *r, time_t seconds)
{
    wall += seconds;
    boot += (uint64_t)seconds * SECOND;
    return use(r, KEY, 1);
}

START_TEST(a_clock_set_back_opens_nothing_twice)
{
    struct limit_rule r = {.name = "mail"};

    ck_assert_int_eq(hours_parse("08:00-18:00", &r.hours, &err), 0);
    wall = at(1, 17, 0);
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(pass(&r, 2 * 3600), E_DENIED);
    ck_assert_int_eq(kind, METRICS_DENIED_HOURS);
    ck_assert_ptr_nonnull(strstr(err.text, "mon 19:00"));
    /* Back to noon: it was seven in the evening already. */
    wall = at(1, 12, 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "the clock was set back by 25200 seconds"));
    ck_assert_int_eq(pass(&r, 3600), E_DENIED);
    /* The next day, by a clock that is right again. */
    boot += 20 * 3600 * SECOND;
    wall = at(2, 16, 0);
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    /* Set back within the window: still the same window. */
    wall = at(2, 9, 0);
    ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(pass(&r, 3 * 3600), E_DENIED);
}
END_TEST

START_TEST(hours_and_rates_together)
{
    struct limit_rule r = rates("1/day");

    ck_assert_int_eq(hours_parse("08:00-18:00", &r.hours, &err), 0);
    wall = at(1, 19, 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_int_eq(kind, METRICS_DENIED_HOURS);
    ck_assert_int_eq(pass(&r, 15 * 3600), 0);
    ck_assert_int_eq(use(&r, KEY, 1), E_DENIED);
    ck_assert_int_eq(kind, METRICS_DENIED_LIMIT);
}
END_TEST

START_TEST(nothing_is_limited)
{
    struct limit_rule r = {.name = "mail"};

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(use(&r, KEY, 1), 0);
    ck_assert_int_eq(access(scratch_path("counts"), F_OK), -1);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("limits");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, rates_as_they_are_written);
    tcase_add_test(c, a_rate);
    tcase_add_test(c, asking_takes_nothing);
    tcase_add_test(c, for_each_user);
    tcase_add_test(c, no_span_holds_more);
    tcase_add_test(c, the_tightest_counts);
    tcase_add_test(c, the_wall_clock_resets_no_rate);
    tcase_add_test(c, many_counters);
    tcase_add_test(c, a_total_outlives_the_agent);
    tcase_add_test(c, a_total_after_a_kill);
    tcase_add_test(c, a_file_that_is_not_as_it_has_to_be);
    tcase_add_test(c, a_disk_that_is_full);
    tcase_add_test(c, many_totals);
    tcase_add_test(c, hours_as_they_are_written);
    tcase_add_loop_test(c, when_hours_are_open, 0, sizeof moments / sizeof *moments);
    tcase_add_test(c, hours_are_local);
    tcase_add_test(c, a_clock_set_back_opens_nothing_twice);
    tcase_add_test(c, hours_and_rates_together);
    tcase_add_test(c, nothing_is_limited);
    return run_suite("agent-limits", &c, 1);
}
