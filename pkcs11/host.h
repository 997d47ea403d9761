/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The token host's process: lanes as threads, and a main thread that watches.
 *
 * The host ends when all its lanes are closed by the agent, or on SIGTERM, or
 * when the agent has died. Operations under way get HOST_GRACE_MS to finish
 * (a SoftHSM killed while it writes loses its token); a vendor call that hangs
 * longer is left behind by _exit(). It never forks. Behind the lanes' descriptors there may
 * be one more, for events (pkcs11/events.h).
 */
#ifndef SIGNET_PKCS11_HOST_H
#define SIGNET_PKCS11_HOST_H

#include "base/err.h"
#include "pkcs11/host_args.h"

/* First inherited socket. */
#define HOST_FIRST_FD 3
#define HOST_GRACE_MS 3000

/* Serves until the end, then leaves the process with _exit(0). Returns only when
 * it could not start; a module that cannot be loaded is no such case: the lanes
 * then answer every command with the reason. */
int host_serve(const struct host_args *, struct err *err) must_check;

#endif
