/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens, keys and certificates as the JSON of the protocol (docs/protocol.md).
 * All texts of foreign origin are made safe to show; binary values are base64, or
 * hex where said. Each function returns a new reference or NULL without memory.
 *
 *     token: {slot, label, manufacturer, model, serial, module, flags:{...},
 *             logged_in}, in LIST also keys:[...], certificates:[...]
 *     key:   {name, type, bits, curve, label, id, token, spki, operations:[...],
 *             private, always_authenticate, certificates:[...]}
 *     certificate: {der, subject, issuer, serial, emails:[...], fingerprint, sha1,
 *             not_before, not_after, label, id, key}
 *
 * "private" is true, false, or null when only a login can tell; "key" of a
 * certificate is the name of its key, whether that is on the token or not.
 */
#ifndef SIGNET_PKCS11_LISTING_H
#define SIGNET_PKCS11_LISTING_H

#include <jansson.h>

#include "pkcs11/keyset.h"
#include "pkcs11/lane.h"
#include "pkcs11/slot.h"

json_t *listing_token(struct slot *) must_check;
json_t *listing_key(const struct keyset *, const struct key *, const char *token) must_check;
json_t *listing_cert(const struct cert *) must_check;

/* Everything on every token of the module, looked at anew. A token that cannot
 * be read is listed with "error", a sentence, and no keys. */
int listing_all(struct lane *, json_t **ret, struct err *err) must_check;

#endif
