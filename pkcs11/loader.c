/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/loader.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <p11-kit/p11-kit.h>

struct loader {
    CK_FUNCTION_LIST *list;
    char *init_args;
};

/* Modules without keys of their own, by file name. */
static const char *const left_out[] = {
    "p11-kit-trust.so", "p11-kit-proxy.so", "p11-kit-client.so", "libp11-kit.so",
    "signet-pkcs11.so", "libnssckbi.so",
};

static bool
is_left_out(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;

    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(file, left_out[i]) == 0)
            return true;
    return false;
}

static const char *
why(void)
{
    const char *text = p11_kit_message();

    return text ? text : "no reason given";
}

static int
open_path(struct loader *l, const char *display, const char *path, struct err *err)
{
    l->list = p11_kit_module_load(path, P11_KIT_MODULE_UNMANAGED | P11_KIT_MODULE_CRITICAL);
    if (!l->list)
        return err_set(err, E_HOST, "module \"%s\": cannot load %s: %s; correct its path in "
                       "the configuration", display, path, why());
    return 0;
}

static int
open_name(struct loader *l, const char *display, const char *name, struct err *err)
{
    CK_FUNCTION_LIST **all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);

    if (!all)
        return err_set(err, E_HOST, "module \"%s\": p11-kit's configuration cannot be read: %s",
                       display, why());
    for (size_t i = 0; all[i]; i++) {
        char *this = p11_kit_module_get_name(all[i]);
        if (!l->list && this && strcmp(this, name) == 0)
            l->list = all[i];
        else
            p11_kit_module_release(all[i]);
        free(this);
    }
    free(all);
    if (!l->list)
        return err_set(err, E_HOST, "module \"%s\": p11-kit's configuration names no module "
                       "\"%s\" that can be loaded", display, name);
    l->init_args = p11_kit_config_option(l->list, "x-init-reserved");
    return 0;
}

int
loader_open(struct loader **ret, const char *display, const char *path, const char *p11_kit,
            CK_FUNCTION_LIST **ret_list, const char **ret_init_args, struct err *err)
{
    struct loader *l = calloc(1, sizeof *l);
    int rc;

    if (!l)
        return err_set(err, E_NOMEM, "out of memory");
    if (!path && !p11_kit)
        rc = err_set(err, E_USAGE, "module \"%s\" has neither a path nor a name in p11-kit's "
                     "configuration", display);
    else
        rc = path ? open_path(l, display, path, err) : open_name(l, display, p11_kit, err);
    if (rc != 0) {
        loader_free(&l);
        return rc;
    }
    *ret_list = l->list;
    *ret_init_args = l->init_args;
    *ret = l;
    return 0;
}

void
loader_free(struct loader **l)
{
    if (!l || !*l)
        return;
    if ((*l)->list)
        p11_kit_module_release((*l)->list);
    free((*l)->init_args);
    free(*l);
    *l = NULL;
}

int
loader_list(int (*one)(void *arg, const char *name, const char *path), void *arg,
            struct err *err)
{
    CK_FUNCTION_LIST **all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
    int rc = 0;

    if (!all)
        return err_set(err, E_CONFIG, "p11-kit's configuration cannot be read: %s", why());
    for (size_t i = 0; all[i]; i++) {
        char *name = p11_kit_module_get_name(all[i]);
        char *path = p11_kit_module_get_filename(all[i]);
        if (rc == 0 && name && path && !is_left_out(path))
            rc = one(arg, name, path);
        free(name);
        free(path);
    }
    p11_kit_modules_release(all);
    return rc;
}
