/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "provider/key.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/x509.h>

static const struct {
    enum alg_key_type type;
    const char *name;
} names[] = {
    {ALG_KEY_RSA, "RSA"},       {ALG_KEY_EC, "EC"},       {ALG_KEY_ED25519, "ED25519"},
    {ALG_KEY_ED448, "ED448"},   {ALG_KEY_X25519, "X25519"}, {ALG_KEY_X448, "X448"},
};

const char *
key_type_name(enum alg_key_type type)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type)
            return names[i].name;
    return NULL;
}

struct key *
key_new(struct provider *p, enum alg_key_type type)
{
    struct key *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->provider = p;
    k->type = type;
    atomic_init(&k->refs, 1);
    return k;
}

struct key *
key_of_agent(struct provider *p, const struct client_key *from)
{
    const unsigned char *der = from->spki;
    struct key *k = key_type_name(from->type) ? key_new(p, from->type) : NULL;

    if (!k)
        return NULL;
    k->pub = d2i_PUBKEY_ex(NULL, &der, (long)from->spki_len, p->inner, NULL);
    memcpy(k->name, from->name, sizeof k->name);
    if (!k->pub) {
        key_free(k);
        return NULL;
    }
    return k;
}

struct key *
key_ref(struct key *k)
{
    atomic_fetch_add(&k->refs, 1);
    return k;
}

void
key_free(struct key *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) > 1)
        return;
    EVP_PKEY_free(k->pub);
    free(k);
}

struct signing {
    const struct key *key;
    const struct alg_sig *how;
    const unsigned char *data;
    size_t len;
    struct buf *out;
};

static int
sign(struct client *c, void *arg, struct err *err)
{
    struct signing *s = arg;

    buf_trim(s->out, buf_len(s->out));
    return client_sign(c, s->key->name, s->how, s->data, s->len, s->out, err);
}

int
key_sign(const struct key *k, const struct alg_sig *how, const unsigned char *data, size_t len,
         unsigned char *sig, size_t *ret_len, size_t max)
{
    autofree_buf struct buf *out = buf_new();
    struct signing s = {k, how, data, len, out};
    struct err err = {0};
    int rc = out ? pool_run(k->provider->pool, sign, &s, &err)
                 : err_set(&err, E_NOMEM, "out of memory while signing");

    if (rc == 0 && buf_len(out) > max)
        rc = err_set(&err, E_USAGE, "the buffer has %zu bytes, the signature %zu", max,
                     buf_len(out));
    if (rc != 0)
        return provider_raise(k->provider, &err);
    memcpy(sig, buf_data(out), buf_len(out));
    *ret_len = buf_len(out);
    return 1;
}
