/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Candidate paths from a certificate to an anchor, one after the other, the likeliest first
 * (RFC 4158).
 *
 * Life: builder_new; builder_next until it has no more, with builder_bad_link for what turned
 * out to be signed by somebody else; builder_widen to look further, after which builder_next
 * goes on with paths it has not yet given; builder_dead_end when there was none;
 * builder_free.
 *
 * The certificates seen are a graph: an edge leads to each certificate whose subject is the
 * issuer's name. It is walked depth first; of several issuers an anchor goes before others,
 * then one whose key identifier is the one asked for, then one that is valid at that time. A path
 * ends at the first anchor. None has a certificate twice, nor two of the same subject and key,
 * so loops end.
 *
 * Bounds: BUILDER_CERTS_MAX certificates, BUILDER_STEPS_MAX steps and
 * PATH_DEPTH_MAX certificates between; builder_bounded tells that one of the first two was met.
 *
 * One thread.
 */
#ifndef SIGNET_TRUST_BUILDER_H
#define SIGNET_TRUST_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "trust/anchors.h"
#include "trust/path.h"
#include "trust/store.h"

#define BUILDER_CERTS_MAX 1024
#define BUILDER_STEPS_MAX 4096
/* Certificates of one path. */
#define BUILDER_LENGTH_MAX (PATH_DEPTH_MAX + 2)
/* Certificates of one name that are taken from the store. */
#define BUILDER_STORED_MAX 64

struct builder;

struct builder_sources {
    const struct anchors *anchors;
    STACK_OF(X509) *message;       /* or NULL */
    struct store *store;           /* or NULL */
    time_t at;
};

/* How far to look; each includes the ones before it. */
enum builder_reach {
    BUILDER_MESSAGE,    /* the message's certificates, the anchors named */
    BUILDER_STORE,      /* the store's, and those it marks trusted; folders of anchors */
    BUILDER_SYSTEM,     /* the system's anchors */
};

/* Signer first. Borrowed from the builder, till its next call. */
struct candidate {
    X509 *certs[BUILDER_LENGTH_MAX];
    size_t count;
    const char *anchor; /* what makes the last one trusted; NULL: nothing does */
};

/* All that is given is borrowed for the builder's life. */
int builder_new(struct builder **ret, X509 *signer, const struct builder_sources *,
                struct err *err) must_check;
void builder_free(struct builder **);

/* 1 with *ret filled, 0 when there are no more, or an E_*. */
int builder_next(struct builder *, struct candidate *ret, struct err *err) must_check;
/* In the candidate given last, the certificate at that depth is not signed by the next. */
void builder_bad_link(struct builder *, size_t depth);
/* Looks further from now on. */
void builder_widen(struct builder *, enum builder_reach);
/* Adds certificates that were fetched; *ret_new: how many were not known. */
int builder_add(struct builder *, STACK_OF(X509) *, size_t *ret_new, struct err *err) must_check;
/* Calls each(arg, cert) for those that nothing known has issued. */
void builder_each_orphan(const struct builder *, void (*each)(void *arg, X509 *), void *arg);
/* The longest way that did not lead to an anchor; the signer alone if there was none. */
void builder_dead_end(const struct builder *, struct candidate *ret);
bool builder_bounded(const struct builder *);

#endif
