/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets of a string in segments (X.690, 8.7.3), as the content of a message of
 * unknown length is written: small pieces are merged to CMS_SEGMENT_SIZE.
 *
 * Life: segments_init; segments_put; segments_flush at the string's end, whose
 * header and end-of-contents are the caller's; segments_clear.
 */
#ifndef SIGNET_CMS_SEGMENTS_H
#define SIGNET_CMS_SEGMENTS_H

#include "base/buf.h"
#include "base/sink.h"

struct segments {
    struct buf *small;  /* pieces that are waiting for more */
};

/* E_NOMEM. */
int segments_init(struct segments *) must_check;
/* E_NOMEM, or what the sink returned. */
int segments_put(struct segments *, const struct sink *out, const uint8_t *data, size_t len,
                 struct err *err) must_check;
int segments_flush(struct segments *, const struct sink *out, struct err *err) must_check;
void segments_clear(struct segments *);

#endif
