/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing SignedData (RFC 5652, section 5), as a stream, with keys that are
 * somewhere else.
 *
 * Life: fill struct cms_sign_options (signers, detached or opaque);
 * cms_sign_new; cms_sign_update with the content in pieces of any size;
 * cms_sign_finish calls each signer's callback once and writes the rest;
 * cms_sign_free, in every case. Content is hashed and passed on, never kept: the
 * memory used does not depend on its size.
 *
 * The encoding. Detached (no eContent): nothing is written before
 * cms_sign_finish, and then DER. Opaque with content_size known: DER, when every
 * signature's size is known before it is made (RSA, EdDSA); with ECDSA, whose
 * signatures vary in size, the three outer SEQUENCEs are of indefinite length
 * and all within is DER. Opaque with content_size -1: BER, the eContent in
 * segments of the caller's pieces, small ones merged to CMS_SEGMENT_SIZE.
 *
 * What is signed. With signed attributes (the default): contentType,
 * signingTime, messageDigest, CMSAlgorithmProtection (RFC 6211) and
 * signingCertificateV2 (RFC 5035). RSA and ECDSA callbacks get the digest of the
 * attributes' DER, or without attributes the digest of the content. EdDSA
 * callbacks get the attributes' DER itself (RFC 8419); EdDSA without attributes
 * would need the content in memory and is E_UNSUPPORTED.
 *
 * Signing with what is weak (MD5, SHA-1, RSA under 2048 bits, DSA) is E_WEAK. Each
 * signature is checked with the certificate's public key before it is written:
 * a token that returns garbage, or the wrong key, gives E_TOKEN, not a message.
 *
 * One cms_sign belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_SIGN_H
#define SIGNET_CMS_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "base/buf.h"
#include "base/sink.h"
#include "cms/attributes.h"
#include "cms/certificate.h"

/* Opaque BER: pieces smaller than this are merged into segments of this size. */
#define CMS_SEGMENT_SIZE (64u * 1024)
/* Most signers of one message. */
#define CMS_SIGNERS_MAX 256 /* = CMS_MAX_SIGNERS of the reader */

/* For cms_sign_options.signing_time: leave the attribute out. */
#define CMS_TIME_NONE ((time_t)-1)

struct cms_signer {
    X509 *cert;                    /* borrowed until cms_sign_free; or instead of it ... */
    const struct cms_certificate *certificate; /* ... this, which is read much faster */
    const struct alg_sig *scheme;  /* must fit the certificate's key */
    bool ski;                      /* name the certificate by its subjectKeyIdentifier */
    /* Appends the signature over data: PKCS#1 or PSS octets, DER ECDSA-Sig-Value,
     * or EdDSA octets. 0 or E_*; that code is what cms_sign_finish returns. */
    int (*sign)(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
                struct buf *out, struct err *err);
    /* May be NULL. Called right before sign with what can be done while the signature
     * is awaited: a holder that is in another process runs work(work_arg) once, from
     * sign and on its thread, or not at all. */
    void (*meanwhile)(void *arg, void (*work)(void *work_arg), void *work_arg);
    void *arg;
    /* Signed attributes on request (cms/attributes.h), borrowed until cms_sign_free; zero:
     * none. With cms_sign_options.no_attributes they are E_USAGE. */
    /* SMIMECapabilities, best first, NULL: dotted OIDs, each with its parameters (DER in
     * hex) behind a blank, when it has any. */
    const char *const *capabilities;
    const X509 *preferred;              /* the certificate to encrypt to */
    const struct cms_new_attribute *attributes;
    size_t attribute_count;
};

/* Zero is a sensible value for everything but signers, count, and content_size. */
struct cms_sign_options {
    const struct cms_signer *signers;   /* borrowed until cms_sign_free */
    /* 0 makes a certs-only message (RFC 8551, 3.8): `certs` and `crls`, no content. */
    size_t count;
    bool detached;
    bool bare;                          /* SignedData without the ContentInfo around it: the
                                           content of another message (RFC 5652, 6.1) */
    int64_t content_size;               /* opaque only: bytes that will come; -1 unknown */
    int content_type;                   /* NID of eContentType; 0 is id-data */
    time_t signing_time;                /* 0 is now; CMS_TIME_NONE leaves it out */
    bool no_attributes;                 /* sign the content's digest itself */
    bool no_certs;                      /* leave out the signers' certificates */
    const STACK_OF(X509) *certs;        /* further certificates (chain); NULL for none */
    const STACK_OF(X509_CRL) *crls;     /* revocation lists; NULL for none */
};

struct cms_sign;

/* Checks the options and, when opaque, is ready to write to out (copied; called
 * from update and finish). E_USAGE, E_WEAK, E_UNSUPPORTED, E_NOMEM, E_CRYPTO. */
int cms_sign_new(struct cms_sign **ret, const struct cms_sign_options *, const struct sink *out,
                 struct err *err) must_check;

/* More content. Returns what the sink returned when it stopped; E_USAGE when
 * more comes than content_size said. */
int cms_sign_update(struct cms_sign *, const void *data, size_t len, struct err *err) must_check;
/* A sink that is cms_sign_update. */
struct sink cms_sign_sink(struct cms_sign *);

/* Signs and writes what is left. Nothing may be called afterwards but free. */
int cms_sign_finish(struct cms_sign *, struct err *err) must_check;

/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_sign_free(struct cms_sign **);
#define autofree_cms_sign __attribute__((cleanup(cms_sign_free)))

/* The digest of the content, over which signer i's message will be made: for the
 * micalg parameter of multipart/signed, before any content came. */
const struct alg_digest *cms_sign_digest(const struct cms_sign *, size_t i);

#endif
