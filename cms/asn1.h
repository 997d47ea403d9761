/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small structures of CMS as libcrypto templates: they are parsed and encoded
 * by tables (asn1.c), never by hand. The names are libcrypto's style because its
 * macros make d2i_, i2d_, _new and _free functions of them.
 */
#ifndef SIGNET_CMS_ASN1_H
#define SIGNET_CMS_ASN1_H

#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* IssuerAndSerialNumber (RFC 5652, 10.2.4). */
typedef struct {
    X509_NAME *issuer;
    ASN1_INTEGER *serial;
} SN_ISSUER_SERIAL;

DECLARE_ASN1_ITEM(SN_ISSUER_SERIAL)

/* SignerIdentifier (5.3). */
#define SN_SID_ISSUER_SERIAL 0
#define SN_SID_SKI 1
typedef struct {
    int type;
    union {
        SN_ISSUER_SERIAL *issuer_serial;
        ASN1_OCTET_STRING *ski;
    } d;
} SN_SID;
DECLARE_ASN1_ITEM(SN_SID)

/* SignerInfo (5.3). */
typedef struct {
    ASN1_INTEGER *version;
    SN_SID *sid;
    X509_ALGOR *digest_alg;
    STACK_OF(X509_ATTRIBUTE) *signed_attrs;    /* NULL when absent */
    X509_ALGOR *sig_alg;
    ASN1_OCTET_STRING *signature;
    STACK_OF(X509_ATTRIBUTE) *unsigned_attrs;  /* NULL when absent */
} SN_SIGNER_INFO;
DECLARE_ASN1_FUNCTIONS(SN_SIGNER_INFO)

/* SignedAttributes, with the tag of the SET that is hashed (5.4). Encoding sorts. */
typedef STACK_OF(X509_ATTRIBUTE) SN_ATTRIBUTES;
DECLARE_ASN1_ENCODE_FUNCTIONS(SN_ATTRIBUTES, SN_ATTRIBUTES, SN_ATTRIBUTES)

/* DigestAlgorithmIdentifiers (5.1). */
typedef STACK_OF(X509_ALGOR) SN_ALGORITHMS;
DECLARE_ASN1_ENCODE_FUNCTIONS(SN_ALGORITHMS, SN_ALGORITHMS, SN_ALGORITHMS)

/* CMSAlgorithmProtection (RFC 6211). */
typedef struct {
    X509_ALGOR *digest_alg;
    X509_ALGOR *sig_alg;    /* [1] */
    X509_ALGOR *mac_alg;    /* [2] */
} SN_PROTECTION;
DECLARE_ASN1_FUNCTIONS(SN_PROTECTION)

/* IssuerSerial (RFC 5035, 5; RFC 5755). */
typedef struct {
    GENERAL_NAMES *issuer;
    ASN1_INTEGER *serial;
} SN_ESS_ISSUER_SERIAL;

/* ESSCertID (RFC 2634, 5.4.1) and ESSCertIDv2 (RFC 5035, 4): v1 has no
 * algorithm; it is SHA-1. In v2 its default is SHA-256. */
typedef struct {
    X509_ALGOR *hash_alg;   /* NULL: the default */
    ASN1_OCTET_STRING *hash;
    SN_ESS_ISSUER_SERIAL *issuer_serial;    /* NULL when absent */
} SN_ESS_CERT_ID;
DEFINE_STACK_OF(SN_ESS_CERT_ID)

/* SigningCertificate and SigningCertificateV2: the first names the signer. */
typedef struct {
    STACK_OF(SN_ESS_CERT_ID) *certs;
    STACK_OF(POLICYINFO) *policies;
} SN_ESS;
typedef SN_ESS SN_ESS_V1;
typedef SN_ESS SN_ESS_V2;
DECLARE_ASN1_FUNCTIONS(SN_ESS_V1)
DECLARE_ASN1_FUNCTIONS(SN_ESS_V2)

#endif
