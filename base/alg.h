/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of algorithms. Digests and signature schemes by the names that
 * the protocol, the command line and the JSON use; object identifiers as
 * libcrypto NIDs. PKCS#11 mechanisms hang off the same records in
 * pkcs11/mechanism.c, CMS identifiers in cms/. All records are const and live
 * for the process; compare by pointer.
 */
#ifndef SIGNET_BASE_ALG_H
#define SIGNET_BASE_ALG_H

#include <stdbool.h>
#include <stddef.h>

enum alg_key_type { ALG_KEY_NONE, ALG_KEY_RSA, ALG_KEY_EC, ALG_KEY_ED25519, ALG_KEY_ED448,
                    ALG_KEY_X25519, ALG_KEY_X448, ALG_KEY_DSA };
enum alg_padding { ALG_PAD_NONE, ALG_PAD_PKCS1, ALG_PAD_PSS, ALG_PAD_OAEP };

struct alg_digest {
    const char *name;    /* "sha256" */
    const char *ossl;    /* libcrypto's fetch name, "SHA2-256" */
    const char *micalg;  /* RFC 8551 3.5.3.2 value, "sha-256" */
    int nid;             /* NID_sha256 */
    size_t size;         /* bytes */
    bool weak;           /* no longer good to sign with: MD5, SHA-1, ... */
};

struct alg_sig {
    const char *name;                 /* "rsa-pss-sha256", "ecdsa-sha384", "ed25519" */
    enum alg_key_type key;
    enum alg_padding padding;
    const struct alg_digest *digest;  /* NULL for Ed25519 and Ed448, which sign the data */
};

/* By name, by micalg (also the old spellings "sha1", "sha256", ...), or by NID;
 * case does not matter; NULL when there is none. */
const struct alg_digest *alg_digest_by_name(const char *);
const struct alg_digest *alg_digest_by_micalg(const char *, size_t len);
const struct alg_digest *alg_digest_by_nid(int nid);

const struct alg_sig *alg_sig_by_name(const char *);
/* The scheme of a key type, padding and digest (digest NULL for EdDSA). */
const struct alg_sig *alg_sig_find(enum alg_key_type, enum alg_padding,
                                   const struct alg_digest *);

/* The i-th record, NULL behind the last: for listings and tests. */
const struct alg_digest *alg_digest_at(size_t i);
const struct alg_sig *alg_sig_at(size_t i);

/* "rsa", "ec", "ed25519", ...; and back (ALG_KEY_NONE when unknown). */
const char *alg_key_name(enum alg_key_type);
enum alg_key_type alg_key_by_name(const char *);

#endif
