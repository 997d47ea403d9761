/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing EnvelopedData (RFC 5652, section 6) and AuthEnvelopedData (RFC 5083), as a
 * stream, to any number of recipients; and EncryptedData, under a key that is there.
 *
 * Life: fill struct cms_encrypt_options (cipher, recipients); cms_encrypt_new, which
 * makes the content key and wraps it for each recipient; cms_encrypt_update with
 * the content in pieces of any size; cms_encrypt_finish; cms_encrypt_free, in every
 * case. Content is enciphered and passed on, never kept.
 *
 * The cipher decides: CBC makes EnvelopedData; GCM, CCM and ChaCha20-Poly1305 make
 * AuthEnvelopedData, which alone tells the recipient that nothing was altered,
 * and which some mail programs cannot read. CCM needs content_size.
 *
 * The encoding. content_size known: DER. -1: BER, with indefinite lengths
 * around the content and the ciphertext in segments of CMS_SEGMENT_SIZE.
 *
 * Recipients: a certificate's key type decides between key transport (RSA) and key
 * agreement (EC on P-256, P-384, P-521 with the X9.63 KDF of RFC 5753; X25519 and X448
 * with the HKDF of RFC 8418), with a fresh ephemeral key each. Whether a certificate
 * is valid and meant for encryption is not asked here. Keys that are too weak
 * (RSA under 2048 bits) are E_WEAK.
 *
 * One cms_encrypt belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_ENCRYPT_H
#define SIGNET_CMS_ENCRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "base/secret.h"
#include "base/sink.h"
#include "cms/cipher.h"

/* Most recipients of one message: what cms/decrypt.h reads. */
#define CMS_RECIPIENTS_MAX 4096
/* Longest ukm, bytes. */
#define CMS_UKM_MAX 1024
/* PBKDF2 iterations when the options do not say, and the fewest taken. */
#define CMS_PASSWORD_ITERATIONS 600000u
#define CMS_PASSWORD_ITERATIONS_MIN 1000u

/* One recipient: exactly one of cert, kek and password is given. Zero is a
 * sensible value for everything else. Borrowed until cms_encrypt_new returned. */
struct cms_to {
    X509 *cert;
    bool ski;                           /* name it by its subjectKeyIdentifier */
    /* RSA: OAEP (RFC 4055) with SHA-256, unless these say otherwise. */
    bool pkcs1;                         /* PKCS#1 v1.5, for what knows nothing newer */
    const struct alg_digest *digest;    /* of OAEP; also of MGF1 unless mgf is given.
                                           Key agreement: of the KDF */
    const struct alg_digest *mgf;
    const uint8_t *label;
    size_t label_len;

    /* Key agreement: octets that go into the derivation beside the shared secret, in the
     * message for both to see (RFC 5753, 3.1.1: entityUInfo; RFC 8418: HKDF's salt, too).
     * NULL with length 0 as a rule: the ephemeral key is new in each message. */
    const uint8_t *ukm;
    size_t ukm_len;

    const struct secret *kek;           /* 16, 24 or 32 bytes: AES key wrap */
    const uint8_t *kek_id;              /* what both sides call it; not empty */
    size_t kek_id_len;

    const struct secret *password;      /* not empty; PBKDF2 with HMAC-SHA256 */
    unsigned iterations;                /* 0: CMS_PASSWORD_ITERATIONS */
};

struct cms_encrypt_options {
    const struct cms_cipher *cipher;    /* not a weak one */
    const struct cms_to *to;
    size_t count;
    /* Instead of recipients: EncryptedData (RFC 5652, section 8) under this key, which both
     * sides have; of the cipher's length. CBC alone. Borrowed as `to` is. */
    const struct secret *key;
    int64_t content_size;               /* bytes that will come; -1 unknown */
    int content_type;                   /* NID; 0 is id-data */
    /* Authenticated, not encrypted; AEAD ciphers alone, else E_USAGE. The
     * content-type attribute is added where RFC 5083 asks for it. NULL for none. */
    const STACK_OF(X509_ATTRIBUTE) *attributes;
    /* Neither encrypted nor authenticated: whoever passes the message on can change them
     * (unprotectedAttrs, unauthAttrs). NULL for none. */
    const STACK_OF(X509_ATTRIBUTE) *unprotected;
    /* originatorInfo (RFC 5652, 6.1): certificates and revocation lists that may help
     * recipients; as little protected. NULL for none; E_USAGE for EncryptedData. */
    const STACK_OF(X509) *originator_certs;
    const STACK_OF(X509_CRL) *originator_crls;
};

struct cms_encrypt;

/* Checks, wraps, and is ready to write to out (copied; called from update and finish).
 * E_USAGE, E_WEAK, E_UNSUPPORTED, E_LIMIT, E_NOMEM, E_CRYPTO. */
int cms_encrypt_new(struct cms_encrypt **ret, const struct cms_encrypt_options *,
                    const struct sink *out, struct err *err) must_check;

/* More content. Returns what the sink returned when it stopped; E_USAGE when
 * more comes than content_size said. */
int cms_encrypt_update(struct cms_encrypt *, const void *data, size_t len,
                       struct err *err) must_check;
/* A sink that is cms_encrypt_update. */
struct sink cms_encrypt_sink(struct cms_encrypt *);

/* Writes what is left: the last block, the tag. Nothing may be called afterwards but
 * free. E_USAGE when less came than content_size said. */
int cms_encrypt_finish(struct cms_encrypt *, struct err *err) must_check;

/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_encrypt_free(struct cms_encrypt **);
#define autofree_cms_encrypt __attribute__((cleanup(cms_encrypt_free)))

#endif
