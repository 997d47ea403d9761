/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of the certificate store: statements that lead from one user_version to the
 * next, each run once in one transaction. Never changed once released. */
#ifndef SIGNET_TRUST_STORE_SCHEMA_H
#define SIGNET_TRUST_STORE_SCHEMA_H

#include <stdint.h>

#define STORE_VERSION INT64_C(3)

extern const char *const store_migrations[STORE_VERSION];

#endif
