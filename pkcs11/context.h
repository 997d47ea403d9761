/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys that want the PIN before each single use (CKA_ALWAYS_AUTHENTICATE), such as
 * the signature key of a PIV card.
 *
 * The token takes that PIN between C_SignInit and C_Sign (C_DecryptInit and
 * C_Decrypt; right before C_DeriveKey), and forgets it with the next command
 * that it gets from anyone. So it must be at hand before the operation begins: an
 * operation without it sets `wanted` and ends with E_PIN_NEEDED before the token is
 * touched; the caller fetches the PIN, sets `pin`, and calls once more.
 *
 *     rc = sign_data(lane, ...);
 *     if (rc == E_PIN_NEEDED && lane_context(lane)->wanted)
 *         ... context_ask(), fetch it, lane_context(lane)->pin = pin, sign_data() again
 *     lane_context(lane)->... = (struct context_pin){0};
 *
 * A PIN is sent at most once per call of lane_use_key(), unless the token took it.
 * PKCS#11 2.40 sections 4.9 (CKA_ALWAYS_AUTHENTICATE) and 5.6 (C_Login).
 */
#ifndef SIGNET_PKCS11_CONTEXT_H
#define SIGNET_PKCS11_CONTEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/ck.h"

struct slot;
struct use;

struct context_pin {
    bool given;               /* there is a PIN, or the keypad will be asked */
    const struct secret *pin; /* borrowed; NULL: the reader's keypad */
    bool wanted;              /* the key wants one and none was given */
    bool failed;              /* the token did not take it: nothing is repeated */
    bool again;               /* this is the second attempt, in a new session */
    bool open;                /* an operation was begun and not ended */
};

/* What a person (or an agent) must know before giving it. */
struct context_state {
    bool keypad, final_try, count_low;
};

/* Asks the token how it stands with its PIN: E_PIN_LOCKED, or of slot_look(). */
int context_ask(struct slot *, struct context_state *ret, struct err *err) must_check;

/* First in an operation: E_PIN_NEEDED when the key wants a PIN and there is none. */
int context_check(const struct use *, struct err *err) must_check;
/* Between Init and operation: CKR_OK when the key wants none. */
CK_RV context_login(const struct use *) must_check;
/* The operation itself said CKR_USER_NOT_LOGGED_IN although the user is: such a
 * key does not tell that it wants the PIN each time (quirk `context-untold`), if it
 * says so in a new session as well. E_PIN_NEEDED then, with `wanted`, and
 * remembered when a PIN has helped; 0 when it is no such case. */
int context_untold(const struct use *, CK_RV, struct err *err) must_check;

/* The sentence for a failed login of this kind; returns the code. */
int context_err(const struct use *, CK_RV, struct err *err);

#endif
