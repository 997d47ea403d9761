/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers that outlive the agent: for each 32-byte name one number, in the file "counts" of the
 * state folder. Records of 128 bytes in text (name in hex, number, check sum), each within one
 * sector of the disk, rewritten in place and on the disk (fdatasync(2)) when counts_put
 * returns. A last record that was not wholly written was never promised and is dropped; any
 * other damage is E_SYSTEM with a sentence, and whatever depends on the numbers is refused.
 *
 * The file must be a file of the agent's own, writable by nobody else. Not thread-safe.
 */
#ifndef SIGNET_AGENT_COUNTS_H
#define SIGNET_AGENT_COUNTS_H

#include <stdint.h>

#include "base/err.h"

#define COUNTS_NAME_SIZE 32u
/* Numbers in the file at most. */
#define COUNTS_MAX 4096u

struct counts;

/* A missing file is made by the first counts_put. */
int counts_open(struct counts **ret, const char *path, struct err *err) must_check;
void counts_close(struct counts **);
/* 0 for a name that is not there. */
uint64_t counts_get(const struct counts *, const uint8_t name[COUNTS_NAME_SIZE]);
int counts_put(struct counts *, const uint8_t name[COUNTS_NAME_SIZE], uint64_t,
               struct err *err) must_check;

#endif
