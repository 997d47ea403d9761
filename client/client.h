/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent, seen from a front. One struct client is one connection; it belongs
 * to one thread at a time, several may be open. Every function returns 0 or an
 * E_* with a sentence in err; a lost agent is E_AGENT and the connection is then
 * dead (free it). Nothing here touches PKCS#11 or parses a message.
 *
 *     struct client *c = NULL;
 *     client_open(&c, &home, &opts, err);          starts the agent if none runs
 *     client_find_key(c, "alice@example.org", &key, err);
 *     client_sign(c, key.name, alg_sig_by_name("rsa-pkcs1-sha256"),
 *                 digest, 32, out, err);
 *     client_key_clear(&key);
 *     client_free(&c);
 *
 * Starting: exactly one agent per home comes up however many clients try at
 * once (the agent holds a lock in the runtime folder; losers connect to it).
 */
#ifndef SIGNET_CLIENT_CLIENT_H
#define SIGNET_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "base/alg.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/home.h"
#include "base/secret.h"

/* Longest key name: SHA-256 of the SubjectPublicKeyInfo in hex, with NUL. */
#define CLIENT_KEY_NAME 65

struct client;

struct client_options {
    bool batch;     /* never ask: a needed PIN is E_PIN_NEEDED */
    bool no_start;  /* fail with E_AGENT instead of starting an agent */
    /* Asks the person at this client's terminal for a PIN, when the agent has no
     * pinentry. prompt is one safe line; fills pin; E_PIN_CANCELLED when they
     * give up. NULL: cannot ask. */
    int (*ask_pin)(void *arg, const char *prompt, struct secret *pin, struct err *err);
    /* The same for a yes or no. NULL: cannot ask. */
    int (*ask_confirm)(void *arg, const char *prompt, bool *ret_yes, struct err *err);
    /* Tells the person something while a command is under way ("use the keypad", "insert
     * the card"). NULL: nobody is told. */
    void (*notice)(void *arg, const char *sentence);
    void *arg;
    unsigned wait;     /* seconds to wait for a card that is not connected */
    const char *front; /* who speaks, for prompts and audit: "cli", "provider", ... */
};

int client_open(struct client **ret, const struct home *, const struct client_options *,
                struct err *err) must_check;
void client_free(struct client **);
/* Lets go of it without a word to the agent: in a forked child, whose parent's connection it is
 * and where its memory was wiped, or when somebody else's file has taken the descriptor's number,
 * which then is not closed. The context's memory stays behind. */
void client_abandon(struct client **, bool close_descriptor);

/* A key as KEY answers it. Owned by the caller; clear it. */
struct client_key {
    char name[CLIENT_KEY_NAME];
    enum alg_key_type type;
    unsigned bits;
    char *curve;              /* "P-256" or NULL */
    char *label;              /* may be empty */
    char *token;              /* label of the (first) token that holds it */
    uint8_t *spki;            /* SubjectPublicKeyInfo, DER */
    size_t spki_len;
    /* The certificates of this key on its tokens, newest first, in DER, with the
     * agent's text of whom they are for and from. */
    struct client_cert {
        uint8_t *der;
        size_t len;
        char *subject, *issuer;
        bool issuer_here; /* a token holds a certificate of the issuer's name */
        bool sibling_here; /* a token holds another certificate of one of its addresses */
    } *certs;
    size_t cert_count;
};
void client_key_clear(struct client_key *);

/* The one key that spec names: e-mail address, label, certificate fingerprint
 * (SHA-256 or SHA-1 in hex), pkcs11: URI, or a prefix (8 digits or more) of the
 * name. NULL: the only key there is. E_NO_KEY or E_AMBIGUOUS (the sentence lists
 * the candidates). */
int client_find_key(struct client *, const char *spec, struct client_key *ret,
                    struct err *err) must_check;

/* Listings as the protocol's JSON (docs/protocol.md); the caller decrefs. */
int client_tokens(struct client *, json_t **ret, struct err *err) must_check;
int client_keys(struct client *, json_t **ret, struct err *err) must_check;
int client_status(struct client *, json_t **ret, struct err *err) must_check;
/* All certificates on all tokens (chains are built from them): an array of
 * objects with "der" in base64. */
int client_certs(struct client *, json_t **ret, struct err *err) must_check;

/* The binary value of a base64 member ("der", "spki") of an object in those
 * listings; E_PROTOCOL when it is missing or no base64. The caller frees *ret. */
int client_binary(const json_t *object, const char *member, uint8_t **ret, size_t *ret_len,
                  struct err *err) must_check;

/* Private-key operations. key is a full name. The output is appended to out.
 * sign: for RSA and ECDSA `data` is the digest (exactly its size), for EdDSA the
 * message; the signature is DER for ECDSA (ECDSA-Sig-Value, RFC 3279), raw bytes
 * of the modulus's length for RSA, RFC 8032 form for EdDSA. */
int client_sign(struct client *, const char *key, const struct alg_sig *,
                const uint8_t *data, size_t len, struct buf *out, struct err *err) must_check;
/* Has work done once, right after the next request was sent and before its answer is
 * awaited: what does not depend on the answer costs no time then. It must not use
 * the client. */
void client_meanwhile(struct client *, void (*work)(void *arg), void *arg);
/* decrypt: scheme "rsa-pkcs1", or "rsa-oaep-sha256" etc.
 * For rsa-pkcs1, `expect` is the length of the wrapped key the caller needs; a
 * bad padding or another length yields a random key of that length, never an
 * error (DESIGN, invariant 6). 0: it is not known, and the made-up one has any length. */
struct client_decrypt {
    const char *scheme;
    size_t expect;         /* rsa-pkcs1 */
    const char *mgf;       /* OAEP: the digest of MGF1; NULL: the scheme's */
    const uint8_t *label;  /* OAEP; mostly NULL. E_LIMIT over WIRE_LABEL_MAX bytes */
    size_t label_len;
};
int client_decrypt(struct client *, const char *key, const struct client_decrypt *,
                   const uint8_t *data, size_t len, struct secret *out, struct err *err) must_check;
/* derive: ECDH shared secret Z (SEC 1, 3.3.1); point is the peer's public point,
 * uncompressed, or 32/56 raw bytes for X25519/X448. */
int client_derive(struct client *, const char *key, const uint8_t *point, size_t len,
                  struct secret *out, struct err *err) must_check;
/* The same where the token keeps Z: it runs the X9.63 KDF (RFC 5753, 7.2) and the AES key
 * unwrap (RFC 3394) as well. out gets the key inside. */
struct client_agreed {
    const uint8_t *point;
    size_t point_len;
    const char *digest;    /* of the KDF: "sha256" */
    const uint8_t *info;   /* ECC-CMS-SharedInfo */
    size_t info_len;
    size_t kek_size;       /* bytes of the wrapping key */
    const uint8_t *wrapped;
    size_t wrapped_len;
};
int client_derive_unwrap(struct client *, const char *key, const struct client_agreed *,
                         struct secret *out, struct err *err) must_check;

/* Token management. pin_file: the agent remembers it as the token's pin-source;
 * NULL: the PIN is asked for. */
int client_token_create(struct client *, const char *label, const char *pin_file,
                        struct err *err) must_check;
/* type: rsa2048|rsa3072|rsa4096|p256|p384|p521|ed25519|x25519. ret_name gets the key's
 * name. */
int client_key_generate(struct client *, const char *token, const char *type,
                        const char *label, char ret_name[CLIENT_KEY_NAME],
                        struct err *err) must_check;
/* Stores the certificate beside the key it belongs to; ret_name gets that key. */
int client_cert_import(struct client *, const uint8_t *der, size_t len,
                       char ret_name[CLIENT_KEY_NAME], struct err *err) must_check;

/* Changes a token's PIN; unblock: sets a new one with the PUK (the security officer's
 * PIN). Files hold PINs in their first lines; what no file brings is asked for. */
int client_pin_change(struct client *, const char *token, bool unblock, const char *old_file,
                      const char *new_file, struct err *err) must_check;

/* Calls event(arg, json) for each token that is there, that comes and that goes, until it
 * returns other than 0 (which is returned) or the agent ends (0). The connection is of no
 * use afterwards. */
int client_watch(struct client *, int (*event)(void *arg, const char *json), void *arg,
                 struct err *err) must_check;

/* How many tokens have come so far; with *seen other than CLIENT_ANY, waits as long as
 * the option `wait` says until it is another number: E_NO_TOKEN when it stays. */
#define CLIENT_ANY (~0ul)
int client_await_token(struct client *, unsigned long *seen, struct err *err) must_check;

/* Forgets the PIN of a token (NULL: of all), logging out. */
int client_pin_forget(struct client *, const char *token, struct err *err) must_check;
/* Locks the agent: PINs are forgotten, and no key is used until it is unlocked with the same
 * passphrase. file: its first line, an absolute path; NULL: it is asked for, by ask_pin. */
int client_lock(struct client *, const char *file, struct err *err) must_check;
int client_unlock(struct client *, const char *file, struct err *err) must_check;
/* Requests that wait for approval (PENDING): an object that the caller decrefs. With *seen other
 * than CLIENT_ANY waits, as long as the option `wait` says, until its serial is another one:
 * E_TIMEOUT when it stays. */
int client_pending(struct client *, unsigned long *seen, json_t **ret, struct err *err) must_check;
/* Approves or refuses one; ret gets it as it then stands, for the caller to decref. */
int client_decide(struct client *, const char *id, bool yes, json_t **ret,
                  struct err *err) must_check;
/* Has the agent read configuration and policy anew; E_CONFIG: what it had before stays. */
int client_reload(struct client *, struct err *err) must_check;
/* The rules about keys, a JSON array; the caller decrefs. */
int client_policy(struct client *, json_t **ret, struct err *err) must_check;
/* Asks the agent to end; returns when it has closed its sockets. */
int client_stop(struct client *, struct err *err) must_check;

#endif
