/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRLs and OCSP answers in the store. A CRL is kept as all of it but its entries, the digest that
 * its signature is over, and its entries in pages (trust/crl_index.h): a look-up reads one page.
 * Of one issuer and scope the newest is kept. What is here was signed by somebody; that it is the
 * right one is seen when it is used.
 *
 * Errors and threads as in trust/store.h.
 */
#ifndef SIGNET_TRUST_STORE_REVOCATION_H
#define SIGNET_TRUST_STORE_REVOCATION_H

#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "trust/crl_index.h"
#include "trust/store.h"

#define STORE_HASH 32
/* CRLs of one issuer that are looked at, the newest first. */
#define STORE_CRLS_MAX 64

struct store_crl {
    int64_t id;                      /* of what is found */
    const uint8_t *sha256;           /* of the whole */
    uint32_t issuer;                 /* crl_name_hash */
    struct span header, digest;
    const uint8_t *spki;             /* of the key it was verified with; NULL: it was not */
    time_t this_update, next_update; /* next_update 0: none */
    const uint8_t *scope;            /* what is the same in its successor */
    const char *source;
};

/* Adds it with its entries; no error when it is there. */
int store_crl_add(struct store *, const struct store_crl *, const struct crl_index *,
                  struct err *err) must_check;
/* Calls each(arg, crl) for those of that issuer, at most STORE_CRLS_MAX. */
int store_crl_find(struct store *, uint32_t issuer, int (*each)(void *arg, const struct store_crl *),
                   void *arg, struct err *err) must_check;
int store_crl_verified(struct store *, int64_t id, const uint8_t spki[STORE_HASH],
                       struct err *err) must_check;
/* Appends the page that has that hash, if one does. */
int store_crl_page(struct store *, int64_t id, uint64_t hash, struct buf *page,
                   struct err *err) must_check;

/* certid: SHA-256 of the CertID with SHA-1. A newer answer replaces an older one. */
int store_ocsp_put(struct store *, const uint8_t certid[STORE_HASH], struct span der,
                   time_t this_update, time_t next_update, const char *source,
                   struct err *err) must_check;
/* Appends the answer, if there is one. */
int store_ocsp_get(struct store *, const uint8_t certid[STORE_HASH], struct buf *der,
                   struct err *err) must_check;

#endif
