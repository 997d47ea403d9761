/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

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

/* A string of JSON (RFC 8259, 7). What is not ASCII is UTF-8 already: token hosts
 * made it safe. */
static void
put_string(struct audit_line *l, const char *name, const char *value)
{
    if (!value)
        return;
    put_raw(l, name);
    put(l, "\"", 1);
    for (; *value; value++) {
        char esc[8];
        if ((unsigned char)*value < 0x20) {
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)*value);
            put_raw(l, esc);
            continue;
        }
        if (*value == '"' || *value == '\\')
            put(l, "\\", 1);
        put(l, value, 1);
    }
    put(l, "\"", 1);
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
    put_string(l, ",\"result\":", e->result ? err_name(e->result) : "ok");
    put_number(l, ",\"latency_us\":", e->latency_us);
    put_raw(l, "}\n");
}
