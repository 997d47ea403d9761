/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The anchors of a command: those that --anchor names, those in the folder "anchors" beside the
 * user's configuration and in /etc/signet/anchors (not under --home), those marked in the
 * store (trust/path.h looks), and the system's unless [trust] system-anchors is no. */
#ifndef SIGNET_CLI_ANCHORS_H
#define SIGNET_CLI_ANCHORS_H

#include "cli/cli.h"
#include "trust/anchors.h"

#define ANCHORS_FOLDER "anchors"
#define ANCHORS_OF_MACHINE "/etc/signet/anchors"
/* In the state folder: the system's anchors as they were read last. */
#define ANCHORS_CACHE "system-anchors"

/* The caller frees *ret, also after a failure. E_INPUT for a file of --anchor that holds none. */
int anchors_of_options(struct anchors **ret, const struct cli *, const struct conf *,
                       const struct options *, struct err *err) must_check;

#endif
