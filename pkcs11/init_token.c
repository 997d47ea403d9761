/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/init_token.h"

#include <string.h>

#include "pkcs11/rv.h"

static CK_BYTE_PTR
bytes(const struct secret *s)
{
    return (CK_BYTE_PTR)(uintptr_t)secret_data_view(s);
}

/* The first slot whose token is initialised and has that label (NULL: the first
 * that is not initialised). */
static struct slot *
find_slot(struct module *m, const char *label)
{
    struct slot *slots[MODULE_SLOTS_MAX];
    size_t count = module_slots(m, slots);
    struct token t;

    for (size_t i = 0; i < count; i++) {
        slot_token(slots[i], &t);
        bool made = t.flags & CKF_TOKEN_INITIALIZED;
        if (label ? made && strcmp(t.label, label) == 0 : !made)
            return slots[i];
    }
    return NULL;
}

static CK_RV
set_user_pin(struct lane *lane, struct slot *slot, const struct secret *so_pin,
             const struct secret *pin)
{
    const struct ck_calls *ck = module_calls(lane_module(lane));
    CK_SESSION_HANDLE session;
    CK_RV rv = ck->C_OpenSession(slot_id(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                 NULL, &session);

    if (rv != CKR_OK)
        return rv;
    rv = ck->C_Login(session, CKU_SO, bytes(so_pin), secret_len(so_pin));
    if (rv == CKR_OK) {
        rv = ck->C_InitPIN(session, bytes(pin), secret_len(pin));
        ck->C_Logout(session);
    }
    ck->C_CloseSession(session);
    return rv;
}

/* Before anything is made: a token without a PIN helps nobody. */
static int
check_pin(struct slot *slot, const char *label, const struct secret *pin, struct err *err)
{
    size_t len = secret_len(pin);
    struct token t;

    slot_token(slot, &t);
    if (len >= t.pin_min && (t.pin_max == 0 || len <= t.pin_max))
        return 0;
    return err_set(err, E_PIN_INVALID, "token \"%s\": cannot be created: its PIN must have %lu "
                   "to %lu characters", label, t.pin_min, t.pin_max);
}

static int
make(struct lane *lane, const char *label, const struct secret *so_pin,
     const struct secret *pin, CK_SLOT_ID *ret, struct err *err)
{
    struct module *m = lane_module(lane);
    unsigned char padded[INIT_TOKEN_LABEL_MAX];
    struct slot *slot;
    CK_RV rv;
    int rc = module_refresh(m, err);

    if (rc != 0)
        return rc;
    if (find_slot(m, label))
        return err_set(err, E_EXISTS, "token \"%s\": is already there; choose another label",
                       label);
    slot = find_slot(m, NULL);
    if (!slot)
        return err_set(err, E_NO_TOKEN, "module \"%s\" has no empty slot for a new token",
                       module_name(m));
    rc = check_pin(slot, label, pin, err);
    if (rc == 0)
        rc = check_pin(slot, label, so_pin, err);
    if (rc != 0)
        return rc;
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strnlen(label, sizeof padded));
    rv = module_calls(m)->C_InitToken(slot_id(slot), bytes(so_pin), secret_len(so_pin), padded);
    if (rv != CKR_OK)
        return rv_err(err, rv, label, "cannot be created");
    rc = module_refresh(m, err);
    if (rc != 0)
        return rc;
    slot = find_slot(m, label);
    if (!slot)
        return err_set(err, E_TOKEN, "token \"%s\": was created but does not show up; stop the "
                       "agent (signet agent stop) and look again (signet tokens)", label);
    rv = set_user_pin(lane, slot, so_pin, pin);
    if (rv != CKR_OK)
        return rv_err(err, rv, label, "was created but its PIN cannot be set");
    rv = slot_look(slot);
    if (rv != CKR_OK)
        return rv_err(err, rv, label, "was created but cannot be read");
    *ret = slot_id(slot);
    return 0;
}

int
init_token(struct lane *lane, const char *label, const struct secret *so_pin,
           const struct secret *pin, CK_SLOT_ID *ret, struct err *err)
{
    struct module *m = lane_module(lane);
    size_t len = strlen(label);
    int rc;

    if (len == 0 || len > INIT_TOKEN_LABEL_MAX)
        return err_set(err, E_USAGE, "a token's label has 1 to %d bytes, this one %zu",
                       INIT_TOKEN_LABEL_MAX, len);
    module_enter(m);
    module_write_lock(m);
    rc = make(lane, label, so_pin, pin, ret, err);
    module_write_unlock(m);
    module_leave(m);
    return rc;
}
