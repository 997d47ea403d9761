/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client that says to the agent whatever a test wants, over a bare socket. */
#ifndef SIGNET_TESTS_AGENT_RAW_H
#define SIGNET_TESTS_AGENT_RAW_H

#include <stdbool.h>
#include <stddef.h>

/* Longest reply that is kept. */
#define RAW_REPLY_MAX (64u * 1024)
/* Seconds after which a silent agent hangs. */
#define RAW_PATIENCE 60

/* Connects; -1 when nobody listens. */
int raw_connect(const char *path);
/* The same, and takes the greeting; -1 when there is none. */
int raw_open(const char *path);
bool raw_send(int fd, const void *data, size_t len);
/* Reads lines until OK, ERR or INQUIRE; the whole reply in out. Returns where that last line
 * begins, or NULL when the agent has hung up. Aborts the process when the agent hangs. */
const char *raw_reply(int fd, char out[RAW_REPLY_MAX]);
/* Sends the line (without its end) and takes the reply: its last line, "" when it hung up.
 * Borrowed till the thread's next call. */
const char *raw_ask(int fd, const char *line);
/* Whether the agent hangs up without saying more. */
bool raw_at_end(int fd);

#endif
