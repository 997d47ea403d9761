/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What derive.c and derive_unwrap.c share: a C_DeriveKey whose result is an object of the
 * session. Under lane_use_key; the caller destroys the object.
 */
#ifndef SIGNET_PKCS11_DERIVE_OBJECT_H
#define SIGNET_PKCS11_DERIVE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11/lane.h"

/* Longest shared data of a KDF, in bytes. */
#define DERIVE_INFO_MAX 256

struct derive_want {
    const uint8_t *point;    /* the peer's */
    size_t len;
    CK_ULONG kdf;            /* CKD_NULL: Z itself, as a generic secret; else an AES key */
    const uint8_t *info;     /* the KDF's shared data */
    size_t info_len;
    size_t size;             /* of the result, in bytes */
    bool sealed;             /* it may be of no use outside of the token */
};

/* E_MALFORMED (the point), E_MECHANISM, E_DENIED, or of the token. */
int derive_object(const struct use *, const struct derive_want *, CK_OBJECT_HANDLE *ret,
                  struct err *err) must_check;
/* What was derived cannot be read: E_MECHANISM, and noted of the slot. */
int derive_hidden(const struct use *, CK_RV why, struct err *err);

#endif
