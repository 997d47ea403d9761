/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What modules and tokens do otherwise than PKCS#11 says, in one table: the name of
 * each, how it is found (by what the token does, not by who made it; locks-kept alone
 * shows too late for that), what is done about it and where, and who was seen doing it.
 *
 * A quirk with a number is remembered for the slot when it was met
 * (slot_set_quirk, slot_quirk), until another token is in it; LIST names them.
 * Const records that live for the process.
 */
#ifndef SIGNET_PKCS11_QUIRK_H
#define SIGNET_PKCS11_QUIRK_H

#include <stddef.h>

/* Order is that of the table in quirk.c. */
enum quirk {
    QUIRK_POINT_RAW,          /* CKA_EC_POINT without its OCTET STRING */
    QUIRK_ATTRS_STOP,         /* C_GetAttributeValue stops at the first it lacks */
    QUIRK_NO_PUBLIC_KEY,      /* private keys without a public-key object */
    QUIRK_NO_CERTIFICATE,
    QUIRK_CERT_HIDDEN,        /* certificates readable only after login */
    QUIRK_ID_MISSING,         /* no CKA_ID */
    QUIRK_ID_DIFFERS,         /* certificate and key have different ones */
    QUIRK_ID_SHARED,          /* several keys have the same */
    QUIRK_USAGE_WRONG,        /* CKA_SIGN and the like false though it works */
    QUIRK_BARE_ONLY,          /* CKM_RSA_X_509 is all there is */
    QUIRK_HASHED_ONLY,        /* mechanisms that hash by themselves are all there is */
    QUIRK_PSS_ONLY,
    QUIRK_OAEP_SHA1,          /* OAEP with SHA-1 only */
    QUIRK_DERIVE_DER,         /* ECDH takes the point only in an OCTET STRING */
    QUIRK_DERIVE_HIDDEN,      /* Z cannot be read */
    QUIRK_UNWRAP_ONLY,        /* RSA keys that unwrap and do not decrypt */
    QUIRK_CONTEXT_UNTOLD,     /* a PIN each time, without CKA_ALWAYS_AUTHENTICATE */
    QUIRK_INTERFACE_WRONG,    /* C_GetInterface absent, or with holes */
    QUIRK_INIT_ARGS,          /* C_Initialize wants NULL, or wants it not */
    QUIRK_SESSIONS_FEW,       /* fewer sessions than lanes */
    QUIRK_LOGIN_SHARED,       /* a login counts for, and ends with, the application */
    QUIRK_LABEL_ODD,          /* padded with NUL, or not UTF-8 */
    QUIRK_SLOT_MOVES,         /* slot numbers change */
    QUIRK_EVENT_WRONG,        /* C_WaitForSlotEvent absent, hanging or lying */
    QUIRK_LOCKS_KEPT,         /* a call returns with a mutex held */
    QUIRKS
};

struct quirk_record {
    const char *name;
    const char *found;  /* how it shows */
    const char *cure;   /* what is done, and in which file */
    const char *source; /* where it was met, or the section it breaks */
};

const struct quirk_record *quirk_record(enum quirk);

#endif
