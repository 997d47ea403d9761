/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects on a token: finding them and reading their attributes.
 *
 * Name the attributes in an array of struct attr (type set, the rest zero), call
 * attrs_read(), look at each one's `present`, and attrs_clear() the array. What
 * an object does not have, or does not reveal, is simply not present. Modules
 * that stop at the first such attribute are asked for the others one by one
 * (PKCS#11 2.40, 5.7, C_GetAttributeValue). Not thread-safe per session.
 */
#ifndef SIGNET_PKCS11_ATTR_H
#define SIGNET_PKCS11_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pkcs11/ck.h"

/* Longest attribute value taken, in bytes; most attributes of one read; most
 * objects of one class on one token. */
#define ATTR_MAX (64u * 1024)
#define ATTRS_MAX 16
#define OBJECTS_MAX 4096

struct attr {
    CK_ATTRIBUTE_TYPE type;
    bool present;
    uint8_t *data; /* owned; len bytes and a NUL behind them */
    size_t len;
};

/* CKR_OK when the object could be asked at all, CKR_HOST_MEMORY, or what the
 * module said of session and handle. */
CK_RV attrs_read(const struct ck_calls *, CK_SESSION_HANDLE, CK_OBJECT_HANDLE,
                 struct attr *attrs, size_t count) must_check;
void attrs_clear(struct attr *attrs, size_t count);

/* The value as a CK_ULONG or CK_BBOOL; fallback when absent or of another size. */
CK_ULONG attr_ulong(const struct attr *, CK_ULONG fallback);
bool attr_bool(const struct attr *, bool fallback);

/* Handles of all objects that match, at most OBJECTS_MAX; *ret is the caller's
 * to free(), NULL when there are none. */
CK_RV objects_find(const struct ck_calls *, CK_SESSION_HANDLE, CK_ATTRIBUTE *match,
                   CK_ULONG match_count, CK_OBJECT_HANDLE **ret, size_t *ret_count) must_check;

#endif
