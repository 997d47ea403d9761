/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How people name keys and tokens.
 *
 * A key is named by its name or a prefix of it (KEYSPEC_PREFIX_MIN hex digits or
 * more), its label, an e-mail address of one of its certificates, such a
 * certificate's SHA-256 or SHA-1 fingerprint (hex, colons allowed) or label, or
 * a pkcs11: URI (RFC 7512). The kinds are tried together: what several keys answer
 * to is ambiguous. A token is named by its label, its serial number or a URI.
 *
 * Pure functions on a snapshot; results are borrowed from it.
 */
#ifndef SIGNET_AGENT_KEYSPEC_H
#define SIGNET_AGENT_KEYSPEC_H

#include <stdbool.h>

#include "agent/snapshot.h"

#define KEYSPEC_PREFIX_MIN 8u

/* Whether the key answers to spec. E_USAGE for a URI that is none. */
int keyspec_matches(const struct key *, const char *spec, bool *ret, struct err *err) must_check;

/* The one key; spec NULL or empty: the only key there is. E_NO_KEY, E_AMBIGUOUS
 * (the sentence lists candidates), E_USAGE. */
int keyspec_find(const struct snapshot *, const char *spec, const struct key **ret,
                 struct err *err) must_check;

/* The one initialised token; E_NO_TOKEN, or E_AMBIGUOUS with the serial numbers. */
int keyspec_token(const struct snapshot *, const char *spec, const struct token **ret,
                  struct err *err) must_check;

/* How many initialised tokens bear this label. */
unsigned keyspec_label_count(const struct snapshot *, const char *label);

#endif
