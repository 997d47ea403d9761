/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/json_read.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Bytes; more than the listing of a token host may have. */
#define RESERVE_SIZE (4u * 1024 * 1024)
#define ALIGNMENT 16u

static struct {
    pthread_mutex_t lock;
    size_t used, live;  /* bytes; pieces that have not been given back */
    _Alignas(ALIGNMENT) uint8_t bytes[RESERVE_SIZE];
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool reading;

static void *
take_reserved(size_t size)
{
    void *piece = NULL;

    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    pthread_mutex_lock(&reserve.lock);
    if (size > 0 && size <= RESERVE_SIZE - reserve.used) {
        piece = reserve.bytes + reserve.used;
        reserve.used += size;
        reserve.live++;
    }
    pthread_mutex_unlock(&reserve.lock);
    return piece;
}

static void *
take(size_t size)
{
    void *piece = malloc(size > 0 ? size : 1);

    if (!piece && reading)
        piece = take_reserved(size);
    return piece;
}

/* The reserve is whole again when nobody has any of it. */
static void
give_back(void *piece)
{
    uintptr_t at = (uintptr_t)piece, from = (uintptr_t)reserve.bytes;

    if (at < from || at >= from + RESERVE_SIZE) {
        free(piece);
        return;
    }
    pthread_mutex_lock(&reserve.lock);
    if (--reserve.live == 0)
        reserve.used = 0;
    pthread_mutex_unlock(&reserve.lock);
}

void
json_read_init(void)
{
    json_set_alloc_funcs(take, give_back);
}

json_t *
json_read(const char *text, size_t len, size_t flags, json_error_t *error)
{
    reading = true;
    json_t *o = json_loadb(text, len, flags, error);
    reading = false;
    return o;
}

json_t *
json_read_fd(int fd, size_t flags, json_error_t *error)
{
    reading = true;
    json_t *o = json_loadfd(fd, flags, error);
    reading = false;
    return o;
}
