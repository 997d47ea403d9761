/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hours of a rule: days of the week and times of the day, in the machine's local time.
 *
 *     mon-fri 08:00-18:00, sat 09:00-12:00
 *     22:00-06:00              every night; it belongs to the day on which it begins
 *     sun                      all of that day
 *
 * A clock that is set back opens no window that was over: besides the wall clock, one that only
 * goes on (CLOCK_BOOTTIME from the latest time that was seen) must be within the hours, too. A
 * clock that was too far ahead and was put right therefore closes until that time has come, or
 * the agent is started anew; the sentence says so.
 *
 * hours_parse and hours_open_at are pure (but for the time zone); a struct hours_clock is its
 * owner's to lock.
 */
#ifndef SIGNET_AGENT_HOURS_H
#define SIGNET_AGENT_HOURS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

/* Windows of one rule. */
#define HOURS_SPANS_MAX 8u

struct hours_span {
    uint8_t days;            /* bit 0: Sunday */
    uint16_t from, to;       /* minutes of the day; to <= from: until the next day's */
};

struct hours {
    struct hours_span span[HOURS_SPANS_MAX];
    unsigned count;          /* 0: always */
};

struct hours_clock {
    time_t wall;             /* the latest seen; 0: none yet */
    uint64_t boot_us;        /* when that was */
};

/* E_CONFIG with a sentence, to be prefixed with file and line. */
int hours_parse(const char *, struct hours *ret, struct err *err) must_check;
bool hours_open_at(const struct hours *, time_t);
/* 0, or E_DENIED with a sentence about the rule. */
int hours_check(struct hours_clock *, const struct hours *, const char *rule, time_t wall,
                uint64_t boot_us, struct err *err) must_check;

#endif
