/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/keyset.h"

#include <stdlib.h>
#include <string.h>

void
key_clear(struct key *k)
{
    spki_clear(&k->spki);
    free(k->label);
}

void
cert_clear(struct cert *c)
{
    spki_clear(&c->spki);
    X509_free(c->x509);
    OPENSSL_free(c->der);
    free(c->label);
}

struct keyset *
keyset_ref(struct keyset *ks)
{
    __atomic_add_fetch(&ks->refs, 1, __ATOMIC_RELAXED);
    return ks;
}

void
keyset_unref(struct keyset **ks)
{
    if (!ks || !*ks)
        return;
    if (__atomic_sub_fetch(&(*ks)->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        for (size_t i = 0; i < (*ks)->key_count; i++)
            key_clear(&(*ks)->keys[i]);
        for (size_t i = 0; i < (*ks)->cert_count; i++)
            cert_clear(&(*ks)->certs[i]);
        free((*ks)->keys);
        free((*ks)->certs);
        free(*ks);
    }
    *ks = NULL;
}

const struct key *
keyset_find(const struct keyset *ks, const char *name)
{
    size_t low = 0, high = ks->key_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(name, ks->keys[mid].spki.name);
        if (order == 0)
            return &ks->keys[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
