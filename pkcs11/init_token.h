/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a token out of an empty slot: initialise it, log in as its security
 * officer, set the user's PIN. For software tokens; a module without an empty
 * slot says so. Modules may give the new token another slot (SoftHSM does).
 * PKCS#11 2.40 section 5.5.
 */
#ifndef SIGNET_PKCS11_INIT_TOKEN_H
#define SIGNET_PKCS11_INIT_TOKEN_H

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* Longest label, in bytes (CK_TOKEN_INFO). */
#define INIT_TOKEN_LABEL_MAX 32

/* E_EXISTS when the module has a token of that label, E_USAGE for a label that is
 * empty or too long, E_NO_TOKEN when there is no empty slot. */
int init_token(struct lane *, const char *label, const struct secret *so_pin,
               const struct secret *pin, CK_SLOT_ID *ret, struct err *err) must_check;

#endif
