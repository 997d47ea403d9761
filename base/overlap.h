/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading ahead and writing behind: a thread that does a file's system calls while the
 * caller computes, so that both cores work. For regular files alone, whose reads
 * and writes end: a thread in one is waited for. base/io.h uses both for large files; small
 * ones are done before a thread would have begun.
 *
 * The threads block all signals and touch nothing but their descriptor, which is the
 * caller's and stays open until the end of each.
 *
 * Life of a reader: ahead_new, ahead_next until 0 or an error, ahead_free at any time.
 * Of a writer: behind_new, behind_write, behind_settle, behind_free. Each object belongs to
 * one thread of the caller's.
 */
#ifndef SIGNET_BASE_OVERLAP_H
#define SIGNET_BASE_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Files of fewer bytes do not earn a thread. */
#define OVERLAP_MIN (4u * 1024 * 1024)

/* There is a second processor for this process. */
bool overlap_helps(void);

struct ahead;
/* E_NOMEM, also when there can be no thread: read without. */
int ahead_new(struct ahead **ret, int fd) must_check;
/* The next bytes, borrowed until the next call: how many, 0 at the end, -1 with errno. */
ssize_t ahead_next(struct ahead *, const uint8_t **ret) must_check;
/* The descriptor stands somewhere behind what was given out. */
void ahead_free(struct ahead **);

struct behind;
int behind_new(struct behind **ret, int fd) must_check;
/* Takes a copy. 0, or -1 with the errno of a write, this one or an earlier: from the first
 * that fails on nothing is written. */
int behind_write(struct behind *, const void *data, size_t len) must_check;
/* All that was given has been written when this returns 0; -1 with errno. The
 * descriptor is the caller's to use until the next behind_write. */
int behind_settle(struct behind *) must_check;
/* Without behind_settle before it, what was given may have been written or not. */
void behind_free(struct behind **);

#endif
