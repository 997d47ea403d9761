/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "trust/revocation_int.h"

/* Clocks differ by as much, in seconds. */
#define SKEW 300

static time_t
seconds(const ASN1_TIME *t)
{
    struct tm tm;

    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static const char *
name_of(const struct ocsp_answer *a)
{
    return a->source[0] != '\0' ? a->source : "the OCSP answer";
}

/* What one answer says of one certificate. */
struct said {
    int status, reason;
    time_t revoked, from, until;   /* until 0: it does not say */
};

static struct said
read_single(OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *until = NULL;
    struct said s = {.reason = -1};

    s.status = OCSP_single_get0_status(single, &s.reason, &revoked, &from, &until);
    s.revoked = seconds(revoked);
    s.from = seconds(from);
    s.until = seconds(until);
    return s;
}

/* When a later answer still says what was before: while the certificate had not ended, or as far
 * back as the responder goes (RFC 6960 4.4.4). */
static bool
later_counts(const struct chain *chain, const X509 *cert, OCSP_SINGLERESP *single,
             const struct said *s)
{
    time_t end = seconds(X509_get0_notAfter(cert)), now = time(NULL);
    ASN1_GENERALIZEDTIME *cutoff =
        OCSP_SINGLERESP_get1_ext_d2i(single, NID_id_pkix_OCSP_archiveCutoff, NULL, NULL);
    bool kept = cutoff != NULL && seconds(cutoff) != 0 && seconds(cutoff) <= end;

    ASN1_GENERALIZEDTIME_free(cutoff);
    return chain->past && s->from <= now + SKEW &&
           (s->status == V_OCSP_CERTSTATUS_REVOKED || s->from <= end || kept);
}

static bool
is_timely(const struct chain *chain, const struct ocsp_answer *a, const X509 *cert,
          OCSP_SINGLERESP *single, const struct said *s, struct revocation_finding *f)
{
    char when[TEXT_TIME_LEN];

    if (s->from == 0 || (s->from > chain->at + SKEW && !later_counts(chain, cert, single, s))) {
        text_time(s->from, when);
        return finding_unknown(f, "%s: the answer is of %s, too late to say it", name_of(a),
                               when), false;
    }
    if (s->from > chain->at + SKEW || (s->until == 0 && a->live))
        return true;
    /* Without an end it is true at its time alone (4.2.2.1). */
    if (s->until == 0 ? s->from + SKEW < chain->at : s->until + SKEW <= chain->at) {
        text_time(s->until != 0 ? s->until : s->from, when);
        return finding_unknown(f, "%s: the answer was good until %s", name_of(a), when), false;
    }
    if (s->until == 0 && a->fetched && !a->live)
        return finding_unknown(f, "%s: the answer has neither our nonce nor an end, so it may be "
                               "an old one", name_of(a)), false;
    return true;
}

/* A responder's own certificate: not asked about where its issuer says so, or says nothing of
 * where to ask (4.2.2.2.1). */
static bool
responder_holds(struct revocation *r, const struct chain *chain, const struct ocsp_answer *a,
                X509 *responder, size_t issuer, struct revocation_finding *f)
{
    struct revocation_finding own;

    if (responder == NULL || X509_get_ext_by_NID(responder, NID_id_pkix_OCSP_noCheck, -1) >= 0 ||
        X509_get_ext_by_NID(responder, NID_crl_distribution_points, -1) < 0)
        return true;
    if (revocation_of(r, chain, responder, issuer, &own, NULL) != 0)
        return false;
    if (own.state == REVOCATION_REVOKED)
        return finding_unknown(f, "%s: the responder's certificate was revoked", name_of(a)),
               false;
    if (own.state != REVOCATION_GOOD && r->settings.mode == REVOCATION_HARD)
        return finding_unknown(f, "%s: whether the responder was revoked is not known",
                               name_of(a)), false;
    return true;
}

static void
keep(struct revocation *r, const struct ocsp_answer *a, const X509 *cert, const X509 *issuer,
     const struct said *s)
{
    uint8_t certid[OCSP_CERTID_BYTES];

    if (r->settings.store == NULL || !a->fetched || s->until == 0 ||
        ocsp_certid(cert, issuer, certid) != 0)
        return;
    /* A store that cannot be written to is no judgement. */
    if (store_ocsp_put(r->settings.store, certid, (struct span){a->der, a->len}, s->from,
                       s->until, a->source, NULL) != 0)
        return;
}

static void
take_status(const struct chain *chain, const struct ocsp_answer *a, const struct said *s,
            struct revocation_finding *f)
{
    char when[TEXT_TIME_LEN];
    struct revocation_finding found = *f;

    if (s->status == V_OCSP_CERTSTATUS_REVOKED &&
        finding_revoked(&found, chain, s->revoked, s->reason, name_of(a))) {
        *f = found;
        return;
    }
    text_time(s->from, when);
    f->state = REVOCATION_GOOD;
    snprintf(f->text, sizeof f->text, "not revoked, says %.120s, %s%s", name_of(a), when,
             a->fetched && !a->live ? " (an answer for everybody, without our nonce)" : "");
}

static void
judge_one(struct revocation *r, const struct chain *chain, const struct ocsp_answer *a, size_t i)
{
    X509 *cert = chain_cert(chain, i), *issuer = chain_cert(chain, i + 1), *responder = NULL;
    struct revocation_finding *f = &chain->findings[i];
    OCSP_SINGLERESP *single = ocsp_find(a, cert, issuer);
    struct err err = {0};
    struct said s;

    if (single == NULL)
        return;
    s = read_single(single);
    if (ocsp_signer(a, issuer, s.from > chain->at ? s.from : chain->at,
                    r->settings.allow_weak, &responder, &err) != 0) {
        finding_unknown(f, "%s: the answer does not count: %s", name_of(a), err_text(&err));
        return;
    }
    if (!is_timely(chain, a, cert, single, &s, f) ||
        !responder_holds(r, chain, a, responder, i + 1, f))
        return;
    if (s.status != V_OCSP_CERTSTATUS_GOOD && s.status != V_OCSP_CERTSTATUS_REVOKED) {
        finding_unknown(f, "%s: the responder does not know the certificate", name_of(a));
        return;
    }
    take_status(chain, a, &s, f);
    keep(r, a, cert, issuer, &s);
}

static int
judge_stored(struct revocation *r, const struct chain *chain, size_t i, struct err *err)
{
    autofree_buf struct buf *der = buf_new();
    uint8_t certid[OCSP_CERTID_BYTES];
    struct ocsp_answer *a = NULL;
    int rc = der == NULL ? E_NOMEM : 0;

    if (rc == 0)
        rc = ocsp_certid(chain_cert(chain, i), chain_cert(chain, i + 1), certid);
    if (rc == 0)
        rc = store_ocsp_get(r->settings.store, certid, der, err);
    if (rc != 0 || buf_len(der) == 0)
        return rc == E_NOMEM ? err_set(err, rc, "out of memory for an OCSP answer") : rc;
    if (ocsp_read(&a, buf_data(der), buf_len(der), "", NULL) == 0)
        judge_one(r, chain, a, i);
    /* One that is old is no reason to give when a newer one cannot be had. */
    if (chain->findings[i].state == REVOCATION_UNKNOWN)
        chain->findings[i].text[0] = '\0';
    ocsp_free(&a);
    return 0;
}

int
revocation_ocsp(struct revocation *r, struct chain *chain, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i + 1 < chain->count; i++) {
        for (size_t k = 0; k < r->answer_count; k++)
            if (chain->findings[i].state == REVOCATION_UNKNOWN)
                judge_one(r, chain, r->answers[k], i);
        if (chain->findings[i].state == REVOCATION_UNKNOWN && r->settings.store != NULL)
            rc = judge_stored(r, chain, i, err);
    }
    ERR_clear_error();
    return rc;
}

int
revocation_of(struct revocation *r, const struct chain *chain, X509 *cert, size_t issuer,
              struct revocation_finding *ret, struct err *err)
{
    struct revocation_finding findings[REVOCATION_CHAIN_MAX + 1] = {0};
    struct chain own = {.ctx = chain->ctx, .certs = sk_X509_new_null(), .findings = findings,
                        .at = chain->at, .past = chain->past};
    int rc = own.certs != NULL && sk_X509_push(own.certs, cert) > 0 ? 0 : E_NOMEM;

    for (size_t i = issuer; rc == 0 && i < chain->count; i++)
        rc = sk_X509_push(own.certs, chain_cert(chain, i)) > 0 ? 0 : E_NOMEM;
    if (rc == 0) {
        own.count = (size_t)sk_X509_num(own.certs);
        for (size_t i = 0; i < own.count; i++)
            findings[i].state = i == 0 ? REVOCATION_UNKNOWN : REVOCATION_NOT_ASKED;
        rc = revocation_crls(r, &own, err);
    }
    if (rc == 0)
        *ret = findings[0];
    sk_X509_free(own.certs);
    return rc;
}
