/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adding signers to a SignedData message that exists (RFC 5652, 5.1: signers
 * "independently" of each other), as a stream.
 *
 * Life: fill struct cms_addsign_options; cms_addsign_new; cms_addsign_update with the
 * message in pieces of any size (binary: text goes through cms/pem.h first);
 * cms_addsign_finish calls each new signer's callback once and writes the rest;
 * cms_addsign_free, in every case. Content passes and is hashed on the way, never
 * kept. When content is apart (detached), the caller hashes it with the new
 * signers' digests, and the message is written by finish at once.
 *
 * What was in the message stays: SignerInfos, certificates and revocation lists
 * byte for byte, content octet for octet. digestAlgorithms and certificates
 * gain what the new signers need and is not there; the version becomes 3 when a new
 * signer is named by subjectKeyIdentifier. A message with content comes out in
 * BER with outer lengths indefinite and the new signers last; one without in DER,
 * its SETs in DER's order, as far as what came in was DER.
 *
 * The signatures that are there are not judged: run a cms_reader beside it
 * (cms/signed.h) to know what one puts one's name next to. But when a signer's
 * messageDigest is not the content's, the message would be over two contents, and no key is
 * asked: E_ALTERED. (Looked at as far as the content's digests have that signer's.) What
 * is signed, and what is refused as weak, is as in cms/sign.h.
 *
 * One object belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_ADDSIGN_H
#define SIGNET_CMS_ADDSIGN_H

#include "cms/digests.h"
#include "cms/sign.h"

struct cms_addsign_options {
    const struct cms_signer *signers;   /* borrowed until cms_addsign_free; at least one */
    size_t count;
    /* For a message without content: the set that by cms_addsign_finish was fed with it,
     * which has each new signer's digest (cms_scheme_digest), and better also those of
     * the signers that are there. NULL for a message with content; the other way round is
     * E_USAGE. */
    const struct cms_digests *content;
    time_t signing_time;                /* 0 is now; CMS_TIME_NONE leaves it out */
    bool no_attributes;                 /* sign the content's digest itself */
    bool no_certs;                      /* leave out the new signers' certificates */
    const STACK_OF(X509) *certs;        /* further certificates; NULL for none */
};

struct cms_addsign;

/* E_USAGE, E_LIMIT, E_NOMEM. */
int cms_addsign_new(struct cms_addsign **ret, const struct cms_addsign_options *,
                    const struct sink *out, struct err *err) must_check;
/* More of the message. E_UNSUPPORTED when it is no SignedData, E_MALFORMED, E_LIMIT (as
 * cms_reader_update), E_WEAK and others of cms_sign_new; or what the sink returned. */
int cms_addsign_update(struct cms_addsign *, const void *data, size_t len,
                       struct err *err) must_check;
/* The message has ended: E_TRUNCATED when it is not whole; E_ALTERED; signs, writes the rest. */
int cms_addsign_finish(struct cms_addsign *, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_addsign_free(struct cms_addsign **);
#define autofree_cms_addsign __attribute__((cleanup(cms_addsign_free)))

#endif
