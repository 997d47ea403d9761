/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/login.h"

#include "pkcs11/rv.h"

/* What the token's flags say of the tries left (PKCS#11 2.40, 3.2, token flags). */
int
login_wrong_pin(struct slot *slot, struct err *err)
{
    static const struct { CK_FLAGS flag; int code; const char *text; } states[] = {
        {CKF_USER_PIN_LOCKED, E_PIN_LOCKED,
         "the PIN was wrong and is now locked; unblock it with the PUK (signet pin unblock)"},
        {CKF_USER_PIN_FINAL_TRY, E_PIN_WRONG,
         "the PIN is wrong; one try is left before it is locked"},
        {CKF_USER_PIN_COUNT_LOW, E_PIN_WRONG,
         "the PIN is wrong; few tries are left before it is locked"},
        {0, E_PIN_WRONG, "the PIN is wrong; check it and try again"},
    };
    char label[TOKEN_TEXT];
    struct token t;
    size_t i = 0;

    /* When the token cannot be asked, the older flags have to do. */
    (void)slot_look(slot);
    slot_token(slot, &t);
    slot_label(slot, label);
    while (states[i].flag != 0 && !(t.flags & states[i].flag))
        i++;
    err_set(err, states[i].code, "token \"%s\": %s", label, states[i].text);
    if (err)
        err->rv = CKR_PIN_INCORRECT;
    return states[i].code;
}

static CK_RV
send_pin(struct lane *lane, struct slot *slot, const struct secret *pin)
{
    const struct ck_calls *ck = module_calls(lane_module(lane));
    CK_BYTE_PTR data = pin ? (CK_BYTE_PTR)(uintptr_t)secret_data_view(pin) : NULL;
    CK_SESSION_HANDLE session;
    CK_RV rv = CKR_OK;

    for (int attempt = 0; attempt < 2; attempt++) {
        rv = lane_session(lane, slot, &session);
        if (rv != CKR_OK)
            return rv;
        rv = ck->C_Login(session, CKU_USER, data, pin ? secret_len(pin) : 0);
        /* With these two answers no PIN was looked at. */
        if (rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_SESSION_CLOSED)
            return rv;
        lane_drop_session(lane, slot, rv);
    }
    return rv;
}

static int
login(struct lane *lane, struct slot *slot, const struct secret *pin, struct err *err)
{
    struct token t;
    CK_RV rv = slot_look(slot);

    if (rv != CKR_OK)
        return slot_err(slot, err, rv, "cannot log in");
    slot_token(slot, &t);
    if (t.flags & CKF_USER_PIN_LOCKED)
        return slot_err(slot, err, CKR_PIN_LOCKED, "cannot log in");
    rv = send_pin(lane, slot, pin);
    if (rv == CKR_PIN_INCORRECT)
        return login_wrong_pin(slot, err);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        return slot_err(slot, err, rv, "cannot log in");
    slot_set_logged_in(slot, true);
    return 0;
}

int
login_user(struct lane *lane, CK_SLOT_ID id, const struct secret *pin, struct err *err)
{
    struct slot *slot = NULL;
    int rc;

    module_enter(lane_module(lane));
    rc = lane_slot(lane, id, &slot, err);
    if (rc == 0)
        rc = login(lane, slot, pin, err);
    module_leave(lane_module(lane));
    return rc;
}

int
logout_user(struct lane *lane, CK_SLOT_ID id, struct err *err)
{
    struct slot *slot = NULL;
    CK_SESSION_HANDLE session;
    CK_RV rv = CKR_OK;
    int rc;

    module_enter(lane_module(lane));
    rc = lane_slot(lane, id, &slot, err);
    if (rc == 0) {
        rv = lane_session(lane, slot, &session);
        if (rv == CKR_OK)
            rv = module_calls(lane_module(lane))->C_Logout(session);
        if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN && !rv_is_lost(rv))
            rc = slot_err(slot, err, rv, "cannot log out");
        else
            slot_set_logged_in(slot, false);
    }
    module_leave(lane_module(lane));
    return rc;
}
