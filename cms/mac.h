/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HMAC as a stream, and its AlgorithmIdentifiers (RFC 3370, 3.1; RFC 4231, 3.1; with
 * SHA-3 by NIST's). Inside of the library.
 *
 * Life: mac_new with a key, which is borrowed for the call; mac_update; mac_final;
 * mac_free.
 */
#ifndef SIGNET_CMS_MAC_H
#define SIGNET_CMS_MAC_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "base/err.h"
#include "base/secret.h"

/* Room for a MAC, bytes. */
#define MAC_SIZE_MAX 64

/* The digest of an HMAC, or NULL when the algorithm is no HMAC that is known. */
const struct alg_digest *mac_read(const X509_ALGOR *);
/* E_UNSUPPORTED, E_NOMEM. */
int mac_write(const struct alg_digest *, X509_ALGOR *out) must_check;

struct mac;
/* E_UNSUPPORTED, E_CRYPTO, E_NOMEM; sentences have no subject. */
int mac_new(struct mac **ret, const struct alg_digest *, const struct secret *key,
            struct err *err) must_check;
int mac_update(struct mac *, const uint8_t *data, size_t len, struct err *err) must_check;
/* The digest's size of bytes. */
int mac_final(struct mac *, uint8_t out[MAC_SIZE_MAX], struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void mac_free(struct mac **);

#endif
