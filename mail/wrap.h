/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several layers around one mail, in one pass: signed, compressed, encrypted, signed
 * again (RFC 8551 3.7; the triple wrap of RFC 2634 1.1), each the sink of the one
 * before.
 *
 * Life: as mail/sign.h's: scan the mail; mail_wrap_new; mail_wrap_update with the
 * whole mail; mail_wrap_finish, which calls the signers of both signatures;
 * mail_wrap_free. The header is protected in the innermost layer, whatever that is.
 *
 * At least one layer is wanted. Errors are those of the layers. Not thread-safe.
 */
#ifndef SIGNET_MAIL_WRAP_H
#define SIGNET_MAIL_WRAP_H

#include <stdbool.h>

#include "mail/encrypt.h"
#include "mail/sign.h"

struct mail_wrap_options {
    const struct scan *scan;                    /* finished; borrowed until mail_wrap_free */
    const struct cms_sign_options *sign;        /* NULL: not signed */
    const struct cms_sign_options *outer;       /* the second signature's; NULL: as sign */
    bool opaque;                                /* the first signature */
    bool compress;
    const struct cms_encrypt_options *encrypt;  /* NULL: not encrypted */
    bool triple;                                /* sign and encrypt, and sign again */
    struct mail_protection protection;          /* mode is chosen here unless PROTECT_NONE */
};

struct mail_wrap;
/* E_USAGE for no layer, or triple without both others. */
int mail_wrap_new(struct mail_wrap **ret, const struct mail_wrap_options *,
                  const struct sink *out, struct err *err) must_check;
int mail_wrap_update(struct mail_wrap *, const uint8_t *data, size_t len,
                     struct err *err) must_check;
int mail_wrap_finish(struct mail_wrap *, struct err *err) must_check;
void mail_wrap_free(struct mail_wrap **);
/* A sink that is mail_wrap_update. */
struct sink mail_wrap_sink(struct mail_wrap *);

#endif
