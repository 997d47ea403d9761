/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is being received: values one behind the other in a memory file, no longer in all
 * than was asked for, no more of them than WIRE_VALUES_MAX.
 *
 * Life: answer_init; for each value answer_value and answer_put as its bytes come;
 * answer_seal; answer_clear. The first byte beyond the limit is E_LIMIT, and is not kept.
 */
#ifndef SIGNET_FETCH_ANSWER_H
#define SIGNET_FETCH_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/wire.h"

struct answer {
    int fd;                 /* -1 while nothing came */
    uint64_t max;
    uint64_t total;
    uint32_t *lengths;
    size_t count;
    size_t room;
};

void answer_init(struct answer *, uint64_t max);
/* Begins the next value. */
int answer_value(struct answer *) must_check;
int answer_put(struct answer *, const void *data, size_t len) must_check;
/* Forgets what came. */
int answer_restart(struct answer *) must_check;
/* After this nobody can change the file any more. */
int answer_seal(struct answer *) must_check;
void answer_clear(struct answer *);

#endif
