/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lane: one thread's way into a module. It keeps one session per slot open and
 * runs operations in it; several lanes work side by side and share the slots'
 * caches. A warm operation makes no PKCS#11 call but its own.
 *
 *     struct lane *l = NULL;
 *     lane_new(&l, module);
 *     lane_use_key(l, slot, name, "cannot sign", op, arg, err);
 *     lane_free(&l);                     closes the sessions
 *
 * When a session, a login or a handle turns out to be gone (rv_is_lost), the lane
 * opens a new session, finds the key anew and tries once more; then it is an
 * error that names the token. The operation must therefore be safe to repeat.
 * Where the token has fewer sessions than there are lanes (CKR_SESSION_COUNT), a lane
 * without one waits for another's and works in that.
 * A lane belongs to one thread.
 */
#ifndef SIGNET_PKCS11_LANE_H
#define SIGNET_PKCS11_LANE_H

#include <stdbool.h>

#include "base/err.h"
#include "pkcs11/ck.h"
#include "pkcs11/context.h"
#include "pkcs11/keyset.h"
#include "pkcs11/module.h"
#include "pkcs11/slot.h"

struct lane;

int lane_new(struct lane **ret, struct module *) must_check;
void lane_free(struct lane **);
struct module *lane_module(const struct lane *);
/* The PIN for keys that want one each time (pkcs11/context.h); the caller's to set and
 * clear. */
struct context_pin *lane_context(struct lane *);

/* The slot of that number with a token in it, looked for anew when unknown:
 * E_NO_TOKEN. */
int lane_slot(struct lane *, CK_SLOT_ID, struct slot **ret, struct err *err) must_check;

/* The lane's read-only session, opened when there is none. Opening one also
 * learns whether the user is logged in. */
CK_RV lane_session(struct lane *, struct slot *, CK_SESSION_HANDLE *ret) must_check;
/* Gives the session up because of that answer. Unless it is dead already, it is
 * closed, but only when its successor is open: closing the last one logs out. */
void lane_drop_session(struct lane *, struct slot *, CK_RV why);
/* A read-write session for changes; close it with lane_close_rw. */
CK_RV lane_open_rw(struct lane *, struct slot *, CK_SESSION_HANDLE *ret) must_check;
void lane_close_rw(struct lane *, struct slot *, CK_SESSION_HANDLE);

/* What is on the token: the cache, or (fresh) a new look. The caller unrefs. */
int lane_keys(struct lane *, struct slot *, bool fresh, struct keyset **ret,
              struct err *err) must_check;

/* What an operation gets to work with; borrowed for its duration. */
struct use {
    const struct ck_calls *ck;
    struct slot *slot;
    CK_SESSION_HANDLE session;
    const struct key *key;
    const char *what; /* for slot_err() */
    struct context_pin *context;
};
/* Returns 0 or an E_*; when a CK_RV was the cause, err->rv says which (err is
 * never NULL here). */
typedef int lane_op(const struct use *, void *arg, struct err *err);

/* Runs op with the private key of that name. what: "cannot sign", for sentences.
 * E_PIN_NEEDED when a login must come first, E_NO_KEY when it is not there. */
int lane_use_key(struct lane *, CK_SLOT_ID, const char *name, const char *what, lane_op *op,
                 void *arg, struct err *err) must_check;

#endif
