/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What failed while a message was read, with the name of its file before it and, where
 * the reader gave none, what to do behind it. Readers know neither. */
#ifndef SIGNET_CLI_ADVICE_H
#define SIGNET_CLI_ADVICE_H

#include "base/io.h"

/* Returns rc. */
int advice_add(const struct infile *, int rc, struct err *err);

#endif
