/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of the audit log (agent/audit.h) but its two first members, which are the chain's. */
#ifndef SIGNET_AGENT_AUDIT_LINE_H
#define SIGNET_AGENT_AUDIT_LINE_H

#include <stddef.h>

#include "agent/audit.h"

/* Room for the chain's members in front of what is formatted, and the longest line in all. The
 * longest texts (the program, a token's label) fit escaped. */
#define AUDIT_HEAD_MAX 128
#define AUDIT_LINE_MAX 6144

struct audit_line {
    char text[AUDIT_LINE_MAX]; /* from AUDIT_HEAD_MAX on: ,"time":... up to the line end */
    size_t len;                /* of all, the room in front included */
};

void audit_line_format(struct audit_line *, const struct audit_entry *);

#endif
