/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the writer: one signer, from its options to its SignerInfo. */
#ifndef SIGNET_CMS_SIGN_INT_H
#define SIGNET_CMS_SIGN_INT_H

#include "cms/asn1.h"
#include "cms/digests.h"
#include "cms/sign.h"

struct signing {
    const struct cms_signer *signer;
    const struct cms_certificate *cert; /* the signer's, or own_cert */
    struct cms_certificate *own_cert;   /* read from the signer's X509 */
    const struct alg_digest *digest;    /* over the content */
    SN_SIGNER_INFO *info;
    bool size_known;    /* info has a signature and digest of the final sizes */
};

/* Checks the signer and builds all of its SignerInfo but digest and signature. Of the
 * options, the time and whether there are attributes count; content_type NULL is a
 * countersignature's, which has none (RFC 5652, 11.4). */
int signing_prepare(struct signing *, const struct cms_signer *,
                    const struct cms_sign_options *, const ASN1_OBJECT *content_type,
                    struct err *err) must_check;
void signing_clear(struct signing *);

/* Signs; digests were fed with the content. */
int signing_sign(struct signing *, const struct cms_digests *, struct err *err) must_check;
/* Appends the SignerInfo's DER. */
int signing_put(const struct signing *, struct buf *out) must_check;

#endif
