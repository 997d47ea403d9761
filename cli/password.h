/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A password in a file: its first line. */
#ifndef SIGNET_CLI_PASSWORD_H
#define SIGNET_CLI_PASSWORD_H

#include "base/secret.h"

/* Longest password, bytes. */
#define PASSWORD_MAX 1024

/* E_INPUT when the file cannot be read or its first line is empty; "-" is standard
 * input. The caller frees *ret. */
int password_read(const char *path, struct secret **ret, struct err *err) must_check;

#endif
