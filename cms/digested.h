/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DigestedData (RFC 5652, section 7), as a stream: content and its digest. It shows
 * damage by chance, and proves nothing of where the content comes from: whoever alters it
 * can make a new digest.
 *
 * Writing: cms_digested_new; cms_digested_update with the content; cms_digested_finish;
 * cms_digested_free, in every case. content_size known: DER; -1: BER, in segments.
 *
 * Reading is cms/reader.h's: cms_reader_finish gives E_ALTERED when the digest is not
 * the content's, E_UNSUPPORTED comes at once when the digest is not known or the
 * content is not in the message.
 *
 * One object belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_DIGESTED_H
#define SIGNET_CMS_DIGESTED_H

#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/sink.h"
#include "cms/reader.h"

struct cms_digested_options {
    const struct alg_digest *digest;    /* NULL: SHA-256 */
    int64_t content_size;               /* bytes that will come; -1 unknown */
    int content_type;                   /* NID; 0 is id-data */
};

struct cms_digested;

/* out is copied. E_USAGE, E_WEAK (MD5, SHA-1), E_UNSUPPORTED, E_NOMEM. */
int cms_digested_new(struct cms_digested **ret, const struct cms_digested_options *,
                     const struct sink *out, struct err *err) must_check;
/* Returns what the sink returned when it stopped; E_USAGE when more comes than
 * content_size said. */
int cms_digested_update(struct cms_digested *, const void *data, size_t len,
                        struct err *err) must_check;
/* Nothing may be called afterwards but free. E_USAGE when less came than was said. */
int cms_digested_finish(struct cms_digested *, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_digested_free(struct cms_digested **);
#define autofree_cms_digested __attribute__((cleanup(cms_digested_free)))

/* The digest of a DigestedData that is or was read; NULL for other types and before it
 * is known. */
const struct alg_digest *cms_reader_digest(const struct cms_reader *);

#endif
