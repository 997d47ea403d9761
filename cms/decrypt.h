/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading EnvelopedData (RFC 5652, section 6) and AuthEnvelopedData (RFC 5083): whom
 * a message is for, and its content decrypted as a stream, with private keys that
 * are somewhere else. EncryptedData (section 8), whose key both sides have, and
 * AuthenticatedData (section 9), which has recipients and is not encrypted, too.
 *
 * Life: fill struct cms_decrypt_options with what might open a message and put it
 * into cms_reader_options.decrypt (cms/reader.h); then read as any message. When the
 * recipients and the content's cipher have been read, the reader looks for
 * the first recipient that one of the options fits, asks for the content key
 * (unwrap, agree, a KEK, a password) once, and from there decrypts into the content
 * sink. cms_reader_finish says whether padding or tag were right; before it
 * returned 0 the content is worth nothing, so the caller spools it (base/io.h).
 * Without .decrypt the message is parsed, its ciphertext dropped, and
 * cms_reader_encrypted tells the recipients.
 *
 * AuthenticatedData's content passes to the sink as it is; cms_reader_finish compares
 * its MAC, and before it returned 0 nothing is known of the content. Without .decrypt
 * nothing is compared: cms_encrypted.opened is NULL then. A message that is encrypted
 * to several tells a recipient only that its author knew the key, as all
 * recipients do.
 *
 * What failure tells. RSA PKCS#1 v1.5: a callback that reports E_DECRYPT or
 * returns a key of another length gets its key replaced by a random one (RFC
 * 3218), so that this ends as every wrong key does, at the content's end. There
 * the one sentence is "cannot be decrypted", whether the key, the padding or the tag
 * was wrong. The other ways of wrapping protect the key by themselves; when
 * none of the fitting recipients opens, the first one's error comes at once.
 *
 * E_NO_KEY       nothing in the options is for any recipient; recipients of a
 *                kind not known here (OtherRecipientInfo) are named by their OID
 * E_DECRYPT      wrong key, KEK or password, or an altered message
 * E_ALTERED      AuthenticatedData that does not fit its MAC or digest, or a wrong key
 * E_MALFORMED    no recipients; a recipient for a key of another type; parameters that
 *                cannot be, of OAEP above all, which is never taken for v1.5
 * E_UNSUPPORTED  an algorithm not in cms/cipher.h; CCM that cannot be checked in
 *                one pass (cms/crypt.h); content that is elsewhere
 * E_WEAK         3DES or RC2, or AuthenticatedData's content under SHA-1 or MD5, without
 *                allow_weak
 * and what a callback returned. All with the offset.
 *
 * Secrets are in struct secret only. The callbacks are called from
 * cms_reader_update, in its thread.
 */
#ifndef SIGNET_CMS_DECRYPT_H
#define SIGNET_CMS_DECRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "base/err.h"
#include "base/secret.h"
#include "cms/cipher.h"
#include "cms/reader.h"
#include "cms/signed.h"

/* Most recipients of one message; each key of a KeyAgreeRecipientInfo counts. */
#define CMS_MAX_RECIPIENTS 4096
/* Longest RecipientInfo, bytes. */
#define CMS_MAX_RECIPIENT_SIZE (1024u * 1024)
/* Most PBKDF2 iterations done for one message. */
#define CMS_MAX_ITERATIONS 10000000u
/* Room that a callback has for a content key or shared secret, bytes. */
#define CMS_KEY_ROOM 2048

enum cms_recipient_kind {
    CMS_TO_RSA,         /* KeyTransRecipientInfo */
    CMS_TO_AGREE,       /* KeyAgreeRecipientInfo */
    CMS_TO_KEK,         /* KEKRecipientInfo */
    CMS_TO_PASSWORD,    /* PasswordRecipientInfo */
    CMS_TO_OTHER,       /* OtherRecipientInfo; `oid` is its type */
};

/* A recipient as the message names it. All borrowed from the reader. */
struct cms_recipient {
    enum cms_recipient_kind kind;
    const X509_NAME *issuer;           /* these two, or ski, or (KEK) id; else NULL */
    const ASN1_INTEGER *serial;
    const ASN1_OCTET_STRING *ski;
    const ASN1_OCTET_STRING *kek_id;
    char oid[64];                      /* of the key encryption, dotted */
    const char *algorithm;             /* "rsa-pkcs1", "rsa-oaep", "ecdh-x963-sha256",
                                          "aes256-wrap", "pbkdf2"; "" when unknown */
    uint64_t offset;                   /* where its RecipientInfo ends in the message */
    const void *info;                  /* for the library */
    int key;                           /* which of a KeyAgreeRecipientInfo's keys */
};

/* The certificate is the one that the recipient names. */
bool cms_recipient_is(const struct cms_recipient *, X509 *cert);

/* What an RSA key is asked to do. */
struct cms_unwrap {
    enum alg_padding padding;          /* ALG_PAD_PKCS1 or ALG_PAD_OAEP */
    const struct alg_digest *digest;   /* OAEP */
    const struct alg_digest *mgf;      /* OAEP: MGF1's, mostly the same */
    const uint8_t *label;              /* OAEP; NULL with length 0 as a rule */
    size_t label_len;
    const char *scheme;    /* "rsa-pkcs1", "rsa-oaep-sha256"; NULL when digests differ or
                              there is a label, which no such name covers */
    const uint8_t *ciphertext;
    size_t len;
    size_t expected;                   /* length of the key inside; 0: any (OAEP alone) */
};

/* What a key-agreement key is asked to do when its Z stays where it is: X9.63 KDF (RFC 5753,
 * 7.2) and AES key unwrap (RFC 3394). */
struct cms_agreed {
    const uint8_t *point;              /* as for agree */
    size_t point_len;
    const struct alg_digest *digest;   /* of the KDF */
    const uint8_t *info;               /* ECC-CMS-SharedInfo in DER */
    size_t info_len;
    size_t kek_size;                   /* bytes of the wrapping key: 16, 24, 32 */
    const uint8_t *wrapped;
    size_t wrapped_len;
};

/* A certificate and the private key's services. One that has no such service
 * (RSA has no agree) leaves the pointer NULL. */
struct cms_opener {
    X509 *cert;                        /* borrowed */
    /* Puts the unwrapped key into key (room for CMS_KEY_ROOM). E_DECRYPT: it
     * does not unwrap; every other error ends the reading with it. */
    int (*unwrap)(void *arg, const struct cms_unwrap *, struct secret *key, struct err *err);
    /* Z of the private key and a point: uncompressed and on the key's curve, or the
     * 32 or 56 octets of X25519 or X448. */
    int (*agree)(void *arg, const uint8_t *point, size_t len, struct secret *z,
                 struct err *err);
    /* The key inside, for keys whose agree says E_MECHANISM. May be NULL. */
    int (*agree_unwrap)(void *arg, const struct cms_agreed *, struct secret *key,
                        struct err *err);
    void *arg;
};

struct cms_kek {
    const uint8_t *id;                 /* NULL: tried with every KEK recipient */
    size_t id_len;
    const struct secret *key;
};

/* Borrowed until cms_reader_free, with all that it points to. Zero is sensible for
 * each field. */
struct cms_decrypt_options {
    const struct cms_opener *openers;
    size_t opener_count;
    /* Asked once when no opener fits: finds one for any of the recipients (in a
     * store, at an agent) and fills *ret, or returns E_NO_KEY; a sentence that
     * comes with that is what the reader says. */
    int (*find)(void *arg, const struct cms_recipient *recipients, size_t count,
                struct cms_opener *ret, struct err *err);
    void *find_arg;
    const struct cms_kek *keks;
    size_t kek_count;
    const struct secret *password;
    const struct secret *content_key;  /* EncryptedData's, which has no recipients */
    const STACK_OF(X509) *originators; /* for key agreement with a sender's static key,
                                          besides those in the message */
    uint32_t max_iterations;           /* lowers CMS_MAX_ITERATIONS; 0 leaves it */
    bool allow_weak;
};

/* What a message with recipients or ciphertext says of itself. Borrowed from the reader. */
struct cms_encrypted {
    bool authenticated;                        /* AuthEnvelopedData, AuthenticatedData */
    const struct cms_recipient *recipients;    /* in the message's order */
    size_t count;
    const struct cms_recipient *opened;        /* the one that opened it, or NULL */
    const struct cms_cipher *cipher;           /* NULL: not known, or AuthenticatedData */
    const char *cipher_oid;                    /* or that of AuthenticatedData's MAC */
    const struct alg_digest *hmac;             /* AuthenticatedData: HMAC with this, if known */
    bool weak;                                 /* cipher, key encryption or digest is */
    STACK_OF(X509) *originator_certs;          /* of originatorInfo; never NULL */
    size_t originator_crls;
    /* Authenticated ones (is_signed), which are true once cms_reader_finish
     * returned 0, and unauthenticated or unprotected ones. */
    const struct cms_attribute *attributes;
    size_t attribute_count;
};

/* NULL when the message is of another type, or that is not known yet. Complete
 * after cms_reader_finish; recipients are there when find is called. */
const struct cms_encrypted *cms_reader_encrypted(struct cms_reader *);

#endif
