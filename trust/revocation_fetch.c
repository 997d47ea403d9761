/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "trust/revocation_int.h"

/* URLs of one certificate that are asked, each for OCSP, CRLs and delta CRLs. */
#define URLS_MAX 3
#define TASKS_MAX FETCH_REQUESTS_MAX

struct task {
    size_t cert;             /* in the chain */
    char *url;
    OCSP_REQUEST *request;   /* NULL: a CRL */
    uint8_t *body;
};

struct round {
    struct revocation *r;
    struct chain *chain;
    struct task tasks[TASKS_MAX];
    struct fetch_request requests[TASKS_MAX];
    size_t count;
    bool asked[REVOCATION_CHAIN_MAX];
};

/* What CRLs that were fetched are in. */
struct fetched {
    struct fetched *next;
    struct fetch_request request;
};

void
revocation_fetched_free(struct revocation *r)
{
    while (r->fetched != NULL) {
        struct fetched *next = r->fetched->next;
        fetch_clear(&r->fetched->request);
        free(r->fetched);
        r->fetched = next;
    }
}

static bool
is_fetchable(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "ldap://", "ldaps://"};

    if (strlen(url) > FETCH_URL_MAX)
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static bool
was_asked(struct revocation *r, const char *url, const uint8_t certid[OCSP_CERTID_BYTES])
{
    uint8_t key[OCSP_CERTID_BYTES + FETCH_URL_MAX] = {0};
    size_t len = strlen(url);

    if (certid != NULL)
        memcpy(key, certid, OCSP_CERTID_BYTES);
    for (size_t i = 0; i < len && i < FETCH_URL_MAX; i++)
        key[OCSP_CERTID_BYTES + i] = (uint8_t)url[i];
    return revocation_asked(r, key, OCSP_CERTID_BYTES + len);
}

static void
add_ocsp(struct round *round, size_t i, const char *url)
{
    struct task *t = &round->tasks[round->count];
    const X509 *cert = chain_cert(round->chain, i), *issuer = chain_cert(round->chain, i + 1);
    uint8_t certid[OCSP_CERTID_BYTES];
    size_t len;

    if (round->count == TASKS_MAX || !is_fetchable(url) || strncasecmp(url, "http", 4) != 0 ||
        ocsp_certid(cert, issuer, certid) != 0)
        return;
    round->asked[i] = true;
    if (was_asked(round->r, url, certid))
        return;
    *t = (struct task){.cert = i, .url = strdup(url)};
    if (t->url == NULL || ocsp_request(cert, issuer, &t->request, &t->body, &len) != 0) {
        free(t->url);
        return;
    }
    round->requests[round->count++] = (struct fetch_request){
        .kind = FETCH_POST, .where = t->url, .media_type = OCSP_MEDIA_TYPE, .body = t->body,
        .body_len = len, .max_bytes = OCSP_BYTES_MAX,
    };
}

static void
add_crl(struct round *round, size_t i, const char *url)
{
    struct task *t = &round->tasks[round->count];

    if (round->count == TASKS_MAX || !is_fetchable(url) || was_asked(round->r, url, NULL))
        return;
    *t = (struct task){.cert = i, .url = strdup(url)};
    if (t->url == NULL)
        return;
    round->requests[round->count++] =
        (struct fetch_request){.kind = FETCH_GET, .where = t->url, .max_bytes = CRL_BYTES_MAX};
}

static void
add_responders(struct round *round, size_t i)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(chain_cert(round->chain, i));

    for (int k = 0; k < sk_OPENSSL_STRING_num(urls) && k < URLS_MAX; k++)
        add_ocsp(round, i, sk_OPENSSL_STRING_value(urls, k));
    X509_email_free(urls);
}

static void
add_points(struct round *round, size_t i, int nid)
{
    CRL_DIST_POINTS *points = X509_get_ext_d2i(chain_cert(round->chain, i), nid, NULL, NULL);
    int left = URLS_MAX;

    for (int p = 0; p < sk_DIST_POINT_num(points); p++) {
        const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, p)->distpoint;
        if (name == NULL || name->type != 0)
            continue;
        for (int k = 0; k < sk_GENERAL_NAME_num(name->name.fullname); k++) {
            const GENERAL_NAME *g = sk_GENERAL_NAME_value(name->name.fullname, k);
            if (g->type != GEN_URI || left-- <= 0)
                continue;
            const ASN1_STRING *uri = g->d.uniformResourceIdentifier;
            const char *text = (const char *)ASN1_STRING_get0_data(uri);
            if (strlen(text) == (size_t)ASN1_STRING_length(uri))
                add_crl(round, i, text);
        }
    }
    CRL_DIST_POINTS_free(points);
}

static bool
is_open(const struct chain *chain, size_t i)
{
    return i + 1 < chain->count && chain->findings[i].state == REVOCATION_UNKNOWN;
}

/* Why there is none, in place of what is at hand and does not count. */
static void
fail(struct round *round, const struct task *t, const struct err *err)
{
    struct revocation_finding *f = &round->chain->findings[t->cert];

    f->text[0] = '\0';
    if (strstr(err_text(err), t->url) != NULL)
        finding_unknown(f, "%s", err_text(err));
    else
        finding_unknown(f, "%s: %s", t->url, err_text(err));
}

static int
keep_answer(struct revocation *r, struct ocsp_answer *a)
{
    struct ocsp_answer **more;

    if (r->answer_count == REVOCATION_ANSWERS_MAX)
        return E_LIMIT;
    more = realloc(r->answers, (r->answer_count + 1) * sizeof *more);
    if (more == NULL)
        return E_NOMEM;
    r->answers = more;
    r->answers[r->answer_count++] = a;
    return 0;
}

int
revocation_take_ocsp(struct revocation *r, struct ocsp_answer *a, struct err *err)
{
    int rc = keep_answer(r, a);

    if (rc == 0)
        return 0;
    ocsp_free(&a);
    return err_set(err, rc, "more than %d OCSP answers are not looked at",
                   REVOCATION_ANSWERS_MAX);
}

static int
take_answer(struct round *round, struct task *t, struct fetch_request *q, struct err *err)
{
    struct chain *chain = round->chain;
    struct ocsp_answer *a = NULL;
    int nonce, rc = q->rc;

    if (rc == 0 && q->count == 1)
        rc = ocsp_read(&a, q->values[0].data, q->values[0].len, t->url, &q->err);
    else if (rc == 0)
        rc = err_set(&q->err, E_MALFORMED, "there is no answer");
    if (rc == 0 && a != NULL) {
        /* 1: ours; -1: it has none (RFC 8954 2.1). */
        nonce = OCSP_check_nonce(t->request, a->basic);
        if (nonce != 1 && nonce != -1)
            rc = err_set(&q->err, E_UNTRUSTED, "the answer is to somebody else's request, or an "
                         "old one (its nonce is not ours)");
        else if (ocsp_find(a, chain_cert(chain, t->cert), chain_cert(chain, t->cert + 1)) == NULL)
            rc = err_set(&q->err, E_UNTRUSTED, "the answer is about other certificates");
        else
            a->live = nonce == 1;
    }
    if (rc != 0 || a == NULL) {
        fail(round, t, &q->err);
        ocsp_free(&a);
        return 0;
    }
    a->fetched = true;
    chain->findings[t->cert].text[0] = '\0';
    return revocation_take_ocsp(round->r, a, err);
}

static int
take_crl(struct round *round, struct task *t, struct fetch_request *q, struct err *err)
{
    struct revocation *r = round->r;
    struct fetched *f;
    int rc = q->rc == 0 && q->count == 0 ? err_set(&q->err, E_MALFORMED, "there is no CRL")
                                         : q->rc;

    if (rc != 0) {
        fail(round, t, &q->err);
        return 0;
    }
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return err_set(err, E_NOMEM, "out of memory for a CRL");
    f->request = *q;
    memset(q, 0, sizeof *q);
    f->next = r->fetched;
    r->fetched = f;
    round->chain->findings[t->cert].text[0] = '\0';
    for (size_t i = 0; rc == 0 && i < f->request.count && i < URLS_MAX; i++) {
        struct crl *c = NULL;
        struct err why = {0};
        if (crl_read(&c, f->request.values[i].data, f->request.values[i].len, false, t->url,
                     &why) != 0) {
            fail(round, t, &why);
            continue;
        }
        c->fetched = true;
        rc = revocation_take_crl(r, c, &why);
        if (rc != 0)
            fail(round, t, &why);
        rc = rc == E_NOMEM ? err_set(err, rc, "out of memory for a CRL") : 0;
    }
    return rc;
}

static int
run_round(struct round *round, struct err *err)
{
    struct err why = {0};
    int rc = 0;

    if (round->count == 0)
        return 0;
    if (fetcher_run(round->r->settings.fetcher, round->requests, round->count, &why) != 0)
        for (size_t i = 0; i < round->count; i++) {
            round->requests[i].rc = why.code;
            round->requests[i].err = why;
        }
    for (size_t i = 0; i < round->count; i++) {
        struct task *t = &round->tasks[i];
        if (rc == 0)
            rc = t->request != NULL ? take_answer(round, t, &round->requests[i], err)
                                    : take_crl(round, t, &round->requests[i], err);
        fetch_clear(&round->requests[i]);
        OCSP_REQUEST_free(t->request);
        OPENSSL_free(t->body);
        free(t->url);
    }
    round->count = 0;
    return rc;
}

static void
add_crls(struct round *round, size_t i)
{
    add_points(round, i, NID_crl_distribution_points);
    add_points(round, i, NID_freshest_crl);
}

/* First responders, and the CRLs of those certificates that name none; then the CRLs of what is
 * still not known. */
int
revocation_fetch(struct revocation *r, struct chain *chain, struct err *err)
{
    struct round *round = calloc(1, sizeof *round);
    int rc;

    if (round == NULL)
        return err_set(err, E_NOMEM, "out of memory for revocation");
    *round = (struct round){.r = r, .chain = chain};
    for (size_t i = 0; i < chain->count; i++)
        if (is_open(chain, i)) {
            add_responders(round, i);
            if (!round->asked[i])
                add_crls(round, i);
        }
    rc = run_round(round, err);
    if (rc == 0)
        rc = revocation_ocsp(r, chain, err);
    if (rc == 0)
        rc = revocation_crls(r, chain, err);
    for (size_t i = 0; rc == 0 && i < chain->count; i++)
        if (is_open(chain, i))
            add_crls(round, i);
    if (rc == 0 && round->count > 0) {
        rc = run_round(round, err);
        if (rc == 0)
            rc = revocation_crls(r, chain, err);
    }
    free(round);
    return rc;
}
