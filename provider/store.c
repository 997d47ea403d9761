/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding a key (provider-storemgmt(7)): "signet:" and whatever names a key for Signet (an address,
 * a label, a fingerprint), and pkcs11: URIs (RFC 7512). Gives the key and its certificates. */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "provider/key.h"

#define SCHEME "signet:"

struct store {
    struct provider *provider;
    struct client_key found;
    int expect;            /* OSSL_STORE_INFO_*, 0: all */
    bool key_given;
    size_t next_cert;
};

/* %40 to @, in place (RFC 3986, 2.1). */
static void
percent_decode(char *text)
{
    char *out = text;

    for (; *text; text++) {
        char pair[3] = {text[0] == '%' ? text[1] : '\0', '\0', '\0'};
        if (pair[0])
            pair[1] = text[2];
        if (pair[0] && pair[1] && strspn(pair, "0123456789abcdefABCDEF") == 2) {
            *out++ = (char)strtol(pair, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* What the agent is asked for; NULL when memory is out. Empty: the only key there is. */
static char *
spec_of(const char *uri)
{
    bool own = strncasecmp(uri, SCHEME, sizeof SCHEME - 1) == 0;
    char *spec = strdup(own ? uri + sizeof SCHEME - 1 : uri);

    if (own && spec) {
        char *body = spec + strspn(spec, "/");
        memmove(spec, body, strlen(body) + 1);
        percent_decode(spec);
    }
    return spec;
}

struct search {
    const char *spec;
    struct client_key *found;
};

static int
search(struct client *c, void *arg, struct err *err)
{
    struct search *s = arg;

    client_key_clear(s->found);
    return client_find_key(c, *s->spec ? s->spec : NULL, s->found, err);
}

static void
close_store(struct store *s)
{
    client_key_clear(&s->found);
    free(s);
}

static void *
open_store(void *ctx, const char *uri)
{
    struct provider *p = ctx;
    struct store *s = calloc(1, sizeof *s);
    char *spec = spec_of(uri);
    struct search job = {spec, s ? &s->found : NULL};
    struct err err = {0};
    int rc = s && spec ? pool_run(p->pool, search, &job, &err)
                       : err_set(&err, E_NOMEM, "out of memory while looking for a key");

    free(spec);
    if (s && rc == 0) {
        s->provider = p;
        return s;
    }
    provider_raise(p, &err);
    if (s)
        close_store(s);
    return NULL;
}

static int
set_params(void *ctx, const OSSL_PARAM params[])
{
    struct store *s = ctx;
    const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT) : NULL;

    return !p || OSSL_PARAM_get_int(p, &s->expect);
}

static const OSSL_PARAM *
settable(void *provider)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                                      OSSL_PARAM_END};

    (void)provider;
    return list;
}

static bool
wants_key(const struct store *s)
{
    return !s->key_given && (s->expect == 0 || s->expect == OSSL_STORE_INFO_PKEY ||
                             s->expect == OSSL_STORE_INFO_PUBKEY);
}

static bool
wants_cert(const struct store *s)
{
    return s->next_cert < s->found.cert_count &&
           (s->expect == 0 || s->expect == OSSL_STORE_INFO_CERT);
}

static int
give_key(struct store *s, OSSL_CALLBACK *give, void *arg)
{
    struct key *k = key_of_agent(s->provider, &s->found);
    int type = OSSL_OBJECT_PKEY, ok;

    s->key_given = true;
    if (!k)
        return provider_fail(s->provider, E_UNSUPPORTED, "key \"%s\" is of a kind that OpenSSL does "
                             "not know", s->found.label);
    if (s->expect == OSSL_STORE_INFO_PUBKEY)
        k->name[0] = '\0';
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                         (char *)(uintptr_t)key_type_name(k->type), 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &k, sizeof k),
        OSSL_PARAM_construct_end(),
    };
    ok = give(params, arg);
    key_free(k);
    return ok;
}

static int
give_cert(struct store *s, OSSL_CALLBACK *give, void *arg)
{
    const struct client_cert *cert = &s->found.certs[s->next_cert++];
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, cert->der, cert->len),
        OSSL_PARAM_construct_end(),
    };

    return give(params, arg);
}

static int
load(void *ctx, OSSL_CALLBACK *give, void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    struct store *s = ctx;

    (void)ask;
    (void)ask_arg;
    if (wants_key(s))
        return give_key(s, give, arg);
    return wants_cert(s) ? give_cert(s, give, arg) : 0;
}

static int
at_end(void *ctx)
{
    const struct store *s = ctx;

    return !wants_key(s) && !wants_cert(s);
}

static int
close_loader(void *ctx)
{
    close_store(ctx);
    return 1;
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))open_store},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))at_end},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_loader},
    {0, NULL},
};

const OSSL_ALGORITHM store_algorithms[] = {
    {"signet", PROVIDER_PROPERTIES, functions, "signet: URIs"},
    {"pkcs11", PROVIDER_PROPERTIES, functions, "pkcs11: URIs"},
    {NULL, NULL, NULL, NULL},
};
