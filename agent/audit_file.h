/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of the audit log: opened as it has to be, and set aside (agent/audit.h). */
#ifndef SIGNET_AGENT_AUDIT_FILE_H
#define SIGNET_AGENT_AUDIT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

/* Made when it is missing. E_SYSTEM: it is a link, somebody else's, or writable by others. */
int audit_file_open(const char *path, int *ret, struct err *err) must_check;
/* Whether it is still the one at path. */
bool audit_file_stands(const char *path, int fd);
/* Its size, and the time of its first line; 0 when it has none. */
uint64_t audit_file_size(int fd);
time_t audit_file_begun(int fd);
/* Whether it ends within a line. */
bool audit_file_torn(int fd, uint64_t size);
/* The one that was set aside last, opened to read; -1: there is none. */
int audit_file_newest(const char *path);
/* To PATH.SEQ; of those the last `keep` stay (0: all). */
int audit_file_set_aside(const char *path, uint64_t seq, unsigned keep,
                         struct err *err) must_check;

#endif
