/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PINs changed and unblocked: what the token is sent, how often, and what is said of its
 * answer. SoftHSM, whose answers the test can change. */
#include <check.h>
#include <string.h>

#include "pkcs11/login.h"
#include "pkcs11/pin.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"

#define NEW_PIN "new-pin-22"

static struct bed bed;
static struct err err;
static bool ready;

/* What the module is made to say: CKR_OK: what it says itself. */
static CK_FLAGS flags_set, flags_cleared;
static CK_RV officer_rv, set_rv, init_rv;
static unsigned officer_times; /* how often officer_rv is said; 0: always */
static unsigned users, officers, sets, inits;
static bool null_pins;         /* as from a keypad */

static CK_RV
token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real_calls.C_GetTokenInfo(slot, info);

    if (rv == CKR_OK)
        info->flags = (info->flags | flags_set) & ~flags_cleared;
    return rv;
}

static CK_RV
log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
    if (user == CKU_USER)
        users++;
    null_pins &= pin == NULL && len == 0;
    if (user != CKU_SO)
        return real_calls.C_Login(session, user, pin, len);
    officers++;
    if (officer_rv != CKR_OK && (officer_times == 0 || officers <= officer_times))
        return officer_rv;
    return real_calls.C_Login(session, user, pin, len);
}

static CK_RV
set_pin(CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG old_len, CK_BYTE *pin, CK_ULONG len)
{
    sets++;
    null_pins &= !old && old_len == 0 && !pin && len == 0;
    return set_rv != CKR_OK ? set_rv
                            : real_calls.C_SetPIN(session, old, old_len, pin, len);
}

static CK_RV
init_pin(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG len)
{
    inits++;
    return init_rv != CKR_OK ? init_rv : real_calls.C_InitPIN(session, pin, len);
}

static void
hook(struct ck_calls *ck)
{
    ck->C_GetTokenInfo = token_info;
    ck->C_Login = log_in;
    ck->C_SetPIN = set_pin;
    ck->C_InitPIN = init_pin;
}

static void
setup(void)
{
    scratch_setup();
    ready = bed_open_calls(&bed, hook);
    users = officers = sets = inits = 0;
    null_pins = true;
    if (ready)
        ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
}

static void
teardown(void)
{
    if (ready)
        bed_close(&bed);
    scratch_teardown();
}

static int
with_pins(int (*run)(struct lane *, CK_SLOT_ID, const struct secret *, const struct secret *,
                     struct err *), const char *first, const char *second)
{
    autofree_secret struct secret *a = first ? secret_of(first) : NULL;
    autofree_secret struct secret *b = second ? secret_of(second) : NULL;

    err_clear(&err);
    return run(bed.lane, bed.slot, a, b, &err);
}

static int
change(const char *from, const char *to)
{
    return with_pins(pin_change, from, to);
}

static int
unblock(const char *puk, const char *to)
{
    return with_pins(pin_unblock, puk, to);
}

static int
opens(const char *pin)
{
    autofree_secret struct secret *s = secret_of(pin);
    int rc = login_user(bed.lane, bed.slot, s, NULL);

    if (rc == 0)
        ck_assert_int_eq(logout_user(bed.lane, bed.slot, NULL), 0);
    return rc;
}

#define NEEDS_SOFTHSM() \
    if (!ready) \
        return

START_TEST(changed)
{
    NEEDS_SOFTHSM();
    ck_assert_msg(change(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(sets, 1);
    ck_assert_int_eq(opens(RIG_PIN), E_PIN_WRONG);
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

START_TEST(changed_while_logged_in)
{
    NEEDS_SOFTHSM();
    bed_login(&bed);
    ck_assert_msg(change(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

START_TEST(wrong_old_pin_costs_one_try)
{
    NEEDS_SOFTHSM();
    ck_assert_int_eq(change("wrong-one", NEW_PIN), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err.text, "PIN is wrong"));
    ck_assert_uint_eq(users + sets, 1);
    ck_assert_int_eq(opens(RIG_PIN), 0);
    bed_login(&bed);
    users = sets = 0;
    /* The login that stands answers first; then the old PIN is looked at once. */
    ck_assert_int_eq(change("wrong-one", NEW_PIN), E_PIN_WRONG);
    ck_assert_uint_eq(sets, 1);
}
END_TEST

START_TEST(length_is_the_tokens)
{
    NEEDS_SOFTHSM();
    ck_assert_int_eq(change(RIG_PIN, "123"), E_PIN_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "4 to 255 characters, not 3; nothing was changed"));
    ck_assert_int_eq(unblock(RIG_PIN, "123"), E_PIN_INVALID);
    ck_assert_uint_eq(users + officers + sets + inits, 0);
    ck_assert_int_eq(opens(RIG_PIN), 0);
}
END_TEST

START_TEST(locked_gets_no_pin)
{
    NEEDS_SOFTHSM();
    flags_set = CKF_USER_PIN_LOCKED;
    ck_assert_int_eq(change(RIG_PIN, NEW_PIN), E_PIN_LOCKED);
    ck_assert_uint_eq(users + sets, 0);
    flags_set = CKF_SO_PIN_LOCKED;
    ck_assert_int_eq(unblock(RIG_PIN, NEW_PIN), E_PIN_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.text, "only who issued it"));
    ck_assert_uint_eq(officers + sets, 0);
}
END_TEST

START_TEST(new_pin_is_refused_by_the_card)
{
    static const CK_RV rvs[] = {CKR_PIN_INVALID, CKR_PIN_LEN_RANGE};

    NEEDS_SOFTHSM();
    for (size_t i = 0; i < sizeof rvs / sizeof *rvs; i++) {
        set_rv = init_rv = rvs[i];
        ck_assert_int_eq(change(RIG_PIN, NEW_PIN), E_PIN_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "refuses the new PIN"));
        ck_assert_uint_eq(err.rv, rvs[i]);
        ck_assert_int_eq(unblock(RIG_PIN, NEW_PIN), E_PIN_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "refuses the new PIN"));
    }
    set_rv = CKR_OK;
    ck_assert_int_eq(opens(RIG_PIN), 0);
}
END_TEST

START_TEST(keypad_gets_no_bytes)
{
    NEEDS_SOFTHSM();
    set_rv = CKR_FUNCTION_CANCELED;
    ck_assert_int_ne(change(NULL, NULL), 0);
    ck_assert(null_pins);
}
END_TEST

START_TEST(unblocked_by_the_officer)
{
    NEEDS_SOFTHSM();
    bed_login(&bed);
    ck_assert_msg(unblock(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(officers, 1);
    ck_assert_uint_eq(inits, 1);
    ck_assert_uint_eq(sets, 0);
    /* The user's login has ended with it. */
    ck_assert_int_eq(opens(RIG_PIN), E_PIN_WRONG);
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

START_TEST(wrong_puk_costs_one_try)
{
    NEEDS_SOFTHSM();
    flags_set = CKF_USER_PIN_LOCKED;
    ck_assert_int_eq(unblock("no-such-puk", NEW_PIN), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err.text, "PUK"));
    flags_set |= CKF_SO_PIN_FINAL_TRY;
    ck_assert_int_eq(unblock("no-other-puk", NEW_PIN), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err.text, "one try is left"));
    ck_assert_uint_eq(officers, 2);
    ck_assert_uint_eq(sets + inits, 0);
}
END_TEST

START_TEST(session_of_another_lane_is_outlasted)
{
    NEEDS_SOFTHSM();
    officer_rv = CKR_SESSION_READ_ONLY_EXISTS;
    officer_times = 3;
    ck_assert_msg(unblock(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(officers, 4);
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

START_TEST(session_of_another_program_is_not)
{
    NEEDS_SOFTHSM();
    officer_rv = CKR_SESSION_READ_ONLY_EXISTS;
    ck_assert_int_ne(unblock(RIG_PIN, NEW_PIN), 0);
    ck_assert_uint_gt(officers, 3);
    ck_assert_uint_lt(officers, 100);
    ck_assert_uint_eq(sets + inits, 0);
}
END_TEST

/* A card without an officer: its PUK is the old PIN, but only of a locked one. */
START_TEST(puk_as_the_old_pin)
{
    NEEDS_SOFTHSM();
    officer_rv = CKR_USER_TYPE_INVALID;
    ck_assert_int_eq(unblock(RIG_PIN, NEW_PIN), E_MECHANISM);
    ck_assert_ptr_nonnull(strstr(err.text, "not locked"));
    ck_assert_uint_eq(sets, 0);
    flags_set = CKF_USER_PIN_LOCKED;
    ck_assert_msg(unblock(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(sets, 1);
    flags_set = 0;
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

START_TEST(module_that_knows_no_way)
{
    static const CK_RV rvs[] = {CKR_PIN_LOCKED, CKR_FUNCTION_NOT_SUPPORTED};

    NEEDS_SOFTHSM();
    officer_rv = CKR_USER_TYPE_INVALID;
    flags_set = CKF_USER_PIN_LOCKED;
    for (size_t i = 0; i < sizeof rvs / sizeof *rvs; i++) {
        set_rv = rvs[i];
        ck_assert_int_eq(unblock(RIG_PIN, NEW_PIN), E_MECHANISM);
        ck_assert_ptr_nonnull(strstr(err.text, "cannot unblock the PIN"));
        ck_assert_uint_eq(sets, i + 1);
    }
}
END_TEST

START_TEST(first_pin_is_set_by_the_officer)
{
    NEEDS_SOFTHSM();
    flags_cleared = CKF_USER_PIN_INITIALIZED;
    ck_assert_msg(unblock(RIG_PIN, NEW_PIN) == 0, "%s", err_text(&err));
    flags_cleared = 0;
    ck_assert_int_eq(opens(NEW_PIN), 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("pin");

    if (!rig_module(&rigs[RIG_SOFTHSM]))
        return 77;
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, changed);
    tcase_add_test(c, changed_while_logged_in);
    tcase_add_test(c, wrong_old_pin_costs_one_try);
    tcase_add_test(c, length_is_the_tokens);
    tcase_add_test(c, locked_gets_no_pin);
    tcase_add_test(c, new_pin_is_refused_by_the_card);
    tcase_add_test(c, keypad_gets_no_bytes);
    tcase_add_test(c, unblocked_by_the_officer);
    tcase_add_test(c, wrong_puk_costs_one_try);
    tcase_add_test(c, session_of_another_lane_is_outlasted);
    tcase_add_test(c, session_of_another_program_is_not);
    tcase_add_test(c, puk_as_the_old_pin);
    tcase_add_test(c, module_that_knows_no_way);
    tcase_add_test(c, first_pin_is_set_by_the_officer);
    return run_suite("pkcs11-pin", &c, 1);
}
