/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keyspec_uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "base/hex.h"

/* Longest CKA_ID that can be named, in bytes. */
#define ID_MAX 512u

#define SCHEME "pkcs11:"

struct keyspec_uri {
    P11KitUri *uri;
};

bool
keyspec_is_uri(const char *spec)
{
    return strncasecmp(spec, SCHEME, sizeof SCHEME - 1) == 0;
}

int
keyspec_uri_new(struct keyspec_uri **ret, const char *spec, struct err *err)
{
    struct keyspec_uri *u = calloc(1, sizeof *u);
    int rc;

    if (u)
        u->uri = p11_kit_uri_new();
    if (!u || !u->uri) {
        keyspec_uri_free(&u);
        return err_set(err, E_NOMEM, "out of memory while reading a pkcs11: URI");
    }
    rc = p11_kit_uri_parse(spec, P11_KIT_URI_FOR_ANY, u->uri);
    if (rc != P11_KIT_URI_OK) {
        keyspec_uri_free(&u);
        return err_set(err, E_USAGE, "\"%.200s\" is no valid pkcs11: URI (%s)", spec,
                       p11_kit_uri_message(rc));
    }
    *ret = u;
    return 0;
}

void
keyspec_uri_free(struct keyspec_uri **u)
{
    if (!u || !*u)
        return;
    if ((*u)->uri)
        p11_kit_uri_free((*u)->uri);
    free(*u);
    *u = NULL;
}

/* PKCS#11's fixed-width fields are padded with blanks. */
static void
pad(unsigned char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    memset(out, ' ', size);
    memcpy(out, text, len < size ? len : size);
}

bool
keyspec_uri_matches_token(const struct keyspec_uri *u, const struct token *t)
{
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = p11_kit_uri_get_slot_id(u->uri);

    pad(info.label, sizeof info.label, t->label);
    pad(info.manufacturerID, sizeof info.manufacturerID, t->manufacturer);
    pad(info.model, sizeof info.model, t->model);
    pad(info.serialNumber, sizeof info.serialNumber, t->serial);
    return (slot == (CK_SLOT_ID)-1 || slot == t->slot) &&
           p11_kit_uri_match_token_info(u->uri, &info) == 1;
}

bool
keyspec_uri_matches_key(const struct keyspec_uri *u, const struct key *k)
{
    for (unsigned i = 0; i < k->place_count; i++) {
        const struct key_place *p = &k->places[i];
        uint8_t id[ID_MAX];
        size_t id_len = 0;
        CK_ATTRIBUTE attrs[2] = {{CKA_LABEL, (void *)(uintptr_t)p->label, strlen(p->label)},
                                 {CKA_ID, id, 0}};

        if (hex_decode(p->id, strlen(p->id), id, sizeof id, &id_len) != 0)
            id_len = 0;
        attrs[1].ulValueLen = id_len;
        if (keyspec_uri_matches_token(u, p->token) &&
            p11_kit_uri_match_attributes(u->uri, attrs, 2) == 1)
            return true;
    }
    return false;
}
