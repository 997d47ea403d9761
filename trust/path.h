/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certification paths (RFC 5280 6) through libcrypto: from a signer's certificate
 * to an anchor.
 *
 * Life: anchors_new, anchors_add_file for each --anchor, then path_check for each
 * signer, anchors_free. An anchor is trusted whatever issued it, so an
 * intermediate or a signer's own certificate can be one. path_check does not stop
 * at the first fault: it collects the problem word of each (see struct path).
 *
 * A struct anchors is immutable once filled and may then be shared by threads.
 */
#ifndef SIGNET_TRUST_PATH_H
#define SIGNET_TRUST_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <openssl/x509.h>

#include "base/err.h"

/* Intermediates between signer and anchor, at most. */
#define PATH_DEPTH_MAX 16
/* Different problem words of one path, at most. */
#define PATH_PROBLEMS_MAX 12
/* Largest anchor file, in bytes. */
#define ANCHOR_FILE_MAX (16u * 1024 * 1024)

struct anchors;

int anchors_new(struct anchors **ret, struct err *err) must_check;
/* Adds every certificate of the file, one in DER or any number in PEM. E_INPUT when
 * it cannot be read, E_MALFORMED when it holds no certificate. */
int anchors_add_file(struct anchors *, const char *path, struct err *err) must_check;
size_t anchors_count(const struct anchors *);
void anchors_free(struct anchors **);

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
    size_t tried;          /* candidate paths that were judged */
};

/* Judges the signer for the purpose of signing mail. untrusted: the certificates
 * that came with the message (may be NULL). 0 with *ret filled, whatever the
 * judgement; an E_* only when no judgement could be made. */
int path_check(struct path *ret, const struct anchors *, X509 *signer,
               STACK_OF(X509) *untrusted, const struct path_options *,
               struct err *err) must_check;
void path_clear(struct path *);

#endif
