/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets: PINs and content keys. The memory is a private mapping that is
 * locked (never swapped), left out of core files, not inherited by a fork, and
 * wiped before it is given back. A secret is never printable and never copied
 * into a plain buffer; hand it on as (data, len) and let it die where it is.
 *
 * Locking can fail (RLIMIT_MEMLOCK); the secret then works, and
 * secret_unlocked_count() tells, so that the agent can say so in its status.
 * One secret belongs to one thread at a time; the counters are thread-safe.
 */
#ifndef SIGNET_BASE_SECRET_H
#define SIGNET_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct secret;

/* An empty secret that can hold max bytes; NULL when memory is out. */
struct secret *secret_new(size_t max) must_check;
/* Wipes and unmaps; accepts NULL and pointer to NULL; nulls the pointer. */
void secret_free(struct secret **);
#define autofree_secret __attribute__((cleanup(secret_free)))

/* Replace or append; E_LIMIT (and no change) when it would not fit. */
int secret_set(struct secret *, const void *data, size_t len) must_check;
int secret_append(struct secret *, const void *data, size_t len) must_check;
/* Reads the first line of fd (without its line end) straight into the secret. */
int secret_read_line(struct secret *, int fd) must_check;
void secret_wipe(struct secret *);

const uint8_t *secret_data_view(const struct secret *);
/* For callers that fill it by themselves: room for max bytes, then secret_set_len. */
uint8_t *secret_mutable(struct secret *);
void secret_set_len(struct secret *, size_t len);
size_t secret_len(const struct secret *);
size_t secret_max(const struct secret *);

/* Compares in time that depends on the lengths alone. */
bool secret_equal(const struct secret *, const struct secret *);

/* malloc-shaped access to the same memory, for libraries that take allocation
 * hooks (libassuan contexts through which PINs pass). */
void *secret_malloc(size_t size);
void *secret_realloc(void *, size_t size);
void secret_release(void *);

/* How many live secrets could not be locked. */
size_t secret_unlocked_count(void);

/* Makes this process non-dumpable and its core limit 0; call first in main() of
 * whatever handles a PIN. */
void secret_harden_process(void);

/* memset that the compiler may not drop. */
void wipe(void *, size_t len);

#endif
