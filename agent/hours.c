/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/hours.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_MINUTES 1440u
#define DAYS_ALL 0x7fu

/* Seconds that the wall clock may be behind without a word about it. */
#define SET_BACK_SECONDS 60

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static int
faulty(const char *text, struct err *err)
{
    return err_set(err, E_CONFIG, "hours \"%.100s\" cannot be read; write them as \"mon-fri "
                   "08:00-18:00, sat 09:00-12:00\", with %u windows at most", text,
                   HOURS_SPANS_MAX);
}

static const char *
skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* The day at *s, of which that is moved on; or -1. */
static int
take_day(const char **s)
{
    for (int i = 0; i < 7; i++) {
        if (strncasecmp(*s, day_names[i], 3) == 0) {
            *s += 3;
            return i;
        }
    }
    return -1;
}

/* hh:mm as minutes, or -1. */
static int
take_time(const char **s)
{
    const char *t = *s;

    if (strspn(t, "0123456789") != 2 || t[2] != ':' || strspn(t + 3, "0123456789") != 2)
        return -1;
    int hour = (t[0] - '0') * 10 + t[1] - '0', minute = (t[3] - '0') * 10 + t[4] - '0';
    if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
        return -1;
    *s = t + 5;
    return hour * 60 + minute;
}

/* "mon" or "mon-fri" or nothing. */
static bool
take_days(const char **s, uint8_t *ret)
{
    int from = take_day(s), to = from;

    if (from < 0) {
        *ret = DAYS_ALL;
        return true;
    }
    if (**s == '-') {
        ++*s;
        to = take_day(s);
    }
    if (to < 0)
        return false;
    for (*ret = 0; from != to; from = (from + 1) % 7)
        *ret |= (uint8_t)(1u << from);
    *ret |= (uint8_t)(1u << to);
    return true;
}

static bool
take_span(const char **s, struct hours_span *ret)
{
    const char *begin = *s;
    int from, to;

    if (!take_days(s, &ret->days))
        return false;
    *s = skip_blanks(*s);
    if (*s > begin && (**s == ',' || **s == '\0')) {
        ret->from = 0;
        ret->to = DAY_MINUTES;
        return true;
    }
    from = take_time(s);
    if (from < 0 || from == (int)DAY_MINUTES || **s != '-')
        return false;
    ++*s;
    to = take_time(s);
    if (to < 0 || to == from)
        return false;
    ret->from = (uint16_t)from;
    ret->to = (uint16_t)to;
    *s = skip_blanks(*s);
    return true;
}

int
hours_parse(const char *text, struct hours *ret, struct err *err)
{
    struct hours h = {.count = 0};
    const char *s = skip_blanks(text);

    for (;;) {
        if (h.count == HOURS_SPANS_MAX || !take_span(&s, &h.span[h.count]))
            return faulty(text, err);
        h.count++;
        if (*s == '\0')
            break;
        if (*s != ',')
            return faulty(text, err);
        s = skip_blanks(s + 1);
    }
    *ret = h;
    return 0;
}

bool
hours_open_at(const struct hours *h, time_t when)
{
    struct tm tm;

    if (h->count == 0)
        return true;
    if (!localtime_r(&when, &tm))
        return false;
    unsigned minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
    unsigned today = 1u << tm.tm_wday, yesterday = 1u << (tm.tm_wday + 6) % 7;
    for (unsigned i = 0; i < h->count; i++) {
        const struct hours_span *s = &h->span[i];
        bool over = s->to <= s->from;
        if ((s->days & today) && minute >= s->from && (over || minute < s->to))
            return true;
        if (over && (s->days & yesterday) && minute < s->to)
            return true;
    }
    return false;
}

static time_t
go_on(struct hours_clock *c, time_t wall, uint64_t boot_us)
{
    time_t on = c->wall + (time_t)((boot_us - c->boot_us) / 1000000u);

    if (c->wall == 0 || wall >= on) {
        c->wall = wall;
        c->boot_us = boot_us;
        return wall;
    }
    return on;
}

int
hours_check(struct hours_clock *c, const struct hours *h, const char *rule, time_t wall,
            uint64_t boot_us, struct err *err)
{
    time_t on = go_on(c, wall, boot_us);
    struct tm tm = {0};

    if (h->count == 0)
        return 0;
    if (!hours_open_at(h, wall)) {
        localtime_r(&wall, &tm);
        return err_set(err, E_DENIED, "rule \"%.100s\": the key is not to be used now (%s %02d:%02d); "
                       "try again within the rule's hours", rule, day_names[tm.tm_wday],
                       tm.tm_hour, tm.tm_min);
    }
    if (hours_open_at(h, on))
        return 0;
    if (on - wall <= SET_BACK_SECONDS)
        return err_set(err, E_DENIED, "rule \"%.100s\": the key's hours are just over; try again "
                       "within the rule's hours", rule);
    return err_set(err, E_DENIED, "rule \"%.100s\": the clock was set back by %ld seconds, and the "
                   "rule's hours were over before; if the clock is right now, start the agent "
                   "anew (signet agent stop)", rule, (long)(on - wall));
}
