/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enhanced Security Services (RFC 2634, with RFC 5035): security labels, and receipts
 * that a recipient signs.
 *
 * Making: cms_label_put and cms_receipt_request_put encode the value of a signed
 * attribute, which goes into a struct cms_signer's attributes (cms/sign.h) under the OID
 * beside them. A receipt is a SignedData of its own: cms_receipt_put makes its content,
 * of type NID_id_smime_ct_receipt, and cms_receipt_put_digest the msgSigDigest attribute that its
 * signer must sign.
 *
 * Reading: cms_label_read and cms_receipt_request_read look into a signature of
 * cms_verify's (cms/signed.h). They are the signer's words: believe them when the signature is
 * intact and trusted. cms_receipt_matches compares a receipt with the message that asked for it;
 * whether the receipt's own signature holds, and whose it is, is cms_verify's
 * and trust/'s question.
 *
 * Pure functions, safe from several threads.
 */
#ifndef SIGNET_CMS_ESS_H
#define SIGNET_CMS_ESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cms/attributes.h"
#include "cms/signed.h"

#define CMS_OID_RECEIPT_REQUEST "1.2.840.113549.1.9.16.2.1"
#define CMS_OID_LABEL "1.2.840.113549.1.9.16.2.2"
#define CMS_OID_LIST_HISTORY "1.2.840.113549.1.9.16.2.3"    /* mlExpansionHistory */
#define CMS_OID_RECEIPT_DIGEST "1.2.840.113549.1.9.16.2.5"  /* msgSigDigest */

/* Most categories of one label, and longest privacy mark in octets of UTF-8
 * (ub-privacy-mark-length is 128 characters). */
#define CMS_LABEL_CATEGORIES_MAX 64
#define CMS_LABEL_MARK_MAX 512

/* ESSSecurityLabel (RFC 2634, 3.2). */
struct cms_label {
    char policy[CMS_OID_MAX];           /* whose label it is, a dotted OID */
    int classification;                 /* 0 to 256, by the policy; -1 when absent */
    char mark[CMS_LABEL_MARK_MAX + 1];  /* "" when absent; UTF-8 */
    /* Each a SecurityCategory's OID; their values are the policy's business. */
    char categories[CMS_LABEL_CATEGORIES_MAX][CMS_OID_MAX];
    size_t category_count;
};

/* The basic classifications' names (3.2): "unmarked" (0) to "top-secret" (5), and back; NULL
 * and -1 for others. */
const char *cms_classification_name(int classification);
int cms_classification_by_name(const char *name);

/* Appends the label's DER. Labels are written without categories: E_USAGE with
 * them, for a policy that is no OID, and for a mark that is too long. */
int cms_label_put(struct buf *out, const struct cms_label *) must_check;
/* The signer's label: 1; 0 when there is none; E_MALFORMED. */
int cms_label_read(const struct cms_signature *, struct cms_label *ret) must_check;

/* Addresses in a receipt request, and longest one. */
#define CMS_RECEIPT_ADDRESSES_MAX 16
#define CMS_RECEIPT_ADDRESS_MAX 320
/* Longest signedContentIdentifier. */
#define CMS_RECEIPT_ID_MAX 256

enum cms_receipts_from { CMS_RECEIPTS_ALL, CMS_RECEIPTS_FIRST_TIER, CMS_RECEIPTS_LISTED };

/* ReceiptRequest (2.7). */
struct cms_receipt_request {
    uint8_t id[CMS_RECEIPT_ID_MAX];     /* signedContentIdentifier */
    size_t id_len;
    enum cms_receipts_from from;
    /* Who is asked, with CMS_RECEIPTS_LISTED; and where receipts go. Addresses
     * (rfc822Name); names of other kinds are left out when read. */
    char listed[CMS_RECEIPT_ADDRESSES_MAX][CMS_RECEIPT_ADDRESS_MAX + 1];
    size_t listed_count;
    char to[CMS_RECEIPT_ADDRESSES_MAX][CMS_RECEIPT_ADDRESS_MAX + 1];
    size_t to_count;
};

/* A fresh random id. E_CRYPTO. */
int cms_receipt_request_id(struct cms_receipt_request *) must_check;
/* Appends the request's DER. E_USAGE without id or anywhere to send receipts; E_NOMEM. */
int cms_receipt_request_put(struct buf *out, const struct cms_receipt_request *) must_check;
/* The signer's request: 1; 0 when there is none; E_MALFORMED; E_LIMIT for more
 * or longer addresses than above. */
int cms_receipt_request_read(const struct cms_signature *,
                             struct cms_receipt_request *ret) must_check;

/* Receipt (2.8) for a message of that eContentType (dotted), by its signature that has the
 * request. E_USAGE when it has none, E_NOMEM. */
int cms_receipt_put(struct buf *out, const struct cms_signature *original,
                    const char *content_oid) must_check;
/* msgSigDigest (2.6, 2.4 point 9): an OCTET STRING with the digest of the original's signed
 * attributes. E_USAGE when it has none or its digest is not known. */
int cms_receipt_put_digest(struct buf *out, const struct cms_signature *original) must_check;

/* Whether the receipt, content and signature, is for that message: 1 and the index of
 * the signature it is for; 0 and in err why not; E_MALFORMED with a sentence. */
int cms_receipt_matches(const struct cms_signature *receipt, const uint8_t *content, size_t len,
                        const struct cms_signed *original, size_t *ret_index,
                        struct err *err) must_check;

#endif
