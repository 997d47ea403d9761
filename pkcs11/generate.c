/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/generate.h"

#include <string.h>
#include <openssl/rand.h>

#include "base/hex.h"
#include "pkcs11/attr.h"
#include "pkcs11/rv.h"

#define DER(s) s, sizeof(s) - 1
/* Ways to name a curve, in the order tried. */
#define PARAMS_MAX 2
#define TEMPLATE_MAX 12

static const struct kind {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    CK_KEY_TYPE type;
    CK_ULONG bits; /* RSA */
    struct { const char *der; size_t len; } params[PARAMS_MAX];
    bool sign, decrypt, derive;
} kinds[] = {
    {"rsa2048", CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, 2048, {{0}}, true, true, false},
    {"rsa3072", CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, 3072, {{0}}, true, true, false},
    {"rsa4096", CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, 4096, {{0}}, true, true, false},
    {"p256", CKM_EC_KEY_PAIR_GEN, CKK_EC, 0,
     {{DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")}}, true, false, true},
    {"p384", CKM_EC_KEY_PAIR_GEN, CKK_EC, 0,
     {{DER("\x06\x05\x2b\x81\x04\x00\x22")}}, true, false, true},
    {"p521", CKM_EC_KEY_PAIR_GEN, CKK_EC, 0,
     {{DER("\x06\x05\x2b\x81\x04\x00\x23")}}, true, false, true},
    {"ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, 0,
     {{DER("\x13\x0c" "edwards25519")}, {DER("\x06\x03\x2b\x65\x70")}}, true, false, false},
    {"x25519", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, 0,
     {{DER("\x13\x0a" "curve25519")}, {DER("\x06\x03\x2b\x65\x6e")}}, false, false, true},
    /* The same on SoftHSM, which has no Montgomery mechanism. */
    {"x25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, 0,
     {{DER("\x13\x0a" "curve25519")}, {DER("\x06\x03\x2b\x65\x6e")}}, false, false, true},
};

struct template {
    CK_ATTRIBUTE attrs[TEMPLATE_MAX];
    CK_ULONG count;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void
put(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    t->attrs[t->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

static void
put_flag(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    put(t, type, value ? &yes : &no, sizeof yes);
}

static void
put_common(struct template *t, const char *label, const uint8_t *id)
{
    put_flag(t, CKA_TOKEN, true);
    put(t, CKA_LABEL, label, strlen(label));
    put(t, CKA_ID, id, GENERATE_ID_SIZE);
}

struct pair {
    CK_OBJECT_HANDLE public_key, private_key;
};

static CK_RV
generate_with(const struct ck_calls *ck, CK_SESSION_HANDLE session, const struct kind *k,
              int params, const char *label, struct pair *ret)
{
    static const uint8_t exponent[] = {1, 0, 1};
    CK_MECHANISM mech = {k->mechanism, NULL, 0};
    struct template pub = {.count = 0}, priv = {.count = 0};
    uint8_t id[GENERATE_ID_SIZE];

    if (RAND_bytes(id, sizeof id) != 1)
        return CKR_RANDOM_NO_RNG;
    put_common(&pub, label, id);
    put_flag(&pub, CKA_PRIVATE, false);
    put_common(&priv, label, id);
    put_flag(&priv, CKA_PRIVATE, true);
    put_flag(&priv, CKA_SENSITIVE, true);
    put_flag(&priv, CKA_EXTRACTABLE, false);
    if (k->type == CKK_RSA) {
        put(&pub, CKA_MODULUS_BITS, &k->bits, sizeof k->bits);
        put(&pub, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
        put_flag(&pub, CKA_ENCRYPT, k->decrypt);
        put_flag(&priv, CKA_DECRYPT, k->decrypt);
    } else {
        put(&pub, CKA_EC_PARAMS, k->params[params].der, k->params[params].len);
        put_flag(&priv, CKA_DERIVE, k->derive);
    }
    put_flag(&pub, CKA_VERIFY, k->sign);
    put_flag(&priv, CKA_SIGN, k->sign);
    return ck->C_GenerateKeyPair(session, &mech, pub.attrs, pub.count, priv.attrs, priv.count,
                                 &ret->public_key, &ret->private_key);
}

/* Every kind of that name with every way to write its curve, while the token
 * says that it does not know this one. */
static CK_RV
generate_any(const struct ck_calls *ck, CK_SESSION_HANDLE session, const char *type,
             const char *label, struct pair *ret)
{
    CK_RV rv = CKR_MECHANISM_INVALID;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, type) != 0)
            continue;
        for (int p = 0; p < PARAMS_MAX; p++) {
            if (p > 0 && !kinds[i].params[p].der)
                break;
            rv = generate_with(ck, session, &kinds[i], p, label, ret);
            if (rv_code(rv) != E_MECHANISM && !rv_is_refused(rv))
                return rv;
        }
    }
    return rv;
}

/* The name, read back from the public key as the token stored it. */
static int
name_pair(const struct ck_calls *ck, CK_SESSION_HANDLE session, const struct pair *pair,
          struct spki *ret)
{
    struct attr a[] = {{CKA_MODULUS}, {CKA_PUBLIC_EXPONENT}, {CKA_EC_PARAMS}, {CKA_EC_POINT}};
    const size_t n = sizeof a / sizeof *a;
    int rc = E_UNSUPPORTED;

    if (attrs_read(ck, session, pair->public_key, a, n) != CKR_OK)
        return E_TOKEN;
    if (a[0].present && a[1].present)
        rc = spki_from_rsa(ret, a[0].data, a[0].len, a[1].data, a[1].len);
    else if (a[2].present && a[3].present)
        rc = spki_from_ec(ret, a[2].data, a[2].len, a[3].data, a[3].len);
    attrs_clear(a, n);
    return rc;
}

/* Both halves or neither; tokens that refuse keep the random one. */
static void
set_id(const struct ck_calls *ck, CK_SESSION_HANDLE session, const struct pair *pair,
       const char *name)
{
    struct attr old = {CKA_ID};
    uint8_t id[GENERATE_ID_SIZE];
    CK_ATTRIBUTE t = {CKA_ID, id, sizeof id};
    size_t len;

    if (hex_decode(name, 2 * sizeof id, id, sizeof id, &len) != 0 ||
        attrs_read(ck, session, pair->private_key, &old, 1) != CKR_OK)
        return;
    if (old.present && ck->C_SetAttributeValue(session, pair->private_key, &t, 1) == CKR_OK &&
        ck->C_SetAttributeValue(session, pair->public_key, &t, 1) != CKR_OK) {
        t = (CK_ATTRIBUTE){CKA_ID, old.data, old.len};
        ck->C_SetAttributeValue(session, pair->private_key, &t, 1);
    }
    attrs_clear(&old, 1);
}

static int
generate(struct lane *lane, struct slot *slot, const char *type, const char *label,
         char ret_name[SPKI_NAME], struct err *err)
{
    const struct ck_calls *ck = module_calls(lane_module(lane));
    CK_SESSION_HANDLE session;
    struct spki spki = {0};
    struct pair pair = {0};
    char token[TOKEN_TEXT];
    CK_RV rv = lane_open_rw(lane, slot, &session);
    int rc = 0;

    if (rv != CKR_OK)
        return slot_err(slot, err, rv, "cannot generate a key");
    rv = generate_any(ck, session, type, label, &pair);
    if (rv != CKR_OK) {
        rc = slot_err(slot, err, rv, "cannot generate a key");
    } else if (name_pair(ck, session, &pair, &spki) != 0) {
        ck->C_DestroyObject(session, pair.private_key);
        ck->C_DestroyObject(session, pair.public_key);
        slot_label(slot, token);
        rc = err_set(err, E_TOKEN, "token \"%s\": generated a key but does not tell its public "
                     "half; it was deleted again", token);
    } else {
        set_id(ck, session, &pair, spki.name);
        memcpy(ret_name, spki.name, SPKI_NAME);
    }
    spki_clear(&spki);
    lane_close_rw(lane, slot, session);
    slot_forget(slot);
    return rc;
}

static bool
is_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, type) == 0)
            return true;
    return false;
}

int
generate_key(struct lane *lane, CK_SLOT_ID id, const char *type, const char *label,
             char ret_name[SPKI_NAME], struct err *err)
{
    struct module *m = lane_module(lane);
    struct slot *slot = NULL;
    char token[TOKEN_TEXT];
    int rc;

    if (!is_kind(type))
        return err_set(err, E_USAGE, "\"%s\" is no type of key; use rsa2048, rsa3072, rsa4096, "
                       "p256, p384, p521, ed25519 or x25519", type);
    module_enter(m);
    module_write_lock(m);
    rc = lane_slot(lane, id, &slot, err);
    if (rc == 0 && slot_wants_login(slot)) {
        slot_label(slot, token);
        rc = err_set(err, E_PIN_NEEDED, "token \"%s\": the PIN is needed to generate a key; "
                     "log in first", token);
    }
    if (rc == 0)
        rc = generate(lane, slot, type, label, ret_name, err);
    module_write_unlock(m);
    module_leave(m);
    return rc;
}
