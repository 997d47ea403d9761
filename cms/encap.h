/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing what holds its content as an OCTET STRING in an EncapsulatedContentInfo
 * (RFC 5652, 5.2), as a stream: the ContentInfo, what the type has before the
 * content and behind it. Inside of the library.
 *
 * Life: encap_init; encap_put with the content; encap_finish; encap_clear. With a size
 * and the length of what is behind known it is DER, otherwise BER with
 * indefinite lengths around segments of CMS_SEGMENT_SIZE.
 */
#ifndef SIGNET_CMS_ENCAP_H
#define SIGNET_CMS_ENCAP_H

#include <stdbool.h>

#include <openssl/asn1.h>

#include "base/buf.h"
#include "base/sink.h"
#include "cms/segments.h"

struct encap {
    const char *doing;          /* "compressing": sentences begin with it */
    struct sink out;
    int type;                   /* NID of the ContentInfo */
    ASN1_OBJECT *content_type;
    int64_t size;               /* of the content; -1: not known, BER */
    size_t tail;                /* octets behind encapContentInfo, in DER */
    struct buf *before;         /* elements before it: filled until content comes */
    uint64_t done;
    struct segments segments;
    bool begun;
};

/* content_type: NID, 0 is id-data. E_USAGE, E_NOMEM. */
int encap_init(struct encap *, const char *doing, int type, int content_type, int64_t size,
               const struct sink *out, struct err *err) must_check;
/* E_USAGE when more comes than was announced. */
int encap_put(struct encap *, const uint8_t *data, size_t len, struct err *err) must_check;
/* tail: the elements behind; E_USAGE when less came than was announced. */
int encap_finish(struct encap *, const struct buf *tail, struct err *err) must_check;
void encap_clear(struct encap *);

#endif
