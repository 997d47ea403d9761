/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AlgorithmIdentifiers of digests and signatures, both ways, and the check of one
 * signature (RFC 3370, 4055, 5754, 8419, 9688). Pure functions.
 */
#ifndef SIGNET_CMS_ALGID_H
#define SIGNET_CMS_ALGID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/alg.h"
#include "base/err.h"

/* RSA, DSA shorter than this (bits), EC shorter than that are weak. */
#define CMS_WEAK_RSA_BITS 2048
#define CMS_WEAK_EC_BITS 224

/* A signature algorithm with all its parameters. */
struct algid_sig {
    enum alg_key_type key;
    enum alg_padding padding;
    const struct alg_digest *digest;    /* NULL for EdDSA */
    const struct alg_digest *mgf;       /* PSS: MGF1's digest */
    int salt;                           /* PSS: bytes */
};

/* The digest, or NULL when it is unknown. */
const struct alg_digest *algid_read_digest(const X509_ALGOR *);
/* The digest of MGF1 (RFC 4055, 2.2), SHA-1 for NULL; NULL when it is unknown. */
const struct alg_digest *algid_read_mgf(const X509_ALGOR *);

/* content_digest is what digestAlgorithm says, for the identifiers that name a key
 * type alone (rsaEncryption). E_UNSUPPORTED, E_MALFORMED, with a sentence. */
int algid_read_sig(const X509_ALGOR *, const struct alg_digest *content_digest,
                   struct algid_sig *ret, struct err *err) must_check;

/* The record of a scheme as we write it: PSS with the digest in MGF1, too, and a
 * salt as long as the digest. */
struct algid_sig algid_of_scheme(const struct alg_sig *);
int algid_write_digest(const struct alg_digest *, X509_ALGOR *) must_check;
int algid_write_sig(const struct alg_sig *, X509_ALGOR *) must_check;

/* The same algorithm and parameters; absent ones equal NULL. */
bool algid_equal(const X509_ALGOR *, const X509_ALGOR *);

/* "rsa-pss-sha256", "dsa-sha1", "ed25519". */
void algid_name(const struct algid_sig *, char *out, size_t max);

enum alg_key_type algid_key_type(const EVP_PKEY *);
bool algid_key_is_weak(const EVP_PKEY *);
bool algid_is_weak(enum alg_key_type, int bits);

/* The certificate's key; the caller frees. A DSA key may take its parameters from its
 * issuer's (RFC 3279, 2.3.2), which must be among issuers: certificates the caller
 * brought, for with parameters of the message's choice anybody could sign. NULL
 * when libcrypto cannot use it. */
EVP_PKEY *algid_cert_key(X509 *cert, const STACK_OF(X509) *issuers);

/* data: the digest, for EdDSA the message. 1 it fits, 0 it does not (err says why),
 * E_UNSUPPORTED when this libcrypto cannot check it. */
int algid_verify(EVP_PKEY *, const struct algid_sig *, const uint8_t *data, size_t len,
                 const uint8_t *sig, size_t sig_len, struct err *err) must_check;

#endif
