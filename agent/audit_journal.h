/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audit log's lines for systemd's journal, by its native protocol (datagrams; what it does
 * not take at once is not sent: the file has it). */
#ifndef SIGNET_AGENT_AUDIT_JOURNAL_H
#define SIGNET_AGENT_AUDIT_JOURNAL_H

#include <stddef.h>

#include "agent/audit.h"

/* The descriptor, or -1 when there is no such socket. */
int audit_journal_open(const char *path);
/* line: without its end. */
void audit_journal_send(int fd, const struct audit_entry *, const char *line, size_t len);

#endif
