/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps what the system's trust module said, in a file of the user's own, of this machine's
 * byte order: it is made anew when anything about it is not as expected.
 *
 * It holds as long as what it was made from is the same: the module, each file and
 * folder it read and what is in these folders, by time of change, size, inode and name.
 */
#ifndef SIGNET_TRUST_SYSTEM_CACHE_H
#define SIGNET_TRUST_SYSTEM_CACHE_H

#include <stdbool.h>

#include "trust/system_list.h"

/* Fills the (empty) list; false, with the list empty, when there is none that holds. */
bool system_cache_read(const char *file, const char *paths, struct system_list *) must_check;
/* A file that cannot be written is none. */
void system_cache_write(const char *file, const char *paths, const struct system_list *);

#endif
