/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quoted-printable (RFC 2045 6.7), both ways, as streams: the part of
 * mail/transfer.h that no other library here has. The rules are told there.
 *
 * Life of each: new, update with pieces of any size, finish, free. Output goes
 * to the sink in pieces of up to QUOTED_BUFFER bytes. Memory is constant. Fails
 * as the sink does, and with E_NOMEM in new. Not thread-safe.
 */
#ifndef SIGNET_MAIL_QUOTED_H
#define SIGNET_MAIL_QUOTED_H

#include <stdbool.h>

#include "base/sink.h"

#define QUOTED_BUFFER   8192u
#define QUOTED_LINE_MAX 76u

struct quoted_encoder;
int quoted_encoder_new(struct quoted_encoder **ret, bool crlf, const struct sink *out,
                       struct err *err) must_check;
int quoted_encoder_update(struct quoted_encoder *, const uint8_t *data, size_t len,
                          struct err *err) must_check;
int quoted_encoder_finish(struct quoted_encoder *, struct err *err) must_check;
void quoted_encoder_free(struct quoted_encoder **);

struct quoted_decoder;
int quoted_decoder_new(struct quoted_decoder **ret, const struct sink *out,
                       struct err *err) must_check;
int quoted_decoder_update(struct quoted_decoder *, const uint8_t *data, size_t len,
                          struct err *err) must_check;
int quoted_decoder_finish(struct quoted_decoder *, struct err *err) must_check;
void quoted_decoder_free(struct quoted_decoder **);

#endif
