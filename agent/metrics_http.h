/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As much of HTTP/1.1 (RFC 9112) as a reader of metrics wants: GET or HEAD of "/metrics" or
 * "/", one request, one reply, then the connection is closed. Of the request only the first
 * line is heeded, and its headers are read to their end.
 */
#ifndef SIGNET_AGENT_METRICS_HTTP_H
#define SIGNET_AGENT_METRICS_HTTP_H

#include "base/buf.h"

/* Longest request, in bytes, and the time that a client has in all, in milliseconds. */
#define METRICS_HTTP_MAX 4096u
#define METRICS_HTTP_MS 2000

/* Serves one client whose descriptor does not block; it stays the caller's. render
 * appends what is told. */
void metrics_http(int fd, int (*render)(void *arg, struct buf *out), void *arg);

#endif
