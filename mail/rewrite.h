/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mail/inner.c changes in a mail on its way into CMS: its header is parted in two,
 * with protected fields (mail/protect.h), and a part that must be transfer-encoded or
 * gets a legacy display element has another header and another body. Not for others.
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
#include "mail/protect.h"
#include "mail/scan.h"

struct rewrite_wish {
    const struct scan *scan;       /* of the mail; NULL when it was not scanned */
    enum scan_plan plan;           /* for this entity */
    bool drop_bcc;
    bool legacy_display;           /* this entity gets one */
    struct mail_protection protection;
    const char *eol;
};

/* The mail's header: what stays outside, MIME-Version behind it when it had none
 * (no empty line yet); and the inner entity's, empty line included. */
int rewrite_split(const struct entity *, const struct rewrite_wish *, struct buf *outer,
                  struct buf *inner) must_check;
/* A part's header as the wish asks for. */
int rewrite_header(const struct header *, const struct rewrite_wish *,
                   struct buf *out) must_check;
/* Its size with every line end as CRLF. */
uint64_t rewrite_canonical_size(const struct buf *);

/* The encoding that an entity gets. */
enum transfer rewrite_transfer(enum scan_plan, enum transfer from);

struct rewrite_body_options {
    enum transfer from, to;
    bool crlf;
    const struct buf *legacy;   /* an element to put in; NULL: none */
    bool html;                  /* into HTML */
};

struct rewrite;
/* Decodes what came and encodes it again. */
int rewrite_body_new(struct rewrite **ret, const struct rewrite_body_options *,
                     const struct sink *out, struct err *err) must_check;
int rewrite_body_update(struct rewrite *, const uint8_t *data, size_t len,
                        struct err *err) must_check;
int rewrite_body_finish(struct rewrite *, struct err *err) must_check;
void rewrite_body_free(struct rewrite **);

#endif
