/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mail/sign.c changes in a mail on its way under a signature: its header is
 * parted in two, and a part that must be transfer-encoded gets another header
 * field and another body. Not for others.
 *
 * The header functions append to the caller's buffers and fail with E_NOMEM or
 * E_LIMIT. A struct rewrite is one body's stream: new, update, finish, free.
 */
#ifndef SIGNET_MAIL_REWRITE_H
#define SIGNET_MAIL_REWRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/sink.h"
#include "mail/entity.h"
#include "mail/scan.h"

/* The mail's header: what stays outside, MIME-Version behind it when it had none
 * (no empty line yet); and the signed entity's, empty line included. */
int rewrite_split(const struct entity *, const struct scan *, enum scan_plan, const char *eol,
                  struct buf *outer, struct buf *inner) must_check;
/* A part's header with the Content-Transfer-Encoding that the plan asks for. */
int rewrite_header(const struct header *, enum scan_plan, const char *eol,
                   struct buf *out) must_check;
/* Its size with every line end as CRLF. */
uint64_t rewrite_canonical_size(const struct buf *);

struct rewrite;
/* Decodes what came as `from` and encodes it as the plan says. */
int rewrite_body_new(struct rewrite **ret, enum transfer from, enum scan_plan, bool crlf,
                     const struct sink *out, struct err *err) must_check;
int rewrite_body_update(struct rewrite *, const uint8_t *data, size_t len,
                        struct err *err) must_check;
int rewrite_body_finish(struct rewrite *, struct err *err) must_check;
void rewrite_body_free(struct rewrite **);

#endif
