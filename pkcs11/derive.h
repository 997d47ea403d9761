/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key agreement: the shared secret Z of a private key on the token and a peer's
 * public point (SEC 1, 3.3.1; RFC 7748, 6). CKM_ECDH1_DERIVE without a KDF; the
 * secret is a session object for a moment and is destroyed at once. The point is
 * checked to be on the key's curve before the token sees it. Thread-safe between
 * lanes.
 */
#ifndef SIGNET_PKCS11_DERIVE_H
#define SIGNET_PKCS11_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* Room that `out` must have, and longest point, in bytes. */
#define DERIVE_MAX 128
#define DERIVE_POINT_MAX 256

/* point: uncompressed for EC, raw bytes for X25519 and X448. Z is as long as a
 * coordinate of the curve. E_MALFORMED when the point is not on the curve (or Z
 * is all zero: RFC 7748, 6.1), E_MECHANISM, E_DENIED, or of lane_use_key. */
int derive_secret(struct lane *, CK_SLOT_ID, const char *key, const uint8_t *point, size_t len,
                  struct secret *out, struct err *err) must_check;

#endif
