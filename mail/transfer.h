/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content-Transfer-Encoding (RFC 2045 6): its names, and streams that encode and
 * decode quoted-printable and base64.
 *
 * Life: transfer_encoder_new or transfer_decoder_new; transfer_update with
 * pieces of any size; transfer_finish; transfer_free. The identity encodings
 * (7bit, 8bit, binary) pass the bytes through.
 *
 * Encoding quoted-printable: input lines end with LF or CRLF, output lines as
 * `crlf` says; lines have at most 76 bytes; blanks at a line's end, bare CR, controls
 * and bytes over 126 are escaped, and a "From " or a lone "." at a line's
 * start, which relays change. Base64 encodes the bytes as they are.
 *
 * Decoding quoted-printable forgives what RFC 2045 6.7 says to forgive: lower-case
 * digits, a stray "=" (kept), blanks at line ends (dropped). Base64 is strict
 * (cms/pem.h). Errors: E_MALFORMED from base64, E_NOMEM, or the sink's. Not
 * thread-safe.
 */
#ifndef SIGNET_MAIL_TRANSFER_H
#define SIGNET_MAIL_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"

/* Those from TRANSFER_QP on change the bytes. */
enum transfer {
    TRANSFER_7BIT,
    TRANSFER_8BIT,
    TRANSFER_BINARY,
    TRANSFER_QP,
    TRANSFER_BASE64,
    TRANSFER_UNKNOWN,
};

/* From the field's value; comments and case do not matter. */
enum transfer transfer_by_field(const uint8_t *value, size_t len);
/* "quoted-printable"; NULL for TRANSFER_UNKNOWN. */
const char *transfer_name(enum transfer);

struct transfer_stream;
int transfer_encoder_new(struct transfer_stream **ret, enum transfer, bool crlf,
                         const struct sink *out, struct err *err) must_check;
/* E_UNSUPPORTED for TRANSFER_UNKNOWN. */
int transfer_decoder_new(struct transfer_stream **ret, enum transfer, const struct sink *out,
                         struct err *err) must_check;
int transfer_update(struct transfer_stream *, const uint8_t *data, size_t len,
                    struct err *err) must_check;
int transfer_finish(struct transfer_stream *, struct err *err) must_check;
void transfer_free(struct transfer_stream **);
/* A sink that is transfer_update. */
struct sink transfer_sink(struct transfer_stream *);

#endif
