/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "trust/revocation_int.h"

/* A CRL that was refused for a certificate is not offered for it again, so that a bad one
 * hides no good one: each pass refuses at least one more. */
#define PASSES_MAX 2048
#define NESTED_BIT (UINT32_C(1) << 31)
/* Names of CRL issuers that a certificate's distribution points can bring. */
#define CRL_ISSUERS_MAX 4

/* One pass of libcrypto's. */
struct revocation_run {
    struct revocation *r;
    struct chain *chain;
    STACK_OF(X509) *untrusted;
    X509_STORE_CTX *ctx;
    struct state {
        bool failed, revoked;
        struct crl *used;
    } states[REVOCATION_CHAIN_MAX];
    struct crl *last;          /* looked up in */
    bool again;
    int rc;
    struct err *err;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int store_index = -1;

static void
make_index(void)
{
    store_index = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static struct revocation_run *
run_of(const X509_STORE_CTX *ctx)
{
    return X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(ctx), store_index);
}

/* Whether it is the path of a CRL's issuer, which libcrypto checks within. */
static bool
is_nested(const struct revocation_run *run, const X509_STORE_CTX *ctx)
{
    return ctx != run->ctx;
}

static uint32_t
bit_of(const struct revocation_run *run, const X509_STORE_CTX *ctx)
{
    return is_nested(run, ctx) ? NESTED_BIT
                               : UINT32_C(1) << (X509_STORE_CTX_get_error_depth(ctx) & 31);
}

static bool
offer(STACK_OF(X509_CRL) *out, struct crl *c)
{
    if (X509_CRL_up_ref(c->header) != 1)
        return false;
    if (sk_X509_CRL_push(out, c->header) > 0)
        return true;
    X509_CRL_free(c->header);
    return false;
}

static int
load_issuers(struct revocation *r, const X509 *cert, struct err *err)
{
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    size_t names = 0;
    int rc = 0;

    for (int i = 0; rc == 0 && i < sk_DIST_POINT_num(points); i++) {
        const GENERAL_NAMES *by = sk_DIST_POINT_value(points, i)->CRLissuer;
        for (int k = 0; rc == 0 && k < sk_GENERAL_NAME_num(by); k++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(by, k);
            if (name->type == GEN_DIRNAME && names++ < CRL_ISSUERS_MAX)
                rc = revocation_load(r, name->d.directoryName, err);
        }
    }
    CRL_DIST_POINTS_free(points);
    return rc;
}

void
revocation_looked(void *arg, struct crl *c)
{
    struct revocation *r = arg;
    struct revocation_run *run = r->run;
    int depth;

    if (run == NULL)
        return;
    run->last = c;
    depth = X509_STORE_CTX_get_error_depth(run->ctx);
    if (depth >= 0 && (size_t)depth < run->chain->count)
        run->states[depth].used = c;
    /* What cannot be read is no absence. */
    if (c->unreadable) {
        c->rejected = UINT32_MAX;
        run->again = true;
    }
}

/* All CRLs at hand but those refused: libcrypto chooses among them. */
static STACK_OF(X509_CRL) *
on_crls(const X509_STORE_CTX *ctx, const X509_NAME *name)
{
    struct revocation_run *run = run_of(ctx);
    struct revocation *r = run->r;
    STACK_OF(X509_CRL) *out = sk_X509_CRL_new_null();
    const X509 *cert = X509_STORE_CTX_get_current_cert((X509_STORE_CTX *)(uintptr_t)ctx);
    uint32_t bit = bit_of(run, ctx);

    if (run->rc == 0)
        run->rc = revocation_load(r, name, run->err);
    if (run->rc == 0 && cert != NULL)
        run->rc = load_issuers(r, cert, run->err);
    for (size_t i = 0; out != NULL && i < r->crl_count; i++) {
        r->crls[i]->issuers = run->untrusted;
        if ((r->crls[i]->rejected & bit) == 0 && !offer(out, r->crls[i]))
            break;
    }
    return out;
}

static void
put_name(const X509_NAME *name, char *out, size_t max)
{
    BIO *bio = BIO_new(BIO_s_mem());
    autofree_buf struct buf *safe = buf_new();
    const char *text = "";
    char *data;
    long len;

    if (bio != NULL && safe != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0 &&
        (len = BIO_get_mem_data(bio, &data)) > 0 && text_put_safe(safe, data, (size_t)len) == 0)
        text = buf_cstr(safe);
    snprintf(out, max, "%.80s", text);
    BIO_free(bio);
}

/* "the CRL http://..." or "the CRL of CN=..." */
static void
describe(const struct crl *c, char *out, size_t max)
{
    char name[96];

    if (c->source[0] != '\0') {
        snprintf(out, max, "the CRL %.100s", c->source);
        return;
    }
    put_name(X509_CRL_get_issuer(c->header), name, sizeof name);
    snprintf(out, max, "the CRL of \"%s\"", name);
}

static void
refuse(struct revocation_run *run, X509_STORE_CTX *ctx, struct crl *c, size_t depth, int code)
{
    char what[128], when[TEXT_TIME_LEN];
    struct revocation_finding *f = &run->chain->findings[depth];

    if ((c->rejected & bit_of(run, ctx)) != 0)
        return;
    c->rejected |= bit_of(run, ctx);
    run->again = true;
    describe(c, what, sizeof what);
    if (code == X509_V_ERR_CRL_HAS_EXPIRED) {
        text_time(c->next_update, when);
        finding_unknown(f, "%s was good until %s", what, when);
    } else if (code == X509_V_ERR_CRL_NOT_YET_VALID) {
        text_time(c->this_update, when);
        finding_unknown(f, "%s is of %s, too late to say it", what, when);
    } else {
        finding_unknown(f, "%s does not count: %s", what,
                        code == X509_V_ERR_CRL_SIGNATURE_FAILURE ? c->fault
                                                            : X509_verify_cert_error_string(code));
    }
}

/* A CRL of later says what was before, while it still lists the certificate (RFC 5280 3.3). */
static bool
later_counts(const struct revocation_run *run, const struct crl *c, const X509 *cert)
{
    struct tm tm;

    return run->chain->past && c->this_update > run->chain->at &&
           c->this_update <= time(NULL) &&
           ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 &&
           c->this_update <= timegm(&tm);
}

static struct crl *
crl_of(const struct revocation_run *run, X509_CRL *x)
{
    for (size_t i = 0; x != NULL && i < run->r->crl_count; i++)
        if (run->r->crls[i]->header == x)
            return run->r->crls[i];
    return NULL;
}

/* The one whose signature was refused may be a delta, which libcrypto does not name. */
static struct crl *
crl_at_fault(const struct revocation_run *run, X509_STORE_CTX *ctx, int code)
{
    for (size_t i = 0; code == X509_V_ERR_CRL_SIGNATURE_FAILURE && i < run->r->crl_count; i++)
        if (run->r->crls[i]->refused) {
            run->r->crls[i]->refused = false;
            return run->r->crls[i];
        }
    return crl_of(run, X509_STORE_CTX_get0_current_crl(ctx));
}

static time_t
seconds(const ASN1_TIME *t)
{
    struct tm tm;

    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static int
reason_of(const X509_REVOKED *r)
{
    ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
    int reason = e == NULL ? -1 : (int)ASN1_ENUMERATED_get(e);

    ASN1_ENUMERATED_free(e);
    return reason;
}

/* Whether it counts. */
static bool
take_revoked(struct revocation_run *run, size_t depth)
{
    struct crl *c = run->last;
    struct revocation_finding f = {.state = REVOCATION_UNKNOWN};
    char by[128];
    bool counts;

    if (c == NULL || c->hit == NULL)
        return true;
    describe(c, by, sizeof by);
    counts = finding_revoked(&f, run->chain, seconds(X509_REVOKED_get0_revocationDate(c->hit)),
                             reason_of(c->hit), by);
    if (counts && !run->again)
        run->chain->findings[depth] = f;
    return counts;
}

/* What libcrypto can find about CRLs alone. */
static bool
is_of_crls(int code)
{
    static const int codes[] = {
        X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
        X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_CRL_NOT_YET_VALID,
        X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
        X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD, X509_V_ERR_CERT_REVOKED,
        X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
        X509_V_ERR_DIFFERENT_CRL_SCOPE, X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static int
on_nested(struct revocation_run *run, X509_STORE_CTX *ctx, int code)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    struct crl *c = crl_at_fault(run, ctx, code);

    /* The anchor is not asked about, neither here. */
    if (is_of_crls(code) && depth == sk_X509_num(chain) - 1)
        return 1;
    if (code == X509_V_ERR_CRL_NOT_YET_VALID && c != NULL &&
        later_counts(run, c, sk_X509_value(chain, depth)))
        return 1;
    if (is_of_crls(code) && code != X509_V_ERR_CERT_REVOKED && c != NULL &&
        (c->rejected & NESTED_BIT) == 0) {
        c->rejected |= NESTED_BIT;
        run->again = true;
    }
    return 0;
}

static int
on_finding(int ok, X509_STORE_CTX *ctx)
{
    struct revocation_run *run = run_of(ctx);
    int code = X509_STORE_CTX_get_error(ctx);
    size_t depth = (size_t)X509_STORE_CTX_get_error_depth(ctx);
    struct crl *c;

    if (ok)
        return 1;
    if (is_nested(run, ctx))
        return on_nested(run, ctx, code);
    c = crl_at_fault(run, ctx, code);
    if (depth + 1 >= run->chain->count)
        return 1;
    struct state *state = &run->states[depth];
    if (code == X509_V_ERR_CERT_REVOKED) {
        state->revoked = state->revoked || take_revoked(run, depth);
        return 1;
    }
    if (code == X509_V_ERR_CRL_NOT_YET_VALID && c != NULL &&
        later_counts(run, c, chain_cert(run->chain, depth)))
        return 1;
    state->failed = true;
    if (code != X509_V_ERR_UNABLE_TO_GET_CRL && c != NULL)
        refuse(run, ctx, c, depth, code);
    return 1;
}

static void
set_parameters(X509_STORE_CTX *ctx, const struct revocation *r, const struct chain *chain)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
                                           X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                                           X509_V_FLAG_USE_DELTAS | X509_V_FLAG_PARTIAL_CHAIN |
                                           X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_depth(param, REVOCATION_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, r->settings.allow_weak ? 0 : 2);
    X509_VERIFY_PARAM_set_time(param, chain->at);
}

/* libcrypto's check alone, in a context whose callbacks are ours. */
static int
one_pass(struct revocation_run *run, X509_STORE *store, STACK_OF(X509) *untrusted)
{
    struct chain *chain = run->chain;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *certs = X509_chain_up_ref(chain->certs);
    int rc = E_NOMEM;

    if (ctx != NULL && certs != NULL &&
        X509_STORE_CTX_init(ctx, store, chain_cert(chain, 0), untrusted) == 1) {
        X509_STORE_CTX_set0_verified_chain(ctx, certs);
        certs = NULL;
        set_parameters(ctx, run->r, chain);
        X509_STORE_CTX_set_verify_cb(ctx, on_finding);
        run->ctx = ctx;
        rc = X509_STORE_CTX_get_check_revocation(ctx)(ctx) >= 0 ? run->rc : E_CRYPTO;
    }
    sk_X509_pop_free(certs, X509_free);
    X509_STORE_CTX_free(ctx);
    return rc;
}

static void
settle(struct revocation_run *run)
{
    struct chain *chain = run->chain;
    char by[128], when[TEXT_TIME_LEN];

    for (size_t i = 0; i + 1 < chain->count; i++) {
        struct state *s = &run->states[i];
        struct revocation_finding *f = &chain->findings[i];
        if (f->state != REVOCATION_UNKNOWN || s->failed || s->used == NULL)
            continue;
        describe(s->used, by, sizeof by);
        text_time(s->used->this_update, when);
        f->state = REVOCATION_GOOD;
        snprintf(f->text, sizeof f->text, "not revoked, says %s of %s", by, when);
    }
}

/* What was settled before, by OCSP, is not overruled. */
static int
run_all(struct revocation_run *run, X509_STORE *store, STACK_OF(X509) *untrusted)
{
    struct revocation_finding kept[REVOCATION_CHAIN_MAX];
    struct chain *chain = run->chain;
    int rc = 0;

    memcpy(kept, chain->findings, chain->count * sizeof *kept);
    for (size_t i = 0; i < run->r->crl_count; i++)
        run->r->crls[i]->rejected = 0;
    run->again = true;
    for (unsigned pass = 0; rc == 0 && run->again && pass < PASSES_MAX; pass++) {
        run->again = false;
        run->last = NULL;
        memset(run->states, 0, sizeof run->states);
        for (size_t i = 0; i < chain->count; i++)
            if (chain->findings[i].state == REVOCATION_REVOKED)
                chain->findings[i] = kept[i];
        rc = one_pass(run, store, untrusted);
    }
    if (rc == 0 && !run->again)
        settle(run);
    for (size_t i = 0; i < chain->count; i++)
        if (kept[i].state != REVOCATION_UNKNOWN)
            chain->findings[i] = kept[i];
    return rc;
}

static int
keep_news(struct revocation *r, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && r->settings.store != NULL && i < r->crl_count; i++) {
        struct crl *c = r->crls[i];
        if (c->news && (c->fetched || c->index == NULL))
            rc = crl_keep(c, r->settings.store, err);
        c->news = rc == 0 ? false : c->news;
    }
    /* A store that cannot be written to is no judgement. */
    return rc == E_NOMEM ? rc : 0;
}

/* The message's certificates, and the chain's: a CRL's issuer may be any of them. */
static STACK_OF(X509) *
candidates(const struct chain *chain)
{
    STACK_OF(X509) *more = X509_STORE_CTX_get0_untrusted(chain->ctx);
    STACK_OF(X509) *all = sk_X509_dup(chain->certs);

    for (int i = 0; all != NULL && i < sk_X509_num(more); i++)
        if (sk_X509_push(all, sk_X509_value(more, i)) <= 0) {
            sk_X509_free(all);
            all = NULL;
        }
    return all;
}

int
revocation_crls(struct revocation *r, struct chain *chain, struct err *err)
{
    STACK_OF(X509) *untrusted = candidates(chain);
    struct revocation_run run = {.r = r, .chain = chain, .err = err, .untrusted = untrusted};
    X509_STORE *store = X509_STORE_new();
    int rc = E_NOMEM;

    pthread_once(&once, make_index);
    /* What libcrypto reads of extensions it keeps from the first time it is asked. */
    for (size_t i = 0; i < chain->count; i++)
        (void)X509_check_purpose(chain_cert(chain, i), -1, 0);
    if (store != NULL && untrusted != NULL &&
        X509_STORE_add_cert(store, chain_cert(chain, chain->count - 1)) == 1 &&
        X509_STORE_set_ex_data(store, store_index, &run) == 1) {
        X509_STORE_set_lookup_crls(store, on_crls);
        r->run = &run;
        rc = run_all(&run, store, untrusted);
        r->run = NULL;
        for (size_t i = 0; i < r->crl_count; i++)
            r->crls[i]->issuers = NULL;
    }
    X509_STORE_free(store);
    sk_X509_free(untrusted);
    ERR_clear_error();
    if (rc == 0)
        rc = keep_news(r, err);
    return rc == 0 ? 0 : err_set(err, rc, "CRLs cannot be judged: %s", err_default_text(rc));
}
