/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the reader: what several content types hold, taken from the message in one
 * way. Sentences name the offset. */
#ifndef SIGNET_CMS_READER_TAKE_H
#define SIGNET_CMS_READER_TAKE_H

#include "cms/reader_int.h"

/* Longest CMSVersion, AlgorithmIdentifier, MAC or digest, and set of attributes with a
 * context tag, octets. */
#define TAKE_VERSION_MAX 8
#define TAKE_ALGORITHM_MAX 4096
#define TAKE_MAC_MAX 80
#define TAKE_ATTRIBUTES_MAX (1024u * 1024)

/* CMSVersion (RFC 5652, 10.2.5) of `what`: E_MALFORMED; E_UNSUPPORTED over newest. */
int take_version(struct cms_reader *, const char *what, int newest, const uint8_t *der,
                 size_t len, struct err *err) must_check;
/* E_LIMIT: "more than MAX WHAT". */
int take_too_many(const struct cms_reader *, const char *what, unsigned max,
                  struct err *err) must_check;
/* One AlgorithmIdentifier; the caller frees. */
int take_algorithm(const struct cms_reader *, const char *name, const uint8_t *der, size_t len,
                   X509_ALGOR **ret, struct err *err) must_check;
/* An OCTET STRING of 1 to max octets into out. */
int take_octets(const struct cms_reader *, const char *name, const uint8_t *der, size_t len,
                uint8_t *out, size_t max, size_t *ret_len, struct err *err) must_check;
/* Attributes with a context tag: der gets them as DER with the tag of a SET. */
int take_attributes(const struct cms_reader *, const uint8_t *data, size_t len, struct buf *der,
                    STACK_OF(X509_ATTRIBUTE) **ret, struct err *err) must_check;

int taken_certs_init(struct taken_certs *) must_check;
void taken_certs_clear(struct taken_certs *);
int take_cert(const struct cms_reader *, struct taken_certs *, const uint8_t *der, size_t len,
              struct err *err) must_check;
int take_crl(const struct cms_reader *, struct taken_certs *, const uint8_t *der, size_t len,
             struct err *err) must_check;

/* EncapsulatedContentInfo (5.2), for a rule's `inside`: the octets go to the kind's
 * content function. */
extern const struct walk_rule take_encap_content_info[];

#endif
