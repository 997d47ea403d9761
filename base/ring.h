/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few large buffers that go round between two threads: one fills them, the other
 * drains them, in order, and each waits when it is ahead by all of them.
 *
 * Life: ring_new; then the filler ring_fill, ring_filled, ..., ring_end, and the
 * drainer ring_drain, ring_drained, ..., or ring_leave when it wants no more. When the
 * threads are joined, ring_free, which wipes. base/overlap.h has the two threads that
 * this is for.
 */
#ifndef SIGNET_BASE_RING_H
#define SIGNET_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Buffers, and bytes in each: what is under way stays in the processor's caches. */
#define RING_SLOTS 3
#define RING_PIECE (256u * 1024)

struct ring;

/* E_NOMEM. */
int ring_new(struct ring **ret) must_check;
void ring_free(struct ring **);

/* Room for RING_PIECE bytes, the same until ring_filled; NULL when the drainer left, with
 * what it said in *ret_sys. */
uint8_t *ring_fill(struct ring *, int *ret_sys);
/* The room has len bytes (more than 0) now. */
void ring_filled(struct ring *, size_t len);
/* Nothing more comes; sys: 0, or the errno that is why. */
void ring_end(struct ring *, int sys);
/* Waits until all is drained; 0, or what the drainer said when it left before. */
int ring_settle(struct ring *);

/* The next bytes, the same until ring_drained; 0 when nothing more comes, with why
 * in *ret_sys. */
size_t ring_drain(struct ring *, const uint8_t **ret, int *ret_sys);
void ring_drained(struct ring *);
/* Nothing more is taken; the filler is told sys. */
void ring_leave(struct ring *, int sys);

#endif
