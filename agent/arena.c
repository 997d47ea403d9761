/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Bytes per block; larger pieces get a block of their own. */
#define BLOCK_SIZE 4000u

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

void *
arena_take(struct arena *a, size_t size)
{
    struct arena_block *b = a->first;

    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!b || b->size - b->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        b = calloc(1, sizeof *b + room);
        if (!b)
            return NULL;
        b->size = room;
        b->next = a->first;
        a->first = b;
    }
    void *p = b->data + b->used;
    b->used += size;
    return p;
}

const char *
arena_text(struct arena *a, const char *text)
{
    if (!text || !*text)
        return "";
    size_t len = strlen(text) + 1;
    char *p = arena_take(a, len);
    return p ? memcpy(p, text, len) : NULL;
}

void
arena_clear(struct arena *a)
{
    while (a->first) {
        struct arena_block *b = a->first;
        a->first = b->next;
        free(b);
    }
}
