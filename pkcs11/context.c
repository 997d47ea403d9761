/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/context.h"

#include "pkcs11/lane.h"
#include "pkcs11/login.h"
#include "pkcs11/quirk.h"
#include "pkcs11/rv.h"

int
context_ask(struct slot *slot, struct context_state *ret, struct err *err)
{
    CK_RV rv = slot_look(slot);
    struct token t;

    if (rv != CKR_OK)
        return slot_err(slot, err, rv, "cannot be asked");
    slot_token(slot, &t);
    if (t.flags & CKF_USER_PIN_LOCKED)
        return slot_err(slot, err, CKR_PIN_LOCKED, "cannot use its key");
    *ret = (struct context_state){
        .keypad = t.flags & CKF_PROTECTED_AUTHENTICATION_PATH,
        .final_try = t.flags & CKF_USER_PIN_FINAL_TRY,
        .count_low = t.flags & CKF_USER_PIN_COUNT_LOW,
    };
    return 0;
}

static bool
wants_pin(const struct use *u)
{
    return u->key->always_authenticate || slot_quirk(u->slot, QUIRK_CONTEXT_UNTOLD);
}

int
context_check(const struct use *u, struct err *err)
{
    char label[TOKEN_TEXT];

    if (!wants_pin(u) || u->context->given)
        return 0;
    u->context->wanted = true;
    slot_label(u->slot, label);
    return err_set(err, E_PIN_NEEDED, "token \"%s\": key %.16s wants the PIN each time it is "
                   "used", label, u->key->spki.name);
}

CK_RV
context_login(const struct use *u)
{
    const struct secret *pin;
    CK_RV rv;

    if (!u->context->given)
        return CKR_OK;
    pin = u->context->pin;
    rv = u->ck->C_Login(u->session, CKU_CONTEXT_SPECIFIC,
                        pin ? (CK_BYTE_PTR)(uintptr_t)secret_data_view(pin) : NULL,
                        pin ? secret_len(pin) : 0);
    if (rv != CKR_OK) {
        u->context->open = true;
        /* With these two answers no PIN was looked at. */
        u->context->failed = rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_SESSION_CLOSED;
    } else if (!u->key->always_authenticate) {
        slot_set_quirk(u->slot, QUIRK_CONTEXT_UNTOLD);
    }
    return rv;
}

int
context_untold(const struct use *u, CK_RV rv, struct err *err)
{
    CK_SESSION_INFO info = {0};
    char label[TOKEN_TEXT];
    int rc;

    if (rv != CKR_USER_NOT_LOGGED_IN || !u->context->again || wants_pin(u) ||
        u->ck->C_GetSessionInfo(u->session, &info) != CKR_OK ||
        (info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS))
        return 0;
    u->context->wanted = true;
    slot_label(u->slot, label);
    rc = err_set(err, E_PIN_NEEDED, "token \"%s\": key %.16s wants its PIN again although it was "
                 "given", label, u->key->spki.name);
    err->rv = rv;
    return rc;
}

int
context_err(const struct use *u, CK_RV rv, struct err *err)
{
    if (rv == CKR_PIN_INCORRECT)
        return login_wrong_pin(u->slot, err);
    return slot_err(u->slot, err, rv, u->what);
}
