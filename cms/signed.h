/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a SignedData message says, and whether its signatures hold (RFC 5652,
 * sections 5.4 and 5.6). Whether a signer can be trusted is trust/'s question,
 * not asked here: CMS_INTACT says only that the holder of the certificate's key
 * signed exactly this content.
 *
 * Life: after cms_reader_finish, call cms_verify; it may be called again with
 * other certificates or digests, which renews the result. The result is borrowed
 * from the reader and lives until the next cms_verify or cms_reader_free.
 *
 * What is checked for CMS_INTACT: the signature over the DER of the signed
 * attributes, whatever order and form they came in (5.4; not "as received"), or over
 * the content when there are none; messageDigest against the content;
 * contentType against eContentType; each of these attributes present once with
 * one value; signingCertificate and signingCertificateV2 (RFC 5035) against the
 * certificate; CMSAlgorithmProtection (RFC 6211) against the algorithms used.
 * Countersignatures (11.4), unsigned attributes that sign the signature they stand
 * at, get verdicts of their own in the same way, with the digest of that signature
 * in place of the content's and without contentType. They say nothing about the
 * content, nor does a bad one change the signer's verdict: whoever passed the
 * message on could have added or dropped it. A countersignature of a
 * countersignature is listed among its attributes and not looked into.
 *
 * EdDSA without signed attributes needs the content in memory: over more than
 * CMS_EDDSA_CONTENT_MAX bytes (cms/digests.h) it is CMS_UNSUPPORTED.
 */
#ifndef SIGNET_CMS_SIGNED_H
#define SIGNET_CMS_SIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "cms/attributes.h"
#include "cms/digests.h"
#include "cms/reader.h"

/* X(state, stable word) */
#define CMS_STATES(X) \
    X(CMS_INTACT, "intact") \
    X(CMS_ALTERED, "content-altered") \
    X(CMS_BAD_SIGNATURE, "bad-signature") \
    X(CMS_NO_CERTIFICATE, "no-certificate") \
    X(CMS_NO_CONTENT, "no-content") \
    X(CMS_UNSUPPORTED, "unsupported") \
    X(CMS_MALFORMED, "malformed")

enum cms_state {
#define X(state, word) state,
    CMS_STATES(X)
#undef X
};

/*
 * Words in cms_signature.problems: the state's own word unless intact, and
 *   weak-algorithm                 MD5, SHA-1, RSA or DSA under 2048 bits, EC under 224
 *   digest-mismatch                digestAlgorithm is not the signature's digest
 *   content-type-mismatch          contentType is not eContentType       (not intact)
 *   signing-certificate-mismatch   ESS attribute names another certificate (not intact)
 *   algorithm-protection-mismatch  RFC 6211 attribute disagrees          (not intact)
 */
#define CMS_PROBLEMS_MAX 8

/* Most countersignatures of one message, of all its signers. */
#define CMS_MAX_COUNTERSIGNATURES 256

struct cms_attribute {
    const char *oid;       /* dotted */
    const char *name;      /* libcrypto's short name, or the OID when it has none */
    bool is_signed;
    const uint8_t *der;    /* the SET OF values, in DER */
    size_t len;
};

struct cms_signature {
    enum cms_state state;
    char reason[256];                  /* a sentence; empty when intact */
    const char *problems[CMS_PROBLEMS_MAX + 1]; /* words, then NULL */
    bool weak;

    X509 *cert;                        /* borrowed; NULL when not found */
    /* How the message names the certificate: these two, or ski. Borrowed. */
    const X509_NAME *issuer;
    const ASN1_INTEGER *serial;
    const ASN1_OCTET_STRING *ski;

    const struct alg_digest *digest;   /* over the content; NULL when unknown */
    const struct alg_sig *scheme;      /* NULL when base/alg.h has no such record */
    char algorithm[64];                /* its name, also for what has no record */

    bool has_signing_time;
    time_t signing_time;               /* as the signer claims it */
    bool has_attributes;               /* signed ones */
    const struct cms_attribute *attributes;
    size_t attribute_count;
    const uint8_t *value;              /* the signature's own octets */
    size_t value_len;

    /* Over this signature, in the message's order; these have none of their own. */
    const struct cms_signature *countersignatures;
    size_t countersignature_count;
};

struct cms_signed {
    const struct cms_signature *signatures;   /* in the message's order */
    size_t count;                             /* 0: certificates alone */
    STACK_OF(X509) *certs;                    /* of the message, its order; never NULL */
    STACK_OF(X509_CRL) *crls;                 /* never NULL */
    size_t other_certs;    /* certificates and revocation data of forms not read: */
    size_t other_crls;     /* attribute certificates, OCSP (RFC 5940) */
    bool detached;
    int content_type;      /* NID, 0 when libcrypto has none */
    const char *content_oid;
    uint64_t content_size;
    bool is_ber;
};

struct cms_verify_options {
    /* Detached: the set that was fed with the content. For opaque messages NULL
     * (E_MALFORMED otherwise: the message is not of the kind that was expected).
     * A digest that the set lacks gives CMS_NO_CONTENT; ask cms_signature.digest
     * which it is, hash again, call again. */
    const struct cms_digests *content;
    /* Certificates to look for signers in after the message's own, and for the
     * parameters of DSA keys that inherit them; may be NULL. */
    const STACK_OF(X509) *certs;
};

/* Checks every signature. 0 means that *ret was filled, whatever the verdicts;
 * E_USAGE when the message was not finished, E_UNSUPPORTED when it is no SignedData;
 * E_NOMEM; E_LIMIT with more than CMS_MAX_COUNTERSIGNATURES. After an error there are no
 * verdicts. */
int cms_verify(struct cms_reader *, const struct cms_verify_options *,
               const struct cms_signed **ret, struct err *err) must_check;

/* The state's stable word. */
const char *cms_state_word(enum cms_state);

#endif
