/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Throw-away keys and certificates for suites, made by libcrypto. Everything
 * aborts the test run on failure, so callers need no error paths.
 */
#ifndef SIGNET_TESTS_SUPPORT_PKI_H
#define SIGNET_TESTS_SUPPORT_PKI_H

#include <stdbool.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* "rsa2048", "rsa1024", "p256", "p384", "p521", "ed25519", "ed448". Caller frees. */
EVP_PKEY *pki_key(const char *type);

struct pki_request {
    const char *cn;
    const char *email;      /* subjectAltName rfc822Name; NULL: none */
    const char *subject_email; /* emailAddress in the subject; NULL: none */
    bool ca;
    long not_before, not_after; /* seconds from now; both 0: yesterday to tomorrow */
    const char *eku;        /* NULL: emailProtection for a leaf, none for a CA */
    const char *usage;      /* key usage; NULL: digitalSignature for a leaf */
    const EVP_MD *md;       /* NULL: SHA-256 (ignored for EdDSA) */
};

/* A certificate for key; issuer NULL: self-signed by key. Caller frees. */
X509 *pki_cert(const struct pki_request *, EVP_PKEY *key, const X509 *issuer,
               EVP_PKEY *issuer_key);

/* Writes it to path as PEM (append: behind what is there) or DER. */
void pki_write_pem(const char *path, const X509 *, bool append);
void pki_write_der(const char *path, const X509 *);

#endif
