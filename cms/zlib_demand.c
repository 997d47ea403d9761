/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/zlib_demand.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* The name that libraries are linked with who have this zlib.h. */
#define LIBRARY "libz.so.1"

static struct zlib functions;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool
find(void *library, const char *name, void *function, size_t size)
{
    void *at = dlsym(library, name);

    memcpy(function, &at, size);
    return at != NULL;
}

static void
load(void)
{
    struct zlib *z = &functions;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    loaded = library != NULL &&
        find(library, "inflateInit_", &z->inflate_init, sizeof z->inflate_init) &&
        find(library, "inflate", &z->inflate, sizeof z->inflate) &&
        find(library, "inflateEnd", &z->inflate_end, sizeof z->inflate_end) &&
        find(library, "deflateInit_", &z->deflate_init, sizeof z->deflate_init) &&
        find(library, "deflate", &z->deflate, sizeof z->deflate) &&
        find(library, "deflateEnd", &z->deflate_end, sizeof z->deflate_end);
}

int
zlib_demand(const struct zlib **ret, struct err *err)
{
    pthread_once(&once, load);
    if (!loaded)
        return err_set(err, E_SYSTEM, "compressed messages can be neither read nor written: "
                       LIBRARY " is not installed; install zlib");
    *ret = &functions;
    return 0;
}
