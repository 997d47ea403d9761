/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of revocation share (revocation.c, revocation_crl.c, revocation_ocsp.c,
 * revocation_fetch.c). */
#ifndef SIGNET_TRUST_REVOCATION_INT_H
#define SIGNET_TRUST_REVOCATION_INT_H

#include "trust/crl.h"
#include "trust/ocsp.h"
#include "trust/revocation.h"

/* Brought and fetched in one run, at most. */
#define REVOCATION_CRLS_MAX 512
#define REVOCATION_ANSWERS_MAX 256
/* Issuers whose CRLs were taken from the store, and what was asked for. */
#define REVOCATION_ISSUERS_MAX 256
#define REVOCATION_ASKED_MAX 256
/* Longest chain. */
#define REVOCATION_CHAIN_MAX 32

struct fetched;

struct revocation {
    struct revocation_settings settings;
    struct crl **crls;            /* added, from the store, fetched */
    size_t crl_count;
    uint32_t issuers[REVOCATION_ISSUERS_MAX];  /* whose were taken from the store */
    size_t issuer_count;
    struct ocsp_answer **answers; /* added, fetched */
    size_t answer_count;
    uint8_t asked[REVOCATION_ASKED_MAX][STORE_HASH];  /* of OCSP requests and CRLs' URLs */
    size_t asked_count;
    struct fetched *fetched;      /* what CRLs' bytes are in */
    struct revocation_run *run;   /* while libcrypto judges */
};

/* One chain, while it is judged. */
struct chain {
    X509_STORE_CTX *ctx;          /* path's */
    STACK_OF(X509) *certs;        /* signer first, the last one is the anchor */
    size_t count;
    struct revocation_finding *findings;
    time_t at;                    /* never 0 */
    bool past;                    /* at is not now */
};

X509 *chain_cert(const struct chain *, size_t i);
/* Sets it, unless it is settled; and what was said before of its being unknown stays. */
void finding_unknown(struct revocation_finding *, const char *fmt, ...) printf_like(2, 3);
/* It was revoked then, unless that does not count as of at. */
bool finding_revoked(struct revocation_finding *, const struct chain *, time_t when, int reason,
                     const char *by);
/* "keyCompromise"; NULL when there is none. */
const char *finding_reason(int reason);

/* Keeps the CRL, or frees it. */
int revocation_take_crl(struct revocation *, struct crl *, struct err *err) must_check;
int revocation_take_ocsp(struct revocation *, struct ocsp_answer *, struct err *err) must_check;
/* The certificate's issuer has that name: CRLs of the store's. */
int revocation_load(struct revocation *, const X509_NAME *, struct err *err) must_check;

/* Answers what CRLs at hand can; what is settled stays. */
int revocation_crls(struct revocation *, struct chain *, struct err *err) must_check;
/* Told of each look-up in a CRL. */
void revocation_looked(void *revocation, struct crl *);
/* The same of one certificate and its issuers, with an own chain: a responder's. */
int revocation_of(struct revocation *, const struct chain *, X509 *cert, size_t issuer,
                  struct revocation_finding *ret, struct err *err) must_check;
/* The same out of OCSP answers at hand. */
int revocation_ocsp(struct revocation *, struct chain *, struct err *err) must_check;
/* Fetches for what is not settled, and answers out of that. */
int revocation_fetch(struct revocation *, struct chain *, struct err *err) must_check;
void revocation_fetched_free(struct revocation *);
/* Whether it was asked for before; it is now. True when too much was. */
bool revocation_asked(struct revocation *, const void *, size_t len);

#endif
