/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a service manager is told (sd_notify(3), the protocol of NOTIFY_SOCKET): datagrams of
 * NAME=VALUE lines to the socket that the environment names.
 *
 * notify_open connects, and takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the
 * environment, so that no token host or pinentry speaks for the agent. Without
 * NOTIFY_SOCKET it gives NULL, and all functions take NULL: then nobody is told. A manager
 * that does not listen is no failure. Thread-safe; notify_due and notify_watchdog are
 * for one thread.
 */
#ifndef SIGNET_AGENT_NOTIFY_H
#define SIGNET_AGENT_NOTIFY_H

struct notify;

struct notify *notify_open(void);
void notify_free(struct notify **);

/* status: one line for `systemctl status`, or NULL. */
void notify_ready(struct notify *, const char *status);
/* Before the configuration is read anew; notify_ready follows. */
void notify_reloading(struct notify *);
void notify_stopping(struct notify *);
/* errno of what went wrong, and the sentence. */
void notify_failed(struct notify *, int sys, const char *sentence);

/* Milliseconds until notify_watchdog is due, as poll(2) takes them; -1: never. */
int notify_due(struct notify *);
void notify_watchdog(struct notify *);

#endif
