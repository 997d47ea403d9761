/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PKCS#11 as p11-kit's header has it, the few names of 3.x that older headers
 * lack, and the function table between this folder and a module.
 *
 * Everything above calls a module through struct ck_calls alone: the functions
 * that Signet uses, and no others. ck_calls_from_list() fills one from a real
 * module; a test fills one with its own functions, or copies a real one and
 * replaces the calls that shall fail or be counted. The table is const once a
 * struct module has it, and must live as long.
 */
#ifndef SIGNET_PKCS11_CK_H
#define SIGNET_PKCS11_CK_H

#include <p11-kit/pkcs11.h>

/* PKCS#11 3.0, header pkcs11t.h. */
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif
#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x2b0UL
#define CKM_SHA3_384 0x2c0UL
#define CKM_SHA3_512 0x2d0UL
#endif
#ifndef CKG_MGF1_SHA3_256
#define CKG_MGF1_SHA3_256 7UL
#define CKG_MGF1_SHA3_384 8UL
#define CKG_MGF1_SHA3_512 9UL
#endif
#ifndef CKA_PUBLIC_KEY_INFO
#define CKA_PUBLIC_KEY_INFO 0x129UL
#endif
#ifndef CKR_TOKEN_RESOURCE_EXCEEDED
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#endif

/* The calls in use. X(name); the types are p11-kit's CK_C_*. */
#define CK_CALLS(X) \
    X(C_Initialize) X(C_Finalize) X(C_GetInfo) X(C_GetSlotList) X(C_GetSlotInfo) \
    X(C_GetTokenInfo) X(C_WaitForSlotEvent) \
    X(C_OpenSession) X(C_CloseSession) X(C_CloseAllSessions) X(C_GetSessionInfo) \
    X(C_Login) X(C_Logout) X(C_InitToken) X(C_InitPIN) X(C_SetPIN) \
    X(C_FindObjectsInit) X(C_FindObjects) X(C_FindObjectsFinal) \
    X(C_GetAttributeValue) X(C_SetAttributeValue) \
    X(C_CreateObject) X(C_DestroyObject) \
    X(C_SignInit) X(C_Sign) X(C_DecryptInit) X(C_Decrypt) X(C_DeriveKey) X(C_UnwrapKey) \
    X(C_GenerateKeyPair)

struct ck_calls {
#define X(name) CK_##name name;
    CK_CALLS(X)
#undef X
};

/* Copies the calls in use out of a module's function list. */
void ck_calls_from_list(struct ck_calls *ret, const CK_FUNCTION_LIST *list);

#endif
