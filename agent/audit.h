/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: one line of JSON for every private-key operation and every event
 * of a PIN, appended to audit.log in the state folder before the result leaves the
 * agent. When a line cannot be written the operation is refused. No secret and no
 * data that was signed is in it.
 *
 *     {"time":"2026-11-23T15:04:05.123Z","event":"key","peer":{"uid":1000,
 *      "pid":4711,"exe":"/usr/bin/signet"},"front":"cli","key":"3f2a...",
 *      "token":"demo","operation":"sign","scheme":"rsa-pss-sha256","result":"ok",
 *      "latency_us":612}
 *
 * Each line is one write(2), so lines never mix. Thread-safe.
 */
#ifndef SIGNET_AGENT_AUDIT_H
#define SIGNET_AGENT_AUDIT_H

#include <sys/types.h>

#include "base/err.h"

/* Who asked. exe is "" when it cannot be known. */
struct peer {
    uid_t uid;
    pid_t pid;
    char exe[256];
    char front[32];
};

struct audit_entry {
    const char *event;      /* "key", "pin", "token" */
    const struct peer *peer;
    const char *key;        /* NULL: none */
    const char *token;      /* NULL: none */
    const char *operation;  /* "sign", "login", ... */
    const char *scheme;     /* NULL: none; for PINs where it came from */
    int result;             /* 0 or E_* */
    unsigned long latency_us;
};

struct audit;

int audit_open(struct audit **ret, const char *path, struct err *err) must_check;
void audit_close(struct audit **);
int audit_write(struct audit *, const struct audit_entry *, struct err *err) must_check;

/* Microseconds by a clock that nobody sets, for latency_us. */
unsigned long audit_clock(void);

#endif
