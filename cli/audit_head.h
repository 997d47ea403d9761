/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Heads of the audit log: its last line's number and hash, signed by a key on a token, so that
 * nobody can shorten or replace the log afterwards unseen. A head is SignedData (RFC 5652, 5) over
 *
 *     {"signet-audit-head":1,"seq":1234,"hash":"9b1c...","time":"2026-11-24T09:30:00Z"}
 */
#ifndef SIGNET_CLI_AUDIT_HEAD_H
#define SIGNET_CLI_AUDIT_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/trust_options.h"

#define AUDIT_HEADS_MAX 256
/* Longest content of one, and longest file, in bytes. */
#define AUDIT_HEAD_MAX 4096u

struct audit_head {
    char *file;
    uint64_t seq;
    char hash[65];
    bool seen, same;        /* the line is in the log; with that hash */
};

struct audit_heads {
    struct audit_head list[AUDIT_HEADS_MAX];
    size_t count;
};

/* Those of --head, of a folder the newest, each verified: E_UNTRUSTED, E_BAD_SIGNATURE, E_MALFORMED with a sentence. */
int audit_heads_load(struct audit_heads *, struct cli *, const struct options *,
                     struct err *err) must_check;
void audit_heads_clear(struct audit_heads *);
/* A line of the log. */
void audit_heads_see(struct audit_heads *, uint64_t seq, const char *hash);

#endif
