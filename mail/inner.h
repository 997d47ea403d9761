/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mail/sign.c and mail/encrypt.c make of a mail before they put it into CMS: its
 * header parted into what stays outside and the header of the entity inside, and
 * the entity's body. Not for others.
 *
 * Life: inner_new; inner_update with the whole mail; inner_finish; inner_free. When
 * the header is whole, `begin` is called once; what comes after that is the entity
 * inside, byte for byte with its own line ends, to `content`.
 *
 * A mail that is refused is E_MALFORMED with a sentence (mail/sign.h says which).
 */
#ifndef SIGNET_MAIL_INNER_H
#define SIGNET_MAIL_INNER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/sink.h"
#include "mail/protect.h"
#include "mail/scan.h"

struct inner_options {
    const struct scan *scan;     /* NULL: not scanned; borrowed */
    bool reencode;               /* parts that a relay would break, as the scan says */
    bool drop_bcc;
    struct mail_protection protection;
    const char *verb;            /* "sign", for sentences */
    /* outer: the fields outside, MIME-Version among them, no Content-*, no empty line;
     * more is appended by the callee. size: of the entity in canonical form, -1 when it
     * is not known. eol as in the mail's first line. */
    int (*begin)(void *arg, struct buf *outer, int64_t size, const char *eol, struct err *err);
    int (*content)(void *arg, const uint8_t *data, size_t len, struct err *err);
    void *arg;
};

struct inner;
int inner_new(struct inner **ret, const struct inner_options *, struct err *err) must_check;
int inner_update(struct inner *, const uint8_t *data, size_t len, struct err *err) must_check;
int inner_finish(struct inner *, struct err *err) must_check;
void inner_free(struct inner **);

#endif
