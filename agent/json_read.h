/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading JSON where memory may be out: jansson's reader does not survive an allocation that
 * fails (it aborts, or worse). What it cannot have while it reads comes from a reserve, which
 * takes no memory until it is needed; when that is used up as well, it gets NULL.
 *
 * json_read_init once, before the first use of jansson (without it json_read is json_loadb);
 * thread-safe from then on. Objects are freed as ever. What jansson renders is never from the
 * reserve: the caller frees it.
 */
#ifndef SIGNET_AGENT_JSON_READ_H
#define SIGNET_AGENT_JSON_READ_H

#include <stddef.h>
#include <jansson.h>

void json_read_init(void);
/* json_loadb and json_loadfd. */
json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *json_read_fd(int fd, size_t flags, json_error_t *error);

#endif
