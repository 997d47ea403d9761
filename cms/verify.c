/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/signed.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cms/algid.h"
#include "cms/digests_int.h"
#include "cms/verify_int.h"

/* Most certificates tried for one signer: they should be one; a message could
 * bring a thousand with the same name to burn time. And most for all signers of a
 * message together, beyond the first of each. */
#define CANDIDATES_MAX 32
#define EXTRA_TRIES_MAX 128

static const char *const words[] = {
#define X(state, word) word,
    CMS_STATES(X)
#undef X
};

/* The work on one signer. */
struct check {
    const struct signed_subject *subject;
    const struct signer *signer;
    struct cms_signature *result;
    struct algid_sig sig;
    uint8_t content[CMS_DIGEST_SIZE_MAX];   /* digest of the content */
    size_t content_len;                     /* 0: there is none */
    struct buf *attrs;                      /* DER to hash, when has_attributes */
    bool key_is_weak;                       /* of the certificate that was tried last */
    int tries;
    bool untried;                           /* certificates of the name were left over */
};

const char *
cms_state_word(enum cms_state state)
{
    return words[state];
}

static void
add_problem(struct cms_signature *s, const char *word)
{
    for (size_t i = 0; i < CMS_PROBLEMS_MAX; i++) {
        if (s->problems[i] != NULL && strcmp(s->problems[i], word) == 0)
            return;
        if (s->problems[i] == NULL) {
            s->problems[i] = word;
            return;
        }
    }
}

/* The first failure is the state; later ones add their words. */
static void fail(struct check *c, enum cms_state state, const char *word, const char *fmt, ...)
    printf_like(4, 5);

static void
fail(struct check *c, enum cms_state state, const char *word, const char *fmt, ...)
{
    va_list ap;

    if (c->result->state == CMS_INTACT) {
        c->result->state = state;
        va_start(ap, fmt);
        vsnprintf(c->result->reason, sizeof c->result->reason, fmt, ap);
        va_end(ap);
    }
    add_problem(c->result, words[state]);
    if (word != NULL)
        add_problem(c->result, word);
}

static void
weak(struct check *c)
{
    c->result->weak = true;
    add_problem(c->result, "weak-algorithm");
}

/* What can be said without any check. */
static void
describe(struct check *c)
{
    const SN_SIGNER_INFO *info = c->signer->info;
    struct cms_signature *s = c->result;

    s->attributes = c->signer->attributes;
    s->attribute_count = c->signer->attribute_count;
    s->value = ASN1_STRING_get0_data(info->signature);
    s->value_len = (size_t)ASN1_STRING_length(info->signature);
    s->has_attributes = info->signed_attrs != NULL;
    if (info->sid->type == SN_SID_SKI) {
        s->ski = info->sid->d.ski;
    } else {
        s->issuer = info->sid->d.issuer_serial->issuer;
        s->serial = info->sid->d.issuer_serial->serial;
    }
    s->digest = algid_read_digest(info->digest_alg);
    s->has_signing_time = attr_get_time(info->signed_attrs, &s->signing_time) == 1;
}

static void
check_algorithms(struct check *c)
{
    struct cms_signature *s = c->result;
    struct err err = { 0 };
    int rc;

    if (s->digest == NULL)
        fail(c, CMS_UNSUPPORTED, NULL, "digest algorithm is not known");
    rc = algid_read_sig(c->signer->info->sig_alg, s->digest, &c->sig, &err);
    if (rc != 0) {
        fail(c, rc == E_MALFORMED ? CMS_MALFORMED : CMS_UNSUPPORTED, NULL, "%s",
             err_text(&err));
        return;
    }
    s->scheme = alg_sig_find(c->sig.key, c->sig.padding, c->sig.digest);
    algid_name(&c->sig, s->algorithm, sizeof s->algorithm);
    if (s->digest != NULL && c->sig.digest != NULL && s->digest != c->sig.digest)
        add_problem(s, "digest-mismatch");
    if (!s->has_attributes && c->sig.digest != NULL)
        s->digest = c->sig.digest;
    if ((s->digest != NULL && s->digest->weak) ||
        (c->sig.digest != NULL && c->sig.digest->weak))
        weak(c);
}

static void
take_content_digest(struct check *c, const struct alg_digest *digest)
{
    const struct cms_digests *set = c->subject->content;

    c->content_len = 0;
    if (digest == NULL)
        return;
    if (set != NULL && cms_digests_has(set, digest) &&
        cms_digests_get(set, digest, c->content, &c->content_len, NULL) == 0)
        return;
    ERR_clear_error();
    if (c->subject->in_message)
        fail(c, CMS_MALFORMED, NULL, "digest %s is used by the signer but not announced before "
             "the content", digest->name);
}

/* An attribute that must be there (RFC 5652, 11.1 and 11.2). */
static const ASN1_TYPE *
need_attribute(struct check *c, const char *oid, const char *name, int type)
{
    const ASN1_TYPE *value = NULL;

    if (attr_get(c->signer->info->signed_attrs, oid, type, &value) != 1)
        fail(c, CMS_MALFORMED, NULL, "signed attribute %s is missing, twice, or malformed",
             name);
    return value;
}

/* A countersignature must not have it (11.4): with it, it would be a signature over
 * content that somebody passes off as one over a signature. */
static void
refuse_content_type(struct check *c)
{
    const ASN1_TYPE *value = NULL;

    if (attr_get(c->signer->info->signed_attrs, ATTR_CONTENT_TYPE, 0, &value) != 0)
        fail(c, CMS_MALFORMED, NULL, "it has the attribute contentType, which a "
             "countersignature must not have");
}

/* Signed attributes without their SignerInfo: their digest is the content's. */
static bool
looks_like_attributes(const struct check *c)
{
    const uint8_t *head;
    size_t len;

    if (c->subject->content == NULL)
        return false;
    head = digests_head_view(c->subject->content, &len);
    return attr_look_like(head, len);
}

/* What a signer must have, and in the right form; before any cryptography. */
static void
check_attribute_forms(struct check *c, const ASN1_TYPE **ret_type, const ASN1_TYPE **ret_digest)
{
    const SN_SIGNER_INFO *info = c->signer->info;
    time_t when;

    *ret_type = *ret_digest = NULL;
    if (info->signed_attrs == NULL) {
        /* 5.3: attributes must be there for any content that is not id-data */
        if (c->subject->content_type != NULL &&
            OBJ_obj2nid(c->subject->content_type) != NID_pkcs7_data)
            fail(c, CMS_MALFORMED, NULL, "content that is not id-data, without signed "
                 "attributes");
        else if (c->subject->content_type != NULL && looks_like_attributes(c))
            fail(c, CMS_MALFORMED, NULL, "the content is another signature's signed "
                 "attributes: somebody tries to pass it off as a message");
        return;
    }
    if (c->subject->content_type != NULL)
        *ret_type = need_attribute(c, ATTR_CONTENT_TYPE, "contentType", V_ASN1_OBJECT);
    else
        refuse_content_type(c);
    *ret_digest = need_attribute(c, ATTR_MESSAGE_DIGEST, "messageDigest",
                                 V_ASN1_OCTET_STRING);
    if (attr_get_time(info->signed_attrs, &when) < 0)
        fail(c, CMS_MALFORMED, NULL, "signed attribute signingTime is malformed");
    if (attr_put_signed_der(info->signed_attrs, c->attrs) != 0)
        fail(c, CMS_MALFORMED, NULL, "signed attributes are malformed");
}

static void
check_protection(struct check *c)
{
    const SN_SIGNER_INFO *info = c->signer->info;
    int rc = attr_protects(info->signed_attrs, info->digest_alg, info->sig_alg);

    if (rc < 0)
        fail(c, CMS_MALFORMED, NULL, "signed attribute CMSAlgorithmProtection is malformed");
    if (rc == 0)
        fail(c, CMS_BAD_SIGNATURE, "algorithm-protection-mismatch",
             "the algorithms are not those that the signer protected");
}

/* The content against messageDigest, its type against contentType. */
static void
check_content(struct check *c, const ASN1_TYPE *type, const ASN1_TYPE *digest)
{
    const ASN1_OCTET_STRING *expected = digest == NULL ? NULL : digest->value.octet_string;

    if (type != NULL && OBJ_cmp(type->value.object, c->subject->content_type) != 0)
        fail(c, CMS_ALTERED, "content-type-mismatch",
             "the content's type is not the one that was signed");
    if (expected == NULL || c->content_len == 0)
        return;
    if ((size_t)ASN1_STRING_length(expected) != c->content_len ||
        memcmp(ASN1_STRING_get0_data(expected), c->content, c->content_len) != 0)
        fail(c, CMS_ALTERED, NULL, "the content is not the one that was signed");
}

static bool
matches(const struct cms_signature *s, X509 *cert)
{
    const ASN1_OCTET_STRING *ski;

    if (s->ski == NULL)
        return ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), s->serial) == 0 &&
               X509_NAME_cmp(X509_get_issuer_name(cert), s->issuer) == 0;
    ski = X509_get0_subject_key_id(cert);
    return ski != NULL && ASN1_OCTET_STRING_cmp(ski, s->ski) == 0;
}

/* What the signature is over: digest (or message) of attributes, or of content. */
static int
signed_bytes(const struct check *c, uint8_t digest[CMS_DIGEST_SIZE_MAX], const uint8_t **ret,
             size_t *ret_len)
{
    unsigned len = 0;
    EVP_MD *md;
    int ok;

    *ret = digest;
    if (!c->result->has_attributes && c->sig.digest == NULL) {
        *ret = digests_whole_view(c->subject->content, ret_len);
        return *ret == NULL ? E_UNSUPPORTED : 0;
    }
    if (!c->result->has_attributes) {
        *ret = c->content;
        *ret_len = c->content_len;
        return 0;
    }
    if (c->sig.digest == NULL) {
        *ret = buf_data(c->attrs);
        *ret_len = buf_len(c->attrs);
        return 0;
    }
    md = EVP_MD_fetch(NULL, c->sig.digest->ossl, NULL);
    ok = md == NULL ? 0 : EVP_Digest(buf_data(c->attrs), buf_len(c->attrs), digest, &len, md,
                                     NULL);
    EVP_MD_free(md);
    *ret_len = len;
    return ok == 1 ? 0 : E_UNSUPPORTED;
}

/* How well a certificate fits, the more the better. */
enum fit { FIT_NOT_TRIED, FIT_UNSUPPORTED, FIT_BAD, FIT_OTHER_CERT, FIT_GOOD };

static enum fit
try_key(struct check *c, EVP_PKEY *key, X509 *cert, struct err *err)
{
    const ASN1_OCTET_STRING *sig = c->signer->info->signature;
    uint8_t digest[CMS_DIGEST_SIZE_MAX];
    const uint8_t *data;
    size_t len;
    int rc;

    if (signed_bytes(c, digest, &data, &len) != 0) {
        err_set(err, E_UNSUPPORTED, "%s without signed attributes, over more than %u bytes",
                c->result->algorithm, CMS_EDDSA_CONTENT_MAX);
        return FIT_UNSUPPORTED;
    }
    rc = algid_verify(key, &c->sig, data, len, ASN1_STRING_get0_data(sig),
                      (size_t)ASN1_STRING_length(sig), err);
    if (rc <= 0)
        return rc == 0 ? FIT_BAD : FIT_UNSUPPORTED;
    rc = attr_names_cert(c->signer->info->signed_attrs, cert);
    if (rc == 1)
        return FIT_GOOD;
    err_set(err, E_BAD_SIGNATURE, rc == 0
            ? "the signer signed that another certificate is meant"
            : "the signed attribute signingCertificate is malformed or not supported");
    return FIT_OTHER_CERT;
}

static enum fit
try_cert(struct check *c, X509 *cert, struct err *err)
{
    EVP_PKEY *key = algid_cert_key(cert, c->subject->known);
    enum fit fit;

    c->key_is_weak = false;
    if (key == NULL) {
        err_set(err, E_UNSUPPORTED, "the certificate's key is of a kind that is not known");
        return FIT_UNSUPPORTED;
    }
    c->key_is_weak = algid_key_is_weak(key);
    fit = try_key(c, key, cert, err);
    EVP_PKEY_free(key);
    return fit;
}

/* Whether one more may be tried. */
static bool
may_try(struct check *c)
{
    bool may = c->tries < CANDIDATES_MAX && (c->tries == 0 || *c->subject->extra_tries > 0);

    if (may && c->tries++ > 0)
        --*c->subject->extra_tries;
    c->untried |= !may;
    return may;
}

/* Tries those of certs that the signer's name fits; keeps the best. */
static enum fit
try_certs(struct check *c, const STACK_OF(X509) *certs, enum fit best, struct err *err)
{
    struct err why = { 0 };

    for (int i = 0; best != FIT_GOOD && i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        enum fit fit;

        if (!matches(c->result, cert) || !may_try(c))
            continue;
        fit = try_cert(c, cert, &why);
        if (fit <= best)
            continue;
        best = fit;
        if (c->key_is_weak)
            weak(c);
        c->result->cert = cert;
        *err = why;
    }
    return best;
}

/* The certificate, where no signature can be checked to choose among several. */
static void
find_cert(struct check *c)
{
    const STACK_OF(X509) *sets[] = { c->subject->certs, c->subject->known };

    for (size_t s = 0; s < 2; s++)
        for (int i = 0; c->result->cert == NULL && i < sk_X509_num(sets[s]); i++)
            if (matches(c->result, sk_X509_value(sets[s], i)))
                c->result->cert = sk_X509_value(sets[s], i);
}

static void
check_signature(struct check *c)
{
    struct err err = { 0 };
    enum fit fit;

    if (!c->result->has_attributes && c->content_len == 0) {
        find_cert(c);
        return;
    }
    fit = try_certs(c, c->subject->certs, FIT_NOT_TRIED, &err);
    fit = try_certs(c, c->subject->known, fit, &err);
    if (fit == FIT_UNSUPPORTED)
        fail(c, CMS_UNSUPPORTED, NULL, "%s", err_text(&err));
    if (fit == FIT_BAD)
        fail(c, CMS_BAD_SIGNATURE, NULL, "%s%s%s", err_text(&err),
             c->result->has_attributes ? "" : ", or the content was altered",
             c->untried ? "; there are too many certificates of its name to try them all" : "");
    if (fit == FIT_OTHER_CERT)
        fail(c, CMS_BAD_SIGNATURE, "signing-certificate-mismatch", "%s", err_text(&err));
}

static void
check_signer(struct check *c)
{
    const ASN1_TYPE *type, *digest;

    describe(c);
    check_algorithms(c);
    check_attribute_forms(c, &type, &digest);
    take_content_digest(c, c->result->digest);
    if (c->result->state != CMS_INTACT) {
        find_cert(c);
        return;
    }
    check_protection(c);
    check_signature(c);
    check_content(c, type, digest);
    if (c->content_len == 0)
        fail(c, CMS_NO_CONTENT, NULL, "the content is not in the message, and its %s digest "
             "was not given", c->result->digest->name);
    if (c->result->cert == NULL)
        fail(c, CMS_NO_CERTIFICATE, NULL, "the signer's certificate is not in the message and "
             "not among the known ones");
}

int
verify_signer(const struct signed_subject *subject, const struct signer *signer,
              struct cms_signature *ret)
{
    autofree_buf struct buf *attrs = buf_new();
    struct check c = { .subject = subject, .signer = signer, .result = ret, .attrs = attrs };

    if (attrs == NULL)
        return E_NOMEM;
    check_signer(&c);
    return 0;
}

static void
fill_result(const struct cms_reader *r, struct cms_signed *out)
{
    const struct signed_data *sd = r->signed_data;

    *out = (struct cms_signed){
        .signatures = sd->results,
        .count = sd->count,
        .certs = sd->taken.certs,
        .crls = sd->taken.crls,
        .other_certs = sd->taken.other_certs,
        .other_crls = sd->taken.other_crls,
        .detached = !r->has_content,
        .content_type = cms_reader_content_type(r),
        .content_oid = r->content_oid,
        .content_size = r->content_size,
        .is_ber = cms_reader_is_ber(r),
    };
}

static int
verify_all(struct cms_reader *r, const struct cms_verify_options *options,
           const struct cms_signed **ret, struct err *err)
{
    struct signed_data *sd = r->signed_data;
    struct signed_subject subject = {
        .content = r->has_content ? sd->digests : options->content,
        .in_message = r->has_content, .content_type = r->content_type,
        .certs = sd->taken.certs, .known = options->certs,
    };
    size_t left = CMS_MAX_COUNTERSIGNATURES;
    unsigned extra_tries = EXTRA_TRIES_MAX;
    int rc = 0;

    subject.extra_tries = &extra_tries;
    verdicts_free(sd->results, sd->count);
    sd->results = calloc(sd->count + 1, sizeof *sd->results);
    if (sd->results == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    for (size_t i = 0; rc == 0 && i < sd->count; i++) {
        rc = verify_signer(&subject, &sd->signers[i], &sd->results[i]);
        if (rc == 0)
            rc = countersigned_verify(&subject, &sd->signers[i], &sd->results[i], &left, err);
    }
    if (rc != 0)
        return rc == E_NOMEM ? err_set(err, rc, "message: out of memory") : rc;
    fill_result(r, &sd->result);
    *ret = &sd->result;
    return 0;
}

int
cms_verify(struct cms_reader *r, const struct cms_verify_options *options,
           const struct cms_signed **ret, struct err *err)
{
    if (!r->finished)
        return err_set(err, E_USAGE, "message: no SignedData that was read to its end");
    if (r->signed_data == NULL)
        return err_set(err, E_UNSUPPORTED, "message: it is %s first", r->kind->not_signed);
    if (r->has_content && options->content != NULL)
        return err_set(err, E_MALFORMED, "message: it carries content of its own, where a "
                       "signature over separate content was expected");
    return verify_all(r, options, ret, err);
}
