/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands that a token host understands (docs/protocol.md), as handlers on
 * a libassuan server. One server is one lane and one thread.
 */
#ifndef SIGNET_PKCS11_HOST_COMMANDS_H
#define SIGNET_PKCS11_HOST_COMMANDS_H

#include <assuan.h>

#include "base/err.h"
#include "pkcs11/lane.h"

/* What the handlers work on. The context's pointer is to one of these, or to a
 * struct that begins with one. */
struct host_session {
    struct lane *lane;       /* NULL when the module could not be loaded: */
    const struct err *fault; /* then every command answers with this */
};

/* Registers all commands with the context. */
gpg_error_t host_commands_register(assuan_context_t) must_check;

#endif
