/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/slot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pkcs11/module.h"
#include "pkcs11/rv.h"

struct slot {
    CK_SLOT_ID id;
    struct module *module;
    bool asked;           /* what the slot says of itself is known */
    atomic_uint refused;
    atomic_ulong quirks;
    atomic_uint epoch;    /* written under lock */
    pthread_mutex_t lock; /* guards what follows */
    CK_TOKEN_INFO raw;    /* the last answer, to notice another token */
    struct token token;
    unsigned generation;
    struct keyset *keys;  /* NULL, or of this generation */
};

int
slot_new(struct slot **ret, struct module *module, CK_SLOT_ID id)
{
    struct slot *s = calloc(1, sizeof *s);

    if (!s)
        return E_NOMEM;
    s->id = id;
    s->module = module;
    s->generation = 1;
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return 0;
}

void
slot_free(struct slot **s)
{
    if (!s || !*s)
        return;
    keyset_unref(&(*s)->keys);
    pthread_mutex_destroy(&(*s)->lock);
    free(*s);
    *s = NULL;
}

CK_SLOT_ID
slot_id(const struct slot *s)
{
    return s->id;
}

struct module *
slot_module(const struct slot *s)
{
    return s->module;
}

/* Under lock. */
static void
forget(struct slot *s)
{
    s->generation++;
    keyset_unref(&s->keys);
}

static void
new_epoch(struct slot *s)
{
    s->epoch++;
    s->token.logged_in = false;
    atomic_store(&s->refused, 0);
    atomic_store(&s->quirks, 0);
    forget(s);
}

/* Fixed-width text, padded with blanks (PKCS#11 2.40, 3.2). */
static void
take_text(char out[TOKEN_TEXT], const unsigned char *text, size_t len)
{
    autofree_buf struct buf *safe = buf_new();

    out[0] = '\0';
    len = strnlen((const char *)text, len);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    if (safe && text_put_safe(safe, text, len) == 0)
        snprintf(out, TOKEN_TEXT, "%s", buf_cstr(safe));
}

static bool
same_token(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b)
{
    return memcmp(a->serialNumber, b->serialNumber, sizeof a->serialNumber) == 0 &&
           memcmp(a->label, b->label, sizeof a->label) == 0 &&
           memcmp(a->manufacturerID, b->manufacturerID, sizeof a->manufacturerID) == 0 &&
           memcmp(a->model, b->model, sizeof a->model) == 0;
}

/* What the slot says of itself does not change while it lives. Under lock. */
static void
ask_slot(struct slot *s)
{
    const struct ck_calls *ck = module_calls(s->module);
    CK_SLOT_INFO info = {0};

    if (s->asked || !ck->C_GetSlotInfo || ck->C_GetSlotInfo(s->id, &info) != CKR_OK)
        return;
    s->token.removable = info.flags & CKF_REMOVABLE_DEVICE;
    s->token.hardware = info.flags & CKF_HW_SLOT;
    s->asked = true;
}

CK_RV
slot_look(struct slot *s)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv = module_calls(s->module)->C_GetTokenInfo(s->id, &info);

    if (rv != CKR_OK) {
        if (rv_code(rv) == E_TOKEN_REMOVED)
            slot_gone(s);
        return rv;
    }
    pthread_mutex_lock(&s->lock);
    ask_slot(s);
    if (!s->token.present || !same_token(&info, &s->raw)) {
        new_epoch(s);
        take_text(s->token.label, info.label, sizeof info.label);
        take_text(s->token.manufacturer, info.manufacturerID, sizeof info.manufacturerID);
        take_text(s->token.model, info.model, sizeof info.model);
        take_text(s->token.serial, info.serialNumber, sizeof info.serialNumber);
    }
    s->raw = info;
    s->token.flags = info.flags;
    s->token.pin_min = info.ulMinPinLen;
    s->token.pin_max = info.ulMaxPinLen;
    s->token.present = true;
    pthread_mutex_unlock(&s->lock);
    return CKR_OK;
}

void
slot_gone(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->token.present)
        new_epoch(s);
    s->token.present = false;
    pthread_mutex_unlock(&s->lock);
}

void
slot_token(struct slot *s, struct token *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->token;
    ret->epoch = atomic_load(&s->epoch);
    pthread_mutex_unlock(&s->lock);
}

void
slot_label(struct slot *s, char ret[TOKEN_TEXT])
{
    pthread_mutex_lock(&s->lock);
    if (s->token.label[0])
        snprintf(ret, TOKEN_TEXT, "%s", s->token.label);
    else
        snprintf(ret, TOKEN_TEXT, "slot %lu", s->id);
    pthread_mutex_unlock(&s->lock);
}

unsigned
slot_epoch(struct slot *s)
{
    return atomic_load_explicit(&s->epoch, memory_order_acquire);
}

bool
slot_logged_in(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    bool yes = s->token.logged_in;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

void
slot_set_logged_in(struct slot *s, bool yes)
{
    pthread_mutex_lock(&s->lock);
    if (s->token.logged_in != yes) {
        s->token.logged_in = yes;
        forget(s);
    }
    pthread_mutex_unlock(&s->lock);
}

bool
slot_wants_login(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    bool yes = (s->token.flags & CKF_LOGIN_REQUIRED) && !s->token.logged_in;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

CK_RV
slot_keys(struct slot *s, CK_SESSION_HANDLE session, bool fresh, struct keyset **ret)
{
    struct keyset *ks = NULL;
    CK_RV rv = CKR_OK;

    pthread_mutex_lock(&s->lock);
    if (fresh || !s->keys) {
        bool hidden = (s->token.flags & CKF_LOGIN_REQUIRED) && !s->token.logged_in;
        rv = keyset_read(&ks, module_calls(s->module), session, hidden);
        if (rv == CKR_OK) {
            forget(s);
            ks->generation = s->generation;
            s->keys = ks;
        }
    }
    if (rv == CKR_OK)
        *ret = keyset_ref(s->keys);
    pthread_mutex_unlock(&s->lock);
    return rv;
}

void
slot_invalidate(struct slot *s, unsigned generation)
{
    pthread_mutex_lock(&s->lock);
    if (s->generation == generation)
        forget(s);
    pthread_mutex_unlock(&s->lock);
}

void
slot_forget(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    forget(s);
    pthread_mutex_unlock(&s->lock);
}

bool
slot_refused(const struct slot *s, unsigned way)
{
    return atomic_load_explicit(&s->refused, memory_order_relaxed) & way;
}

void
slot_set_refused(struct slot *s, unsigned way)
{
    atomic_fetch_or(&s->refused, way);
}

bool
slot_quirk(const struct slot *s, enum quirk q)
{
    return atomic_load_explicit(&s->quirks, memory_order_relaxed) & 1ul << q;
}

void
slot_set_quirk(struct slot *s, enum quirk q)
{
    atomic_fetch_or(&s->quirks, 1ul << q);
}

int
slot_err(struct slot *s, struct err *err, CK_RV rv, const char *what)
{
    char label[TOKEN_TEXT];

    slot_label(s, label);
    return rv_err(err, rv, label, what);
}
