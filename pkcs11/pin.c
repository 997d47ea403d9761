/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/pin.h"

#include "pkcs11/login.h"
#include "pkcs11/rv.h"

/* Other lanes may open a session between the end of all sessions and the officer's
 * login, which then is refused: how often to start over. */
#define UNBLOCK_TRIES 20

static CK_BYTE_PTR
bytes(const struct secret *s)
{
    return s ? (CK_BYTE_PTR)(uintptr_t)secret_data_view(s) : NULL;
}

static CK_ULONG
length(const struct secret *s)
{
    return s ? secret_len(s) : 0;
}

static int
check_new(const struct token *t, const char *label, const struct secret *pin, struct err *err)
{
    size_t len = length(pin);

    if (!pin || (len >= t->pin_min && (t->pin_max == 0 || len <= t->pin_max)))
        return 0;
    if (t->pin_max == 0)
        return err_set(err, E_PIN_INVALID, "token \"%s\": the new PIN must have %lu characters "
                       "or more, not %zu; nothing was changed", label, t->pin_min, len);
    return err_set(err, E_PIN_INVALID, "token \"%s\": the new PIN must have %lu to %lu "
                   "characters, not %zu; nothing was changed", label, t->pin_min, t->pin_max,
                   len);
}

/* Finds the slot and asks its token for its state. */
static int
begin(struct lane *lane, CK_SLOT_ID id, const char *what, struct slot **ret, struct token *t,
      char label[TOKEN_TEXT], struct err *err)
{
    CK_RV rv;
    int rc = lane_slot(lane, id, ret, err);

    if (rc != 0)
        return rc;
    rv = slot_look(*ret);
    if (rv != CKR_OK)
        return slot_err(*ret, err, rv, what);
    slot_token(*ret, t);
    slot_label(*ret, label);
    return 0;
}

/* A refusal that may well be of the new PIN. */
static int
refused(struct slot *slot, CK_RV rv, const char *what, struct err *err)
{
    int rc = slot_err(slot, err, rv, what);
    char label[TOKEN_TEXT];

    if (rc != E_PIN_INVALID || rv == CKR_USER_PIN_NOT_INITIALIZED)
        return rc;
    slot_label(slot, label);
    err_set(err, rc, "token \"%s\": it refuses the new PIN (0x%02lx); choose one of another "
            "length, of digits alone, and none that was used before", label, rv);
    if (err)
        err->rv = rv;
    return rc;
}

/* To a module that was told so (OpenSC's set_pin_in_unlogged_session), C_SetPIN with nobody
 * logged in is an unblocking: the old PIN would be held against the PUK, at the cost of one
 * of its tries. *ret_ours: to be logged out again. */
static int
log_in_first(const struct ck_calls *ck, struct slot *slot, CK_SESSION_HANDLE session,
             const struct secret *old_pin, const char *what, bool *ret_ours, struct err *err)
{
    CK_RV rv = ck->C_Login(session, CKU_USER, bytes(old_pin), length(old_pin));

    *ret_ours = rv == CKR_OK;
    if (rv == CKR_PIN_INCORRECT)
        return login_wrong_pin(slot, err);
    /* An expired PIN is there to be changed (PKCS#11 2.40, 5.1.6). */
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN && rv != CKR_PIN_EXPIRED)
        return slot_err(slot, err, rv, what);
    return 0;
}

static int
set_pin(struct lane *lane, struct slot *slot, const struct secret *old_pin,
        const struct secret *new_pin, const char *what, bool log_in, struct err *err)
{
    const struct ck_calls *ck = module_calls(lane_module(lane));
    CK_SESSION_HANDLE session;
    bool ours = false;
    CK_RV rv = lane_open_rw(lane, slot, &session);
    int rc = 0;

    if (rv != CKR_OK)
        return slot_err(slot, err, rv, what);
    if (log_in)
        rc = log_in_first(ck, slot, session, old_pin, what, &ours, err);
    if (rc == 0)
        rv = ck->C_SetPIN(session, bytes(old_pin), length(old_pin), bytes(new_pin),
                          length(new_pin));
    if (ours)
        ck->C_Logout(session);
    lane_close_rw(lane, slot, session);
    if (rc != 0)
        return rc;
    if (rv == CKR_PIN_INCORRECT)
        return login_wrong_pin(slot, err);
    return rv == CKR_OK ? 0 : refused(slot, rv, what, err);
}

static int
change(struct lane *lane, CK_SLOT_ID id, const struct secret *old_pin,
       const struct secret *new_pin, struct err *err)
{
    static const char what[] = "cannot change its PIN";
    char label[TOKEN_TEXT];
    struct slot *slot;
    struct token t = {.present = false};
    int rc = begin(lane, id, what, &slot, &t, label, err);

    if (rc != 0)
        return rc;
    if (t.flags & CKF_USER_PIN_LOCKED)
        return slot_err(slot, err, CKR_PIN_LOCKED, what);
    rc = check_new(&t, label, new_pin, err);
    if (rc != 0)
        return rc;
    rc = set_pin(lane, slot, old_pin, new_pin, what, t.flags & CKF_LOGIN_REQUIRED, err);
    if (rc != 0)
        return rc;
    (void)slot_look(slot);
    return 0;
}

int
pin_change(struct lane *lane, CK_SLOT_ID id, const struct secret *old_pin,
           const struct secret *new_pin, struct err *err)
{
    struct module *m = lane_module(lane);

    module_enter(m);
    module_write_lock(m);
    int rc = change(lane, id, old_pin, new_pin, err);
    module_write_unlock(m);
    module_leave(m);
    return rc;
}

/* All sessions must be gone before the officer may log in (PKCS#11 2.40, 5.6). The
 * lanes' are then of an older epoch, and opened anew. */
static CK_RV
log_in_officer(const struct ck_calls *ck, struct slot *slot, const struct secret *puk,
               CK_SESSION_HANDLE *ret)
{
    CK_RV rv = CKR_OK;

    for (int i = 0; i < UNBLOCK_TRIES; i++) {
        ck->C_CloseAllSessions(slot_id(slot));
        slot_gone(slot);
        rv = slot_look(slot);
        if (rv == CKR_OK)
            rv = ck->C_OpenSession(slot_id(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                   NULL, ret);
        if (rv != CKR_OK)
            return rv;
        rv = ck->C_Login(*ret, CKU_SO, bytes(puk), length(puk));
        if (rv == CKR_OK)
            return rv;
        ck->C_CloseSession(*ret);
        if (rv != CKR_SESSION_READ_ONLY_EXISTS)
            return rv;
    }
    return rv;
}

/* Whether the answer says that the PUK was looked at, or that it makes no sense to go
 * on. */
static bool
is_verdict(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED ||
           rv_code(rv) == E_TOKEN_REMOVED || rv == CKR_DEVICE_ERROR ||
           rv == CKR_SESSION_READ_ONLY_EXISTS || rv == CKR_SESSION_COUNT ||
           rv == CKR_FUNCTION_CANCELED;
}

static int
explain(struct slot *slot, const char *label, CK_RV rv, struct err *err)
{
    struct token t = {.present = false};

    slot_token(slot, &t);
    if (rv == CKR_PIN_INCORRECT)
        err_set(err, E_PIN_WRONG, "token \"%s\": the PUK (the security officer's PIN) is "
                "wrong%s", label, t.flags & CKF_SO_PIN_FINAL_TRY ?
                "; one try is left before it is locked for good" :
                t.flags & CKF_SO_PIN_COUNT_LOW ? "; few tries are left" : "");
    else if (rv == CKR_PIN_LOCKED)
        err_set(err, E_PIN_LOCKED, "token \"%s\": its PUK (the security officer's PIN) is "
                "locked, too; only who issued it can help", label);
    else if (is_verdict(rv))
        return refused(slot, rv, "cannot set a new PIN", err);
    else if ((t.flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_INITIALIZED)) ==
             CKF_USER_PIN_INITIALIZED)
        err_set(err, E_MECHANISM, "token \"%s\": its PIN is not locked, and its module sets no "
                "new one with the PUK before it is (0x%02lx); change it with the present PIN "
                "(signet pin change)", label, rv);
    else
        err_set(err, E_MECHANISM, "token \"%s\": its module cannot unblock the PIN (0x%02lx); "
                "use the tool the card came with, or for a card in OpenSC pkcs15-tool "
                "--unblock-pin, or set user_pin_unblock_style in opensc.conf", label, rv);
    if (err)
        err->rv = rv;
    return err ? err->code : rv_code(rv);
}

/* The PUK as the old PIN, while nobody is logged in. */
static CK_RV
set_pin_with_puk(const struct ck_calls *ck, struct slot *slot, const struct secret *puk,
                 const struct secret *new_pin)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = ck->C_OpenSession(slot_id(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                 NULL, &session);

    if (rv != CKR_OK)
        return rv;
    rv = ck->C_SetPIN(session, bytes(puk), length(puk), bytes(new_pin), length(new_pin));
    ck->C_CloseSession(session);
    return rv;
}

static int
unblock(struct lane *lane, CK_SLOT_ID id, const struct secret *puk,
        const struct secret *new_pin, struct err *err)
{
    const struct ck_calls *ck = module_calls(lane_module(lane));
    CK_SESSION_HANDLE session;
    char label[TOKEN_TEXT];
    struct slot *slot;
    struct token t = {.present = false}, after;
    bool by_set_pin;
    CK_RV rv;
    int rc = begin(lane, id, "cannot set a new PIN", &slot, &t, label, err);

    if (rc == 0)
        rc = check_new(&t, label, new_pin, err);
    if (rc != 0)
        return rc;
    if (t.flags & CKF_SO_PIN_LOCKED)
        return explain(slot, label, CKR_PIN_LOCKED, err);
    rv = log_in_officer(ck, slot, puk, &session);
    if (rv == CKR_OK) {
        rv = ck->C_InitPIN(session, bytes(new_pin), length(new_pin));
        ck->C_Logout(session);
        ck->C_CloseSession(session);
    }
    by_set_pin = rv != CKR_OK && !is_verdict(rv) && rv_code(rv) != E_PIN_INVALID &&
                 (t.flags & CKF_USER_PIN_LOCKED);
    if (by_set_pin)
        rv = set_pin_with_puk(ck, slot, puk, new_pin);
    (void)slot_look(slot);
    slot_token(slot, &after);
    /* A module that knows no unblocking finds that the PIN is locked: it still is. */
    if (by_set_pin && rv == CKR_PIN_LOCKED && (after.flags & CKF_USER_PIN_LOCKED))
        rv = CKR_FUNCTION_NOT_SUPPORTED;
    if (rv == CKR_OK)
        return 0;
    return rv_code(rv) == E_PIN_INVALID ? refused(slot, rv, "cannot set a new PIN", err)
                                        : explain(slot, label, rv, err);
}

int
pin_unblock(struct lane *lane, CK_SLOT_ID id, const struct secret *puk,
            const struct secret *new_pin, struct err *err)
{
    struct module *m = lane_module(lane);

    module_enter(m);
    module_write_lock(m);
    int rc = unblock(lane, id, puk, new_pin, err);
    module_write_unlock(m);
    module_leave(m);
    return rc;
}
