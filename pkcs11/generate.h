/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New key pairs, made on the token: private, sensitive, not extractable. RSA keys
 * sign and decrypt, EC keys sign and derive, Ed25519 signs, X25519 derives. Both
 * halves get the same CKA_ID: the first 20 bytes of the name (SHA-256 of the
 * SubjectPublicKeyInfo) where the token lets it be set afterwards, else random.
 */
#ifndef SIGNET_PKCS11_GENERATE_H
#define SIGNET_PKCS11_GENERATE_H

#include "base/err.h"
#include "pkcs11/lane.h"

/* CKA_ID of keys and certificates that Signet makes, in bytes. */
#define GENERATE_ID_SIZE 20

/* type: rsa2048|rsa3072|rsa4096|p256|p384|p521|ed25519|x25519 (E_USAGE for others).
 * E_PIN_NEEDED before login. Not tried twice: a token that failed half-way may
 * have made the key. */
int generate_key(struct lane *, CK_SLOT_ID, const char *type, const char *label,
                 char ret_name[SPKI_NAME], struct err *err) must_check;

#endif
