/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that lives and dies together. Not thread-safe. */
#ifndef SIGNET_AGENT_ARENA_H
#define SIGNET_AGENT_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *first;
};

/* Zeroed, aligned for anything; NULL when memory is out. */
void *arena_take(struct arena *, size_t size);
/* A copy; NULL as "". NULL when memory is out. */
const char *arena_text(struct arena *, const char *);
void arena_clear(struct arena *);

#endif
