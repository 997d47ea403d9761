/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a stream goes: one callback. Called with pieces of any size in order;
 * 0 to go on, a negative E_* (with err filled) to stop the producer, which then
 * returns that code unchanged. The piece is valid during the call only.
 */
#ifndef SIGNET_BASE_SINK_H
#define SIGNET_BASE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sink {
    int (*write)(void *arg, const uint8_t *data, size_t len, struct err *err);
    void *arg;
};

static inline int
sink_write(const struct sink *s, const uint8_t *data, size_t len, struct err *err)
{
    return len == 0 ? 0 : s->write(s->arg, data, len, err);
}

#endif
