/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Countersigning (RFC 5652, 11.4): a signature over another signer's signature, put
 * beside it as an unsigned attribute, in a message that passes as a stream.
 *
 * Life: fill struct cms_countersign_options; cms_countersign_new;
 * cms_countersign_update with the message (binary); cms_countersign_finish calls the
 * signer's callback once and writes the rest; cms_countersign_free, in every case.
 *
 * What was in the message stays as cms/addsign.h says, all of the countersigned
 * SignerInfo, too, but for one attribute more; so its signature holds as before. What
 * is signed is the octets of that signature, with the attributes of cms/sign.h less
 * contentType, which a countersignature must not have. Neither content nor the
 * signature is judged here: verify first. cms_verify shows the result in
 * cms_signature.countersignatures.
 *
 * One object belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_COUNTERSIGN_H
#define SIGNET_CMS_COUNTERSIGN_H

#include "cms/sign.h"

struct cms_countersign_options {
    const struct cms_signer *signer;    /* who countersigns; borrowed until free */
    size_t index;                       /* whose signature: in the message's order, from 0 */
    time_t signing_time;                /* 0 is now; CMS_TIME_NONE leaves it out */
    bool no_attributes;                 /* sign the signature's digest itself */
    bool no_cert;                       /* leave out the countersigner's certificate */
    const STACK_OF(X509) *certs;        /* further certificates; NULL for none */
};

struct cms_countersign;

/* E_WEAK, E_USAGE, E_UNSUPPORTED, E_NOMEM, E_CRYPTO: the signer, as cms_sign_new. */
int cms_countersign_new(struct cms_countersign **ret, const struct cms_countersign_options *,
                        const struct sink *out, struct err *err) must_check;
/* As cms_addsign_update. */
int cms_countersign_update(struct cms_countersign *, const void *data, size_t len,
                           struct err *err) must_check;
/* E_TRUNCATED; E_USAGE when the message has no signer of that index. */
int cms_countersign_finish(struct cms_countersign *, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_countersign_free(struct cms_countersign **);
#define autofree_cms_countersign __attribute__((cleanup(cms_countersign_free)))

#endif
