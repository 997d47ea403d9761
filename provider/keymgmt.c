/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key management (provider-keymgmt(7)): a key by reference from the store, the public half in
 * and out. Private halves neither leave nor enter: then libcrypto leaves the operations to us, and
 * keys of files to others. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#include "provider/key.h"

#define PRIVATE OSSL_KEYMGMT_SELECT_PRIVATE_KEY
#define PUBLIC OSSL_KEYMGMT_SELECT_PUBLIC_KEY
#define PARAMETERS OSSL_KEYMGMT_SELECT_ALL_PARAMETERS

static void *
load(const void *reference, size_t size)
{
    struct key *k;

    if (size != sizeof k)
        return NULL;
    memcpy(&k, reference, sizeof k);
    return key_ref(k);
}

static void
release(void *key)
{
    key_free(key);
}

/* A key's parameters alone are a key to be: CMS sets the other side's point in it. */
static void *
duplicate(const void *data, int selection)
{
    const struct key *k = data;
    struct key *bare;

    if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
        return key_ref((struct key *)(uintptr_t)k);
    bare = key_new(k->provider, k->type);
    if (!bare)
        return NULL;
    bare->bare = true;
    bare->pub = EVP_PKEY_new();
    if (bare->pub && EVP_PKEY_copy_parameters(bare->pub, k->pub) > 0)
        return bare;
    key_free(bare);
    return NULL;
}

/* libcrypto asks this of a key without data, too. */
static int
has(const void *data, int selection)
{
    const struct key *k = data;

    if (!k || ((selection & PRIVATE) && !k->name[0]) || ((selection & PUBLIC) && k->bare))
        return 0;
    return !(selection & (PUBLIC | PARAMETERS)) || k->pub != NULL;
}

static int
set_params(void *data, const OSSL_PARAM params[])
{
    struct key *k = data;

    /* A key that is complete may be in use elsewhere. */
    if (!k->bare)
        return 0;
    if (!EVP_PKEY_set_params(k->pub, (OSSL_PARAM *)(uintptr_t)params))
        return 0;
    k->bare = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) == NULL;
    return 1;
}

static const OSSL_PARAM *
settable(void *ctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END};

    (void)ctx;
    return list;
}

static int
match(const void *a, const void *b, int selection)
{
    const struct key *x = a, *y = b;

    if (!x->pub || !y->pub)
        return 0;
    if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
        return EVP_PKEY_eq(x->pub, y->pub) == 1;
    return EVP_PKEY_parameters_eq(x->pub, y->pub) == 1;
}

static bool
is_private(const OSSL_PARAM *params)
{
    return OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) ||
           OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY);
}

static int
import(void *data, int selection, const OSSL_PARAM params[])
{
    struct key *k = data;
    bool bare = !(selection & PUBLIC);
    EVP_PKEY_CTX *ctx;
    int ok;

    if (k->pub || is_private(params))
        return 0;
    k->bare = bare;
    ctx = EVP_PKEY_CTX_new_from_name(k->provider->inner, key_type_name(k->type), NULL);
    ok = ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
         EVP_PKEY_fromdata(ctx, &k->pub, bare ? EVP_PKEY_KEY_PARAMETERS : EVP_PKEY_PUBLIC_KEY,
                           (OSSL_PARAM *)(uintptr_t)params) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int
export(void *data, int selection, OSSL_CALLBACK *give, void *arg)
{
    const struct key *k = data;

    if (!k->pub || ((selection & PRIVATE) && k->name[0]))
        return 0;
    return EVP_PKEY_export(k->pub, k->bare ? EVP_PKEY_KEY_PARAMETERS : EVP_PKEY_PUBLIC_KEY, give,
                           arg);
}

static int
get_params(void *data, OSSL_PARAM params[])
{
    const struct key *k = data;

    return k->pub && EVP_PKEY_get_params(k->pub, params);
}

static const OSSL_PARAM *
gettable(void *ctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    return list;
}

static const OSSL_PARAM *
types_rsa(int selection)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                                      OSSL_PARAM_END};

    return selection & PUBLIC ? list : NULL;
}

static const OSSL_PARAM *
types_ec(int selection)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END};

    return selection & (PUBLIC | PARAMETERS) ? list : NULL;
}

static const OSSL_PARAM *
types_raw(int selection)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                      OSSL_PARAM_END};

    return selection & PUBLIC ? list : NULL;
}

static const char *
operations_rsa(int operation)
{
    (void)operation;
    return "RSA";
}

static const char *
operations_ec(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : operation == OSSL_OP_KEYEXCH ? "ECDH" : NULL;
}

static const char *
operations_raw(int operation)
{
    (void)operation;
    return NULL; /* the key's own */
}

#define KEYMGMT(name, type_, types) \
    static void *new_##name(void *ctx) \
    { \
        return key_new(ctx, type_); \
    } \
    static const OSSL_DISPATCH name##_functions[] = { \
        {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_##name}, \
        {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))release}, \
        {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))load}, \
        {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))duplicate}, \
        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has}, \
        {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))match}, \
        {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import}, \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))types_##types}, \
        {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export}, \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))types_##types}, \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params}, \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable}, \
        {OSSL_FUNC_KEYMGMT_SET_PARAMS, (void (*)(void))set_params}, \
        {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))settable}, \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))operations_##types}, \
        {0, NULL}, \
    }

KEYMGMT(rsa, ALG_KEY_RSA, rsa);
KEYMGMT(ec, ALG_KEY_EC, ec);
KEYMGMT(ed25519, ALG_KEY_ED25519, raw);
KEYMGMT(ed448, ALG_KEY_ED448, raw);
KEYMGMT(x25519, ALG_KEY_X25519, raw);
KEYMGMT(x448, ALG_KEY_X448, raw);

/* The names that the default provider gives them. */
const OSSL_ALGORITHM keymgmt_algorithms[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTIES, rsa_functions, "RSA"},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROVIDER_PROPERTIES, ec_functions, "EC"},
    {"ED25519:1.3.101.112", PROVIDER_PROPERTIES, ed25519_functions, "Ed25519"},
    {"ED448:1.3.101.113", PROVIDER_PROPERTIES, ed448_functions, "Ed448"},
    {"X25519:1.3.101.110", PROVIDER_PROPERTIES, x25519_functions, "X25519"},
    {"X448:1.3.101.111", PROVIDER_PROPERTIES, x448_functions, "X448"},
    {NULL, NULL, NULL, NULL},
};
