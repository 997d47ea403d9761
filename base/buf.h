/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A growable byte buffer. What it held is wiped when it grows, is reset or is
 * freed: wiping is the default because much of what passes here is half-secret.
 * (Secrets themselves live in base/secret.h.)
 *
 * Life: buf_new, buf_put and friends, buf_data and buf_len, buf_free. A buffer
 * has a cap, BUF_MAX unless buf_set_max() says less; going over gives E_LIMIT
 * and leaves the contents as they were. Not thread-safe.
 */
#ifndef SIGNET_BASE_BUF_H
#define SIGNET_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BUF_MAX (256u * 1024 * 1024)

struct buf;

/* A new empty buffer, or NULL when memory is out. */
struct buf *buf_new(void) must_check;
/* Wipes and frees; accepts NULL and pointer to NULL; nulls the pointer. */
void buf_free(struct buf **);
#define autofree_buf __attribute__((cleanup(buf_free)))

/* Wipes the contents and makes it empty; the memory is kept. */
void buf_reset(struct buf *);
/* Lowers the cap for this buffer, in bytes. */
void buf_set_max(struct buf *, size_t max);

/* Appends. Return 0, E_NOMEM or E_LIMIT; on failure nothing changed. */
int buf_put(struct buf *, const void *data, size_t len) must_check;
int buf_put_str(struct buf *, const char *) must_check;
int buf_put_byte(struct buf *, uint8_t) must_check;
int buf_putf(struct buf *, const char *fmt, ...) must_check printf_like(2, 3);
int buf_putfv(struct buf *, const char *fmt, va_list) must_check printf_like(2, 0);
/* Appends len uninitialised bytes and gives their place, valid till the next call. */
int buf_reserve(struct buf *, size_t len, uint8_t **ret) must_check;

/* Removes len bytes from the front or the end (at most what is there). */
void buf_consume(struct buf *, size_t len);
void buf_trim(struct buf *, size_t len);

/* Borrowed, valid till the next change. buf_data is never NULL; buf_cstr is the
 * contents with a NUL behind them (not counted in buf_len), or "" without memory. */
const uint8_t *buf_data(const struct buf *);
uint8_t *buf_mutable(struct buf *);
size_t buf_len(const struct buf *);
const char *buf_cstr(struct buf *);

#endif
