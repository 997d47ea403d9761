/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Canonical line ends (RFC 8551 3.1.1): what is signed ends its lines with CRLF.
 *
 * Life: canonical_init, canonical_update with pieces of any size. A bare LF
 * becomes CRLF; CRLF and bare CR stay. Pieces that are canonical already go to
 * the sink as they are, uncopied; others pass through a buffer inside. There is
 * nothing to finish. Not thread-safe.
 */
#ifndef SIGNET_MAIL_CANONICAL_H
#define SIGNET_MAIL_CANONICAL_H

#include <stdbool.h>

#include "base/sink.h"

#define CANONICAL_BUFFER (32u * 1024)

struct canonical {
    bool after_cr;                  /* the last byte seen was a CR */
    uint8_t buffer[CANONICAL_BUFFER];
};

void canonical_init(struct canonical *);
/* Fails only as the sink does. */
int canonical_update(struct canonical *, const uint8_t *data, size_t len,
                     const struct sink *out, struct err *err) must_check;

#endif
