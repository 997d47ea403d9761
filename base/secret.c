/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/secret_heap.h"

struct secret {
    size_t len;
    size_t max;
    uint8_t data[];
};

void
wipe(void *p, size_t len)
{
    if (len > 0)
        explicit_bzero(p, len);
}

struct secret *
secret_new(size_t max)
{
    if (max > SIZE_MAX / 4)
        return NULL;
    struct secret *s = secret_heap_take(sizeof *s + max);
    if (s != NULL)
        s->max = max;
    return s;
}

void
secret_free(struct secret **ps)
{
    if (ps == NULL || *ps == NULL)
        return;
    secret_heap_give(*ps);
    *ps = NULL;
}

int
secret_append(struct secret *s, const void *data, size_t len)
{
    if (len > s->max - s->len)
        return E_LIMIT;
    if (len > 0)
        memcpy(s->data + s->len, data, len);
    s->len += len;
    return 0;
}

int
secret_set(struct secret *s, const void *data, size_t len)
{
    if (len > s->max)
        return E_LIMIT;
    if (len > 0)
        memmove(s->data, data, len);
    secret_set_len(s, len);
    return 0;
}

/* One byte at a time: the descriptor may be shared, and nothing behind the line
 * may be taken from it. */
int
secret_read_line(struct secret *s, int fd)
{
    size_t len = 0;
    secret_wipe(s);
    for (;;) {
        uint8_t c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            wipe(s->data, len);
            return E_SYSTEM;
        }
        if (n == 0 || c == '\n')
            break;
        if (len == s->max) {
            wipe(&c, 1);
            wipe(s->data, len);
            return E_LIMIT;
        }
        s->data[len++] = c;
        wipe(&c, 1);
    }
    if (len > 0 && s->data[len - 1] == '\r')
        s->data[--len] = 0;
    s->len = len;
    return 0;
}

void
secret_wipe(struct secret *s)
{
    wipe(s->data, s->max);
    s->len = 0;
}

const uint8_t *
secret_data_view(const struct secret *s)
{
    return s->data;
}

uint8_t *
secret_mutable(struct secret *s)
{
    return s->data;
}

void
secret_set_len(struct secret *s, size_t len)
{
    s->len = len < s->max ? len : s->max;
    wipe(s->data + s->len, s->max - s->len);
}

size_t
secret_len(const struct secret *s)
{
    return s->len;
}

size_t
secret_max(const struct secret *s)
{
    return s->max;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
    uint8_t diff = 0;
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        diff |= (uint8_t)(a->data[i] ^ b->data[i]);
    return diff == 0;
}

void *
secret_malloc(size_t size)
{
    void *p = secret_heap_take(size);
    if (p == NULL)
        errno = ENOMEM;
    return p;
}

void *
secret_realloc(void *old, size_t size)
{
    if (old != NULL && secret_heap_size(old) >= size)
        return old;
    void *p = secret_malloc(size);
    if (p != NULL && old != NULL) {
        memcpy(p, old, secret_heap_size(old));
        secret_heap_give(old);
    }
    return p;
}

void
secret_release(void *p)
{
    secret_heap_give(p);
}

size_t
secret_unlocked_count(void)
{
    return secret_heap_unlocked();
}

void
secret_harden_process(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
