/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any BER into DER (X.690, section 10): shortest definite lengths, strings in one
 * piece, BOOLEAN TRUE as FF, and the elements of each universal SET in
 * ascending order. That is what RFC 5652, 5.4 hashes of signed attributes.
 *
 * Without a schema a SET cannot be told from a SET OF; both are ordered as a SET
 * OF (11.6), which differs only for a SET of mixed constructed and primitive
 * types, and no attribute in use has one. DEFAULT values are left as they are.
 */
#ifndef SIGNET_CMS_DER_H
#define SIGNET_CMS_DER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends the DER of the one element that data is. E_MALFORMED (also for bytes
 * behind it), E_LIMIT (nested deeper than CMS_MAX_DEPTH), E_NOMEM. */
int der_normalize(const uint8_t *data, size_t len, struct buf *out) must_check;

/* Appends a header and content. */
int der_put(struct buf *out, uint8_t id, const void *content, size_t len) must_check;

/* Appends a SET (or what is tagged as one, by id) of the DER elements that are one
 * behind the other in elements, in ascending order. */
int der_put_set(struct buf *out, uint8_t id, const struct buf *elements) must_check;

#endif
