/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: one line of JSON for every private-key operation, every event of a PIN, every
 * denial and change of policy, appended to audit.log in the state folder before the result
 * leaves the agent. When a line cannot be written the operation is refused, unless the
 * configuration says otherwise. No secret and no content that was signed is in it, a digest at
 * most.
 *
 *     {"seq":7,"prev":"9b1c...","time":"2026-11-23T15:04:05.123Z","event":"key","peer":{"uid":1000,
 *      "pid":4711,"exe":"/usr/bin/signet","unit":"session-2.scope"},"front":"cli","key":"3f2a...",
 *      "token":"demo","operation":"sign","scheme":"rsa-pss-sha256","digest":"e3b0...",
 *      "result":"ok","latency_us":612}
 *
 * The chain: seq counts lines from 1, prev is the SHA-256 of the line before (64 zeros for the
 * first one), so that a line that was changed, cut, put in or moved shows in the next one
 * (`signet audit verify`). It goes on through rotation: audit.log becomes
 * audit.log.SEQ, SEQ being its last line's, and the new file's first line is of event "log",
 * operation "rotate". Other lines of event "log": "torn" (the line before ends early: the machine
 * went down), "gap" (lines that could not be written), "reopen" (the file was moved or removed by
 * somebody else, or is empty where others were set aside), "changed" (somebody else wrote to it or
 * cut it). A file that lies in its place with lines of its own, or a link, stops everything.
 *
 * audit.log must be the agent's own and writable by nobody else, and no link; each line is one
 * write(2) behind the last one. Thread-safe.
 */
#ifndef SIGNET_AGENT_AUDIT_H
#define SIGNET_AGENT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Longest digest that is told, in hex. */
#define AUDIT_DIGEST_MAX 128

/* Who asked. exe and unit are "" when they cannot be known. */
struct peer {
    uid_t uid;
    pid_t pid;
    char exe[256];
    char unit[128];         /* of systemd: "session-2.scope", "mail.service" */
    char front[32];
};

struct audit_entry {
    const char *event;      /* "key", "pin", "token", "agent", "policy", "denial", "confirm",
                               "approval" */
    const struct peer *peer;
    const char *key;        /* NULL: none */
    const char *token;      /* NULL: none */
    const char *operation;  /* "sign", "login", ... */
    const char *scheme;     /* NULL: none; for PINs where it came from */
    const char *digest;     /* what was signed, in hex; NULL, or longer than AUDIT_DIGEST_MAX: not
                               told */
    const char *note;       /* a rule, a reason; NULL: none */
    int result;             /* 0 or E_* */
    unsigned long latency_us;
};

/* From [audit] in the configuration; zero is sensible for each field. */
struct audit_settings {
    uint64_t max_size;      /* bytes, behind which the file is rotated; 0: never */
    unsigned max_age;       /* seconds since its first line; 0: never */
    unsigned keep;          /* rotated files that stay; 0: all */
    bool go_on;             /* operations go on when it cannot be written */
    bool sync;              /* each line is on the disk before its result leaves */
    bool look_always;       /* at each line whether the file is still the one, not each second */
    const char *journal;    /* journald's socket; NULL: it is not told */
};

struct audit;

/* E_SYSTEM with a sentence when the file cannot be opened or is not as it has to be. */
int audit_open(struct audit **ret, const char *path, const struct audit_settings *,
               struct err *err) must_check;
void audit_close(struct audit **);
/* 0, or E_SYSTEM: then what it tells of must not happen. */
int audit_write(struct audit *, const struct audit_entry *, struct err *err) must_check;
/* Lines that could not be written since the start, when operations go on without. */
unsigned long audit_missed(struct audit *);

/* The number of the last line; 0 until there was one to write. */
uint64_t audit_last(struct audit *);

/* Microseconds by a clock that nobody sets, for latency_us. */
unsigned long audit_clock(void);

#endif
