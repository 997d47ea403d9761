/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One PKCS#11 module, loaded and initialised, and its slots.
 *
 *     struct module *m = NULL;
 *     module_open(&m, &(struct module_options){.path = "..."}, err);
 *     module_refresh(m, err);                  looks at the slots
 *     struct slot *s = module_slot(m, id);
 *     module_free(&m);                         C_Finalize, unload
 *
 * The module is loaded through p11-kit, unmanaged: by path, or by the name that
 * p11-kit's configuration gives it (whose x-init-reserved then counts as the
 * initialisation string). It is initialised with OS locking; one that refuses is
 * initialised for a single thread, and module_enter/module_leave then serialise
 * (they cost nothing otherwise). The initialisation string goes where PKCS#11
 * has pReserved, which is also where NSS softokn has its LibraryParameters.
 *
 * A slot, once seen, lives as long as the module: pointers to it stay good even
 * when its token goes. All functions but open and free are thread-safe.
 * PKCS#11 2.40 sections 5.4 and 5.5.
 */
#ifndef SIGNET_PKCS11_MODULE_H
#define SIGNET_PKCS11_MODULE_H

#include <stdbool.h>
#include <pthread.h>
#include <stddef.h>

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/ck.h"

/* Most slots of one module that are looked at. */
#define MODULE_SLOTS_MAX 256

struct module;
struct slot;
struct lane;

struct module_options {
    const char *name;      /* how messages call it; NULL: the path's last part */
    const char *path;      /* a shared library; or */
    const char *p11_kit;   /* a name in p11-kit's configuration */
    const char *init_args; /* initialisation string, or NULL */
};

/* E_HOST with a sentence when it cannot be loaded or initialised. */
int module_open(struct module **ret, const struct module_options *, struct err *err) must_check;
/* The same on a function table, for tests. The table must outlive the module. */
int module_from_calls(struct module **ret, const struct ck_calls *, const char *name,
                      struct err *err) must_check;
void module_free(struct module **);

const char *module_name(const struct module *);
const struct ck_calls *module_calls(const struct module *);
/* Key of the implicit rejection (pkcs11/decrypt.h), random per process. */
const struct secret *module_reject_key(const struct module *);

/* Asks for the list of slots with a token and each token's information. */
int module_refresh(struct module *, struct err *err) must_check;
/* The slot of that number, or NULL when it was never seen. */
struct slot *module_slot(struct module *, CK_SLOT_ID id);
/* The slots with a token, as of the last refresh; returns how many. */
size_t module_slots(struct module *, struct slot *ret[MODULE_SLOTS_MAX]);

/* Brackets around calls into a module that knows a single thread only. */
void module_enter(struct module *);
void module_leave(struct module *);
bool module_is_single_thread(const struct module *);
/* The lanes of this module, for pkcs11/lane.c alone. */
struct module_lanes {
    pthread_mutex_t lock;
    struct lane *first;
};
struct module_lanes *module_lanes(struct module *);
/* How many commands are under way, for who wants to try something while none is. */
void module_work_begins(struct module *);
void module_work_ends(struct module *);
unsigned module_work(const struct module *);
/* One change of a token at a time: some modules mind (NSS, key generation). */
void module_write_lock(struct module *);
void module_write_unlock(struct module *);

#endif
