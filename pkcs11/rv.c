/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/rv.h"

#include <stddef.h>

enum { LOST = 1, REFUSED = 2 };

static const struct rv_meaning {
    CK_RV rv;
    int code;
    unsigned flags;
    const char *text;
} meanings[] = {
    {CKR_HOST_MEMORY, E_NOMEM, 0, "the module ran out of memory"},
    {CKR_SLOT_ID_INVALID, E_TOKEN_REMOVED, 0, "its slot is gone; connect it again"},
    {CKR_GENERAL_ERROR, E_TOKEN, 0, "the module failed; connect the token again"},
    {CKR_FUNCTION_FAILED, E_TOKEN, 0, "the module failed; try again"},
    {CKR_ARGUMENTS_BAD, E_TOKEN, REFUSED, "the module refuses the parameters"},
    {CKR_ATTRIBUTE_READ_ONLY, E_TOKEN, 0, "the token does not let this be changed"},
    {CKR_ATTRIBUTE_SENSITIVE, E_TOKEN, 0, "the token does not reveal this"},
    {CKR_ATTRIBUTE_TYPE_INVALID, E_MECHANISM, 0, "the token does not know an attribute"},
    {CKR_ATTRIBUTE_VALUE_INVALID, E_MECHANISM, 0, "the token refuses an attribute"},
    {CKR_ACTION_PROHIBITED, E_DENIED, 0, "the token forbids it"},
    {CKR_DATA_INVALID, E_MECHANISM, 0, "the token refuses the data"},
    {CKR_DATA_LEN_RANGE, E_MECHANISM, 0, "the token refuses data of this length"},
    {CKR_DEVICE_ERROR, E_TOKEN, LOST, "the device failed; connect it again"},
    {CKR_DEVICE_MEMORY, E_TOKEN, 0, "the token is full; delete what is not needed"},
    {CKR_DEVICE_REMOVED, E_TOKEN_REMOVED, LOST, "it was removed; connect it again"},
    {CKR_ENCRYPTED_DATA_INVALID, E_DECRYPT, 0, "the token refuses the ciphertext"},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, E_DECRYPT, 0, "the ciphertext has the wrong length"},
    {CKR_FUNCTION_CANCELED, E_CANCELLED, 0, "it was cancelled at the device"},
    {CKR_FUNCTION_NOT_SUPPORTED, E_MECHANISM, REFUSED, "the module cannot do that"},
    {CKR_KEY_HANDLE_INVALID, E_NO_KEY, LOST, "the key is gone from the token"},
    {CKR_KEY_SIZE_RANGE, E_MECHANISM, 0, "the token refuses keys of this size"},
    {CKR_KEY_TYPE_INCONSISTENT, E_MECHANISM, 0, "the key is of another type"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, E_DENIED, 0,
     "the token does not permit this use of the key; choose another key"},
    {CKR_MECHANISM_INVALID, E_MECHANISM, REFUSED, "the token lacks the mechanism"},
    {CKR_MECHANISM_PARAM_INVALID, E_MECHANISM, REFUSED,
     "the token refuses the mechanism's parameters"},
    {CKR_OBJECT_HANDLE_INVALID, E_NO_KEY, LOST, "the key is gone from the token"},
    {CKR_OPERATION_ACTIVE, E_TOKEN, LOST, "another operation is under way; try again"},
    {CKR_OPERATION_NOT_INITIALIZED, E_TOKEN, LOST, "the operation was lost; try again"},
    {CKR_PIN_INCORRECT, E_PIN_WRONG, 0, "the PIN is wrong; check it and try again"},
    {CKR_PIN_INVALID, E_PIN_INVALID, 0, "the PIN has characters the token refuses"},
    {CKR_PIN_LEN_RANGE, E_PIN_INVALID, 0, "the PIN has a length the token refuses"},
    {CKR_PIN_EXPIRED, E_PIN_INVALID, 0,
     "the PIN has expired; set a new one (signet pin change)"},
    {CKR_PIN_LOCKED, E_PIN_LOCKED, 0,
     "the PIN is locked; unblock it with the PUK (signet pin unblock)"},
    {CKR_PIN_TOO_WEAK, E_PIN_INVALID, 0, "the token finds the PIN too weak; choose another"},
    {CKR_SESSION_CLOSED, E_TOKEN, LOST, "its session was lost; try again"},
    {CKR_SESSION_COUNT, E_TOKEN, 0,
     "it has no free session; end other programs that use it, or lower `lanes`"},
    {CKR_SESSION_HANDLE_INVALID, E_TOKEN, LOST, "its session was lost; try again"},
    {CKR_SESSION_READ_ONLY, E_TOKEN, 0, "it can only be read"},
    {CKR_SESSION_EXISTS, E_TOKEN, 0, "it is in use; try again when it is idle"},
    {CKR_SESSION_READ_ONLY_EXISTS, E_TOKEN, 0, "it is in use; try again when it is idle"},
    {CKR_SESSION_READ_WRITE_SO_EXISTS, E_TOKEN, 0,
     "its security officer is logged in; try again"},
    {CKR_TEMPLATE_INCOMPLETE, E_MECHANISM, 0, "the token wants more attributes"},
    {CKR_TEMPLATE_INCONSISTENT, E_MECHANISM, 0, "the token refuses this set of attributes"},
    {CKR_TOKEN_NOT_PRESENT, E_TOKEN_REMOVED, LOST, "it was removed; connect it again"},
    {CKR_TOKEN_NOT_RECOGNIZED, E_TOKEN, 0,
     "the module does not know this kind of token; install its driver"},
    {CKR_TOKEN_WRITE_PROTECTED, E_TOKEN, 0, "it is write-protected"},
    {CKR_USER_NOT_LOGGED_IN, E_PIN_NEEDED, LOST, "it wants its PIN first"},
    {CKR_USER_PIN_NOT_INITIALIZED, E_PIN_INVALID, 0,
     "it has no PIN yet; set one with the PUK (signet pin unblock)"},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, E_TOKEN, 0,
     "somebody else is logged in; try again when they are done"},
    {CKR_USER_TOO_MANY_TYPES, E_TOKEN, 0,
     "somebody else is logged in; try again when they are done"},
    {CKR_RANDOM_NO_RNG, E_MECHANISM, 0, "it has no random number generator"},
    {CKR_DOMAIN_PARAMS_INVALID, E_MECHANISM, 0, "the token does not know the curve"},
    {CKR_CURVE_NOT_SUPPORTED, E_MECHANISM, 0, "the token does not know the curve"},
    {CKR_BUFFER_TOO_SMALL, E_TOKEN, 0, "the module's answer is longer than it can be"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, E_HOST, 0, "the module was shut down"},
    {CKR_FUNCTION_REJECTED, E_DENIED, 0, "it was refused at the device"},
    {CKR_TOKEN_RESOURCE_EXCEEDED, E_TOKEN, 0, "it is out of resources; try again"},
};

static const struct rv_meaning *
find(CK_RV rv)
{
    static const struct rv_meaning unknown = {0, E_TOKEN, 0,
                                              "the module reports an unknown failure"};

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].rv == rv)
            return &meanings[i];
    return &unknown;
}

int
rv_code(CK_RV rv)
{
    return rv == CKR_OK ? 0 : find(rv)->code;
}

bool
rv_is_lost(CK_RV rv)
{
    return rv != CKR_OK && (find(rv)->flags & LOST);
}

bool
rv_is_refused(CK_RV rv)
{
    return rv != CKR_OK && (find(rv)->flags & REFUSED);
}

int
rv_err(struct err *err, CK_RV rv, const char *label, const char *what)
{
    const struct rv_meaning *m = find(rv);

    err_set(err, m->code, "token \"%s\": %s: %s (0x%02lx)", label, what, m->text, rv);
    if (err)
        err->rv = rv;
    return m->code;
}
