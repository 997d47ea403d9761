/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CRL that libcrypto judges and this folder looks things up in: libcrypto sees its header as an
 * X509_CRL without entries (but for one with a critical extension, RFC 5280 5.3), and asks
 * back for serial numbers and for the signature.
 *
 * Life: crl_read from DER, or crl_of_row from the store; crl->header is given to libcrypto;
 * crl_keep once it was verified; crl_free, which must be after libcrypto's last use. The
 * signature is over a digest that is computed once; with which key it was good is remembered.
 *
 * For trust/revocation's files. One thread (making one holds a lock: libcrypto gives a new
 * X509_CRL its methods by a variable of the process).
 */
#ifndef SIGNET_TRUST_CRL_H
#define SIGNET_TRUST_CRL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "trust/crl_index.h"
#include "trust/store_revocation.h"

struct crl {
    X509_CRL *header;
    struct crl_der der;        /* of the whole CRL; of the header alone when index is NULL */
    uint8_t *own;              /* what der is in, if it is ours */
    struct crl_index *index;
    struct store *store;       /* with row: where its entries are */
    int64_t row;
    uint32_t issuer;
    uint8_t sha256[STORE_HASH], scope[STORE_HASH], spki[STORE_HASH];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;
    bool verified;             /* with spki's key */
    bool news;                 /* verified in this run */
    bool fetched;
    bool allow_weak;
    time_t this_update, next_update;
    char *source;              /* a URL; empty: it was brought */
    uint32_t rejected;         /* bits, trust/revocation_crl.c's own */
    X509_CRL **hits;           /* of one entry each, till the end */
    size_t hit_count;
    X509_REVOKED *hit;         /* what the last look-up found; or NULL */
    bool unreadable;           /* the last look-up failed */
    bool refused;              /* the last check of its signature failed */
    char fault[160];           /* why its signature was refused */
    void (*looked)(void *arg, struct crl *);  /* told of each look-up */
    void *looked_arg;
    const STACK_OF(X509) *issuers;            /* among which the issuer may be; or NULL */
};

/* With copy the bytes are; otherwise they outlive the CRL. E_MALFORMED, E_LIMIT. */
int crl_read(struct crl **ret, const uint8_t *der, size_t len, bool copy, const char *source,
             struct err *err) must_check;
int crl_of_row(struct crl **ret, struct store *, const struct store_crl *,
               struct err *err) must_check;
/* Writes it to the store, or there what is new about it. */
int crl_keep(struct crl *, struct store *, struct err *err) must_check;
void crl_free(struct crl **);

#endif
