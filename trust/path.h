/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certification paths (RFC 5280 6) through libcrypto: from a signer's or recipient's
 * certificate to an anchor.
 *
 * Life: anchors_new and what follows it (trust/anchors.h), then path_check for each
 * certificate and path_clear for each result, anchors_free. An anchor is trusted whatever issued
 * it, so an intermediate or a signer's own certificate can be one.
 *
 * Every candidate path is tried, from the message's certificates and the anchors that were named;
 * then with the store's and the folders of anchors; and, while nothing of that leads to an
 * anchor, with the system's anchors, and at last with issuers fetched from where the
 * certificates say (AIA caIssuers), which are then kept in the store. trust/builder.h
 * finds the candidates, libcrypto judges each alone. The first without a fault wins, else the
 * one with the fewest. Judging does not stop at the first fault: each one's word is collected.
 *
 * Revocation is asked for when nothing else speaks against a path: nobody connects
 * anywhere for a certificate that is refused anyway.
 *
 * Distrust, the user's (a mark in the store) or the system's, holds for the certificate
 * and for its key, anywhere in a path. The system's holds when the system was asked for anchors.
 *
 * Bounds: PATH_DEPTH_MAX, PATH_JUDGED_MAX, those of trust/builder.h and trust/issuer.h; a problem's
 * text says when one was met. One thread.
 */
#ifndef SIGNET_TRUST_PATH_H
#define SIGNET_TRUST_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "trust/anchors.h"

/* Intermediates between signer and anchor, at most. */
#define PATH_DEPTH_MAX 16
/* Different problem words of one path, at most. */
#define PATH_PROBLEMS_MAX 12
/* Candidate paths that are judged for one certificate, at most. */
#define PATH_JUDGED_MAX 64

enum path_purpose { PATH_SIGN_MAIL, PATH_ENCRYPT_MAIL, PATH_ANY_PURPOSE };

struct path_options {
    time_t at;       /* the moment as of which to judge; 0: now */
    bool allow_weak; /* accept keys and digests below 112 bits of strength */
    enum path_purpose purpose;
    /* Certificate policies (RFC 5280 6.1.1 c, e, f, g): dotted identifiers, ended by NULL;
     * NULL: any will do. */
    const char *const *policies;
    bool require_policy, no_policy_mapping, no_any_policy;
    /* Borrowed, each may be NULL: intermediates that are known; AIA's caIssuers; revocation. */
    struct store *store;
    struct fetcher *fetcher;
    struct revocation *revocation;
};

/* The outcome: problem words in the order found, none of them twice, each with a
 * sentence. The words: untrusted-root, distrusted, expired, not-yet-valid, weak-algorithm,
 * wrong-purpose, policy-mismatch, revoked, revocation-unknown (or, where that is but a note,
 * revocation-unchecked), path-invalid. Texts are owned by the struct. */
struct path {
    size_t count;
    struct path_problem {
        const char *word;
        char text[256];
    } problems[PATH_PROBLEMS_MAX];
    STACK_OF(X509) *chain; /* signer first, as far as it could be built; may be NULL */
    char anchor[192];      /* what made its last one trusted: "--anchor ca.crt", "the system",
                              "you, on 2026-11-23"; empty: nothing did */
    char revocation[256];  /* where the signer's state is known from; empty: not asked */
    const char *baseline;  /* which kind of S/MIME Baseline Requirements certificate it says it
                              is (trust/purpose.h): a fact, no judgement; or NULL */
    size_t tried;          /* candidate paths that were judged */
};

/* Judges the certificate for the purpose of the options. untrusted: the certificates
 * that came with the message (may be NULL). 0 with *ret filled, whatever the
 * judgement; an E_* only when no judgement could be made. */
int path_check(struct path *ret, const struct anchors *, X509 *signer,
               STACK_OF(X509) *untrusted, const struct path_options *,
               struct err *err) must_check;
/* How many of its problems are more than a note. */
size_t path_faults(const struct path *);
bool path_has(const struct path *, const char *word);
void path_clear(struct path *);

#endif
