/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "provider/provider.h"

#include <stdlib.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "signet-config.h"

OSSL_provider_init_fn OSSL_provider_init;

/* core_vset_error takes a va_list: this makes one. */
static void __attribute__((format(printf, 3, 4)))
put(const struct provider *p, uint32_t reason, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    p->vset_error(p->core, reason, fmt, ap);
    va_end(ap);
}

int
provider_raise(const struct provider *p, const struct err *err)
{
    if (p->new_error && p->vset_error) {
        p->new_error(p->core);
        put(p, (uint32_t)-err->code, "%s", err_text(err));
    }
    return 0;
}

int
provider_fail(const struct provider *p, int code, const char *fmt, ...)
{
    struct err err = {0};
    va_list ap;

    va_start(ap, fmt);
    err_setv(&err, code, fmt, ap);
    va_end(ap);
    return provider_raise(p, &err);
}

static const OSSL_ITEM reasons[] = {
#define X(code, status, text) {(unsigned)-(code), (void *)(uintptr_t)(text)},
    ERR_CODES(X)
#undef X
    {0, NULL},
};

static const OSSL_ITEM *
get_reasons(void *ctx)
{
    (void)ctx;
    return reasons;
}

static const OSSL_ALGORITHM *
query(void *ctx, int operation, int *no_cache)
{
    (void)ctx;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keymgmt_algorithms;
    case OSSL_OP_SIGNATURE:
        return signature_algorithms;
    case OSSL_OP_ASYM_CIPHER:
        return cipher_algorithms;
    case OSSL_OP_KEYEXCH:
        return exchange_algorithms;
    case OSSL_OP_STORE:
        return store_algorithms;
    default:
        return NULL;
    }
}

static const OSSL_PARAM *
gettable(void *ctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
        OSSL_PARAM_END,
    };

    (void)ctx;
    return list;
}

static int
get_params(void *ctx, OSSL_PARAM params[])
{
    OSSL_PARAM *p;

    (void)ctx;
    if ((p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME)) &&
        !OSSL_PARAM_set_utf8_ptr(p, "Signet: keys on tokens, by signet-agent"))
        return 0;
    if ((p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION)) &&
        !OSSL_PARAM_set_utf8_ptr(p, SIGNET_VERSION))
        return 0;
    if ((p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_BUILDINFO)) &&
        !OSSL_PARAM_set_utf8_ptr(p, SIGNET_VERSION))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return !p || OSSL_PARAM_set_int(p, 1);
}

static void
teardown(void *ctx)
{
    struct provider *p = ctx;

    pool_free(&p->pool);
    OSSL_LIB_CTX_free(p->inner);
    free(p);
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
    {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))get_reasons},
    {0, NULL},
};

__attribute__((visibility("default"))) int
OSSL_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **out, void **ret)
{
    struct provider *p = calloc(1, sizeof *p);

    if (!p)
        return 0;
    p->core = core;
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_CORE_NEW_ERROR)
            p->new_error = OSSL_FUNC_core_new_error(in);
        else if (in->function_id == OSSL_FUNC_CORE_VSET_ERROR)
            p->vset_error = OSSL_FUNC_core_vset_error(in);
    }
    p->inner = OSSL_LIB_CTX_new();
    if (!p->inner || pool_new(&p->pool, "provider", NULL) != 0) {
        OSSL_LIB_CTX_free(p->inner);
        free(p);
        return 0;
    }
    *out = functions;
    *ret = p;
    return 1;
}
