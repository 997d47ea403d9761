/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's audit log as a reader sees it (agent/audit.h says what is in it): the files that
 * rotation has left, oldest first, and their lines.
 *
 * Nothing in the files is believed: a line may be no JSON, of any length, with any bytes.
 * One thread.
 */
#ifndef SIGNET_CLI_AUDIT_LOG_H
#define SIGNET_CLI_AUDIT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

/* Longest line that is read, in bytes; the agent's are shorter. */
#define AUDIT_RECORD_MAX (64u * 1024)

struct audit_record {
    const char *file;
    unsigned long line;    /* from 1 */
    const char *text;      /* without its end */
    size_t len;
    bool ended;            /* by a line end; else it is the last one of its file */
    const json_t *json;    /* an object, or NULL: it is none */
    uint64_t seq;          /* 0: it has none */
    const char *prev;      /* "" when it has none */
};

/* The operands, or else the log of this home. The caller frees with audit_files_free.
 * E_INPUT when there is none. */
int audit_files(const struct cli *, const struct options *, char ***ret, struct err *err) must_check;
void audit_files_free(char ***);

/* Each line of the file until `each` returns non-zero, which is then returned. */
typedef int audit_each(void *arg, const struct audit_record *, struct err *err);
int audit_read(const char *file, audit_each *each, void *arg, struct err *err) must_check;

/* As a new line comes: the file is followed as it grows and is rotated, until `each` returns
 * non-zero. from: bytes of it that were read already. */
int audit_follow(const char *file, uint64_t from, audit_each *each, void *arg,
                 struct err *err) must_check;

#endif
