/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The anchors that --anchor names. */
#ifndef SIGNET_CLI_ANCHORS_H
#define SIGNET_CLI_ANCHORS_H

#include "cli/options.h"
#include "trust/path.h"

/* The certificates of all files after --anchor; the caller frees *ret, also after a
 * failure. E_INPUT for a file that holds none. */
int anchors_of_options(struct anchors **ret, const struct options *, struct err *err) must_check;

#endif
