/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain of the audit log's lines (agent/audit.h). Pure, but for reading a file's end. */
#ifndef SIGNET_AGENT_AUDIT_CHAIN_H
#define SIGNET_AGENT_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/audit_line.h"
#include "base/sha256.h"

struct chain {
    uint64_t last;              /* the number of the last line; 0: there is none */
    uint8_t hash[SHA256_SIZE];  /* its SHA-256, without the line end */
};

/* Where the file ends. *ret_torn: its last line has no end. An empty file is the beginning of a
 * chain. E_SYSTEM (errno) when it cannot be read, E_MALFORMED when it ends in what is no line of
 * such a log. */
int chain_resume(struct chain *, int fd, bool *ret_torn) must_check;
/* Puts seq and prev in front of the line; *ret is where it begins, with room for a byte before. */
void chain_begin(const struct chain *, struct audit_line *, char **ret, size_t *ret_len);
/* The line was written. */
void chain_go_on(struct chain *, const char *line, size_t len);

#endif
