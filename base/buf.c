/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define BUF_FIRST 256u

struct buf {
    uint8_t *data;  /* room bytes, or NULL */
    size_t start;   /* contents are data[start .. start + len) */
    size_t len;
    size_t room;
    size_t max;
};

struct buf *
buf_new(void)
{
    struct buf *b = calloc(1, sizeof *b);
    if (b != NULL)
        b->max = BUF_MAX;
    return b;
}

void
buf_free(struct buf **pb)
{
    if (pb == NULL || *pb == NULL)
        return;
    struct buf *b = *pb;
    buf_reset(b);
    free(b->data);
    free(b);
    *pb = NULL;
}

void
buf_reset(struct buf *b)
{
    if (b->len > 0)
        wipe(b->data + b->start, b->len);
    b->start = 0;
    b->len = 0;
}

void
buf_set_max(struct buf *b, size_t max)
{
    if (max < b->max)
        b->max = max;
}

/* Moves the contents to the front of their memory and wipes where they were. */
static void
compact(struct buf *b)
{
    if (b->start == 0)
        return;
    size_t end = b->start + b->len;
    memmove(b->data, b->data + b->start, b->len);
    wipe(b->data + b->len, end - b->len);
    b->start = 0;
}

/* Makes room for more bytes and one NUL behind the contents. */
static int
grow(struct buf *b, size_t more)
{
    if (more > b->max || b->len > b->max - more)
        return E_LIMIT;
    size_t need = b->len + more + 1;
    if (b->data != NULL && need <= b->room - b->start)
        return 0;
    if (b->data != NULL && need <= b->room && b->start >= b->len) {
        compact(b);
        return 0;
    }
    size_t room = b->room < BUF_FIRST ? BUF_FIRST : b->room;
    while (room < need)
        room *= 2;
    uint8_t *data = malloc(room);
    if (data == NULL)
        return E_NOMEM;
    if (b->data != NULL && b->len > 0) {
        memcpy(data, b->data + b->start, b->len);
        wipe(b->data + b->start, b->len);
    }
    free(b->data);
    b->data = data;
    b->start = 0;
    b->room = room;
    return 0;
}

int
buf_reserve(struct buf *b, size_t len, uint8_t **ret)
{
    int rc = grow(b, len);
    if (rc != 0)
        return rc;
    *ret = b->data + b->start + b->len;
    b->len += len;
    return 0;
}

int
buf_put(struct buf *b, const void *data, size_t len)
{
    uint8_t *place;
    if (len == 0)
        return 0;
    int rc = buf_reserve(b, len, &place);
    if (rc == 0)
        memcpy(place, data, len);
    return rc;
}

int
buf_put_str(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

int
buf_put_byte(struct buf *b, uint8_t byte)
{
    return buf_put(b, &byte, 1);
}

int
buf_putfv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return E_INTERNAL;
    int rc = grow(b, (size_t)n);
    if (rc != 0)
        return rc;
    vsnprintf((char *)b->data + b->start + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return 0;
}

int
buf_putf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = buf_putfv(b, fmt, ap);
    va_end(ap);
    return rc;
}

void
buf_consume(struct buf *b, size_t len)
{
    if (len >= b->len) {
        buf_reset(b);
        return;
    }
    wipe(b->data + b->start, len);
    b->start += len;
    b->len -= len;
}

void
buf_trim(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (len == 0)
        return;
    wipe(b->data + b->start + b->len - len, len);
    b->len -= len;
}

const uint8_t *
buf_data(const struct buf *b)
{
    return b->data != NULL ? b->data + b->start : (const uint8_t *)"";
}

uint8_t *
buf_mutable(struct buf *b)
{
    return b->data != NULL ? b->data + b->start : NULL;
}

size_t
buf_len(const struct buf *b)
{
    return b->len;
}

const char *
buf_cstr(struct buf *b)
{
    /* A cap that is reached still leaves room for the NUL: see grow(). */
    if (grow(b, 0) != 0)
        return "";
    b->data[b->start + b->len] = '\0';
    return (const char *)b->data + b->start;
}
