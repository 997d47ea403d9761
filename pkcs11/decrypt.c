/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/decrypt.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hex.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/pad.h"
#include "pkcs11/rv.h"

#define OAEP_NAME "rsa-oaep-"
#define MAC_SIZE 32
/* What v1.5 padding takes at least (RFC 8017, 7.2.1), in bytes. */
#define PKCS1_OVERHEAD 11

struct job {
    const struct decrypt_scheme *scheme;
    size_t expected;
    const uint8_t *data;
    size_t len;
    struct secret *out;
};

int
decrypt_scheme_by_name(const char *name, struct decrypt_scheme *ret)
{
    struct decrypt_scheme s = {.padding = ALG_PAD_PKCS1};

    if (strcmp(name, "rsa-pkcs1") != 0) {
        if (strncmp(name, OAEP_NAME, sizeof OAEP_NAME - 1) != 0)
            return E_UNSUPPORTED;
        s.padding = ALG_PAD_OAEP;
        s.digest = alg_digest_by_name(name + sizeof OAEP_NAME - 1);
        s.mgf = s.digest;
        if (!mech_digest_of(s.digest))
            return E_UNSUPPORTED;
    }
    *ret = s;
    return 0;
}

int
decrypt_scheme_set_mgf(struct decrypt_scheme *s, const char *digest)
{
    const struct alg_digest *mgf = alg_digest_by_name(digest);

    if (s->padding != ALG_PAD_OAEP)
        return E_USAGE;
    if (!mech_digest_of(mgf))
        return E_UNSUPPORTED;
    s->mgf = mgf;
    return 0;
}

int
decrypt_scheme_set_label(struct decrypt_scheme *s, const char *hex)
{
    if (s->padding != ALG_PAD_OAEP)
        return E_USAGE;
    return hex_decode(hex, strlen(hex), s->label, sizeof s->label, &s->label_len);
}

/* Failures of the way to the token, which no plaintext can cause. All of the list
 * is always looked at; DEVICE_ERROR and the like are not in it, since modules
 * report bad padding with them. */
static bool
is_infrastructure(CK_RV rv)
{
    static const CK_RV list[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN,
        CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_KEY_HANDLE_INVALID,
        CKR_OPERATION_NOT_INITIALIZED, CKR_CRYPTOKI_NOT_INITIALIZED,
    };
    unsigned yes = 0;

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        yes |= rv == list[i];
    return yes != 0;
}

/* What C_UnwrapKey may say before it has looked at the ciphertext. */
static bool
is_unwrap_refused(CK_RV rv)
{
    return rv_is_refused(rv) || rv == CKR_KEY_FUNCTION_NOT_PERMITTED ||
           rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_TEMPLATE_INCOMPLETE;
}

/* Keys that unwrap and do not decrypt (CKA_UNWRAP; pkcs11/quirk.h, unwrap-only): into a
 * secret of this session, which is read. That it cannot be read counts as an answer
 * about the plaintext, since it shows only when unwrapping went well. */
static int
unwrap_with(const struct use *u, CK_MECHANISM *mech, const struct job *j, uint8_t *out,
            size_t *len, CK_RV *ret_rv, struct err *err)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE t[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},       {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes},
    };
    CK_ATTRIBUTE value = {CKA_VALUE, out, *len};
    uint8_t padded[SPKI_RSA_MAX] = {0};
    size_t size = spki_size(&u->key->spki);
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_RV rv;

    memcpy(padded + size - j->len, j->data, j->len);
    rv = context_login(u);
    if (rv != CKR_OK && rv != CKR_OPERATION_NOT_INITIALIZED)
        return context_err(u, rv, err);
    u->context->failed = u->context->open = false;
    rv = u->ck->C_UnwrapKey
             ? u->ck->C_UnwrapKey(u->session, mech, u->key->private_key, padded, size, t,
                                  sizeof t / sizeof *t, &made)
             : CKR_KEY_FUNCTION_NOT_PERMITTED;
    if (is_infrastructure(rv))
        return slot_err(u->slot, err, rv, u->what);
    if (is_unwrap_refused(rv))
        return slot_err(u->slot, err, CKR_KEY_FUNCTION_NOT_PERMITTED, u->what);
    *ret_rv = rv;
    if (rv != CKR_OK)
        return 0;
    slot_set_quirk(u->slot, QUIRK_UNWRAP_ONLY);
    *ret_rv = u->ck->C_GetAttributeValue(u->session, made, &value, 1);
    *len = value.ulValueLen;
    u->ck->C_DestroyObject(u->session, made);
    return 0;
}

/* Runs one mechanism. Only failures that C_Decrypt itself reported, and that may
 * tell of the plaintext, end up in *ret_rv with 0 returned. */
static int
decrypt_with(const struct use *u, CK_MECHANISM *mech, const struct job *j, uint8_t *out,
             size_t *len, CK_RV *ret_rv, struct err *err)
{
    uint8_t padded[SPKI_RSA_MAX] = {0};
    size_t size = spki_size(&u->key->spki);
    CK_ULONG got = *len;
    CK_RV rv = u->ck->C_DecryptInit(u->session, mech, u->key->private_key);

    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED && mech->mechanism != CKM_RSA_X_509)
        return unwrap_with(u, mech, j, out, len, ret_rv, err);
    if (rv != CKR_OK)
        return slot_err(u->slot, err, rv, u->what);
    memcpy(padded + size - j->len, j->data, j->len);
    rv = context_login(u);
    if (rv != CKR_OK)
        return context_err(u, rv, err);
    rv = u->ck->C_Decrypt(u->session, padded, size, out, &got);
    if (context_untold(u, rv, err) != 0)
        return err->code;
    if (is_infrastructure(rv))
        return slot_err(u->slot, err, rv, u->what);
    *len = got;
    *ret_rv = rv;
    return 0;
}

static int
undecryptable(const struct use *u, struct err *err)
{
    char label[TOKEN_TEXT];

    slot_label(u->slot, label);
    return err_set(err, E_DECRYPT, "token \"%s\": key %.16s does not decrypt this: it was "
                   "encrypted to another key or altered", label, u->key->spki.name);
}

/* The bare RSA operation, its result of exactly the modulus's length. E_DECRYPT
 * when the module refuses the number. */
static int
decrypt_bare(const struct use *u, const struct job *j, struct secret *em, struct err *err)
{
    size_t size = spki_size(&u->key->spki), len = size;
    CK_MECHANISM mech = {CKM_RSA_X_509, NULL, 0};
    uint8_t *p = secret_mutable(em);
    CK_RV rv = CKR_OK;
    int rc = decrypt_with(u, &mech, j, p, &len, &rv, err);

    if (rc != 0)
        return rc;
    if (rv != CKR_OK || len > size)
        return undecryptable(u, err);
    memmove(p + size - len, p, len);
    memset(p, 0, size - len);
    secret_set_len(em, size);
    return 0;
}

/* HMAC-SHA256(process key, counter || key name || ciphertext). */
static int
reject_block(const struct use *u, const struct job *j, uint8_t counter, uint8_t mac[MAC_SIZE])
{
    const struct secret *key = module_reject_key(slot_module(u->slot));
    uint8_t input[1 + SPKI_NAME + SPKI_RSA_MAX] = {counter};

    memcpy(input + 1, u->key->spki.name, SPKI_NAME);
    memcpy(input + 1 + SPKI_NAME, j->data, j->len);
    return HMAC(EVP_sha256(), secret_data_view(key), (int)secret_len(key), input,
                1 + SPKI_NAME + j->len, mac, NULL) ? 0 : E_CRYPTO;
}

/* As many blocks as it takes. */
static int
reject(const struct use *u, const struct job *j, uint8_t *out, size_t want)
{
    uint8_t mac[MAC_SIZE];
    size_t done = 0;
    int rc = 0;

    for (uint8_t counter = 0; rc == 0 && done < want; counter++) {
        size_t n = want - done < MAC_SIZE ? want - done : MAC_SIZE;
        rc = reject_block(u, j, counter, mac);
        memcpy(out + done, mac, n);
        done += n;
    }
    wipe(mac, sizeof mac);
    return rc;
}

/* The length of what stands for a message of unknown length: any that fits, from a block that
 * reject never gets to. */
static int
reject_len(const struct use *u, const struct job *j, size_t most, size_t *ret)
{
    uint8_t mac[MAC_SIZE];
    uint64_t n = 0;
    int rc = reject_block(u, j, UINT8_MAX, mac);

    memcpy(&n, mac, sizeof n);
    wipe(mac, sizeof mac);
    *ret = (size_t)(n % (most + 1));
    return rc;
}

/* 0xff.. when a equals b, else 0, without a branch. */
static size_t
equal_mask(size_t a, size_t b)
{
    size_t x = a ^ b;

    return ((x | (0 - x)) >> (sizeof x * 8 - 1)) - 1;
}

/* 0xff.. when a is at most b, else 0; both are far below the half of what a size_t holds. */
static size_t
at_most_mask(size_t a, size_t b)
{
    return ((b - a) >> (sizeof a * 8 - 1)) - 1;
}

/* out = the module's plaintext where mask is set, else what is made up. most: the longest
 * message that fits. */
static int
choose(const struct use *u, const struct job *j, const struct secret *plain, size_t len,
       size_t mask, size_t most, struct err *err)
{
    size_t want = j->expected ? j->expected : most, made_up = j->expected;
    const uint8_t *p = secret_data_view(plain);
    uint8_t *out = secret_mutable(j->out);

    if (reject(u, j, out, want) != 0 ||
        (j->expected == 0 && reject_len(u, j, most, &made_up) != 0))
        return err_set(err, E_CRYPTO, "libcrypto cannot compute HMAC-SHA256");
    for (size_t i = 0; i < want; i++)
        out[i] = (uint8_t)((p[i] & mask) | (out[i] & ~mask));
    secret_set_len(j->out, (len & mask) | (made_up & ~mask));
    return 0;
}

static int
pkcs1_bare(const struct use *u, const struct job *j, struct secret *plain, size_t *ret_len,
           size_t *ret_mask, struct err *err)
{
    autofree_secret struct secret *em = secret_new(SPKI_RSA_MAX);
    int rc, len;

    if (!em)
        return err_set(err, E_NOMEM, "out of memory");
    rc = decrypt_bare(u, j, em, err);
    *ret_mask = 0;
    if (rc != 0)
        return rc == E_DECRYPT ? 0 : rc;
    len = unpad_pkcs1(secret_mutable(plain), secret_data_view(em), secret_len(em));
    *ret_len = (size_t)(long)len & (SPKI_RSA_MAX * 2 - 1);
    *ret_mask = ~equal_mask((size_t)(long)len, (size_t)-1l);
    return 0;
}

static int
pkcs1(const struct use *u, const struct job *j, struct err *err)
{
    autofree_secret struct secret *plain = secret_new(SPKI_RSA_MAX);
    CK_MECHANISM mech = {CKM_RSA_PKCS, NULL, 0};
    size_t len = SPKI_RSA_MAX, mask, most = spki_size(&u->key->spki) - PKCS1_OVERHEAD;
    CK_RV rv = CKR_OK;
    int rc;

    if (!plain)
        return err_set(err, E_NOMEM, "out of memory");
    if (j->expected > most)
        return err_set(err, E_USAGE, "a key of %zu bytes cannot have been encrypted to an RSA "
                       "key of %u bits", j->expected, u->key->spki.bits);
    rc = decrypt_with(u, &mech, j, secret_mutable(plain), &len, &rv, err);
    mask = equal_mask(rv, CKR_OK);
    if (rc != 0 && rv_is_refused(err->rv)) {
        struct err second = {0};
        if (pkcs1_bare(u, j, plain, &len, &mask, &second) == 0)
            rc = 0;
    }
    if (rc != 0)
        return rc;
    mask &= at_most_mask(len, most);
    if (j->expected > 0)
        mask &= equal_mask(len, j->expected);
    return choose(u, j, plain, len, mask, most, err);
}

static int
oaep_bare(const struct use *u, const struct job *j, struct err *err)
{
    autofree_secret struct secret *em = secret_new(SPKI_RSA_MAX);
    int rc;

    if (!em)
        return err_set(err, E_NOMEM, "out of memory");
    rc = decrypt_bare(u, j, em, err);
    if (rc != 0)
        return rc;
    rc = unpad_oaep(j->out, secret_data_view(em), secret_len(em),
                    &(struct pad_oaep){j->scheme->digest, j->scheme->mgf, j->scheme->label,
                                       j->scheme->label_len});
    if (rc == E_DECRYPT)
        return undecryptable(u, err);
    return rc == 0 ? 0 : err_set(err, rc, "OAEP with %s cannot be decoded",
                                 j->scheme->digest->name);
}

static int
oaep_token(const struct use *u, const struct job *j, struct err *err)
{
    const struct decrypt_scheme *s = j->scheme;
    uint8_t label[DECRYPT_LABEL_MAX]; /* the parameter is not const */
    CK_RSA_PKCS_OAEP_PARAMS params = {mech_digest_of(s->digest)->hash,
                                      mech_digest_of(s->mgf)->mgf, CKZ_DATA_SPECIFIED,
                                      s->label_len > 0 ? label : NULL, s->label_len};
    CK_MECHANISM mech = {CKM_RSA_PKCS_OAEP, &params, sizeof params};
    size_t len = DECRYPT_MAX;
    CK_RV rv = CKR_OK;
    int rc;

    memcpy(label, s->label, s->label_len);
    rc = decrypt_with(u, &mech, j, secret_mutable(j->out), &len, &rv, err);
    if (rc != 0)
        return rc;
    if (rv != CKR_OK || len > DECRYPT_MAX)
        return undecryptable(u, err);
    secret_set_len(j->out, len);
    return 0;
}

/* Two digests or a label: in software as long as the token lets us, since SoftHSM among
 * others takes a label and overlooks it. */
static int
oaep_odd(const struct use *u, const struct job *j, struct err *err)
{
    int rc = oaep_bare(u, j, err);

    return rc != 0 && rv_is_refused(err->rv) ? oaep_token(u, j, err) : rc;
}

static int
oaep(const struct use *u, const struct job *j, struct err *err)
{
    unsigned way = mech_way(ALG_PAD_OAEP, j->scheme->digest);
    int rc, again;

    if (j->scheme->mgf != j->scheme->digest || j->scheme->label_len > 0)
        return oaep_odd(u, j, err);
    if (slot_refused(u->slot, way))
        return oaep_bare(u, j, err);
    rc = oaep_token(u, j, err);
    if (rc != 0 && rv_is_refused(err->rv)) {
        struct err second = {0};
        again = oaep_bare(u, j, &second);
        if (again != 0 && again != E_DECRYPT)
            return rc;
        slot_set_refused(u->slot, way);
        slot_set_quirk(u->slot, QUIRK_OAEP_SHA1);
        *err = second;
        return again;
    }
    return rc;
}

static int
decrypt_op(const struct use *u, void *arg, struct err *err)
{
    const struct job *j = arg;
    char label[TOKEN_TEXT];
    int rc = context_check(u, err);

    if (rc != 0)
        return rc;
    if (u->key->spki.type == ALG_KEY_RSA &&
        j->len <= spki_size(&u->key->spki))
        return j->scheme->padding == ALG_PAD_PKCS1 ? pkcs1(u, j, err) : oaep(u, j, err);
    slot_label(u->slot, label);
    if (u->key->spki.type != ALG_KEY_RSA)
        return err_set(err, E_MECHANISM, "token \"%s\": key %.16s is of type %s and cannot "
                       "decrypt; choose an RSA key", label, u->key->spki.name,
                       alg_key_name(u->key->spki.type));
    return err_set(err, E_MALFORMED, "token \"%s\": %zu bytes are no ciphertext for key %.16s "
                   "of %u bits", label, j->len, u->key->spki.name, u->key->spki.bits);
}

int
decrypt_data(struct lane *lane, CK_SLOT_ID slot, const char *key,
             const struct decrypt_scheme *scheme, size_t expected, const uint8_t *data,
             size_t len, struct secret *out, struct err *err)
{
    struct job j = {.scheme = scheme, .expected = expected, .data = data, .len = len,
                    .out = out};

    if (len == 0 || len > SPKI_RSA_MAX)
        return err_set(err, E_MALFORMED, "%zu bytes are no RSA ciphertext", len);
    if (secret_max(out) < DECRYPT_MAX || expected > DECRYPT_MAX)
        return err_set(err, E_USAGE, "no room for %zu bytes of plaintext", expected);
    return lane_use_key(lane, slot, key, "cannot decrypt", decrypt_op, &j, err);
}
