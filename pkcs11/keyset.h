/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a token holds, as of one look: keys, each joined from its private-key,
 * public-key and certificate objects, and certificates.
 *
 * keyset_read() looks at everything in one session; the result is immutable,
 * reference-counted and shared between lanes (keyset_ref, keyset_unref are
 * thread-safe). Handles in it are good for every session of the same slot until
 * the slot's generation changes (pkcs11/slot.h).
 *
 * Joining. A private key's public half comes from its own attributes if those
 * say it (modulus and public exponent, EC_POINT, CKA_PUBLIC_KEY_INFO), else from
 * a public-key object, else from a certificate, with the same non-empty CKA_ID
 * and of the same key type. Public-key objects and certificates join the key
 * whose SubjectPublicKeyInfo they have, whatever their CKA_ID says. A private
 * key whose public half nobody knows has no name and is left out. Before login
 * private keys are invisible: keys are then what public-key objects and end
 * entity certificates suggest.
 */
#ifndef SIGNET_PKCS11_KEYSET_H
#define SIGNET_PKCS11_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "pkcs11/ck.h"
#include "pkcs11/spki.h"

/* Longest CKA_ID kept, in bytes; longer ones are cut. */
#define KEY_ID_MAX 64

enum key_private {
    KEY_PRIVATE_NO,      /* the private key is not on this token */
    KEY_PRIVATE_YES,
    KEY_PRIVATE_UNKNOWN, /* only a login can tell */
};

struct key {
    struct spki spki;
    char *label;                  /* made safe to show; may be empty */
    uint8_t id[KEY_ID_MAX];
    size_t id_len;
    enum key_private private_state;
    CK_OBJECT_HANDLE private_key; /* CK_INVALID_HANDLE when there is none to see */
    CK_OBJECT_HANDLE public_key;
    bool sign, decrypt, derive;   /* what the token permits, or would */
    bool always_authenticate;     /* CKA_ALWAYS_AUTHENTICATE */
};

struct cert {
    uint8_t *der;
    size_t len;
    X509 *x509;
    char *label;          /* made safe to show; may be empty */
    uint8_t id[KEY_ID_MAX];
    size_t id_len;
    struct spki spki;     /* blank when its key is of a kind unknown to Signet */
};

struct keyset {
    unsigned refs;
    unsigned generation;  /* the slot's, when this was read */
    struct key *keys;     /* sorted by spki.name, each name once */
    size_t key_count;
    struct cert *certs;
    size_t cert_count;
};

/* hidden: private objects may exist that only a login shows. CKR_OK, or what the
 * module said. *ret has one reference. */
CK_RV keyset_read(struct keyset **ret, const struct ck_calls *, CK_SESSION_HANDLE,
                  bool hidden) must_check;
struct keyset *keyset_ref(struct keyset *);
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void keyset_unref(struct keyset **);

/* The key of that full name, borrowed, or NULL. */
const struct key *keyset_find(const struct keyset *, const char *name);

/* Free what one holds; for keyset_read() and keyset_unref(). */
void key_clear(struct key *);
void cert_clear(struct cert *);

#endif
