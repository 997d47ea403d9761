/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pin-source = command: (pin_source.h). */
#ifndef SIGNET_AGENT_PIN_COMMAND_H
#define SIGNET_AGENT_PIN_COMMAND_H

#include "agent/pin_source.h"

/* line: the path of a program and its words. */
int pin_command_read(const struct pin_source *, const char *line, struct secret *ret,
                     struct err *err) must_check;

#endif
