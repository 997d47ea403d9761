/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines of the daemons and of `signet -v`. Libraries do not log; they
 * return errors. A line is "2026-11-23T15:04:05.123Z signet-agent[123] info: text",
 * written by one write(2), so lines of several threads never mix. Control
 * characters in the text are escaped. Thread-safe after log_open.
 */
#ifndef SIGNET_BASE_LOG_H
#define SIGNET_BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

/* Program name for the lines; path to append to (mode 0600), or NULL for standard
 * error. The name is borrowed for the life of the process. */
int log_open(const char *program, const char *path, struct err *err) must_check;
void log_set_level(enum log_level);
enum log_level log_level_get(void);

void log_line(enum log_level, const char *fmt, ...) printf_like(2, 3);
#define log_error(...) log_line(LOG_ERROR_LEVEL, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG_LEVEL, __VA_ARGS__)

#endif
