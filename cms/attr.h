/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of signers (RFC 5652, section 11; RFC 5035; RFC 6211), built and read.
 */
#ifndef SIGNET_CMS_ATTR_H
#define SIGNET_CMS_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "cms/asn1.h"
#include "cms/signed.h"

#define ATTR_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define ATTR_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define ATTR_SIGNING_TIME "1.2.840.113549.1.9.5"
#define ATTR_COUNTERSIGNATURE "1.2.840.113549.1.9.6"
#define ATTR_CAPABILITIES "1.2.840.113549.1.9.15"
#define ATTR_KEY_PREFERENCE "1.2.840.113549.1.9.16.2.11"
#define ATTR_PROTECTION "1.2.840.113549.1.9.52"
#define ATTR_SIGNING_CERT "1.2.840.113549.1.9.16.2.12"
#define ATTR_SIGNING_CERT_V2 "1.2.840.113549.1.9.16.2.47"

/* Room for a dotted OID; longer ones are cut. */
#define ATTR_OID_MAX 128

/*
 * Writing: each appends one attribute to *attrs, which may be NULL at first.
 * 0, E_NOMEM or E_CRYPTO.
 */
int attr_add_content_type(STACK_OF(X509_ATTRIBUTE) **attrs, const ASN1_OBJECT *) must_check;
int attr_add_signing_time(STACK_OF(X509_ATTRIBUTE) **attrs, time_t) must_check;
int attr_add_digest(STACK_OF(X509_ATTRIBUTE) **attrs, const uint8_t *, size_t) must_check;
int attr_add_protection(STACK_OF(X509_ATTRIBUTE) **attrs, X509_ALGOR *digest,
                        X509_ALGOR *sig) must_check;
/* The same with the algorithm of a MAC in place of a signature's. */
int attr_add_mac_protection(STACK_OF(X509_ATTRIBUTE) **attrs, X509_ALGOR *digest,
                            X509_ALGOR *mac) must_check;
int attr_add_signing_cert(STACK_OF(X509_ATTRIBUTE) **attrs, const uint8_t *cert,
                          size_t len) must_check;
/* Replaces the messageDigest that attr_add_digest put, of the same size. */
int attr_set_digest(STACK_OF(X509_ATTRIBUTE) *attrs, const uint8_t *, size_t) must_check;

/*
 * Reading. The one value of the attribute oid: 1 and *ret (borrowed); 0 when it is
 * absent; E_MALFORMED when it is there twice, or has not exactly one value of
 * that type (V_ASN1_*; 0 for any).
 */
int attr_get(const STACK_OF(X509_ATTRIBUTE) *attrs, const char *oid, int type,
             const ASN1_TYPE **ret) must_check;
/* The same for signingTime, either form. */
int attr_get_time(const STACK_OF(X509_ATTRIBUTE) *attrs, time_t *ret) must_check;

/* Appends what is hashed and signed of signed attributes: DER with the tag of a
 * SET OF, whatever they came as (RFC 5652, 5.4). */
int attr_put_signed_der(const STACK_OF(X509_ATTRIBUTE) *attrs, struct buf *out) must_check;

/* The ESS attributes (v1 and v2, those that are there) name this certificate: 1 yes
 * or none there, 0 no, E_MALFORMED, E_UNSUPPORTED for an unknown digest. */
int attr_names_cert(const STACK_OF(X509_ATTRIBUTE) *attrs, X509 *) must_check;
/* CMSAlgorithmProtection agrees with these: 1 yes or absent, 0 no, E_MALFORMED. */
int attr_protects(const STACK_OF(X509_ATTRIBUTE) *attrs, const X509_ALGOR *digest,
                  const X509_ALGOR *sig) must_check;

int attr_protects_mac(const STACK_OF(X509_ATTRIBUTE) *attrs, const X509_ALGOR *digest,
                      const X509_ALGOR *mac) must_check;

/* Octets that begin as a set of attributes does: attributes without what they belong to
 * are a content that its author did sign, though never meant as one. */
bool attr_look_like(const uint8_t *head, size_t len);

/* A list for cms_signature.attributes: signed ones, then unsigned, in the
 * message's order; either may be NULL. */
int attr_list(const STACK_OF(X509_ATTRIBUTE) *signed_attrs,
              const STACK_OF(X509_ATTRIBUTE) *unsigned_attrs, struct cms_attribute **ret,
              size_t *ret_count) must_check;
void attr_list_free(struct cms_attribute *, size_t count);

#endif
