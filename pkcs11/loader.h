/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared libraries with PKCS#11 in them, through p11-kit, always unmanaged: what
 * we get is the module's own function list, not yet initialised.
 *
 * loader_open() keeps one module loaded until loader_free(). loader_list() walks
 * the modules that p11-kit's configuration names, which loads each of them (but
 * initialises none): do it in a process that ends afterwards. The trust module,
 * p11-kit's proxy and Signet's own module are left out everywhere: they hold no
 * keys, or lead back to us. Not thread-safe.
 */
#ifndef SIGNET_PKCS11_LOADER_H
#define SIGNET_PKCS11_LOADER_H

#include "base/err.h"
#include "pkcs11/ck.h"

struct loader;

/* By path, or (path NULL) by its name in p11-kit's configuration. *ret_list and
 * *ret_init_args (the configured x-init-reserved, or NULL) are borrowed from the
 * loader. display is the module's name for messages. */
int loader_open(struct loader **ret, const char *display, const char *path,
                const char *p11_kit, CK_FUNCTION_LIST **ret_list,
                const char **ret_init_args, struct err *err) must_check;
void loader_free(struct loader **);

/* Calls one(arg, name, path) for each configured module; stops when it returns
 * other than 0 and returns that. */
int loader_list(int (*one)(void *arg, const char *name, const char *path), void *arg,
                struct err *err) must_check;

#endif
