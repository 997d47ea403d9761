/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in and out. A login counts for all lanes. Before each one the token is
 * asked how many tries it has left; a locked one gets no PIN at all, and a PIN is
 * sent at most once per call: when the token's answer is lost, so is the try.
 * Whether a PIN may be spent on a final try is for the agent to decide.
 * PKCS#11 2.40 section 5.6.
 */
#ifndef SIGNET_PKCS11_LOGIN_H
#define SIGNET_PKCS11_LOGIN_H

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* pin NULL: the reader has its own keypad (CKF_PROTECTED_AUTHENTICATION_PATH).
 * Already logged in is success. E_PIN_WRONG (the sentence says what is known of
 * the tries left), E_PIN_LOCKED, E_PIN_INVALID, E_NO_TOKEN, or E_TOKEN*. */
int login_user(struct lane *, CK_SLOT_ID, const struct secret *pin, struct err *err) must_check;
/* Not logged in is success. */
int logout_user(struct lane *, CK_SLOT_ID, struct err *err) must_check;

/* For who got CKR_PIN_INCORRECT: asks the token what tries are left and says it. */
int login_wrong_pin(struct slot *, struct err *err);

#endif
