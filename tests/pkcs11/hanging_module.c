/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PKCS#11 module that starts well and never answers again: the worst of vendors.
 * It writes a byte to descriptor $HANGING_MODULE_FD when it begins to hang. */
#include <stdlib.h>
#include <unistd.h>
#include <p11-kit/pkcs11.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static CK_RV
initialize(void *args)
{
    (void)args;
    return CKR_OK;
}

static CK_RV
hang(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    const char *fd = getenv("HANGING_MODULE_FD");

    (void)present, (void)slots, (void)count;
    if (fd && write((int)strtol(fd, NULL, 10), "!", 1) != 1)
        return CKR_GENERAL_ERROR;
    for (;;)
        pause();
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    static CK_FUNCTION_LIST list = {
        .version = {2, 40}, .C_Initialize = initialize, .C_GetSlotList = hang,
    };

    *ret = &list;
    return CKR_OK;
}
