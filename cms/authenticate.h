/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing AuthenticatedData (RFC 5652, section 9), as a stream: content in the clear with an
 * HMAC whose key each recipient gets, as EnvelopedData's get theirs. It tells
 * recipients that nothing was altered by others than themselves and the sender.
 *
 * Life: fill struct cms_authenticate_options; cms_authenticate_new, which makes
 * the key and wraps it for each recipient; cms_authenticate_update with the content;
 * cms_authenticate_finish; cms_authenticate_free, in every case. content_size known: DER;
 * -1: BER, in segments.
 *
 * With authenticated attributes (the default: contentType, messageDigest and
 * CMSAlgorithmProtection, RFC 6211, and the caller's) the HMAC is over their DER, without over
 * the content itself.
 *
 * Reading is cms/reader.h's, with cms/decrypt.h's options.
 *
 * One cms_authenticate belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_AUTHENTICATE_H
#define SIGNET_CMS_AUTHENTICATE_H

#include <stdbool.h>

#include "cms/encrypt.h"

struct cms_authenticate_options {
    const struct alg_digest *digest;    /* of HMAC and content: SHA-256 (NULL), 384, 512 */
    const struct cms_to *to;            /* cms/encrypt.h */
    size_t count;
    int64_t content_size;               /* bytes that will come; -1 unknown */
    int content_type;                   /* NID; 0 is id-data */
    bool no_attributes;                 /* id-data alone */
    /* Further authenticated ones, none of those above; unauthenticated ones. NULL: none. */
    const STACK_OF(X509_ATTRIBUTE) *attributes;
    const STACK_OF(X509_ATTRIBUTE) *unauthenticated;
};

struct cms_authenticate;

/* out is copied; all else is borrowed for the call. E_USAGE, E_WEAK, E_UNSUPPORTED,
 * E_LIMIT, E_NOMEM, E_CRYPTO. */
int cms_authenticate_new(struct cms_authenticate **ret, const struct cms_authenticate_options *,
                         const struct sink *out, struct err *err) must_check;
/* Returns what the sink returned when it stopped; E_USAGE when more comes than
 * content_size said. */
int cms_authenticate_update(struct cms_authenticate *, const void *data, size_t len,
                            struct err *err) must_check;
/* Nothing may be called afterwards but free. E_USAGE when less came than was said. */
int cms_authenticate_finish(struct cms_authenticate *, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_authenticate_free(struct cms_authenticate **);
#define autofree_cms_authenticate __attribute__((cleanup(cms_authenticate_free)))

#endif
