/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/derive_object.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "pkcs11/derive.h"
#include "pkcs11/rv.h"

/* Tag and length of an OCTET STRING of up to 255 bytes. */
#define WRAP_MAX 3

/* Attributes of the derived key, at most. */
#define ATTRIBUTES_MAX 7

struct job {
    const uint8_t *point;
    size_t len;
    struct secret *out;
};

/* libcrypto refuses what is not on the curve, and compressed garbage. */
static bool
on_curve(const struct spki *s, const uint8_t *point, size_t len)
{
    EVP_PKEY *peer = EVP_PKEY_new();
    bool yes = peer && EVP_PKEY_copy_parameters(peer, s->pkey) == 1 &&
               EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1;

    EVP_PKEY_free(peer);
    ERR_clear_error();
    return yes;
}

static bool
raw_fits(const struct spki *s, const uint8_t *point, size_t len)
{
    if (s->type == ALG_KEY_EC)
        return len == 1 + 2 * spki_size(s) && point[0] == 0x04 && on_curve(s, point, len);
    return len == spki_size(s);
}

/* One C_DeriveKey; what it makes stays on the token as *ret. */
static CK_RV
derive_with(const struct use *u, const struct derive_want *w, uint8_t *point, size_t len,
            CK_OBJECT_HANDLE *ret)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = w->kdf == CKD_NULL ? CKK_GENERIC_SECRET : CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = w->size;
    CK_ATTRIBUTE t[ATTRIBUTES_MAX] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},
        {CKA_SENSITIVE, w->sealed ? &yes : &no, sizeof yes},
        {CKA_EXTRACTABLE, w->sealed ? &no : &yes, sizeof yes},
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_UNWRAP, &yes, sizeof yes},
    };
    uint8_t info[DERIVE_INFO_MAX]; /* the parameter is not const */
    CK_ECDH1_DERIVE_PARAMS params = {.kdf = w->kdf, .pPublicData = point,
                                     .ulPublicDataLen = len,
                                     .pSharedData = w->info_len > 0 ? info : NULL,
                                     .ulSharedDataLen = w->info_len};
    CK_MECHANISM mech = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_RV rv = context_login(u);

    /* No operation to attach the login to, says who wants none here. */
    if (rv != CKR_OK && rv != CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    u->context->failed = u->context->open = false;
    if (w->info_len > 0)
        memcpy(info, w->info, w->info_len);
    return u->ck->C_DeriveKey(u->session, &mech, u->key->private_key, t,
                              w->kdf == CKD_NULL ? ATTRIBUTES_MAX - 1 : ATTRIBUTES_MAX, ret);
}

/* PKCS#11 2.40 (mechanisms), 2.3.8: a token must take the raw point and may take
 * a DER OCTET STRING; some take that alone. */
static CK_RV
derive_either(const struct use *u, const struct derive_want *w, CK_OBJECT_HANDLE *ret)
{
    uint8_t buffer[WRAP_MAX + DERIVE_POINT_MAX];
    size_t head = 0;
    CK_RV first, rv;

    memcpy(buffer, w->point, w->len);
    first = slot_quirk(u->slot, QUIRK_DERIVE_DER) ? CKR_MECHANISM_PARAM_INVALID
                                                  : derive_with(u, w, buffer, w->len, ret);
    if (first == CKR_OK || u->context->failed || rv_is_lost(first) || rv_code(first) == E_DENIED)
        return first;
    buffer[head++] = 0x04;
    if (w->len > 127)
        buffer[head++] = 0x81;
    buffer[head++] = (uint8_t)w->len;
    memcpy(buffer + head, w->point, w->len);
    rv = derive_with(u, w, buffer, head + w->len, ret);
    if (rv == CKR_OK)
        slot_set_quirk(u->slot, QUIRK_DERIVE_DER);
    return rv == CKR_OK || rv_is_lost(rv) || u->context->failed ? rv : first;
}

/* Z of exactly the coordinate's length: leading zeros that a token dropped from
 * an EC result come back. */
static int
fit(const struct use *u, struct secret *out, size_t len)
{
    size_t size = spki_size(&u->key->spki);
    uint8_t *p = secret_mutable(out), any = 0;

    if (len != size && (u->key->spki.type != ALG_KEY_EC || len == 0 || len > size))
        return E_TOKEN;
    memmove(p + size - len, p, len);
    memset(p, 0, size - len);
    secret_set_len(out, size);
    for (size_t i = 0; i < size; i++)
        any |= p[i];
    return any ? 0 : E_MALFORMED;
}

static int
bad_point(const struct use *u, struct err *err)
{
    char label[TOKEN_TEXT];

    slot_label(u->slot, label);
    return err_set(err, E_MALFORMED, "token \"%s\": the peer's public key is no valid point of "
                   "%s, the curve of key %.16s; the message is faulty", label,
                   u->key->spki.curve, u->key->spki.name);
}

int
derive_hidden(const struct use *u, CK_RV rv, struct err *err)
{
    char label[TOKEN_TEXT];

    slot_set_quirk(u->slot, QUIRK_DERIVE_HIDDEN);
    slot_label(u->slot, label);
    err_set(err, E_MECHANISM, "token \"%s\": keeps what key %.16s agreed on to itself; allow derived "
            "keys to be read in the token's settings, or decrypt with an RSA key", label,
            u->key->spki.name);
    err->rv = rv;
    return E_MECHANISM;
}

int
derive_object(const struct use *u, const struct derive_want *w, CK_OBJECT_HANDLE *ret,
              struct err *err)
{
    char label[TOKEN_TEXT];
    CK_RV rv;
    int rc;

    /* Of EC keys only the token knows it for sure (pkcs11/quirk.h, usage-wrong). */
    if (!u->key->derive && u->key->spki.type != ALG_KEY_EC) {
        slot_label(u->slot, label);
        return err_set(err, E_MECHANISM, "token \"%s\": key %.16s of type %s "
                       "may not be used for key agreement; choose another key", label,
                       u->key->spki.name, alg_key_name(u->key->spki.type));
    }
    if (!raw_fits(&u->key->spki, w->point, w->len))
        return bad_point(u, err);
    rc = context_check(u, err);
    if (rc != 0)
        return rc;
    rv = derive_either(u, w, ret);
    if (u->context->failed)
        return context_err(u, rv, err);
    if (context_untold(u, rv, err) != 0)
        return err->code;
    if (rv != CKR_OK)
        return slot_err(u->slot, err, rv, u->what);
    if (!u->key->derive)
        slot_set_quirk(u->slot, QUIRK_USAGE_WRONG);
    return 0;
}

static int
derive_op(const struct use *u, void *arg, struct err *err)
{
    struct job *j = arg;
    const struct derive_want want = {.point = j->point, .len = j->len, .kdf = CKD_NULL,
                                     .size = spki_size(&u->key->spki)};
    CK_OBJECT_HANDLE z = CK_INVALID_HANDLE;
    CK_ATTRIBUTE value = {CKA_VALUE, secret_mutable(j->out), secret_max(j->out)};
    int rc = derive_object(u, &want, &z, err);
    CK_RV rv;

    if (rc != 0)
        return rc;
    rv = u->ck->C_GetAttributeValue(u->session, z, &value, 1);
    u->ck->C_DestroyObject(u->session, z);
    if (rv == CKR_ATTRIBUTE_SENSITIVE || (rv == CKR_OK && value.ulValueLen > secret_max(j->out)))
        return derive_hidden(u, rv, err);
    if (rv != CKR_OK)
        return slot_err(u->slot, err, rv, u->what);
    rc = fit(u, j->out, value.ulValueLen);
    if (rc == E_MALFORMED)
        return bad_point(u, err);
    return rc == 0 ? 0 : slot_err(u->slot, err, CKR_GENERAL_ERROR, u->what);
}

int
derive_secret(struct lane *lane, CK_SLOT_ID slot, const char *key, const uint8_t *point,
              size_t len, struct secret *out, struct err *err)
{
    struct job j = {.point = point, .len = len, .out = out};

    if (len == 0 || len > DERIVE_POINT_MAX || secret_max(out) < DERIVE_MAX)
        return err_set(err, E_MALFORMED, "%zu bytes are no public point", len);
    return lane_use_key(lane, slot, key, "cannot agree on a key", derive_op, &j, err);
}
