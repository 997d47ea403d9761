/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/lane.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "pkcs11/rv.h"

/* Digits of a key's name in sentences. */
#define SHORT_NAME 16
/* How often, and after which pauses, a card that failed is looked for. */
#define REMOVAL_LOOKS 6
#define REMOVAL_PAUSE_MS 100

struct lane_session {
    struct slot *slot;
    unsigned epoch;
    CK_SESSION_HANDLE handle;
    CK_SESSION_HANDLE stale; /* given up, closed once the next one is open */
};

struct lane {
    struct module *module;
    const struct ck_calls *ck;
    struct lane_session sessions[MODULE_SLOTS_MAX];
    size_t count;
    struct context_pin context;
    struct lane *next;    /* of the module's */
    /* Held while the sessions are used, by the owner or by a lane that has none. Taken
     * behind module_enter() and the list's lock, and never two at once. */
    pthread_mutex_t busy;
};

int
lane_new(struct lane **ret, struct module *module)
{
    struct lane *l = calloc(1, sizeof *l);

    if (!l)
        return E_NOMEM;
    l->module = module;
    l->ck = module_calls(module);
    pthread_mutex_init(&l->busy, NULL);
    pthread_mutex_lock(&module_lanes(module)->lock);
    l->next = module_lanes(module)->first;
    module_lanes(module)->first = l;
    pthread_mutex_unlock(&module_lanes(module)->lock);
    *ret = l;
    return 0;
}

static void
close_one(struct lane *l, CK_SESSION_HANDLE *session)
{
    if (*session != CK_INVALID_HANDLE)
        l->ck->C_CloseSession(*session);
    *session = CK_INVALID_HANDLE;
}

/* Out of the list; when this returns nobody else is in its sessions. */
static void
unlist(struct lane *l)
{
    struct module_lanes *all = module_lanes(l->module);
    struct lane **at = &all->first;

    pthread_mutex_lock(&all->lock);
    while (*at && *at != l)
        at = &(*at)->next;
    if (*at)
        *at = l->next;
    pthread_mutex_unlock(&all->lock);
    pthread_mutex_lock(&l->busy);
    pthread_mutex_unlock(&l->busy);
}

void
lane_free(struct lane **lp)
{
    struct lane *l = lp ? *lp : NULL;

    if (!l)
        return;
    module_enter(l->module);
    unlist(l);
    for (size_t i = 0; i < l->count; i++) {
        close_one(l, &l->sessions[i].stale);
        close_one(l, &l->sessions[i].handle);
    }
    module_leave(l->module);
    pthread_mutex_destroy(&l->busy);
    free(l);
    *lp = NULL;
}

struct module *
lane_module(const struct lane *l)
{
    return l->module;
}

struct context_pin *
lane_context(struct lane *l)
{
    return &l->context;
}

int
lane_slot(struct lane *l, CK_SLOT_ID id, struct slot **ret, struct err *err)
{
    struct slot *s = module_slot(l->module, id);
    struct token t = {0};

    if (s)
        slot_token(s, &t);
    if (!t.present) {
        int rc = module_refresh(l->module, err);
        if (rc != 0)
            return rc;
        s = module_slot(l->module, id);
        if (s)
            slot_token(s, &t);
    }
    if (!t.present)
        return err_set(err, E_NO_TOKEN, "slot %lu of module \"%s\" holds no token; connect it "
                       "and try again", id, module_name(l->module));
    *ret = s;
    return 0;
}

static struct lane_session *
place(struct lane *l, const struct slot *slot)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->sessions[i].slot == slot)
            return &l->sessions[i];
    return NULL;
}

/* Who is logged in is a matter of the whole application, and only the token
 * knows it for sure (PKCS#11 2.40, 5.6, C_GetSessionInfo). */
static void
learn_login(struct lane *l, struct slot *slot, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = {0};

    if (l->ck->C_GetSessionInfo(session, &info) == CKR_OK)
        slot_set_logged_in(slot, info.state == CKS_RO_USER_FUNCTIONS ||
                                     info.state == CKS_RW_USER_FUNCTIONS);
}

/* The session given up is closed after the new one is open, since closing the last
 * one logs out (PKCS#11 2.40, 5.6); before it, where the token has too few. */
static CK_RV
open_session(struct lane *l, struct lane_session *p)
{
    CK_RV rv = l->ck->C_OpenSession(slot_id(p->slot), CKF_SERIAL_SESSION, NULL, NULL,
                                    &p->handle);

    if (rv == CKR_SESSION_COUNT && p->stale != CK_INVALID_HANDLE) {
        close_one(l, &p->stale);
        rv = l->ck->C_OpenSession(slot_id(p->slot), CKF_SERIAL_SESSION, NULL, NULL,
                                  &p->handle);
    }
    close_one(l, &p->stale);
    if (rv != CKR_OK)
        p->handle = CK_INVALID_HANDLE;
    return rv;
}

static bool
has_session(struct lane *l, const struct slot *slot, unsigned epoch)
{
    const struct lane_session *p = place(l, slot);

    return p && p->handle != CK_INVALID_HANDLE && p->epoch == epoch;
}

/* Another lane that has a session there, locked: an idle one first, else waiting for one.
 * NULL when none has. */
static struct lane *
borrow_lane(struct lane *l, struct slot *slot)
{
    struct module_lanes *all = module_lanes(l->module);
    unsigned epoch = slot_epoch(slot);
    struct lane *found = NULL;

    slot_set_quirk(slot, QUIRK_SESSIONS_FEW);
    pthread_mutex_lock(&all->lock);
    for (int wait = 0; wait < 2 && !found; wait++) {
        for (struct lane *o = all->first; o && !found; o = o->next) {
            if (o == l || (wait ? pthread_mutex_lock(&o->busy) : pthread_mutex_trylock(&o->busy)))
                continue;
            if (has_session(o, slot, epoch))
                found = o;
            else
                pthread_mutex_unlock(&o->busy);
        }
    }
    pthread_mutex_unlock(&all->lock);
    return found;
}

/* Under busy. */
static CK_RV
own_session(struct lane *l, struct slot *slot, CK_SESSION_HANDLE *ret)
{
    struct lane_session *p = place(l, slot);
    unsigned epoch = slot_epoch(slot);
    CK_RV rv;

    if (p && p->handle != CK_INVALID_HANDLE && p->epoch == epoch) {
        *ret = p->handle;
        return CKR_OK;
    }
    if (!p) {
        p = &l->sessions[l->count++];
        p->slot = slot;
    }
    /* A session of an older epoch died with its token; its number may already be
     * somebody else's, so it is not closed. */
    if (p->epoch != epoch)
        p->stale = CK_INVALID_HANDLE;
    p->handle = CK_INVALID_HANDLE;
    p->epoch = epoch;
    rv = open_session(l, p);
    if (rv != CKR_OK)
        return rv;
    learn_login(l, slot, p->handle);
    *ret = p->handle;
    return CKR_OK;
}

/* Logging in and reading take turns by themselves, so a borrowed number will do. */
CK_RV
lane_session(struct lane *l, struct slot *slot, CK_SESSION_HANDLE *ret)
{
    struct lane *other;
    CK_RV rv;

    pthread_mutex_lock(&l->busy);
    rv = own_session(l, slot, ret);
    pthread_mutex_unlock(&l->busy);
    if (rv != CKR_SESSION_COUNT)
        return rv;
    other = borrow_lane(l, slot);
    if (!other)
        return rv;
    *ret = place(other, slot)->handle;
    pthread_mutex_unlock(&other->busy);
    return CKR_OK;
}

/* Under busy. */
static void
drop_own(struct lane *l, struct slot *slot, CK_RV why)
{
    struct lane_session *p = place(l, slot);

    if (!p || p->handle == CK_INVALID_HANDLE)
        return;
    close_one(l, &p->stale);
    if (why != CKR_SESSION_HANDLE_INVALID && why != CKR_SESSION_CLOSED)
        p->stale = p->handle;
    p->handle = CK_INVALID_HANDLE;
}

void
lane_drop_session(struct lane *l, struct slot *slot, CK_RV why)
{
    pthread_mutex_lock(&l->busy);
    drop_own(l, slot, why);
    pthread_mutex_unlock(&l->busy);
}

/* Gives back what this lane has there, to make room. */
static void
close_own(struct lane *l, struct slot *slot)
{
    struct lane_session *p;

    pthread_mutex_lock(&l->busy);
    p = place(l, slot);
    if (p) {
        close_one(l, &p->stale);
        close_one(l, &p->handle);
    }
    pthread_mutex_unlock(&l->busy);
}

CK_RV
lane_open_rw(struct lane *l, struct slot *slot, CK_SESSION_HANDLE *ret)
{
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = l->ck->C_OpenSession(slot_id(slot), flags, NULL, NULL, ret);

    if (rv == CKR_SESSION_COUNT) {
        slot_set_quirk(slot, QUIRK_SESSIONS_FEW);
        close_own(l, slot);
        rv = l->ck->C_OpenSession(slot_id(slot), flags, NULL, NULL, ret);
    }
    if (rv == CKR_OK)
        learn_login(l, slot, *ret);
    return rv;
}

void
lane_close_rw(struct lane *l, struct slot *slot, CK_SESSION_HANDLE session)
{
    CK_SESSION_HANDLE keeper;

    /* Keep one session, and with it the login. Without it the next operation asks
     * for the PIN, which is no harm. */
    if (lane_session(l, slot, &keeper) != CKR_OK)
        keeper = CK_INVALID_HANDLE;
    l->ck->C_CloseSession(session);
}

int
lane_keys(struct lane *l, struct slot *slot, bool fresh, struct keyset **ret, struct err *err)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = CKR_OK;

    module_enter(l->module);
    for (int attempt = 0; attempt < 2; attempt++) {
        rv = lane_session(l, slot, &session);
        if (rv == CKR_OK)
            rv = slot_keys(slot, session, fresh, ret);
        if (!rv_is_lost(rv))
            break;
        lane_drop_session(l, slot, rv);
    }
    module_leave(l->module);
    return rv == CKR_OK ? 0 : slot_err(slot, err, rv, "cannot list its objects");
}

static int
no_private_key(struct slot *slot, const struct key *key, const char *name, struct err *err)
{
    char label[TOKEN_TEXT];

    slot_label(slot, label);
    if (slot_wants_login(slot) && (!key || key->private_state == KEY_PRIVATE_UNKNOWN))
        return err_set(err, E_PIN_NEEDED, "token \"%s\": the PIN is needed to use its keys; "
                       "log in first", label);
    return err_set(err, E_NO_KEY, "token \"%s\": has no private key %.*s; list what there is "
                   "(signet keys)", label, SHORT_NAME, name);
}

/* One attempt. *ret_generation is the cache's that was used, for invalidation. */
static int
try_key(struct lane *l, struct use *u, const char *name, lane_op *op, void *arg,
        unsigned *ret_generation, struct err *err)
{
    struct keyset *ks = NULL;
    CK_RV rv = own_session(l, u->slot, &u->session);
    int rc;

    if (rv == CKR_OK)
        rv = slot_keys(u->slot, u->session, false, &ks);
    if (rv != CKR_OK)
        return slot_err(u->slot, err, rv, u->what);
    *ret_generation = ks->generation;
    u->key = keyset_find(ks, name);
    if (!u->key || u->key->private_key == CK_INVALID_HANDLE)
        rc = no_private_key(u->slot, u->key, name, err);
    else
        rc = op(u, arg, err);
    keyset_unref(&ks);
    return rc;
}

/* An operation that was begun and not ended, since the token refused its PIN, is left
 * behind with its session; and such a PIN is not sent again. */
static bool
context_over(struct lane *l, const struct use *u)
{
    if (u->context->open)
        drop_own(l, u->slot, CKR_OPERATION_ACTIVE);
    u->context->open = false;
    return u->context->wanted || u->context->failed;
}

static int
use_key(struct lane *l, struct use *u, const char *name, lane_op *op, void *arg,
        struct err *err)
{
    unsigned generation = 0;
    int rc;

    rc = try_key(l, u, name, op, arg, &generation, err);
    if (rc == 0 || context_over(l, u) || (rc != E_NO_KEY && !rv_is_lost(err->rv)))
        return rc;
    /* E_NO_KEY without a CK_RV: the key may be newer than the cache. */
    if (rv_is_lost(err->rv))
        drop_own(l, u->slot, err->rv);
    if (rv_code(err->rv) == E_TOKEN_REMOVED)
        (void)slot_look(u->slot);
    slot_invalidate(u->slot, generation);
    u->context->again = true;
    rc = try_key(l, u, name, op, arg, &generation, err);
    if (rc != 0 && context_over(l, u))
        return rc;
    if (rc != 0 && rv_is_lost(err->rv))
        drop_own(l, u->slot, err->rv);
    if (rc == E_PIN_NEEDED)
        slot_set_logged_in(u->slot, false);
    return rc;
}

/* In l's sessions, or where the token has no more, in another lane's. */
static int
use_some_session(struct lane *l, struct use *u, const char *name, lane_op *op, void *arg,
                 struct err *err)
{
    struct lane *other;
    int rc;

    pthread_mutex_lock(&l->busy);
    rc = use_key(l, u, name, op, arg, err);
    pthread_mutex_unlock(&l->busy);
    if (rc == 0 || err->rv != CKR_SESSION_COUNT)
        return rc;
    other = borrow_lane(l, u->slot);
    if (!other)
        return rc;
    err->rv = 0;
    rc = use_key(other, u, name, op, arg, err);
    pthread_mutex_unlock(&other->busy);
    return rc;
}

/* A card that is pulled out shows as a failure of the module's, until its reader notices,
 * which some do by asking now and then. */
static int
tell_removal(struct lane *l, struct use *u, int rc, struct err *err)
{
    const struct timespec pause = {.tv_nsec = REMOVAL_PAUSE_MS * 1000000l};
    struct token t;

    slot_token(u->slot, &t);
    if (err->rv != CKR_GENERAL_ERROR && err->rv != CKR_FUNCTION_FAILED &&
        err->rv != CKR_DEVICE_ERROR)
        return rc;
    for (int i = 0; i < REMOVAL_LOOKS; i++) {
        if (rv_code(slot_look(u->slot)) == E_TOKEN_REMOVED)
            return slot_err(u->slot, err, CKR_TOKEN_NOT_PRESENT, u->what);
        if (!t.removable)
            break;
        module_leave(l->module);
        nanosleep(&pause, NULL);
        module_enter(l->module);
    }
    return rc;
}

int
lane_use_key(struct lane *l, CK_SLOT_ID id, const char *name, const char *what, lane_op *op,
             void *arg, struct err *err)
{
    struct use u = {.ck = l->ck, .what = what, .context = &l->context};
    struct err local;
    int rc;

    local.rv = 0;
    l->context.wanted = l->context.failed = l->context.open = l->context.again = false;
    module_enter(l->module);
    rc = lane_slot(l, id, &u.slot, &local);
    if (rc == 0)
        rc = use_some_session(l, &u, name, op, arg, &local);
    if (rc != 0 && u.slot)
        rc = tell_removal(l, &u, rc, &local);
    module_leave(l->module);
    if (rc != 0 && err)
        *err = local;
    return rc;
}
