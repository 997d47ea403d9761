/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CAs, CRLs and a path to judge, for suites. Everything aborts on failure. */
#ifndef SIGNET_TESTS_TRUST_REVOKING_H
#define SIGNET_TESTS_TRUST_REVOKING_H

#include <stdint.h>
#include <openssl/x509v3.h>

#include "tests/support/pki.h"
#include "trust/revocation.h"

#define DAY 86400L

struct ca {
    EVP_PKEY *key;
    X509 *cert;
};

struct ca ca_new(const char *cn, const struct ca *issuer);
void ca_clear(struct ca *);
X509 *leaf_new(const char *cn, const struct ca *);
/* Adds an extension and signs anew. */
void leaf_extend(X509 **, int nid, const char *value, const struct ca *);
/* A distribution point http://NAME/, for some reasons (names' bits, 0: all), of an issuer (NULL:
 * its own). */
void leaf_point(X509 **, const char *name, unsigned reasons, const struct ca *issuer,
                const struct ca *);

struct revoked {
    const X509 *cert;
    int reason;          /* 0: none */
    long when;           /* seconds from now */
    const X509 *issuer;  /* certificateIssuer; NULL: none */
    bool odd;            /* with a critical extension that nobody knows */
};

struct list {
    long from, until;    /* seconds from now; both 0: yesterday to tomorrow */
    long number;         /* 0: none */
    long base;           /* of a delta; 0: none */
    const char *point;   /* issuingDistributionPoint http://NAME/ */
    unsigned reasons;
    bool indirect;
    const EVP_MD *md;
    EVP_PKEY *key;       /* another's than the CA's */
    struct revoked revoked[4];
};
/* DER; the caller frees (OPENSSL_free). */
size_t list_new(const struct list *, const struct ca *, uint8_t **ret);

/* Judges leaf, intermediates, anchor; settings.mode is hard. others: what the message brings. */
void judge_path(struct revocation *, X509 *const *certs, size_t count, STACK_OF(X509) *others,
                struct revocation_finding *ret);

#endif
