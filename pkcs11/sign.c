/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/sign.h"

#include <string.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "pkcs11/mechanism.h"
#include "pkcs11/pad.h"
#include "pkcs11/rv.h"

/* Smallest keys that may sign, in bits (DESIGN, rule 9; SP 800-131A). */
#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 224

struct job {
    const struct alg_sig *sig;
    const struct mechanism *mech;
    const struct mech_digest *digest;
    const uint8_t *data;
    size_t len;
    struct signature *ret;
};

static int
check_key(const struct use *u, const struct job *j, struct err *err)
{
    const struct spki *s = &u->key->spki;
    char label[TOKEN_TEXT];
    unsigned least = s->type == ALG_KEY_RSA ? RSA_BITS_MIN
                     : s->type == ALG_KEY_EC ? EC_BITS_MIN : 0;

    /* Whether CKA_SIGN speaks true only the token knows (pkcs11/quirk.h, usage-wrong). */
    if (s->type == j->sig->key && s->bits >= least)
        return 0;
    slot_label(u->slot, label);
    if (s->type != j->sig->key)
        return err_set(err, E_MECHANISM, "token \"%s\": key %.16s is of type %s and cannot sign "
                       "with %s; choose another scheme or key", label, s->name,
                       alg_key_name(s->type), j->sig->name);
    return err_set(err, E_WEAK, "token \"%s\": key %.16s has %u bits, too few to sign with; use a "
                   "key of %u bits or more", label, s->name, s->bits, least);
}

/* Strips or adds leading zeros: some modules return the bare integer, or one
 * byte too many. The signature is as long as the modulus (RFC 8017, 8.2.1). */
static int
fit_modulus(struct signature *s, size_t want)
{
    size_t extra = s->len > want ? s->len - want : 0;

    for (size_t i = 0; i < extra; i++)
        if (s->data[i] != 0)
            return E_TOKEN;
    if (extra > 0) {
        memmove(s->data, s->data + extra, want);
    } else if (s->len < want) {
        memmove(s->data + want - s->len, s->data, s->len);
        memset(s->data, 0, want - s->len);
    }
    s->len = want;
    return 0;
}

static int
encode_rs(struct signature *s)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(s->data, (int)(s->len / 2), NULL);
    BIGNUM *t = BN_bin2bn(s->data + s->len / 2, (int)(s->len / 2), NULL);
    uint8_t *p = s->data;
    int len = -1;

    if (s->len == 0 || s->len % 2 != 0 || !sig || !r || !t ||
        ECDSA_SIG_set0(sig, r, t) != 1) {
        BN_free(r);
        BN_free(t);
    } else if (i2d_ECDSA_SIG(sig, NULL) <= SIGNATURE_MAX) {
        len = i2d_ECDSA_SIG(sig, &p);
    }
    ECDSA_SIG_free(sig);
    if (len <= 0)
        return E_TOKEN;
    s->len = (size_t)len;
    return 0;
}

static int
finish(const struct use *u, const struct job *j, struct err *err)
{
    char label[TOKEN_TEXT];
    size_t size = spki_size(&u->key->spki);
    int rc = 0;

    if (!u->key->sign)
        slot_set_quirk(u->slot, QUIRK_USAGE_WRONG);
    if (j->mech->output == MECH_MODULUS)
        rc = fit_modulus(j->ret, size);
    else if (j->mech->output == MECH_RS)
        rc = j->ret->len == 2 * size ? encode_rs(j->ret) : E_TOKEN;
    if (rc == 0)
        return 0;
    slot_label(u->slot, label);
    return err_set(err, rc, "token \"%s\": cannot sign: the module returned %zu bytes that are "
                   "no signature; update the module", label, j->ret->len);
}

static CK_RV
sign_with(const struct use *u, CK_MECHANISM *mech, const uint8_t *in, size_t in_len,
          struct signature *ret, bool *ret_began)
{
    CK_ULONG len = sizeof ret->data;
    CK_RV rv = u->ck->C_SignInit(u->session, mech, u->key->private_key);

    *ret_began = rv == CKR_OK;
    if (rv == CKR_OK)
        rv = context_login(u);
    if (rv == CKR_OK)
        rv = u->ck->C_Sign(u->session, (CK_BYTE_PTR)(uintptr_t)in, in_len, ret->data, &len);
    if (rv == CKR_OK)
        ret->len = len;
    return rv;
}

/* The input of the token's own mechanism: data itself, or made in scratch. */
static const uint8_t *
make_input(const struct use *u, const struct job *j, uint8_t scratch[DIGEST_INFO_MAX],
           size_t *ret_len)
{
    size_t order = spki_size(&u->key->spki);

    *ret_len = j->len;
    if (j->mech->input == MECH_DIGEST_CUT && j->len > order)
        *ret_len = order; /* SEC 1, 4.1.3 step 5: the leftmost bits */
    if (j->mech->input != MECH_DIGEST_INFO)
        return j->data;
    memcpy(scratch, j->digest->prefix, j->digest->prefix_len);
    memcpy(scratch + j->digest->prefix_len, j->data, j->len);
    *ret_len = j->digest->prefix_len + j->len;
    return scratch;
}

static int
failed(const struct use *u, CK_RV rv, bool began, struct err *err)
{
    if (began && u->context->failed)
        return context_err(u, rv, err);
    if (began && context_untold(u, rv, err) != 0)
        return err->code;
    return slot_err(u->slot, err, rv, u->what);
}

static int
sign_bare(const struct use *u, const struct job *j, const uint8_t *in, size_t in_len,
          struct err *err)
{
    uint8_t em[SPKI_RSA_MAX];
    size_t size = spki_size(&u->key->spki);
    CK_MECHANISM bare = {CKM_RSA_X_509, NULL, 0};
    bool began;
    CK_RV rv;
    int rc;

    rc = j->sig->padding == ALG_PAD_PSS
             ? pad_pss(em, size, u->key->spki.pkey, j->sig->digest, in)
             : pad_pkcs1(em, size, in, in_len);
    if (rc != 0)
        return err_set(err, rc, "the digest cannot be padded for %s", j->sig->name);
    rv = sign_with(u, &bare, em, size, j->ret, &began);
    return rv == CKR_OK ? 0 : failed(u, rv, began, err);
}

static int
sign_op(const struct use *u, void *arg, struct err *err)
{
    struct job *j = arg;
    CK_RSA_PKCS_PSS_PARAMS pss;
    CK_MECHANISM mech = {j->mech->type, NULL, 0};
    uint8_t scratch[DIGEST_INFO_MAX];
    unsigned way = mech_way(j->sig->padding, j->sig->digest);
    bool is_rsa = j->sig->key == ALG_KEY_RSA, began = false;
    const uint8_t *in;
    size_t in_len;
    CK_RV rv;
    int rc = check_key(u, j, err);

    if (rc == 0)
        rc = context_check(u, err);
    if (rc != 0)
        return rc;
    if (j->sig->padding == ALG_PAD_PSS) {
        pss = (CK_RSA_PKCS_PSS_PARAMS){j->digest->hash, j->digest->mgf, j->sig->digest->size};
        mech.pParameter = &pss;
        mech.ulParameterLen = sizeof pss;
    }
    in = make_input(u, j, scratch, &in_len);
    if (is_rsa && slot_refused(u->slot, way)) {
        rc = sign_bare(u, j, in, in_len, err);
        return rc == 0 ? finish(u, j, err) : rc;
    }
    rv = sign_with(u, &mech, in, in_len, j->ret, &began);
    if (rv == CKR_OK)
        return finish(u, j, err);
    rc = failed(u, rv, began, err);
    if (!is_rsa || began || !rv_is_refused(rv))
        return rc;
    /* When the bare operation fails as well, the first answer says more. */
    struct err second = {0};
    rc = sign_bare(u, j, in, in_len, &second);
    if (rc != 0 && (u->context->failed || u->context->wanted)) {
        *err = second;
        return rc;
    }
    if (rc != 0)
        return rv_code(rv);
    slot_set_refused(u->slot, way);
    slot_set_quirk(u->slot, QUIRK_BARE_ONLY);
    return finish(u, j, err);
}

int
sign_data(struct lane *lane, CK_SLOT_ID slot, const char *key, const struct alg_sig *sig,
          const uint8_t *data, size_t len, struct signature *ret, struct err *err)
{
    struct job j = {.sig = sig, .data = data, .len = len, .ret = ret};

    j.mech = mechanism_of(sig);
    j.digest = mech_digest_of(sig->digest);
    if (sig->digest && sig->digest->weak)
        return err_set(err, E_WEAK, "digest %s is too weak to sign with; use sha256",
                       sig->digest->name);
    if (!j.mech || (sig->digest && !j.digest))
        return err_set(err, E_MECHANISM, "signing with %s is not supported; choose another "
                       "scheme", sig->name);
    if (sig->digest && len != sig->digest->size)
        return err_set(err, E_PROTOCOL, "%zu bytes are no %s digest; send %zu", len,
                       sig->digest->name, sig->digest->size);
    return lane_use_key(lane, slot, key, "cannot sign", sign_op, &j, err);
}
