/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries of a CRL, sorted, so that one serial number is found among millions by one look.
 *
 * Life: crl_index_new from a CRL's DER, which stays the caller's and is referred to;
 * crl_index_find; crl_index_pages writes it out in pages for the store, one of which
 * crl_page_find looks through; crl_index_free.
 *
 * An entry is sorted by a hash of whom the certificate is by, in an indirect CRL the last
 * certificateIssuer before it (RFC 5280 5.3.3), and of its serial number. A hash is no proof:
 * who looks up compares what is found. 24 bytes of memory per entry.
 */
#ifndef SIGNET_TRUST_CRL_INDEX_H
#define SIGNET_TRUST_CRL_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "trust/crl_der.h"

/* A page is closed when it has as much. */
#define CRL_PAGE_BYTES 4096
/* Entries of one hash at most: a CRL that repeats itself more often is E_LIMIT. */
#define CRL_SAME_MAX 16
/* Directory names of one certificateIssuer that are heeded; more are E_LIMIT. */
#define CRL_ENTRY_ISSUERS_MAX 4

struct crl_index;

int crl_index_new(struct crl_index **ret, const struct crl_der *) must_check;
void crl_index_free(struct crl_index **);
size_t crl_index_count(const struct crl_index *);
/* The first entry with a critical extension, which libcrypto has to see; or nothing. */
struct span crl_index_critical(const struct crl_index *);

/* RFC 5280 7.1's comparison in 32 bits; E_MALFORMED. */
int crl_name_hash(const X509_NAME *, uint32_t *ret) must_check;
uint64_t crl_hash(uint32_t name, struct span serial);

/* Calls each(arg, entry, issuer) for what has this hash until it returns non-zero, which is then
 * returned; issuer: the certificateIssuer that holds for it and stands elsewhere, or nothing. */
typedef int crl_found(void *arg, const struct crl_entry *, struct span issuer);
int crl_index_find(const struct crl_index *, uint64_t hash, crl_found *, void *arg) must_check;

/* Calls page(arg, first, data, len) for each page in ascending order. */
int crl_index_pages(const struct crl_index *,
                    int (*page)(void *arg, uint64_t first, const uint8_t *data, size_t len),
                    void *arg) must_check;
int crl_page_find(const uint8_t *page, size_t len, uint64_t hash, crl_found *,
                  void *arg) must_check;

#endif
