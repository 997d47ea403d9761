/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot and the token in it: what the token says of itself, whether its user is
 * logged in, and the cache of what it holds.
 *
 * The cache is a keyset (pkcs11/keyset.h) of one `generation`. Whoever changes
 * what can be seen (login, logout, a new key), or learns that handles have died,
 * calls slot_invalidate(); the next slot_keys() looks at the token again, once
 * for all lanes. `epoch` counts tokens: when another one is in the slot, sessions
 * of an older epoch are dead.
 *
 * Slots belong to their module. All functions are thread-safe.
 */
#ifndef SIGNET_PKCS11_SLOT_H
#define SIGNET_PKCS11_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "pkcs11/ck.h"
#include "pkcs11/keyset.h"
#include "pkcs11/quirk.h"

struct module;
struct slot;

/* Longest text of a token, made safe to show, with NUL. */
#define TOKEN_TEXT 192

/* What a token says of itself (CK_TOKEN_INFO), its texts made safe to show. */
struct token {
    char label[TOKEN_TEXT];
    char manufacturer[TOKEN_TEXT];
    char model[TOKEN_TEXT];
    char serial[TOKEN_TEXT];
    CK_FLAGS flags;
    CK_ULONG pin_min, pin_max; /* bytes; pin_max 0: unknown */
    bool present;
    bool logged_in;
    bool removable;   /* the slot says that tokens come and go (CKF_REMOVABLE_DEVICE) */
    bool hardware;    /* ... that it is a device (CKF_HW_SLOT) */
    unsigned epoch;   /* counts the tokens that were in this slot */
};

int slot_new(struct slot **ret, struct module *, CK_SLOT_ID) must_check;
void slot_free(struct slot **);

CK_SLOT_ID slot_id(const struct slot *);
struct module *slot_module(const struct slot *);

/* Asks the token who it is; another one than before starts a new epoch. */
CK_RV slot_look(struct slot *);
/* The slot is empty: a new epoch. */
void slot_gone(struct slot *);
/* A copy of what is known. */
void slot_token(struct slot *, struct token *ret);
/* The label for messages: the token's, or "slot N" when it has none. */
void slot_label(struct slot *, char ret[TOKEN_TEXT]);

unsigned slot_epoch(struct slot *);
bool slot_logged_in(struct slot *);
/* Notes a login or logout; a change invalidates the cache. */
void slot_set_logged_in(struct slot *, bool);
/* Whether keys may be hidden until somebody logs in. */
bool slot_wants_login(struct slot *);

/* The cache, read in that session when stale or when fresh is asked for; *ret
 * gets a reference of its own. */
CK_RV slot_keys(struct slot *, CK_SESSION_HANDLE, bool fresh, struct keyset **ret) must_check;
/* Forgets the cache if it is still of that generation. */
void slot_invalidate(struct slot *, unsigned generation);
/* Forgets it in any case. */
void slot_forget(struct slot *);

/* Ways (pkcs11/mechanism.h) that this token refused: bits, for it alone. */
bool slot_refused(const struct slot *, unsigned way);
void slot_set_refused(struct slot *, unsigned way);
/* Quirks met on this token (pkcs11/quirk.h). */
bool slot_quirk(const struct slot *, enum quirk);
void slot_set_quirk(struct slot *, enum quirk);

/* rv_err() with this slot's label. */
int slot_err(struct slot *, struct err *err, CK_RV, const char *what);

#endif
