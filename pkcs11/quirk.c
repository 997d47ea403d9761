/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/quirk.h"

static const struct quirk_record records[QUIRKS] = {
    [QUIRK_POINT_RAW] = {
        "point-raw", "the value is 04 X Y itself, or 32 bytes on an Edwards curve",
        "spki.c takes both", "PKCS#11 2.40 (mechanisms), 2.3.3 wants DER; v2.11 left it open"},
    [QUIRK_ATTRS_STOP] = {
        "attrs-stop", "a length of zero beside a missing attribute",
        "attr.c asks one by one", "PKCS#11 2.40, 5.7, C_GetAttributeValue"},
    [QUIRK_NO_PUBLIC_KEY] = {
        "no-public-key", "a private key whose ID no public-key object has",
        "keyset_read.c takes the public half from the private key or the certificate",
        "PIV: SP 800-73-4 keeps certificates alone"},
    [QUIRK_NO_CERTIFICATE] = {
        "no-certificate", "a key whose public half no certificate has",
        "keyset_read.c lists it all the same", "fresh keys; PKCS#11 2.40, 4.6 has no duty"},
    [QUIRK_CERT_HIDDEN] = {
        "certificate-hidden", "a login makes certificates appear",
        "slot.c looks again after each login", "CKA_PRIVATE on certificates: PKCS#11 2.40, 4.6"},
    [QUIRK_ID_MISSING] = {
        "id-missing", "an empty CKA_ID", "keyset_read.c joins by public key, else by label",
        "PKCS#11 2.40, 4.7: empty is the default"},
    [QUIRK_ID_DIFFERS] = {
        "id-differs", "a certificate of the same public key with another CKA_ID",
        "keyset_read.c joins by public key", "PKCS#11 2.40, 4.6.3: a convention, no rule"},
    [QUIRK_ID_SHARED] = {
        "id-shared", "two public halves with one CKA_ID",
        "keyset_read.c joins by public key first, and by ID only when it is no choice",
        "PKCS#11 2.40, 4.7: a convention, no rule"},
    [QUIRK_USAGE_WRONG] = {
        "usage-wrong", "the operation works although the attribute says no",
        "sign.c, decrypt.c and derive.c try; the token decides",
        "PKCS#11 2.40, 4.9: defaults are the token's"},
    [QUIRK_BARE_ONLY] = {
        "bare-only", "CKM_RSA_PKCS or CKM_RSA_PKCS_PSS is refused", "sign.c pads in software (pad.c)",
        "CAC cards: raw RSA, NISTIR 6887 (GSC-IS) private sign/decrypt"},
    [QUIRK_HASHED_ONLY] = {
        "hashed-only", "only mechanisms that take the message: CKM_SHA256_RSA_PKCS, CKM_ECDSA_SHA256",
        "sign.c goes by the bare operation; else says so: there is no message to hash",
        "PKCS#11 2.40 (mechanisms), 2.1.12 and 2.3.7"},
    [QUIRK_PSS_ONLY] = {
        "pss-only", "v1.5 is refused, PSS is taken", "sign.c says which scheme the token refuses",
        "tokens in FIPS 140-3 mode: SP 800-131A"},
    [QUIRK_OAEP_SHA1] = {
        "oaep-sha1", "CKM_RSA_PKCS_OAEP refuses other digests",
        "decrypt.c decodes in software (pad.c) over the bare operation, or says so",
        "SoftHSM 2.6.1: CKR_ARGUMENTS_BAD for all but SHA-1"},
    [QUIRK_DERIVE_DER] = {
        "derive-der", "the raw point is refused", "derive.c tries both forms, then the one that worked",
        "PKCS#11 2.40 (mechanisms), 2.3.5: raw is a must, DER a may; older ones the reverse"},
    [QUIRK_DERIVE_HIDDEN] = {
        "derive-hidden", "the template is refused, or CKA_VALUE is sensitive",
        "derive_unwrap.c: KDF and key unwrap on the token", "HSMs that keep derived keys inside"},
    [QUIRK_UNWRAP_ONLY] = {
        "unwrap-only", "C_DecryptInit says CKR_KEY_FUNCTION_NOT_PERMITTED and CKA_UNWRAP is true",
        "decrypt.c unwraps into a session secret and reads it",
        "PKCS#11 2.40, 5.13, C_UnwrapKey"},
    [QUIRK_CONTEXT_UNTOLD] = {
        "context-untold", "CKR_USER_NOT_LOGGED_IN from the operation in a session that is logged in",
        "context.c takes the key for one with CKA_ALWAYS_AUTHENTICATE",
        "NSS softokn and others do not know the attribute; PKCS#11 2.40, 4.9"},
    [QUIRK_INTERFACE_WRONG] = {
        "interface-wrong", "no C_GetInterface, an error, or a table with holes",
        "module.c uses the list of C_GetFunctionList alone",
        "PKCS#11 3.0, 5.4.6; 2.40 modules have none"},
    [QUIRK_INIT_ARGS] = {
        "init-args", "CKR_ARGUMENTS_BAD or CKR_CANT_LOCK for one kind of arguments",
        "module.c tries locking by the system, none, and NULL", "PKCS#11 2.40, 5.4, C_Initialize"},
    [QUIRK_SESSIONS_FEW] = {
        "sessions-few", "CKR_SESSION_COUNT", "lane.c shares the sessions there are",
        "PKCS#11 2.40, 3.2: ulMaxSessionCount; TPM 2 has three"},
    [QUIRK_LOGIN_SHARED] = {
        "login-shared", "CKR_USER_ALREADY_LOGGED_IN",
        "login.c takes it for success; lane.c never closes the last session",
        "PKCS#11 2.40, 5.6: login is per application"},
    [QUIRK_LABEL_ODD] = {
        "label-odd", "NUL in the label, or bytes that are no UTF-8", "slot.c makes it safe to show",
        "PKCS#11 2.40, 3.2: blanks, no NUL"},
    [QUIRK_SLOT_MOVES] = {
        "slot-moves", "the token's serial number and label turn up in another slot",
        "the agent looks anew and finds it by serial number and label", "PKCS#11 2.40, 5.5: slot IDs hold until C_Finalize; "
        "SoftHSM derives them from serial numbers"},
    [QUIRK_EVENT_WRONG] = {
        "event-wrong", "C_WaitForSlotEvent is not supported, or disagrees with C_GetSlotList",
        "the watch polls as well", "PKCS#11 2.40, 5.5, C_WaitForSlotEvent"},
    [QUIRK_LOCKS_KEPT] = {
        "locks-kept", "only as a hang, so by the library's description: OpenSC",
        "module.c gives it mutexes of ours (locks.c), which end with the call",
        "OpenSC 0.23: sc_unlock() fails with the card's mutex held"},
};

const struct quirk_record *
quirk_record(enum quirk q)
{
    return &records[q];
}
