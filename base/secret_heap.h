/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory under base/secret.h: locked chunks, cut into blocks of sizes that
 * are powers of two; large blocks have a mapping of their own. Blocks are wiped
 * when they are released and chunks stay for the process's life. A forked child
 * sees zeros and starts over. Thread-safe. Private to base/.
 */
#ifndef SIGNET_BASE_SECRET_HEAP_H
#define SIGNET_BASE_SECRET_HEAP_H

#include <stddef.h>

/* Zeroed memory, 16-aligned; NULL when memory is out. */
void *secret_heap_take(size_t size);
/* Bytes that fit into the block; 0 for what a fork has wiped. */
size_t secret_heap_size(const void *);
/* Accepts NULL. */
void secret_heap_give(void *);
/* Live blocks whose memory could not be locked. */
size_t secret_heap_unlocked(void);

#endif
