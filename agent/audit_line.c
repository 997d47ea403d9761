/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

/* Names of members, result and the line end have room, however long the values are. */
#define TAIL_MAX 512

static void
put(struct audit_line *l, const char *text, size_t len)
{
    if (len > sizeof l->text - l->len)
        len = sizeof l->text - l->len;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void
put_raw(struct audit_line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void
put_number(struct audit_line *l, const char *name, unsigned long value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s%lu", name, value);

    put(l, text, (size_t)n);
}

/* Bytes of the UTF-8 character there (RFC 3629, 4); 0: it is none. */
static size_t
character(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* A string of JSON (RFC 8259, 7), cut where the room for values ends. What is no UTF-8 (a
 * program's path may be anything) becomes \xNN: nobody's name may make the log unreadable. */
static void
put_value(struct audit_line *l, const char *value, size_t end)
{
    char esc[8];
    size_t n;

    put(l, "\"", 1);
    for (; *value && l->len + sizeof esc <= end; value += n ? n : 1) {
        n = character(value);
        if (n == 0 || (unsigned char)*value < 0x20) {
            snprintf(esc, sizeof esc, n ? "\\u%04x" : "\\\\x%02x", (unsigned char)*value);
            put_raw(l, esc);
            continue;
        }
        if (*value == '"' || *value == '\\')
            put(l, "\\", 1);
        put(l, value, n);
    }
    put(l, "\"", 1);
}

static void
put_string(struct audit_line *l, const char *name, const char *value)
{
    if (!value)
        return;
    put_raw(l, name);
    put_value(l, value, sizeof l->text - TAIL_MAX);
}

static void
put_time(struct audit_line *l)
{
    struct timespec now;
    char text[TEXT_TIME_LEN], frac[24];

    clock_gettime(CLOCK_REALTIME, &now);
    text_time(now.tv_sec, text);
    snprintf(frac, sizeof frac, ".%03ldZ\"", now.tv_nsec / 1000000 % 1000);
    put_raw(l, ",\"time\":\"");
    put(l, text, strcspn(text, "Z"));
    put_raw(l, frac);
}

static void
put_peer(struct audit_line *l, const struct peer *p)
{
    put_number(l, ",\"peer\":{\"uid\":", p->uid);
    put_number(l, ",\"pid\":", (unsigned long)p->pid);
    put_string(l, ",\"exe\":", p->exe);
    put_string(l, ",\"unit\":", p->unit[0] ? p->unit : NULL);
    put_string(l, "},\"front\":", p->front);
}

void
audit_line_format(struct audit_line *l, const struct audit_entry *e)
{
    l->len = AUDIT_HEAD_MAX;
    put_time(l);
    put_string(l, ",\"event\":", e->event);
    if (e->peer)
        put_peer(l, e->peer);
    put_string(l, ",\"key\":", e->key);
    put_string(l, ",\"token\":", e->token);
    put_string(l, ",\"operation\":", e->operation);
    put_string(l, ",\"scheme\":", e->scheme);
    if (e->digest && strlen(e->digest) <= AUDIT_DIGEST_MAX)
        put_string(l, ",\"digest\":", e->digest);
    put_string(l, ",\"note\":", e->note);
    put_raw(l, ",\"result\":");
    put_value(l, e->result ? err_name(e->result) : "ok", sizeof l->text);
    put_number(l, ",\"latency_us\":", e->latency_us);
    put_raw(l, "}\n");
}
