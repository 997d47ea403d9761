/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PINs from files (pin-source = file:/run/secrets/demo). The file must belong to
 * the user or to root, and nobody else may write it or, others than its group,
 * read it. Its first line is the PIN. */
#ifndef SIGNET_AGENT_PIN_SOURCE_H
#define SIGNET_AGENT_PIN_SOURCE_H

#include "base/err.h"
#include "base/secret.h"

/* E_INPUT: no such file; E_DENIED: its permissions; E_PIN_INVALID: empty or too
 * long; E_CONFIG: a source of another kind. */
int pin_source_read(const char *source, struct secret *ret, struct err *err) must_check;
int pin_file_read(const char *path, struct secret *ret, struct err *err) must_check;

#endif
