/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The OpenSSL provider "signet": keys that the agent uses for a token, for every program that
 * links libcrypto 3. Read key.h, then the operations: keymgmt.c, signature.c, cipher.c,
 * exchange.c, and store.c, by which a key is found.
 *
 * It works with public halves in a library context of its own, where the default provider
 * does digests and verification, so that nothing here depends on what the host program configured.
 * Thread-safe, as provider(7) wants; safe over fork (client/pool.h).
 */
#ifndef SIGNET_PROVIDER_PROVIDER_H
#define SIGNET_PROVIDER_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "client/pool.h"

struct provider {
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_LIB_CTX *inner;
    struct pool *pool;
};

/* Puts the sentence on the host program's error queue; returns 0, as operations do then. */
int provider_raise(const struct provider *, const struct err *);
/* The same from here. */
int provider_fail(const struct provider *, int code, const char *fmt, ...) printf_like(3, 4);

extern const OSSL_ALGORITHM keymgmt_algorithms[], signature_algorithms[], cipher_algorithms[],
    exchange_algorithms[], store_algorithms[];

#define PROVIDER_PROPERTIES "provider=signet"

#endif
