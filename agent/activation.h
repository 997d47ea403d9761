/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets that a service manager has opened for the agent (sd_listen_fds(3), the protocol of
 * LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES): descriptors from 3 upwards. One named "metrics"
 * is the metrics' (FileDescriptorName=), the other one the agent's own. Such a socket
 * is the manager's: it is there before the agent and stays behind it.
 */
#ifndef SIGNET_AGENT_ACTIVATION_H
#define SIGNET_AGENT_ACTIVATION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/home.h"

struct activation {
    int agent;    /* -1: the manager passed none */
    int metrics;
};

/* Takes the variables out of the environment whatever they say. What was meant for
 * another process is left alone; E_CONFIG when a descriptor is no listening Unix
 * stream socket or there are more than two. To be called before anything is opened. */
int activation_take(struct activation *ret, struct err *err) must_check;

/* Whether this listening socket may serve that home: it is in the file system, and only
 * those whom the home is for can connect (the user; the machine's agent: a group).
 * E_DENIED says what is wrong with its mode, E_CONFIG that it is another home's. */
int activation_check(int fd, const struct home *, struct err *err) must_check;

#endif
