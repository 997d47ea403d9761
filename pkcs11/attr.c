/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/attr.h"

#include <stdlib.h>
#include <string.h>


/* Handles asked for at a time. */
#define FIND_STEP 64

/* What these say is about single attributes; the others may still be there. */
static bool
is_partial(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
           rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
read_one(const struct ck_calls *ck, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
         struct attr *a)
{
    CK_ATTRIBUTE t = {a->type, NULL, 0};
    CK_RV rv = ck->C_GetAttributeValue(session, object, &t, 1);

    if (rv != CKR_OK)
        return is_partial(rv) ? CKR_OK : rv;
    if (t.ulValueLen == CK_UNAVAILABLE_INFORMATION || t.ulValueLen > ATTR_MAX)
        return CKR_OK;
    a->data = malloc(t.ulValueLen + 1);
    if (!a->data)
        return CKR_HOST_MEMORY;
    t.pValue = a->data;
    rv = ck->C_GetAttributeValue(session, object, &t, 1);
    if (rv != CKR_OK)
        return is_partial(rv) ? CKR_OK : rv;
    if (t.ulValueLen == CK_UNAVAILABLE_INFORMATION || t.ulValueLen > ATTR_MAX)
        return CKR_OK;
    a->len = t.ulValueLen;
    a->data[a->len] = 0;
    a->present = true;
    return CKR_OK;
}

static CK_RV
read_each(const struct ck_calls *ck, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
          struct attr *attrs, size_t count)
{
    CK_RV rv = CKR_OK;

    for (size_t i = 0; i < count && rv == CKR_OK; i++)
        rv = read_one(ck, session, object, &attrs[i]);
    return rv;
}

CK_RV
attrs_read(const struct ck_calls *ck, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
           struct attr *attrs, size_t count)
{
    CK_ATTRIBUTE t[ATTRS_MAX];
    CK_ULONG n = 0;
    size_t from[ATTRS_MAX];
    CK_RV rv;

    if (count > ATTRS_MAX)
        return CKR_ARGUMENTS_BAD;
    for (size_t i = 0; i < count; i++)
        t[i] = (CK_ATTRIBUTE){attrs[i].type, NULL, 0};
    rv = ck->C_GetAttributeValue(session, object, t, count);
    if (is_partial(rv)) {
        /* A length of zero beside a missing attribute: empty, or never looked at. */
        for (size_t i = 0; i < count; i++)
            if (t[i].ulValueLen == 0)
                return read_each(ck, session, object, attrs, count);
    } else if (rv != CKR_OK) {
        return rv;
    }

    for (size_t i = 0; i < count; i++) {
        if (t[i].ulValueLen == CK_UNAVAILABLE_INFORMATION || t[i].ulValueLen > ATTR_MAX)
            continue;
        attrs[i].data = malloc(t[i].ulValueLen + 1);
        if (!attrs[i].data) {
            attrs_clear(attrs, count);
            return CKR_HOST_MEMORY;
        }
        from[n] = i;
        t[n] = (CK_ATTRIBUTE){attrs[i].type, attrs[i].data, t[i].ulValueLen};
        n++;
    }
    if (n == 0)
        return CKR_OK;
    rv = ck->C_GetAttributeValue(session, object, t, n);
    if (rv != CKR_OK) {
        attrs_clear(attrs, count);
        return is_partial(rv) ? read_each(ck, session, object, attrs, count) : rv;
    }
    for (CK_ULONG j = 0; j < n; j++) {
        struct attr *a = &attrs[from[j]];
        if (t[j].ulValueLen == CK_UNAVAILABLE_INFORMATION)
            continue;
        a->len = t[j].ulValueLen;
        a->data[a->len] = 0;
        a->present = true;
    }
    return CKR_OK;
}

void
attrs_clear(struct attr *attrs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(attrs[i].data);
        attrs[i] = (struct attr){.type = attrs[i].type};
    }
}

CK_ULONG
attr_ulong(const struct attr *a, CK_ULONG fallback)
{
    CK_ULONG value;

    if (!a->present || a->len != sizeof value)
        return fallback;
    memcpy(&value, a->data, sizeof value);
    return value;
}

bool
attr_bool(const struct attr *a, bool fallback)
{
    return a->present && a->len == sizeof(CK_BBOOL) ? a->data[0] != CK_FALSE : fallback;
}

CK_RV
objects_find(const struct ck_calls *ck, CK_SESSION_HANDLE session, CK_ATTRIBUTE *match,
             CK_ULONG match_count, CK_OBJECT_HANDLE **ret, size_t *ret_count)
{
    CK_OBJECT_HANDLE *all = NULL;
    size_t count = 0;
    CK_RV rv = ck->C_FindObjectsInit(session, match, match_count);

    if (rv != CKR_OK)
        return rv;
    while (count < OBJECTS_MAX) {
        CK_ULONG got = 0;
        CK_OBJECT_HANDLE *more = realloc(all, (count + FIND_STEP) * sizeof *all);
        if (!more) {
            rv = CKR_HOST_MEMORY;
            break;
        }
        all = more;
        rv = ck->C_FindObjects(session, all + count, FIND_STEP, &got);
        if (rv != CKR_OK || got == 0 || got > FIND_STEP)
            break;
        count += got;
    }
    ck->C_FindObjectsFinal(session);
    if (rv != CKR_OK || count == 0) {
        free(all);
        all = NULL;
        count = 0;
    }
    if (rv != CKR_OK)
        return rv;
    *ret = all;
    *ret_count = count;
    return CKR_OK;
}
