/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing a token's PIN, and setting a new one when it is locked or was never set.
 *
 * A wrong PIN is sent once; before, the token is asked how many tries it has left, and a
 * new PIN is held against the lengths that the token states. NULL for all PINs where
 * the reader has a keypad of its own (CKF_PROTECTED_AUTHENTICATION_PATH).
 *
 * PKCS#11 unblocks by a login of the security officer and C_InitPIN (2.40, section
 * 5.4). Cards with a PUK have no officer: some modules take the PUK for the officer's
 * PIN, some take it as the old PIN of C_SetPIN while nobody is logged in, some offer
 * nothing. The second way is tried only when the first one was refused without a look
 * at the PUK, and only when the PIN is locked: a module that does not know this way
 * would take the PUK for a wrong PIN. For the same reason a PIN is changed only after a
 * login with the old one: to a module of the second kind the old PIN would be a wrong PUK.
 * PKCS#11 2.40 sections 5.4, 5.6.
 */
#ifndef SIGNET_PKCS11_PIN_H
#define SIGNET_PKCS11_PIN_H

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* E_PIN_WRONG: the old one; E_PIN_LOCKED; E_PIN_INVALID: the new one, or the token has
 * none yet. */
int pin_change(struct lane *, CK_SLOT_ID, const struct secret *old_pin,
               const struct secret *new_pin, struct err *err) must_check;

/* puk: the PUK, or the security officer's PIN. Ends all sessions with the token, its
 * user's login too. E_PIN_WRONG: the PUK is wrong; E_PIN_LOCKED: it is locked, too;
 * E_MECHANISM: the module offers no way. */
int pin_unblock(struct lane *, CK_SLOT_ID, const struct secret *puk,
                const struct secret *new_pin, struct err *err) must_check;

#endif
