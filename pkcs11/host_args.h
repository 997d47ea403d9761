/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of signet-token; the agent writes it, people may. */
#ifndef SIGNET_PKCS11_HOST_ARGS_H
#define SIGNET_PKCS11_HOST_ARGS_H

#include <stdbool.h>

#include "base/err.h"
#include "pkcs11/module.h"

/* Most lanes of one host. */
#define HOST_LANES_MAX 64

enum host_task { HOST_SERVE, HOST_LIST, HOST_HELP, HOST_VERSION };

struct host_args {
    enum host_task task;
    struct module_options module;
    unsigned lanes;
    bool events;  /* the descriptor behind the lanes' takes what pkcs11/events.h says */
    bool no_sandbox; /* the module keeps all rights ([module] sandbox = no) */
    bool no_wait; /* C_WaitForSlotEvent is not to be called */
};

/* Fills *ret with borrowed strings; E_USAGE with a sentence. */
int host_args_parse(struct host_args *ret, int argc, char **argv, struct err *err) must_check;
extern const char host_usage[];

#endif
