/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/revocation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "trust/revocation_int.h"

/* 2020-01-01: a clock before that was never set. */
#define CLOCK_MIN 1577836800
/* RFC 5280 5.3.1: whatever was signed with such a key may be another's. */
#define REASON_KEY 1
#define REASON_CA 2
#define REASON_AA 10

X509 *
chain_cert(const struct chain *c, size_t i)
{
    return sk_X509_value(c->certs, (int)i);
}

const char *
finding_reason(int reason)
{
    return reason < 0 ? NULL : OCSP_crl_reason_str(reason);
}

void
finding_unknown(struct revocation_finding *f, const char *fmt, ...)
{
    va_list args;

    if (f->state != REVOCATION_UNKNOWN || f->text[0] != '\0')
        return;
    snprintf(f->text, sizeof f->text, "not known whether it was revoked: ");
    size_t len = strlen(f->text);
    va_start(args, fmt);
    vsnprintf(f->text + len, sizeof f->text - len, fmt, args);
    va_end(args);
}

bool
finding_revoked(struct revocation_finding *f, const struct chain *chain, time_t when, int reason,
                const char *by)
{
    bool of_key = reason == REASON_KEY || reason == REASON_CA || reason == REASON_AA;
    const char *why = finding_reason(reason);
    char date[TEXT_TIME_LEN];

    if (when > chain->at && chain->past && !of_key)
        return false;
    text_time(when, date);
    f->state = REVOCATION_REVOKED;
    f->revoked_at = when;
    f->reason = reason;
    snprintf(f->text, sizeof f->text, "revoked on %s%s%s%s, says %s", date, why != NULL ? " (" : "",
             why != NULL ? why : "", why != NULL ? ")" : "", by);
    return true;
}

int
revocation_new(struct revocation **ret, const struct revocation_settings *settings,
               struct err *err)
{
    struct revocation *r = calloc(1, sizeof *r);

    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory for revocation");
    r->settings = *settings;
    *ret = r;
    return 0;
}

void
revocation_free(struct revocation **r)
{
    if (r == NULL || *r == NULL)
        return;
    for (size_t i = 0; i < (*r)->crl_count; i++)
        crl_free(&(*r)->crls[i]);
    free((*r)->crls);
    for (size_t i = 0; i < (*r)->answer_count; i++)
        ocsp_free(&(*r)->answers[i]);
    free((*r)->answers);
    revocation_fetched_free(*r);
    free(*r);
    *r = NULL;
}

enum revocation_mode
revocation_mode(const struct revocation *r)
{
    return r->settings.mode;
}

static bool
has_crl(const struct revocation *r, const struct crl *c)
{
    for (size_t i = 0; i < r->crl_count; i++)
        if (memcmp(r->crls[i]->sha256, c->sha256, sizeof c->sha256) == 0)
            return true;
    return false;
}

int
revocation_take_crl(struct revocation *r, struct crl *c, struct err *err)
{
    struct crl **more;

    if (has_crl(r, c)) {
        crl_free(&c);
        return 0;
    }
    if (r->crl_count == REVOCATION_CRLS_MAX) {
        crl_free(&c);
        return err_set(err, E_LIMIT, "more than %d CRLs are not looked at", REVOCATION_CRLS_MAX);
    }
    more = realloc(r->crls, (r->crl_count + 1) * sizeof *more);
    if (more == NULL) {
        crl_free(&c);
        return err_set(err, E_NOMEM, "out of memory for a CRL");
    }
    c->allow_weak = r->settings.allow_weak;
    c->looked = revocation_looked;
    c->looked_arg = r;
    r->crls = more;
    r->crls[r->crl_count++] = c;
    return 0;
}

int
revocation_add_crl(struct revocation *r, const uint8_t *der, size_t len, struct err *err)
{
    struct crl *c;
    int rc = crl_read(&c, der, len, true, "", err);

    return rc != 0 ? rc : revocation_take_crl(r, c, err);
}

int
revocation_add_ocsp(struct revocation *r, const uint8_t *der, size_t len, struct err *err)
{
    struct ocsp_answer *a;
    int rc = ocsp_read(&a, der, len, "", err);

    return rc != 0 ? rc : revocation_take_ocsp(r, a, err);
}

bool
revocation_asked(struct revocation *r, const void *what, size_t len)
{
    uint8_t key[STORE_HASH];

    if (r->asked_count == REVOCATION_ASKED_MAX ||
        EVP_Digest(what, len, key, NULL, EVP_sha256(), NULL) != 1)
        return true;
    for (size_t i = 0; i < r->asked_count; i++)
        if (memcmp(r->asked[i], key, sizeof key) == 0)
            return true;
    memcpy(r->asked[r->asked_count++], key, sizeof key);
    return false;
}

struct loading {
    struct revocation *r;
    struct err *err;
};

static int
take_row(void *arg, const struct store_crl *row)
{
    struct loading *l = arg;
    struct crl *c;
    int rc = crl_of_row(&c, l->r->settings.store, row, l->err);

    if (rc == 0)
        rc = revocation_take_crl(l->r, c, l->err);
    return rc == E_NOMEM ? rc : 0;
}

int
revocation_load(struct revocation *r, const X509_NAME *name, struct err *err)
{
    struct loading l = {r, err};
    uint32_t hash;

    if (r->settings.store == NULL || crl_name_hash(name, &hash) != 0)
        return 0;
    for (size_t i = 0; i < r->issuer_count; i++)
        if (r->issuers[i] == hash)
            return 0;
    if (r->issuer_count == REVOCATION_ISSUERS_MAX)
        return 0;
    r->issuers[r->issuer_count++] = hash;
    return store_crl_find(r->settings.store, hash, take_row, &l, err);
}

/* An anchor is trusted without; and some say that nobody need ask (RFC 6960 4.2.2.2.1). */
static void
start(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct revocation_finding *f = &chain->findings[i];
        *f = (struct revocation_finding){.state = REVOCATION_UNKNOWN, .reason = -1};
        if (i + 1 == chain->count)
            f->state = REVOCATION_NOT_ASKED;
        else if (X509_get_ext_by_NID(chain_cert(chain, i), NID_id_pkix_OCSP_noCheck, -1) >= 0)
            f->state = REVOCATION_NOT_ASKED;
    }
}

static bool
is_open(const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->findings[i].state == REVOCATION_UNKNOWN)
            return true;
    return false;
}

static void
finish(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        finding_unknown(&chain->findings[i], "no CRL of its issuer is at hand");
}

static int
ask(struct revocation *r, struct chain *chain, struct err *err)
{
    int rc = revocation_ocsp(r, chain, err);

    if (rc == 0 && is_open(chain))
        rc = revocation_crls(r, chain, err);
    if (rc == 0 && is_open(chain) && r->settings.fetcher != NULL)
        rc = revocation_fetch(r, chain, err);
    if (rc == 0)
        finish(chain);
    return rc;
}

int
revocation_judge(struct revocation *r, X509_STORE_CTX *ctx, struct revocation_finding *ret,
                 size_t count, struct err *err)
{
    time_t now = time(NULL);
    struct chain chain = {
        .ctx = ctx,
        .certs = X509_STORE_CTX_get0_chain(ctx),
        .count = count,
        .findings = ret,
        .at = r->settings.at != 0 ? r->settings.at : now,
        .past = r->settings.at != 0 && r->settings.at < now,
    };

    if (count == 0 || count > REVOCATION_CHAIN_MAX || chain.certs == NULL ||
        (size_t)sk_X509_num(chain.certs) != count)
        return err_set(err, E_INTERNAL, "revocation: the path has %zu certificates", count);
    start(&chain);
    if (r->settings.mode == REVOCATION_OFF) {
        for (size_t i = 0; i < count; i++)
            ret[i].state = REVOCATION_NOT_ASKED;
        return 0;
    }
    if (r->settings.at == 0 && now < CLOCK_MIN) {
        char date[TEXT_TIME_LEN];
        text_time(now, date);
        for (size_t i = 0; i < count; i++)
            finding_unknown(&ret[i], "the clock says %s; set it", date);
        return 0;
    }
    return ask(r, &chain, err);
}
