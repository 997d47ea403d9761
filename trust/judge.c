/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/judge.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "trust/certificate.h"
#include "trust/purpose.h"
#include "trust/revocation.h"

/* libcrypto's level of 112 bits: no RSA under 2048, no SHA-1. */
#define STRENGTH_LEVEL 2
/* A clock that says less was never set: 2024-01-01. */
#define CLOCK_LEAST ((time_t)1704067200)

/* What each of libcrypto's findings is called here; all others are path-invalid. */
static const struct {
    int code;
    const char *word;
} words[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "untrusted-root"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "untrusted-root"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "untrusted-root"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "untrusted-root"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "untrusted-root"},
    {X509_V_ERR_CERT_UNTRUSTED, "untrusted-root"},
    {X509_V_ERR_CERT_REJECTED, "untrusted-root"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "not-yet-valid"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "weak-algorithm"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "weak-algorithm"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "weak-algorithm"},
    {X509_V_ERR_INVALID_PURPOSE, "wrong-purpose"},
    {X509_V_ERR_INVALID_POLICY_EXTENSION, "policy-mismatch"},
    {X509_V_ERR_NO_EXPLICIT_POLICY, "policy-mismatch"},
};

/* What libcrypto's callbacks know. */
struct judging {
    struct path *path;
    const struct candidate *candidate;
    const struct path_options *options;
    size_t bad_link;
};

static const char *
word_of(int code)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].code == code)
            return words[i].word;
    return "path-invalid";
}

/* Adds the word unless it is there; "certificate "NAME": SENTENCE". */
static void printf_like(4, 5)
note(struct path *p, const char *word, const X509 *cert, const char *fmt, ...)
{
    if (path_has(p, word) || p->count == PATH_PROBLEMS_MAX)
        return;
    struct path_problem *problem = &p->problems[p->count++];
    char text[140];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    problem->word = word;
    autofree_buf struct buf *name = buf_new();
    if (cert == NULL || name == NULL ||
        certificate_put_name(name, X509_get_subject_name(cert)) != 0)
        snprintf(problem->text, sizeof problem->text, "%s", text);
    else
        snprintf(problem->text, sizeof problem->text, "certificate \"%.90s\": %s",
                 buf_cstr(name), text);
}

static void
asn1_day(const ASN1_TIME *when, char out[TEXT_TIME_LEN])
{
    struct tm tm;

    snprintf(out, TEXT_TIME_LEN, "an unknown day");
    if (ASN1_TIME_to_tm(when, &tm) == 1)
        strftime(out, TEXT_TIME_LEN, "%Y-%m-%d", &tm);
}

static void
note_time(struct judging *j, int code, const X509 *cert)
{
    time_t at = j->options->at != 0 ? j->options->at : time(NULL);
    char day[TEXT_TIME_LEN], now[TEXT_TIME_LEN];
    bool over = code == X509_V_ERR_CERT_HAS_EXPIRED;
    bool unset = j->options->at == 0 && at < CLOCK_LEAST;

    asn1_day(over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), day);
    text_time(at, now);
    note(j->path, word_of(code), cert, "%s %s; it was judged as of %.10s%s",
         over ? "valid until" : "not valid before", day, now,
         unset ? ", which this machine's clock says: set it" : "");
}

static void
note_finding(struct judging *j, int code, const X509 *cert)
{
    if (cert != NULL && (code == X509_V_ERR_CERT_HAS_EXPIRED ||
                         code == X509_V_ERR_CERT_NOT_YET_VALID))
        note_time(j, code, cert);
    else
        note(j->path, word_of(code), cert, "%s", X509_verify_cert_error_string(code));
}

/* Notes a fault and lets libcrypto go on, so that all of them are seen. */
static int
on_finding(int ok, X509_STORE_CTX *ctx)
{
    struct judging *j = X509_STORE_CTX_get_app_data(ctx);
    int code = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);

    if (ok || j == NULL)
        return ok;
    if (code == X509_V_ERR_CERT_SIGNATURE_FAILURE && depth >= 0 && (size_t)depth < j->bad_link)
        j->bad_link = (size_t)depth;
    note_finding(j, code, X509_STORE_CTX_get_current_cert(ctx));
    return 1;
}

/* In the path the issuer is the next one, whatever key identifiers hint; a path to a
 * CRL's issuer, which has no app data, is libcrypto's to find. */
static int
is_issuer(X509_STORE_CTX *ctx, X509 *cert, X509 *issuer)
{
    const struct judging *j = X509_STORE_CTX_get_app_data(ctx);

    if (j == NULL)
        return X509_check_issued(issuer, cert) == X509_V_OK;
    for (size_t i = 0; i < j->candidate->count; i++)
        if (X509_cmp(j->candidate->certs[i], cert) == 0)
            return i + 1 < j->candidate->count
                       ? X509_cmp(j->candidate->certs[i + 1], issuer) == 0
                       : X509_cmp(cert, issuer) == 0 &&
                             X509_check_issued(cert, cert) == X509_V_OK;
    return 0;
}

/* libcrypto's empty set is none, not any. */
static const char *const any_policy[] = {"2.5.29.32.0", NULL};

static int
set_policies(X509_VERIFY_PARAM *param, const struct path_options *o, struct err *err)
{
    const char *const *policies = o->policies != NULL ? o->policies : any_policy;
    unsigned long flags = X509_V_FLAG_POLICY_CHECK;

    flags |= o->require_policy ? X509_V_FLAG_EXPLICIT_POLICY : 0;
    flags |= o->no_policy_mapping ? X509_V_FLAG_INHIBIT_MAP : 0;
    flags |= o->no_any_policy ? X509_V_FLAG_INHIBIT_ANY : 0;
    X509_VERIFY_PARAM_set_flags(param, flags);
    for (size_t i = 0; policies[i] != NULL; i++) {
        ASN1_OBJECT *policy = OBJ_txt2obj(policies[i], 1);

        if (policy == NULL || X509_VERIFY_PARAM_add0_policy(param, policy) != 1) {
            ASN1_OBJECT_free(policy);
            ERR_clear_error();
            return err_set(err, E_USAGE, "policy \"%s\": not an object identifier such as "
                           "1.3.6.1.4.1.99999.1", policies[i]);
        }
    }
    return 0;
}

static int
set_parameters(X509_STORE_CTX *ctx, const struct path_options *options, struct err *err)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_depth(param, BUILDER_LENGTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, options->allow_weak ? 0 : STRENGTH_LEVEL);
    if (options->at != 0)
        X509_VERIFY_PARAM_set_time(param, options->at);
    if (options->purpose != PATH_ANY_PURPOSE)
        X509_VERIFY_PARAM_set_trust(param, X509_TRUST_EMAIL);
    return set_policies(param, options, err);
}

static void
note_purposes(struct path *p, const struct candidate *c, enum path_purpose purpose)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *missing = i == 0 ? purpose_missing(c->certs[i], purpose)
                                     : purpose_missing_ca(c->certs[i], purpose);

        if (missing != NULL)
            note(p, "wrong-purpose", c->certs[i], "%s", missing);
    }
}

static int
note_mark(struct path *p, struct store *store, const X509 *cert, struct err *err)
{
    unsigned char *spki = NULL, md[EVP_MAX_MD_SIZE];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    unsigned md_len = 0;
    bool ok = len > 0 && EVP_Digest(spki, (size_t)len, md, &md_len, EVP_sha256(), NULL) == 1;
    time_t when = 0;
    char day[TEXT_TIME_LEN];

    OPENSSL_free(spki);
    if (!ok)
        return err_set_ossl(err, E_CRYPTO, "a certificate's key cannot be read");
    int rc = store_distrusted(store, md, &when, err);
    if (rc == 0 && when != 0) {
        text_time(when, day);
        note(p, "distrusted", cert, "you marked it, or its key, as distrusted on %.10s", day);
    }
    return rc;
}

static int
note_distrust(const struct judge *judge, struct path *p, const struct candidate *c,
              struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->count; i++) {
        if (anchors_distrust(judge->anchors, c->certs[i]))
            note(p, "distrusted", c->certs[i], "this system distrusts it or its key");
        if (judge->options->store != NULL)
            rc = note_mark(p, judge->options->store, c->certs[i], err);
    }
    return rc;
}

static void
note_revocation(struct path *p, const struct candidate *c, enum revocation_mode mode,
                const struct revocation_finding *findings)
{
    for (size_t i = 0; i < c->count; i++) {
        if (findings[i].state == REVOCATION_REVOKED)
            note(p, "revoked", c->certs[i], "%s", findings[i].text);
        else if (findings[i].state == REVOCATION_UNKNOWN)
            note(p, mode == REVOCATION_HARD ? "revocation-unknown" : "revocation-unchecked",
                 c->certs[i], "%s", findings[i].text);
    }
    if (findings[0].state == REVOCATION_GOOD)
        snprintf(p->revocation, sizeof p->revocation, "%s", findings[0].text);
}

/* The issuer of a CRL may be any certificate of the message. */
static int
ask_revocation(const struct judge *judge, struct path *p, const struct candidate *c,
               X509_STORE_CTX *ctx, struct err *err)
{
    struct revocation *revocation = judge->options->revocation;
    struct revocation_finding findings[BUILDER_LENGTH_MAX] = {0};
    STACK_OF(X509) *before = X509_STORE_CTX_get0_untrusted(ctx);
    STACK_OF(X509) *all = sk_X509_new_null();
    int rc = all == NULL ? E_NOMEM : 0;

    for (size_t i = 0; rc == 0 && i < c->count; i++)
        rc = sk_X509_push(all, c->certs[i]) > 0 ? 0 : E_NOMEM;
    for (int i = 0; rc == 0 && i < sk_X509_num(judge->message); i++)
        rc = sk_X509_push(all, sk_X509_value(judge->message, i)) > 0 ? 0 : E_NOMEM;
    if (rc != 0) {
        rc = err_set(err, E_NOMEM, "out of memory for revocation");
    } else {
        X509_STORE_CTX_set0_untrusted(ctx, all);
        rc = revocation_judge(revocation, ctx, findings, c->count, err);
        X509_STORE_CTX_set0_untrusted(ctx, before);
    }
    if (rc == 0)
        note_revocation(p, c, revocation_mode(revocation), findings);
    sk_X509_free(all);
    return rc;
}

static bool
wants_revocation(const struct judge *judge, const struct path *p, const struct candidate *c,
                 X509_STORE_CTX *ctx)
{
    struct revocation *revocation = judge->options->revocation;

    return revocation != NULL && revocation_mode(revocation) != REVOCATION_OFF &&
           c->anchor != NULL && path_faults(p) == 0 &&
           (size_t)sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) == c->count;
}

/* What libcrypto needs of a candidate: its anchor and its intermediates. */
struct setting {
    X509_STORE *store;
    STACK_OF(X509) *between;
    X509_STORE_CTX *ctx;
};

static int
prepare(struct setting *s, const struct candidate *c, struct err *err)
{
    size_t last = c->anchor != NULL ? c->count - 1 : c->count;

    *s = (struct setting){X509_STORE_new(), sk_X509_new_null(), X509_STORE_CTX_new()};
    bool ok = s->store != NULL && s->between != NULL && s->ctx != NULL;
    for (size_t i = 1; ok && i < last; i++)
        ok = sk_X509_push(s->between, c->certs[i]) > 0;
    if (ok && c->anchor != NULL)
        ok = X509_STORE_add_cert(s->store, c->certs[last]) == 1;
    if (ok)
        X509_STORE_set_check_issued(s->store, is_issuer);
    ok = ok && X509_STORE_CTX_init(s->ctx, s->store, c->certs[0], s->between) == 1;
    return ok ? 0 : err_set_ossl(err, E_CRYPTO, "certification path: cannot be checked");
}

static void
dispose(struct setting *s)
{
    X509_STORE_CTX_free(s->ctx);
    sk_X509_free(s->between);
    X509_STORE_free(s->store);
}

static int
run(const struct judge *judge, struct judging *j, X509_STORE_CTX *ctx, struct err *err)
{
    struct path *p = j->path;
    const struct candidate *c = j->candidate;
    int rc = set_parameters(ctx, judge->options, err);

    if (rc != 0)
        return rc;
    X509_STORE_CTX_set_app_data(ctx, j);
    X509_STORE_CTX_set_verify_cb(ctx, on_finding);
    int ok = X509_verify_cert(ctx);
    /* Without a callback's word, libcrypto gave up before judging. */
    if (ok <= 0 && p->count == 0)
        note_finding(j, X509_STORE_CTX_get_error(ctx), c->certs[0]);
    note_purposes(p, c, judge->options->purpose);
    rc = note_distrust(judge, p, c, err);
    if (rc == 0 && wants_revocation(judge, p, c, ctx))
        rc = ask_revocation(judge, p, c, ctx, err);
    p->chain = X509_STORE_CTX_get1_chain(ctx);
    return rc;
}

int
judge_candidate(const struct judge *judge, const struct candidate *c, struct path *ret,
                size_t *ret_bad, struct err *err)
{
    struct path path = {.baseline = purpose_baseline(c->certs[0])};
    struct judging j = {&path, c, judge->options, JUDGE_LINKS_HOLD};
    struct setting s;
    int rc = prepare(&s, c, err);

    if (rc == 0)
        rc = run(judge, &j, s.ctx, err);
    dispose(&s);
    ERR_clear_error();
    if (rc != 0) {
        path_clear(&path);
        return rc;
    }
    if (c->anchor != NULL)
        snprintf(path.anchor, sizeof path.anchor, "%s", c->anchor);
    *ret = path;
    *ret_bad = j.bad_link;
    return 0;
}
