/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of what encrypts content and what wraps keys in CMS: AES-CBC
 * (RFC 3565), AES-GCM and AES-CCM (RFC 5084), ChaCha20-Poly1305 (RFC 8103), AES key
 * wrap (RFC 3394, 5649), and to read what is old: Triple-DES and RC2 (RFC 3370).
 * Records are const, live for the process, and are compared by pointer.
 * Everything here is thread-safe.
 */
#ifndef SIGNET_CMS_CIPHER_H
#define SIGNET_CMS_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/err.h"

enum cms_mode { CMS_MODE_CBC, CMS_MODE_GCM, CMS_MODE_CCM, CMS_MODE_CHACHA };

struct cms_cipher {
    const char *name;      /* "aes256-gcm" */
    const char *ossl;      /* libcrypto's fetch name */
    const char *oid;       /* dotted */
    enum cms_mode mode;
    uint8_t key;           /* bytes; RC2's depends on its parameters */
    uint8_t iv;            /* bytes, as we write it; 8 or 16 for CBC in any case */
    uint8_t tag;           /* bytes, as we write it; 0: not authenticated */
    bool weak;             /* to decrypt only, and only when that is allowed */
};

/* A content cipher by its name ("aes128-cbc", "aes256-ccm", "chacha20-poly1305"), in
 * any case; the i-th; NULL when there is none. */
const struct cms_cipher *cms_cipher_by_name(const char *);
const struct cms_cipher *cms_cipher_at(size_t i);

struct cms_wrap {
    const char *name;      /* "aes256-wrap" */
    const char *ossl;
    const char *oid;
    uint8_t key;           /* bytes of the wrapping key */
    bool weak;
};

const struct cms_wrap *cms_wrap_by_name(const char *);
const struct cms_wrap *cms_wrap_at(size_t i);

/*
 * For the library itself.
 */

/* Room for an initialisation vector or nonce, and for a tag. */
#define CIPHER_IV_MAX 16
#define CIPHER_TAG_MAX 16

/* A cipher with its parameters. */
struct cipher_params {
    const struct cms_cipher *cipher;
    size_t key_len;
    uint8_t iv[CIPHER_IV_MAX];
    size_t iv_len;
    size_t tag_len;
    int rc2_bits;          /* effective key bits */
};

/* E_UNSUPPORTED (and the OID in the sentence), E_MALFORMED. */
int cipher_read(const X509_ALGOR *, struct cipher_params *ret, struct err *err) must_check;
int cipher_write(const struct cipher_params *, X509_ALGOR *out) must_check;

/* The wrap, or NULL when it is unknown or has parameters it cannot have. */
const struct cms_wrap *wrap_read(const X509_ALGOR *);
int wrap_write(const struct cms_wrap *, X509_ALGOR *out) must_check;
/* The AES key wrap whose own key has this many bytes; NULL when there is none. */
const struct cms_wrap *wrap_of_size(size_t key_len);

/* Dotted text of an algorithm's OID, cut to max. */
void algor_oid(const X509_ALGOR *, char *out, size_t max);

#endif
