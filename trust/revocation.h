/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the certificates of a path were revoked (RFC 5280 6.3, RFC 6960).
 *
 * Life: revocation_new; revocation_add_crl and revocation_add_ocsp with what the message or the
 * user brings; revocation_judge for each candidate path, from within libcrypto's check of it
 * (trust/path.c); revocation_free. One object serves all signers of one run, so that nothing is
 * fetched twice.
 *
 * Where an answer comes from, in this order: what was added; the store's answers that are still
 * good by their own lifetimes; the network (OCSP before CRLs of the certificate's distribution
 * points and of nobody else's), for all certificates of the path at once. What was fetched and
 * could be verified goes to the store.
 *
 * An answer counts when it is signed by whom RFC 5280 and RFC 6960 let: for CRLs libcrypto
 * decides on scope, issuer, delta and reasons; this folder looks serial numbers up, since
 * a CRL can have a million. An answer older than its nextUpdate, or that is for another time than
 * is asked for, is none.
 *
 * As of another time: a revocation dated after that time does not count, unless its reason is
 * that the key was compromised. An answer of later counts while the certificate had not
 * ended when it was given (or the responder's archive reaches back so far), since a revocation
 * has a date; one of before only while it lasts.
 *
 * A CRL or answer that does not count (wrong signature, expired, of somebody else) hides
 * none that does: it is left out, and all is judged again.
 *
 * Only a path that holds in all else, up to an anchor, should be judged: URLs of its
 * certificates are asked, and those of a stranger's would tell him who reads.
 *
 * One thread.
 */
#ifndef SIGNET_TRUST_REVOCATION_H
#define SIGNET_TRUST_REVOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/x509_vfy.h>

#include "base/err.h"
#include "trust/fetch.h"
#include "trust/store.h"

enum revocation_mode {
    REVOCATION_OFF,    /* nobody asks */
    REVOCATION_SOFT,   /* an unknown state is a note */
    REVOCATION_HARD,   /* an unknown state speaks against the signer */
};

struct revocation_settings {
    enum revocation_mode mode;
    time_t at;                 /* 0: now */
    bool allow_weak;           /* answers signed with weak algorithms count */
    struct store *store;       /* or NULL; borrowed */
    struct fetcher *fetcher;   /* or NULL: nothing is fetched; borrowed */
};

enum revocation_state {
    REVOCATION_GOOD,
    REVOCATION_REVOKED,
    REVOCATION_UNKNOWN,        /* it should be known, and is not */
    REVOCATION_NOT_ASKED,      /* an anchor; or id-pkix-ocsp-nocheck */
};

/* On one certificate. */
struct revocation_finding {
    enum revocation_state state;
    time_t revoked_at;         /* 0: it does not say */
    int reason;                /* CRLReason; -1: none given */
    char text[256];            /* a sentence: why revoked, why unknown; where from, when good */
};

struct revocation;

int revocation_new(struct revocation **ret, const struct revocation_settings *,
                   struct err *err) must_check;
void revocation_free(struct revocation **);
#define autofree_revocation __attribute__((cleanup(revocation_free)))

/* DER; E_MALFORMED when it is not one. Whether it can be believed is seen when it is used. */
int revocation_add_crl(struct revocation *, const uint8_t *der, size_t len,
                       struct err *err) must_check;
int revocation_add_ocsp(struct revocation *, const uint8_t *der, size_t len,
                        struct err *err) must_check;

enum revocation_mode revocation_mode(const struct revocation *);

/* Judges the chain that libcrypto has built in ctx, signer first; an issuer of CRLs may be among
 * ctx' untrusted certificates. ret has room for count, the length of that chain. E_* only when no judgement could
 * be made at all; otherwise 0, each finding filled. */
int revocation_judge(struct revocation *, X509_STORE_CTX *ctx, struct revocation_finding *ret,
                     size_t count, struct err *err) must_check;

#endif
