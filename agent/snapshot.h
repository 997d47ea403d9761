/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all tokens hold, at one moment: tokens, keys and certificates joined from
 * the listings of all token hosts. The same key (the same SubjectPublicKeyInfo)
 * on several tokens is one key with several places.
 *
 * Life: snapshot_new, snapshot_add for each host's listing, snapshot_finish; from
 * then on it is immutable and shared by reference (snapshot_ref, snapshot_unref),
 * and every string in it lives as long as it does. JSON for replies is rendered
 * once, here. Pure: talks to no host; `host` and `pin` are only carried.
 */
#ifndef SIGNET_AGENT_SNAPSHOT_H
#define SIGNET_AGENT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "base/alg.h"
#include "base/err.h"

/* Caps on what hosts may list; more is left out, and said in the log. */
#define SNAPSHOT_TOKENS_MAX 256u
#define SNAPSHOT_KEYS_MAX 16384u
#define SNAPSHOT_PLACES_MAX 8u

struct host;
struct pin;

enum token_flag {
    TOKEN_LOGIN_REQUIRED = 1,
    TOKEN_INITIALIZED = 2,
    TOKEN_USER_PIN_INITIALIZED = 4,
    TOKEN_PIN_LOCKED = 8,
    TOKEN_PIN_FINAL_TRY = 16,
    TOKEN_PIN_COUNT_LOW = 32,
    TOKEN_PROTECTED_PATH = 64,
    TOKEN_WRITE_PROTECTED = 128,
    TOKEN_PIN_TO_BE_CHANGED = 256,
    TOKEN_SO_PIN_LOCKED = 512,
    TOKEN_SO_PIN_FINAL_TRY = 1024,
    TOKEN_SO_PIN_COUNT_LOW = 2048,
};

/* The flags of a JSON object {login_required: true, ...}. */
unsigned token_flags(const json_t *flags);

struct token {
    const char *label, *manufacturer, *model, *serial, *module;
    unsigned long slot;
    unsigned flags;
    unsigned keys;          /* how many it holds */
    bool removable;         /* a card: it can go and another one come */
    bool device;            /* a card or another piece of hardware */
    unsigned epoch;         /* the host's count of tokens in this slot */
    unsigned generation;    /* of the host that listed it */
    unsigned pin_min, pin_max; /* characters; pin_max 0: unknown */
    const char *error;      /* why it could not be read; or empty */
    struct host *host;
    struct pin *pin;        /* its PIN's state, shared by all snapshots */
};

struct key_place {
    const struct token *token;
    const char *label;      /* the key's on this token; may be empty */
    const char *id;         /* CKA_ID in hex; may be empty */
};

struct cert {
    const char *fingerprint; /* SHA-256, hex */
    const char *sha1;
    const char *subject;
    const char *label;       /* may be empty */
    const char **emails;     /* NULL behind the last */
};

struct key {
    const char *name;
    const char *label;       /* the first that is not empty */
    enum alg_key_type type;
    unsigned bits;
    struct key_place places[SNAPSHOT_PLACES_MAX];
    unsigned place_count;
    const struct cert *certs;
    unsigned cert_count;
    const char *json;        /* the object of KEY and KEYS */
};

struct snapshot;

struct snapshot *snapshot_new(void) must_check;
/* Adds one host's LIST. find_pin gives each token's PIN state (NULL: none). What
 * is malformed in it is E_PROTOCOL with a sentence, and nothing of it is added. */
int snapshot_add(struct snapshot *, const char *module, struct host *, const json_t *list,
                 struct pin *(*find_pin)(void *arg, const struct token *), void *arg,
                 struct err *err) must_check;
/* Which process of the host listed its tokens. */
void snapshot_note_generation(struct snapshot *, const struct host *, unsigned generation);
/* Joins and sorts. */
int snapshot_finish(struct snapshot *, struct err *err) must_check;

struct snapshot *snapshot_ref(struct snapshot *);
void snapshot_unref(struct snapshot **);

unsigned snapshot_token_count(const struct snapshot *);
const struct token *snapshot_token(const struct snapshot *, unsigned i);
/* Sorted by name. */
unsigned snapshot_key_count(const struct snapshot *);
const struct key *snapshot_key(const struct snapshot *, unsigned i);
/* By its full name; NULL when there is none. */
const struct key *snapshot_find(const struct snapshot *, const char *name);
/* The reply to CERTS. */
const char *snapshot_certs_json(const struct snapshot *);

#endif
