/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One lane's conversation: a libassuan server on a socket, until the other end
 * closes it or says BYE.
 *
 * All of its memory is of base/secret.h, since PINs and content keys pass through
 * it. libassuan writes a line and its end apart; here the lines of one answer are
 * gathered and leave in one write, which spares the agent two wake-ups for each
 * signature.
 */
#ifndef SIGNET_PKCS11_HOST_LANE_H
#define SIGNET_PKCS11_HOST_LANE_H

#include "base/err.h"
#include "pkcs11/module.h"

/* Serves until the end; closes fd. module NULL: every command answers fault. */
void host_lane_serve(int fd, struct module *module, const struct err *fault);

#endif
