/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/shape.h"
#include "cms/verify_int.h"

/* The verdicts on one signer's countersignatures and what they borrow from. */
struct countersigned {
    struct cms_signature *results;
    struct signer *signers;
    size_t count;
};

/* The parsed ones are behind the verdicts, in the same allocation: the verdicts are
 * an array for the caller, who knows nothing of them. */
static struct signer *
signers_behind(const struct cms_signature *results, size_t count)
{
    return (struct signer *)(uintptr_t)(results + count);
}

void
verdicts_free(struct cms_signature *verdicts, size_t count)
{
    for (size_t i = 0; verdicts != NULL && i < count; i++) {
        const struct cms_signature *v = &verdicts[i];
        struct signer *signers = signers_behind(v->countersignatures,
                                                v->countersignature_count);

        for (size_t j = 0; j < v->countersignature_count; j++) {
            SN_SIGNER_INFO_free(signers[j].info);
            attr_list_free(signers[j].attributes, signers[j].attribute_count);
        }
        free((void *)(uintptr_t)v->countersignatures);
    }
    free(verdicts);
}

static bool
is_countersignature(const X509_ATTRIBUTE *attr)
{
    return OBJ_obj2nid(X509_ATTRIBUTE_get0_object((X509_ATTRIBUTE *)(uintptr_t)attr)) ==
           NID_pkcs9_countersignature;
}

/* The attribute may be there several times, with several values each (11.4). */
static size_t
count_values(const STACK_OF(X509_ATTRIBUTE) *attrs)
{
    size_t count = 0;

    for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++)
        if (is_countersignature(sk_X509_ATTRIBUTE_value(attrs, i)))
            count += (size_t)X509_ATTRIBUTE_count(sk_X509_ATTRIBUTE_value(attrs, i));
    return count;
}

/* E_MALFORMED, E_NOMEM. */
static int
parse(const ASN1_TYPE *value, struct signer *s)
{
    const uint8_t *at, *end;
    int len;

    if (value->type != V_ASN1_SEQUENCE)
        return E_MALFORMED;
    at = ASN1_STRING_get0_data(value->value.sequence);
    len = ASN1_STRING_length(value->value.sequence);
    end = at + len;
    if (shape_check_signer(at, (size_t)len) != 0)
        return E_MALFORMED;
    s->info = d2i_SN_SIGNER_INFO(NULL, &at, len);
    ERR_clear_error();
    if (s->info == NULL || at != end ||
        sk_X509_ATTRIBUTE_num(s->info->signed_attrs) > CMS_MAX_ATTRIBUTES ||
        sk_X509_ATTRIBUTE_num(s->info->unsigned_attrs) > CMS_MAX_ATTRIBUTES)
        return E_MALFORMED;
    return attr_list(s->info->signed_attrs, s->info->unsigned_attrs, &s->attributes,
                     &s->attribute_count);
}

static void
set_malformed(struct cms_signature *ret)
{
    ret->state = CMS_MALFORMED;
    ret->problems[0] = cms_state_word(CMS_MALFORMED);
    snprintf(ret->reason, sizeof ret->reason, "the countersignature is no SignerInfo");
}

/* The content of a countersignature is the octets of a signature. */
static int
digest_signature(const ASN1_OCTET_STRING *sig, const struct alg_digest *digest,
                 struct cms_digests **ret)
{
    struct err ignored;
    int rc = cms_digests_new(ret, &ignored);

    if (rc == 0 && digest != NULL && cms_digests_add(*ret, digest, &ignored) != 0)
        ERR_clear_error();
    if (rc == 0)
        rc = cms_digests_update(*ret, ASN1_STRING_get0_data(sig),
                                (size_t)ASN1_STRING_length(sig), &ignored);
    return rc;
}

/* Without attributes the signature's own algorithm names the digest. */
static const struct alg_digest *
digest_of(const SN_SIGNER_INFO *info)
{
    const struct alg_digest *digest = algid_read_digest(info->digest_alg);
    struct algid_sig sig;
    struct err ignored;

    if (info->signed_attrs == NULL && algid_read_sig(info->sig_alg, digest, &sig, &ignored) == 0 &&
        sig.digest != NULL)
        return sig.digest;
    return digest;
}

static int
verify_one(const struct signed_subject *parent, const ASN1_OCTET_STRING *sig,
           const ASN1_TYPE *value, struct signer *s, struct cms_signature *ret)
{
    autofree_cms_digests struct cms_digests *digests = NULL;
    struct signed_subject subject = { .certs = parent->certs, .known = parent->known,
                                      .extra_tries = parent->extra_tries };
    int rc = parse(value, s);

    if (rc == E_NOMEM)
        return rc;
    if (rc != 0) {
        set_malformed(ret);
        return 0;
    }
    if (digest_signature(sig, digest_of(s->info), &digests) != 0)
        return E_NOMEM;
    subject.content = digests;
    return verify_signer(&subject, s, ret);
}

static int
verify_values(const struct signed_subject *parent, const SN_SIGNER_INFO *info,
              const X509_ATTRIBUTE *attr, struct countersigned *c)
{
    X509_ATTRIBUTE *a = (X509_ATTRIBUTE *)(uintptr_t)attr;
    int rc = 0;

    for (int i = 0; rc == 0 && i < X509_ATTRIBUTE_count(a); i++) {
        rc = verify_one(parent, info->signature, X509_ATTRIBUTE_get0_type(a, i),
                        &c->signers[c->count], &c->results[c->count]);
        c->count++;
    }
    return rc;
}

int
countersigned_verify(const struct signed_subject *parent, const struct signer *signer,
                     struct cms_signature *ret, size_t *left, struct err *err)
{
    const STACK_OF(X509_ATTRIBUTE) *attrs = signer->info->unsigned_attrs;
    size_t count = count_values(attrs);
    struct countersigned c = { 0 };
    int rc = 0;

    if (count == 0)
        return 0;
    if (count > *left)
        return err_set(err, E_LIMIT, "message: more than %d countersignatures",
                       CMS_MAX_COUNTERSIGNATURES);
    *left -= count;
    c.results = calloc(count, sizeof *c.results + sizeof *c.signers);
    if (c.results == NULL)
        return E_NOMEM;
    c.signers = signers_behind(c.results, count);
    ret->countersignatures = c.results;
    ret->countersignature_count = count;
    for (int i = 0; rc == 0 && i < sk_X509_ATTRIBUTE_num(attrs); i++)
        if (is_countersignature(sk_X509_ATTRIBUTE_value(attrs, i)))
            rc = verify_values(parent, signer->info, sk_X509_ATTRIBUTE_value(attrs, i), &c);
    return rc;
}
