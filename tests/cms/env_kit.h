/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the suites on encrypted messages share: recipients with software keys,
 * messages made and opened in pieces.
 */
#ifndef SIGNET_TESTS_CMS_ENV_KIT_H
#define SIGNET_TESTS_CMS_ENV_KIT_H

#include "cms/decrypt.h"
#include "cms/encrypt.h"
#include "tests/cms/kit.h"

/* Someone who receives. Types: rsa2048, p256, p384, p521, x25519, x448. */
struct receiver {
    const char *type;
    EVP_PKEY *key;
    X509 *cert;
};
/* The i-th, made when first asked for; NULL behind the last. */
struct receiver *receiver_at(size_t i);
struct receiver *receiver_of(const char *type);
/* With a certificate and key of the test's (both become the receiver's). */
struct cms_opener receiver_opener(struct receiver *);

/* A KEK of len bytes, a password; live for the process. */
const struct secret *test_kek(size_t len);
const struct secret *test_password(const char *);
#define TEST_KEK_ID "the-key"

/* A recipient by a word: a receiver's type, with "-pkcs1" behind it for v1.5, with "-ski" behind
 * it; "kek128" to "kek256"; "password". */
struct cms_to to_of(const char *word);

/* Deterministic bytes that do not repeat soon. The caller frees. */
uint8_t *some_content(size_t len);

/* Encrypts; piece as in sign_content. NULL and *err when that fails. */
struct buf *try_encrypt(const struct cms_encrypt_options *, const void *content, size_t len,
                        size_t piece, struct err *err);
/* The same, failing the test. */
struct buf *encrypt_content(const struct cms_encrypt_options *, const void *content, size_t len,
                            size_t piece);

/* How a message is fed: whole, split in two, by bytes, or (0x100 and up) in pieces of
 * random lengths from that seed. */
enum feeding { FEED_WHOLE, FEED_BYTES, FEED_RANDOM };
struct opened {
    int rc;
    struct err err;
    struct cms_reader *reader;
    struct buf *content;
};
struct opened open_message(const void *data, size_t len, enum feeding,
                           const struct cms_decrypt_options *);
void opened_clear(struct opened *);
/* Opens and checks that this is inside, in all feedings. */
void assert_opens(const struct buf *message, const struct cms_decrypt_options *,
                  const void *content, size_t len);
/* All openers and secrets there are. */
const struct cms_decrypt_options *everything(void);

/* A DER message taken apart. */
struct span {
    const uint8_t *data;
    size_t len;
};
struct parts {
    struct span type;           /* OID of the ContentInfo */
    struct span version;
    struct span recipients;     /* contents of the SET */
    struct span content_type, cipher;
    struct span sealed;         /* octets of ciphertext */
    bool has_sealed;
    struct span tail;           /* what is behind encryptedContentInfo */
};

struct parts split_message(const struct buf *);
/* Together again; segment 0: DER, else the ciphertext in segments of that size. */
struct buf *join_message(const struct parts *, size_t segment);

/* A message of some_content(size) to a word's recipient, DER or BER. */
struct buf *message_for(const char *word, const char *cipher, size_t size, bool ber);
/* Opens and expects this error, with these words in its sentence. */
void assert_refused(const struct buf *message, const struct cms_decrypt_options *, int code,
                    const char *words);

/* Kinds of messages for loops over them. */
struct kind {
    const char *word, *cipher;
    bool ber;
};
extern const struct kind kinds[];
#define KINDS 8

/* What an unwrap callback is told to do, and has seen. */
struct act {
    int rc;
    size_t len;
    int calls;
    char scheme[48];
    size_t expected;
};
struct cms_opener act_opener(struct act *);
/* Options with this opener alone. */
struct cms_decrypt_options options_of(struct cms_opener *);

/* Writes receiver files cert.pem and key.pem into dir. */
void write_receiver(const char *dir, struct receiver *);

#endif
