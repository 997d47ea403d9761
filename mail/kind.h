/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which role an entity has in S/MIME, by its header alone (RFC 8551 3.2, 3.9),
 * with the older and wrong names that senders use. Pure functions.
 */
#ifndef SIGNET_MAIL_KIND_H
#define SIGNET_MAIL_KIND_H

#include <stdbool.h>

#include "mail/header.h"
#include "mail/param.h"

enum mail_kind {
    KIND_OTHER,
    KIND_SIGNED,     /* multipart/signed, unless its protocol is another one's */
    KIND_OPENPGP,    /* multipart/signed of RFC 3156 */
    KIND_CMS,        /* application/pkcs7-mime, or a file named *.p7m, *.p7c, *.p7z */
    KIND_SIGNATURE,  /* application/pkcs7-signature, or a file named *.p7s */
};

/* media may be NULL; the header gives Content-Disposition. E_NOMEM. */
int kind_of(const struct media *, const struct header *, enum mail_kind *ret) must_check;

/* Of an entity of KIND_CMS or KIND_SIGNATURE: it has one of their types, or the name
 * that mail programs give (smime.p7m), and is no attached file of somebody's. False when
 * memory is out. */
bool kind_is_ours(const struct media *, const struct header *);

#endif
