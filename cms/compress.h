/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing CompressedData (RFC 3274) with zlib, as a stream.
 *
 * Life: cms_compress_new; cms_compress_update with the content in pieces of any
 * size; cms_compress_finish; cms_compress_free, in every case. Content is compressed
 * and passed on, never kept. The size of what comes out is not known before, so the
 * message is BER with indefinite lengths around segments of CMS_SEGMENT_SIZE.
 *
 * Reading is cms/reader.h's: the content sink gets what was compressed.
 *
 * One cms_compress belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_COMPRESS_H
#define SIGNET_CMS_COMPRESS_H

#include <stddef.h>

#include "base/err.h"
#include "base/sink.h"

struct cms_compress_options {
    int content_type;   /* NID; 0 is id-data */
    int level;          /* 1 (fast) to 9 (small); 0: zlib's default */
};

struct cms_compress;

/* out is copied. E_USAGE, E_NOMEM. */
int cms_compress_new(struct cms_compress **ret, const struct cms_compress_options *,
                     const struct sink *out, struct err *err) must_check;
/* Returns what the sink returned when it stopped. */
int cms_compress_update(struct cms_compress *, const void *data, size_t len,
                        struct err *err) must_check;
/* Writes what is left. Nothing may be called afterwards but free. */
int cms_compress_finish(struct cms_compress *, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_compress_free(struct cms_compress **);
#define autofree_cms_compress __attribute__((cleanup(cms_compress_free)))

#endif
