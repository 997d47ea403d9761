/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits can say. */
#define TIME_FIRST (-62167219200LL)
#define TIME_LAST 253402300799LL

void
text_time(time_t t, char out[TEXT_TIME_LEN])
{
    struct tm tm;
    if (t < (time_t)TIME_FIRST)
        t = (time_t)TIME_FIRST;
    if (t > (time_t)TIME_LAST)
        t = (time_t)TIME_LAST;
    gmtime_r(&t, &tm);
    unsigned year = (unsigned)(tm.tm_year + 1900);
    char whole[64];
    snprintf(whole, sizeof whole, "%04u-%02u-%02uT%02u:%02u:%02uZ", year,
             (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday, (unsigned)tm.tm_hour,
             (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
    memcpy(out, whole, TEXT_TIME_LEN - 1);
    out[TEXT_TIME_LEN - 1] = '\0';
}

/* Takes exactly count digits, at most max as a number. */
static bool
digits(const char **s, int count, int least, int max, int *ret)
{
    int n = 0;
    for (int i = 0; i < count; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        n = n * 10 + (**s - '0');
    }
    *ret = n;
    return n >= least && n <= max;
}

static bool
mark(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static bool
parse_date(const char **s, struct tm *tm)
{
    int year, month;
    if (!digits(s, 4, 0, 9999, &year) || !mark(s, '-') || !digits(s, 2, 1, 12, &month)
        || !mark(s, '-') || !digits(s, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return true;
}

static bool
parse_clock(const char **s, struct tm *tm)
{
    if (!digits(s, 2, 0, 23, &tm->tm_hour) || !mark(s, ':')
        || !digits(s, 2, 0, 59, &tm->tm_min))
        return false;
    return !mark(s, ':') || digits(s, 2, 0, 59, &tm->tm_sec);
}

static bool
parse_zone(const char **s, int *ret_seconds)
{
    int hours, minutes;
    *ret_seconds = 0;
    if (**s == '\0' || mark(s, 'Z'))
        return true;
    bool west = **s == '-';
    if (!mark(s, '+') && !mark(s, '-'))
        return false;
    if (!digits(s, 2, 0, 23, &hours) || !mark(s, ':') || !digits(s, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

int
text_parse_time(const char *s, time_t *ret)
{
    struct tm tm = {0};
    int zone = 0;
    if (!parse_date(&s, &tm))
        return E_MALFORMED;
    if (mark(&s, 'T') && (!parse_clock(&s, &tm) || !parse_zone(&s, &zone)))
        return E_MALFORMED;
    if (*s != '\0')
        return E_MALFORMED;
    /* timegm turns 31 April into 1 May: such a day does not exist. */
    int day = tm.tm_mday;
    time_t t = timegm(&tm);
    if (tm.tm_mday != day)
        return E_MALFORMED;
    *ret = t - zone;
    return 0;
}

int
text_parse_duration(const char *s, unsigned *ret_seconds)
{
    static const struct {
        const char *unit;
        unsigned seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    unsigned long long n = 0;
    const char *start = s;
    for (; *s >= '0' && *s <= '9'; s++) {
        n = n * 10 + (unsigned)(*s - '0');
        if (n > UINT_MAX)
            return E_MALFORMED;
    }
    if (s == start)
        return E_MALFORMED;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(s, units[i].unit) == 0 && n * units[i].seconds <= UINT_MAX) {
            *ret_seconds = (unsigned)n * units[i].seconds;
            return 0;
        }
    }
    return E_MALFORMED;
}
