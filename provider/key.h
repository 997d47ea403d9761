/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key of the provider: the public half, and with a private one its name at the agent. It
 * never changes, and is counted: threads may share it.
 */
#ifndef SIGNET_PROVIDER_KEY_H
#define SIGNET_PROVIDER_KEY_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "provider/provider.h"

struct key {
    struct provider *provider;
    atomic_uint refs;
    enum alg_key_type type;
    char name[CLIENT_KEY_NAME]; /* empty: no private half */
    EVP_PKEY *pub;              /* in provider->inner; NULL before import */
    bool bare;                  /* pub has parameters alone, and no public key yet */
};

/* One reference; NULL when memory is out. */
struct key *key_new(struct provider *, enum alg_key_type);
/* Of what the agent answered; NULL when its public key is none for libcrypto. */
struct key *key_of_agent(struct provider *, const struct client_key *);
struct key *key_ref(struct key *);
void key_free(struct key *);

/* libcrypto's name of the type: "RSA", "EC", ... */
const char *key_type_name(enum alg_key_type);

/* The digest's or message's signature by the agent into sig; 1 or 0 with the error raised. */
int key_sign(const struct key *, const struct alg_sig *, const unsigned char *data, size_t len,
             unsigned char *sig, size_t *ret_len, size_t max);

#endif
