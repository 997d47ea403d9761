/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/derive_unwrap.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "pkcs11/derive.h"
#include "pkcs11/derive_object.h"
#include "pkcs11/rv.h"

/* Bytes that wrapping adds (RFC 3394, 2.2.1), and of the longest wrapping key. */
#define WRAP_OVERHEAD 8
#define KEK_MAX 32

struct job {
    const struct derive_unwrap *d;
    struct secret *out;
};

/* PKCS#11 2.40 (mechanisms), 2.3.7, and 3.0 for SHA-2. 0: none. */
static CK_ULONG
kdf_of(const struct alg_digest *digest)
{
    static const struct {
        int nid;
        CK_ULONG kdf;
    } kdfs[] = {{NID_sha1, CKD_SHA1_KDF}, {NID_sha224, CKD_SHA224_KDF},
                {NID_sha256, CKD_SHA256_KDF}, {NID_sha384, CKD_SHA384_KDF},
                {NID_sha512, CKD_SHA512_KDF}};

    for (size_t i = 0; i < sizeof kdfs / sizeof *kdfs; i++)
        if (kdfs[i].nid == digest->nid)
            return kdfs[i].kdf;
    return 0;
}

static int
does_not_unwrap(const struct use *u, struct err *err)
{
    char label[TOKEN_TEXT];

    slot_label(u->slot, label);
    return err_set(err, E_DECRYPT, "token \"%s\": the encrypted key does not unwrap with what "
                   "key %.16s agreed on: it was encrypted to another key or altered", label,
                   u->key->spki.name);
}

/* Here, with the wrapping key that the token gave away. */
static int
unwrap_here(const struct use *u, const struct job *j, const struct secret *kek, struct err *err)
{
    static const char *const names[] = {"AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP"};
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[j->d->kek_size / 8 - 2], NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t room[DERIVE_WRAPPED_MAX];
    int n = 0, rest = 0;
    bool ok;

    if (ctx)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ok = cipher && ctx &&
         EVP_DecryptInit_ex2(ctx, cipher, secret_data_view(kek), NULL, NULL) == 1 &&
         EVP_DecryptUpdate(ctx, room, &n, j->d->wrapped, (int)j->d->wrapped_len) == 1 &&
         EVP_DecryptFinal_ex(ctx, room + n, &rest) == 1 &&
         secret_set(j->out, room, (size_t)n + (size_t)rest) == 0;
    wipe(room, sizeof room);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    ERR_clear_error();
    return ok ? 0 : does_not_unwrap(u, err);
}

/* On the token, into a secret that is read and destroyed. */
static int
unwrap_there(const struct use *u, const struct job *j, CK_OBJECT_HANDLE kek, struct err *err)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE t[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},       {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes},
    };
    CK_MECHANISM mech = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE value = {CKA_VALUE, secret_mutable(j->out), secret_max(j->out)};
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    uint8_t wrapped[DERIVE_WRAPPED_MAX]; /* the parameter is not const */
    CK_RV rv;

    memcpy(wrapped, j->d->wrapped, j->d->wrapped_len);
    rv = u->ck->C_UnwrapKey ? u->ck->C_UnwrapKey(u->session, &mech, kek, wrapped,
                                                 j->d->wrapped_len, t, sizeof t / sizeof *t,
                                                 &made)
                            : CKR_FUNCTION_NOT_SUPPORTED;
    if (rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_WRAPPED_KEY_LEN_RANGE ||
        rv == CKR_ENCRYPTED_DATA_INVALID)
        return does_not_unwrap(u, err);
    if (rv != CKR_OK)
        return rv_is_lost(rv) ? slot_err(u->slot, err, rv, u->what) : derive_hidden(u, rv, err);
    rv = u->ck->C_GetAttributeValue(u->session, made, &value, 1);
    u->ck->C_DestroyObject(u->session, made);
    if (rv != CKR_OK || value.ulValueLen > secret_max(j->out))
        return derive_hidden(u, rv, err);
    secret_set_len(j->out, value.ulValueLen);
    return 0;
}

/* First as a key that can be read; some tokens make none. */
static int
make_kek(const struct use *u, const struct job *j, CK_OBJECT_HANDLE *ret, struct err *err)
{
    struct derive_want want = {.point = j->d->point, .len = j->d->point_len,
                               .kdf = kdf_of(j->d->digest), .info = j->d->info,
                               .info_len = j->d->info_len, .size = j->d->kek_size};
    int rc = derive_object(u, &want, ret, err);

    if (rc != E_MECHANISM)
        return rc;
    want.sealed = true;
    return derive_object(u, &want, ret, err);
}

static int
unwrap_op(const struct use *u, void *arg, struct err *err)
{
    const struct job *j = arg;
    autofree_secret struct secret *kek = secret_new(KEK_MAX);
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_ATTRIBUTE value = {CKA_VALUE, NULL, KEK_MAX};
    CK_RV rv;
    int rc;

    if (!kek)
        return err_set(err, E_NOMEM, "out of memory");
    rc = make_kek(u, j, &made, err);
    if (rc != 0)
        return rc;
    value.pValue = secret_mutable(kek);
    rv = u->ck->C_GetAttributeValue(u->session, made, &value, 1);
    if (rv == CKR_OK && value.ulValueLen == j->d->kek_size) {
        secret_set_len(kek, j->d->kek_size);
        rc = unwrap_here(u, j, kek, err);
    } else {
        rc = unwrap_there(u, j, made, err);
    }
    u->ck->C_DestroyObject(u->session, made);
    return rc;
}

int
derive_and_unwrap(struct lane *lane, CK_SLOT_ID slot, const char *key,
                  const struct derive_unwrap *d, struct secret *out, struct err *err)
{
    struct job j = {.d = d, .out = out};

    if (d->point_len == 0 || d->point_len > DERIVE_POINT_MAX || d->info_len > DERIVE_INFO_MAX)
        return err_set(err, E_MALFORMED, "the peer's point or what goes into the derivation is "
                       "too long");
    if (d->wrapped_len % 8 != 0 || d->wrapped_len < 2 * WRAP_OVERHEAD ||
        d->wrapped_len > DERIVE_WRAPPED_MAX)
        return err_set(err, E_MALFORMED, "%zu bytes are no wrapped key", d->wrapped_len);
    if ((d->kek_size != 16 && d->kek_size != 24 && d->kek_size != 32) || kdf_of(d->digest) == 0)
        return err_set(err, E_MECHANISM, "no token derives such a wrapping key");
    return lane_use_key(lane, slot, key, "cannot agree on a key", unwrap_op, &j, err);
}
