/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storing a certificate beside the key it belongs to, with the key's CKA_ID and
 * label, so that every PKCS#11 program joins the two. Storing one that is there
 * already changes nothing and succeeds.
 */
#ifndef SIGNET_PKCS11_IMPORT_CERT_H
#define SIGNET_PKCS11_IMPORT_CERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pkcs11/lane.h"

/* ret_name gets the key's name. E_MALFORMED for what is no certificate, E_NO_KEY
 * when the token has no such key, E_PIN_NEEDED when it must be unlocked first. */
int import_cert(struct lane *, CK_SLOT_ID, const uint8_t *der, size_t len,
                char ret_name[SPKI_NAME], struct err *err) must_check;

#endif
