/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/sd_bus.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libsystemd.so.0"

static struct sd_bus_api api;
static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
    const char *name;
    size_t at;
} functions[] = {
#define F(name) {"sd_bus_" #name, offsetof(struct sd_bus_api, name)}
    F(open_system), F(flush_close_unref), F(set_method_call_timeout), F(match_signal),
    F(call_method), F(get_property), F(get_property_trivial), F(get_fd), F(get_events),
    F(get_timeout), F(process), F(message_read), F(message_get_path), F(message_unref),
    F(error_free),
#undef F
};

/* Never unloaded: it keeps things per thread. */
static void
load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    missing = library ? NULL : LIBRARY;
    for (size_t i = 0; !missing && i < sizeof functions / sizeof *functions; i++) {
        void *f = dlsym(library, functions[i].name);
        if (!f)
            missing = functions[i].name;
        memcpy((char *)&api + functions[i].at, &f, sizeof f);
    }
}

int
sd_bus_load(const struct sd_bus_api **ret, struct err *err)
{
    pthread_once(&once, load);
    if (missing)
        return err_set(err, E_UNSUPPORTED, "%s is not there", missing);
    *ret = &api;
    return 0;
}
