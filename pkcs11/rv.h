/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a CK_RV means: one table (rv.c) gives its E_* code, a fragment for a
 * sentence, and how the caller goes on. Pure functions; values the table does
 * not know are E_TOKEN.
 * PKCS#11 2.40 section 5.1, 3.0 section 5.1.
 */
#ifndef SIGNET_PKCS11_RV_H
#define SIGNET_PKCS11_RV_H

#include <stdbool.h>

#include "base/err.h"
#include "pkcs11/ck.h"

/* The E_* code; 0 for CKR_OK. */
int rv_code(CK_RV);

/* True when session, login or object handles are gone (or stuck) and the same
 * operation may work once in a new session with handles found anew. */
bool rv_is_lost(CK_RV);

/* True when the token does not take this mechanism or these parameters, so that
 * another way to the same result is worth trying. */
bool rv_is_refused(CK_RV);

/* Fills err with `token "LABEL": WHAT: fragment (0xNN)` and err->rv; returns the
 * code, so that callers can return it. what: "cannot sign with key 1f0c9a". */
int rv_err(struct err *err, CK_RV, const char *label, const char *what);

#endif
