/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/ck.h"

void
ck_calls_from_list(struct ck_calls *ret, const CK_FUNCTION_LIST *list)
{
#define X(name) ret->name = list->name;
    CK_CALLS(X)
#undef X
}
