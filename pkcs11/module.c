/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "pkcs11/loader.h"
#include "pkcs11/locks.h"
#include "pkcs11/rv.h"
#include "pkcs11/slot.h"

#define REJECT_KEY_SIZE 32

struct module {
    char *name;
    struct loader *loader;          /* NULL for a test's function table */
    struct ck_calls own_calls;
    const struct ck_calls *ck;
    struct secret *reject_key;
    bool single_thread;
    bool our_locks;                 /* see locks.h */
    pthread_mutex_t calls_lock;     /* module_enter, when single_thread */
    pthread_mutex_t write_lock;
    struct module_lanes lanes;
    pthread_mutex_t slots_lock;     /* guards the two below while they grow */
    struct slot *slots[MODULE_SLOTS_MAX];
    atomic_size_t slot_count;
    atomic_uint work;               /* commands under way */
};

/* NSS has LibraryParameters where pReserved is, and its pReserved behind it. */
struct init_args {
    CK_C_INITIALIZE_ARGS args;
    void *nss_reserved;
};

static bool
refuses_args(CK_RV rv)
{
    return rv == CKR_ARGUMENTS_BAD || rv == CKR_CANT_LOCK || rv == CKR_NEED_TO_CREATE_THREADS;
}

/* With locking by the system, without, and with no arguments at all: some modules take
 * only one of these (pkcs11/quirk.h, init-args). */
static CK_RV
initialize_any(struct module *m, char *init_string)
{
    struct init_args a = {.args = {.flags = CKF_OS_LOCKING_OK, .pReserved = init_string}};
    CK_RV rv = m->ck->C_Initialize(&a);

    if (!refuses_args(rv))
        return rv;
    m->single_thread = true;
    a.args.flags = 0;
    rv = m->ck->C_Initialize(&a);
    if (refuses_args(rv) && !init_string)
        rv = m->ck->C_Initialize(NULL);
    return rv;
}

/* This quirk shows only when it is too late, as a hang: known by name. */
static bool
loses_locks(struct module *m)
{
    static const char name[] = "OpenSC";
    CK_INFO info = {0};

    return m->ck->C_GetInfo && m->ck->C_GetInfo(&info) == CKR_OK &&
           memcmp(info.libraryDescription, name, sizeof name - 1) == 0;
}

/* Anew with our own mutexes; as it was if it does not take them. */
static CK_RV
initialize_with_locks(struct module *m, char *init_string)
{
    struct init_args a = {.args = {.pReserved = init_string}};

    if (m->ck->C_Finalize(NULL) != CKR_OK)
        return CKR_OK;
    locks_offer(&a.args);
    m->our_locks = m->ck->C_Initialize(&a) == CKR_OK;
    return m->our_locks ? CKR_OK : initialize_any(m, init_string);
}

static int
initialize(struct module *m, const char *init_string, struct err *err)
{
    char *copy = init_string ? strdup(init_string) : NULL;
    CK_RV rv = initialize_any(m, copy);

    if (rv == CKR_OK && !m->single_thread && loses_locks(m))
        rv = initialize_with_locks(m, copy);
    free(copy);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return 0;
    err_set(err, E_HOST, "module \"%s\" does not start (0x%02lx); check its own configuration, "
            "or disable it (disable = yes in [module %s])", m->name, rv, m->name);
    if (err)
        err->rv = rv;
    return E_HOST;
}

static int
module_new(struct module **ret, const char *name, struct err *err)
{
    struct module *m = calloc(1, sizeof *m);

    if (!m)
        return err_set(err, E_NOMEM, "out of memory");
    pthread_mutex_init(&m->calls_lock, NULL);
    pthread_mutex_init(&m->write_lock, NULL);
    pthread_mutex_init(&m->lanes.lock, NULL);
    pthread_mutex_init(&m->slots_lock, NULL);
    m->name = strdup(name);
    m->reject_key = secret_new(REJECT_KEY_SIZE);
    if (!m->name || !m->reject_key) {
        module_free(&m);
        return err_set(err, E_NOMEM, "out of memory");
    }
    if (RAND_bytes(secret_mutable(m->reject_key), REJECT_KEY_SIZE) != 1) {
        module_free(&m);
        return err_set_ossl(err, E_CRYPTO, "no random numbers");
    }
    secret_set_len(m->reject_key, REJECT_KEY_SIZE);
    *ret = m;
    return 0;
}

static const char *
display_name(const struct module_options *o)
{
    const char *from = o->p11_kit ? o->p11_kit : o->path;
    const char *slash = from ? strrchr(from, '/') : NULL;

    return o->name ? o->name : slash ? slash + 1 : from ? from : "?";
}

int
module_open(struct module **ret, const struct module_options *o, struct err *err)
{
    struct module *m = NULL;
    CK_FUNCTION_LIST *list;
    const char *init_args;
    int rc = module_new(&m, display_name(o), err);

    if (!m)
        return rc;
    rc = loader_open(&m->loader, m->name, o->path, o->p11_kit, &list, &init_args, err);
    if (rc == 0) {
        ck_calls_from_list(&m->own_calls, list);
        m->ck = &m->own_calls;
        rc = initialize(m, o->init_args ? o->init_args : init_args, err);
        if (rc != 0)
            m->ck = NULL;
    }
    if (rc != 0)
        module_free(&m);
    else
        *ret = m;
    return rc;
}

int
module_from_calls(struct module **ret, const struct ck_calls *ck, const char *name,
                  struct err *err)
{
    struct module *m = NULL;
    int rc = module_new(&m, name, err);

    if (!m)
        return rc;
    m->ck = ck;
    rc = initialize(m, NULL, err);
    if (rc != 0) {
        m->ck = NULL;
        module_free(&m);
        return rc;
    }
    *ret = m;
    return 0;
}

void
module_free(struct module **mp)
{
    struct module *m = mp ? *mp : NULL;

    if (!m)
        return;
    for (size_t i = 0; i < m->slot_count; i++)
        slot_free(&m->slots[i]);
    if (m->ck)
        m->ck->C_Finalize(NULL);
    loader_free(&m->loader);
    secret_free(&m->reject_key);
    pthread_mutex_destroy(&m->calls_lock);
    pthread_mutex_destroy(&m->write_lock);
    pthread_mutex_destroy(&m->lanes.lock);
    pthread_mutex_destroy(&m->slots_lock);
    free(m->name);
    free(m);
    *mp = NULL;
}

const char *
module_name(const struct module *m)
{
    return m->name;
}

const struct ck_calls *
module_calls(const struct module *m)
{
    return m->ck;
}

const struct secret *
module_reject_key(const struct module *m)
{
    return m->reject_key;
}

struct slot *
module_slot(struct module *m, CK_SLOT_ID id)
{
    size_t count = atomic_load_explicit(&m->slot_count, memory_order_acquire);

    for (size_t i = 0; i < count; i++)
        if (slot_id(m->slots[i]) == id)
            return m->slots[i];
    return NULL;
}

static int
slot_list(struct module *m, CK_SLOT_ID ids[MODULE_SLOTS_MAX], CK_ULONG *ret_count,
          struct err *err)
{
    CK_ULONG count = 0;
    CK_RV rv;

    /* The size query is what makes modules look for new slots (PKCS#11 2.40, 5.5). */
    rv = m->ck->C_GetSlotList(CK_TRUE, NULL, &count);
    if (rv == CKR_OK && count > 0) {
        count = MODULE_SLOTS_MAX;
        rv = m->ck->C_GetSlotList(CK_TRUE, ids, &count);
    }
    if (rv == CKR_BUFFER_TOO_SMALL)
        return err_set(err, E_LIMIT, "module \"%s\" has more than %d tokens", m->name,
                       MODULE_SLOTS_MAX);
    if (rv != CKR_OK) {
        err_set(err, E_TOKEN, "module \"%s\" does not list its slots (0x%02lx); stop the agent "
                "(signet agent stop) and try again", m->name, rv);
        if (err)
            err->rv = rv;
        return E_TOKEN;
    }
    *ret_count = count;
    return 0;
}

static int
slot_add(struct module *m, CK_SLOT_ID id, struct err *err)
{
    size_t count = m->slot_count;
    int rc;

    if (module_slot(m, id))
        return 0;
    if (count == MODULE_SLOTS_MAX)
        return err_set(err, E_LIMIT, "module \"%s\" has had more than %d slots", m->name,
                       MODULE_SLOTS_MAX);
    rc = slot_new(&m->slots[count], m, id);
    if (rc != 0)
        return err_set(err, rc, "out of memory");
    atomic_store_explicit(&m->slot_count, count + 1, memory_order_release);
    return 0;
}

static bool
listed(CK_SLOT_ID id, const CK_SLOT_ID *ids, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

int
module_refresh(struct module *m, struct err *err)
{
    CK_SLOT_ID ids[MODULE_SLOTS_MAX];
    CK_ULONG count = 0;
    int rc;

    pthread_mutex_lock(&m->slots_lock);
    rc = slot_list(m, ids, &count, err);
    for (CK_ULONG i = 0; i < count && rc == 0; i++)
        rc = slot_add(m, ids[i], err);
    for (size_t i = 0; i < m->slot_count && rc == 0; i++) {
        struct slot *s = m->slots[i];
        if (listed(slot_id(s), ids, count))
            slot_look(s);
        else
            slot_gone(s);
    }
    pthread_mutex_unlock(&m->slots_lock);
    return rc;
}

size_t
module_slots(struct module *m, struct slot *ret[MODULE_SLOTS_MAX])
{
    size_t count = atomic_load_explicit(&m->slot_count, memory_order_acquire), n = 0;
    struct token t;

    for (size_t i = 0; i < count; i++) {
        slot_token(m->slots[i], &t);
        if (t.present)
            ret[n++] = m->slots[i];
    }
    return n;
}

void
module_enter(struct module *m)
{
    if (m->single_thread)
        pthread_mutex_lock(&m->calls_lock);
}

void
module_leave(struct module *m)
{
    if (m->our_locks)
        locks_release();
    if (m->single_thread)
        pthread_mutex_unlock(&m->calls_lock);
}

bool
module_is_single_thread(const struct module *m)
{
    return m->single_thread;
}

struct module_lanes *
module_lanes(struct module *m)
{
    return &m->lanes;
}

void
module_work_begins(struct module *m)
{
    atomic_fetch_add_explicit(&m->work, 1, memory_order_relaxed);
}

void
module_work_ends(struct module *m)
{
    atomic_fetch_sub_explicit(&m->work, 1, memory_order_relaxed);
}

unsigned
module_work(const struct module *m)
{
    return atomic_load_explicit(&m->work, memory_order_relaxed);
}

void
module_write_lock(struct module *m)
{
    pthread_mutex_lock(&m->write_lock);
}

void
module_write_unlock(struct module *m)
{
    pthread_mutex_unlock(&m->write_lock);
}
