/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few functions of sd-bus (libsystemd) that are used, looked up when they are needed:
 * an agent that keeps no PIN, or a machine without systemd, never loads the library.
 * Signatures are those of sd-bus(3).
 */
#ifndef SIGNET_AGENT_SD_BUS_H
#define SIGNET_AGENT_SD_BUS_H

#include <stdint.h>

#include "base/err.h"

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;
typedef struct sd_bus_slot sd_bus_slot;
typedef struct {
    const char *name, *message;
    int need_free;
} sd_bus_error;
typedef int sd_bus_handler(sd_bus_message *, void *arg, sd_bus_error *ret);

struct sd_bus_api {
    int (*open_system)(sd_bus **);
    sd_bus *(*flush_close_unref)(sd_bus *);
    int (*set_method_call_timeout)(sd_bus *, uint64_t usec);
    int (*match_signal)(sd_bus *, sd_bus_slot **, const char *sender, const char *path,
                        const char *interface, const char *member, sd_bus_handler *,
                        void *arg);
    int (*call_method)(sd_bus *, const char *destination, const char *path,
                       const char *interface, const char *member, sd_bus_error *ret,
                       sd_bus_message **reply, const char *types, ...);
    int (*get_property)(sd_bus *, const char *destination, const char *path,
                        const char *interface, const char *member, sd_bus_error *ret,
                        sd_bus_message **reply, const char *type);
    int (*get_property_trivial)(sd_bus *, const char *destination, const char *path,
                                const char *interface, const char *member, sd_bus_error *ret,
                                char type, void *ret_value);
    int (*get_fd)(sd_bus *);
    int (*get_events)(sd_bus *);
    int (*get_timeout)(sd_bus *, uint64_t *usec);
    int (*process)(sd_bus *, sd_bus_message **);
    int (*message_read)(sd_bus_message *, const char *types, ...);
    const char *(*message_get_path)(sd_bus_message *);
    sd_bus_message *(*message_unref)(sd_bus_message *);
    void (*error_free)(sd_bus_error *);
};

/* The table, filled once and for good; E_UNSUPPORTED when the library is not there or is
 * older than systemd 240. */
int sd_bus_load(const struct sd_bus_api **ret, struct err *err) must_check;

#endif
