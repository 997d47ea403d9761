/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The DER of a CRL (RFC 5280 5.1), walked once and by hand: libcrypto's objects for a CRL with a
 * million entries take a gigabyte.
 *
 * Life: crl_der_parse finds the parts; crl_der_each goes through the entries; crl_der_put writes
 * a CRL with the same parts and other entries, whose signature is then no good any more, for
 * libcrypto to read. Spans are borrowed from the DER. E_MALFORMED for what is no DER, E_LIMIT for
 * what is over a cap. Pure functions.
 */
#ifndef SIGNET_TRUST_CRL_DER_H
#define SIGNET_TRUST_CRL_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CRL_BYTES_MAX (128u * 1024 * 1024)
/* All of it but the entries. */
#define CRL_HEADER_MAX (256u * 1024)
#define CRL_ENTRY_MAX (16u * 1024)
#define CRL_ENTRIES_MAX (4u * 1024 * 1024)

struct span {
    const uint8_t *at;
    size_t len;
};

struct crl_der {
    struct span whole, tbs;     /* with their headers */
    struct span before, after;  /* of tbs' content: what is around revokedCertificates */
    struct span issuer;         /* Name */
    struct span entries;        /* content of revokedCertificates */
    struct span tail;           /* signatureAlgorithm and signature */
};

struct crl_entry {
    struct span whole;          /* with its header */
    struct span serial;         /* content octets */
    struct span issuer;         /* the certificateIssuer extension with its header; or nothing */
    struct span issuer_value;   /* content of its OCTET STRING */
    bool critical;              /* has another critical extension */
};

int crl_der_parse(const uint8_t *, size_t len, struct crl_der *ret) must_check;
/* Calls each(arg, entry) until it returns non-zero, which is then returned. */
int crl_der_each(const struct crl_der *, int (*each)(void *arg, const struct crl_entry *),
                 void *arg) must_check;
/* Reads one entry; *at moves behind it. */
int crl_der_entry(struct span *at, struct crl_entry *ret) must_check;

/* The one element that data begins with, whatever it is. */
int crl_der_element(struct span data, struct span *ret) must_check;
int crl_der_content(struct span data, struct span *ret) must_check;

/* Appends the CRL with these entries. */
int crl_der_put(const struct crl_der *, const struct span *entries, size_t count,
                struct buf *out) must_check;
/* Appends the entry with that certificateIssuer extension added to it. */
int crl_der_put_entry(const struct crl_entry *, struct span issuer, struct buf *out) must_check;

#endif
