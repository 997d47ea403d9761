/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's socket: mode 0600 in the runtime folder (0700), for the user and root
 * alone; the machine's agent's: mode 0660, for its group. */
#ifndef SIGNET_AGENT_SOCKET_H
#define SIGNET_AGENT_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/audit.h"
#include "base/err.h"
#include "base/home.h"

/* A socket that was made here: its descriptor, and which file it is. */
struct socket_file {
    int fd;
    dev_t dev;
    ino_t ino;
};

/* Binds and listens. Whoever calls this holds the agent's lock: a socket that is
 * there already is stale and is replaced. */
int socket_open(const struct home *, struct socket_file *ret, struct err *err) must_check;
/* The same at any path, with that mode. */
int socket_listen(const char *path, mode_t mode, struct socket_file *ret,
                  struct err *err) must_check;
/* Whether somebody listens there. */
bool socket_answers(const struct home *);
/* Unless another one has taken its place. */
void socket_remove(const char *path, const struct socket_file *);

/* Who is at the other end: 0, or -1 when it is another user. shared: any user, the file's
 * mode having kept out who is not meant. */
int socket_peer(int fd, bool shared, struct peer *ret) must_check;

#endif
