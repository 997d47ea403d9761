/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/answer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define ROOM_FIRST 4

void
answer_init(struct answer *a, uint64_t max)
{
    *a = (struct answer){.fd = -1, .max = max};
}

int
answer_value(struct answer *a)
{
    if (a->count == WIRE_VALUES_MAX)
        return E_LIMIT;
    if (a->count == a->room) {
        size_t room = a->room > 0 ? 2 * a->room : ROOM_FIRST;
        uint32_t *more = realloc(a->lengths, room * sizeof *more);
        if (more == NULL)
            return E_NOMEM;
        a->lengths = more;
        a->room = room;
    }
    a->lengths[a->count++] = 0;
    return 0;
}

int
answer_put(struct answer *a, const void *data, size_t len)
{
    if (a->count == 0)
        return E_INTERNAL;
    if (len > a->max - a->total || len > UINT32_MAX - a->lengths[a->count - 1])
        return E_LIMIT;
    if (len == 0)
        return 0;
    if (a->fd < 0)
        a->fd = memfd_create("signet-fetch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (a->fd < 0 || io_write_all(a->fd, data, len) != 0)
        return E_NOMEM;
    a->total += len;
    a->lengths[a->count - 1] += (uint32_t)len;
    return 0;
}

int
answer_restart(struct answer *a)
{
    a->count = 0;
    a->total = 0;
    if (a->fd < 0)
        return 0;
    return ftruncate(a->fd, 0) == 0 && lseek(a->fd, 0, SEEK_SET) == 0 ? 0 : E_SYSTEM;
}

int
answer_seal(struct answer *a)
{
    return a->fd < 0 || fcntl(a->fd, F_ADD_SEALS, SEALS) == 0 ? 0 : E_SYSTEM;
}

void
answer_clear(struct answer *a)
{
    if (a->fd >= 0)
        close(a->fd);
    free(a->lengths);
    answer_init(a, 0);
}
