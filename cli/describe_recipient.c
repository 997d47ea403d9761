/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RecipientInfos (RFC 5652, 6.2) with the parameters of their algorithms. */
#include "cli/describe.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"
#include "cms/cipher.h"

static const char *const kinds[] = {
    [CMS_TO_RSA] = "key-transport", [CMS_TO_AGREE] = "key-agreement", [CMS_TO_KEK] = "kek",
    [CMS_TO_PASSWORD] = "password", [CMS_TO_OTHER] = "other",
};

/* The parameters when they are a SEQUENCE, else NULL. */
static const ASN1_STRING *
sequence_of(const X509_ALGOR *alg, int *ret_nid)
{
    const ASN1_OBJECT *oid;
    const void *value;
    int type;

    X509_ALGOR_get0(&oid, &type, &value, alg);
    *ret_nid = OBJ_obj2nid(oid);
    return type == V_ASN1_SEQUENCE ? value : NULL;
}

static void
put_digest(struct describe *d, json_t *object, const char *key, const struct alg_digest *digest)
{
    describe_string(d, object, key, digest == NULL ? "unknown" : digest->name);
}

/* RFC 4055, 4.1: each has SHA-1 as its default. The label is mostly empty. */
static void
put_oaep(struct describe *d, json_t *object, const ASN1_STRING *parameters)
{
    RSA_OAEP_PARAMS *p = ASN1_item_unpack(parameters, ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
    const struct alg_digest *sha1 = alg_digest_by_nid(NID_sha1);
    json_t *oaep;
    const void *label = NULL;
    int type = V_ASN1_UNDEF;

    if (p == NULL) {
        describe_string(d, object, "oaep", "malformed parameters");
        return;
    }
    oaep = describe_group(d, object);
    put_digest(d, oaep, "digest", p->hashFunc == NULL ? sha1 : algid_read_digest(p->hashFunc));
    put_digest(d, oaep, "mgf1_digest",
               p->maskGenFunc == NULL ? sha1 : algid_read_mgf(p->maskGenFunc));
    if (p->pSourceFunc != NULL)
        X509_ALGOR_get0(NULL, &type, &label, p->pSourceFunc);
    if (type == V_ASN1_OCTET_STRING)
        describe_octets(d, oaep, "label", label);
    describe_put(d, object, "oaep", oaep);
    RSA_OAEP_PARAMS_free(p);
}

/* Key agreement and password recipients: the algorithm's parameter is the algorithm that
 * wraps the content key (RFC 5753, 7.1.1; RFC 3211, 3). */
static void
put_wrap(struct describe *d, json_t *object, const ASN1_STRING *parameters)
{
    X509_ALGOR *wrap = ASN1_item_unpack(parameters, ASN1_ITEM_rptr(X509_ALGOR));

    describe_algorithm(d, object, "wrap", wrap);
    X509_ALGOR_free(wrap);
}

static void
put_pbkdf2(struct describe *d, json_t *object, const X509_ALGOR *derivation)
{
    int nid;
    const ASN1_STRING *parameters = sequence_of(derivation, &nid);
    PBKDF2PARAM *p = NULL;

    describe_algorithm(d, object, "derivation", derivation);
    if (nid == NID_id_pbkdf2 && parameters != NULL)
        p = ASN1_item_unpack(parameters, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (p == NULL)
        return;
    json_t *group = describe_group(d, object);
    uint64_t iterations = 0;
    if (ASN1_INTEGER_get_uint64(&iterations, p->iter) == 1)
        describe_number(d, group, "iterations", iterations);
    if (p->salt->type == V_ASN1_OCTET_STRING)
        describe_octets(d, group, "salt", p->salt->value.octet_string);
    if (p->prf != NULL)
        describe_algorithm(d, group, "prf", p->prf);
    describe_put(d, object, "pbkdf2", group);
    PBKDF2PARAM_free(p);
}

static void
put_originator(struct describe *d, json_t *object, const struct cms_recipient_facts *f)
{
    json_t *o;

    if (f->originator_issuer == NULL && f->originator_ski == NULL && f->originator_key == NULL)
        return;
    o = describe_group(d, object);
    describe_name(d, o, "issuer", f->originator_issuer);
    describe_integer(d, o, "serial", f->originator_serial);
    describe_octets(d, o, "subject_key_id", f->originator_ski);
    describe_algorithm(d, o, "public_key", f->originator_key);
    if (f->originator_key != NULL)
        describe_number(d, o, "public_key_bytes", f->originator_key_size);
    describe_put(d, object, "originator", o);
}

static void
put_parameters(struct describe *d, json_t *object, const struct cms_recipient *r,
               const struct cms_recipient_facts *f)
{
    int nid;
    const ASN1_STRING *parameters = sequence_of(f->algorithm, &nid);

    if (r->kind == CMS_TO_RSA && nid == NID_rsaesOaep && parameters != NULL)
        put_oaep(d, object, parameters);
    else if (r->kind == CMS_TO_RSA && nid == NID_rsaesOaep)
        describe_string(d, object, "oaep", "malformed parameters");
    else if ((r->kind == CMS_TO_AGREE || r->kind == CMS_TO_PASSWORD) && parameters != NULL)
        put_wrap(d, object, parameters);
    if (f->derivation != NULL)
        put_pbkdf2(d, object, f->derivation);
}

json_t *
describe_recipient(struct describe *d, const struct cms_recipient *r)
{
    json_t *object = describe_item(d);
    struct cms_recipient_facts f;

    if (object == NULL)
        return NULL;
    cms_recipient_facts(r, &f);
    describe_string(d, object, "kind", kinds[r->kind]);
    if (f.version >= 0)
        describe_number(d, object, "version", (uint64_t)f.version);
    describe_name(d, object, "issuer", r->issuer);
    describe_integer(d, object, "serial", r->serial);
    describe_octets(d, object, "subject_key_id", r->ski);
    describe_octets(d, object, "key_id", r->kek_id);
    describe_time(d, object, "date", f.date);
    if (f.algorithm != NULL) {
        describe_algorithm(d, object, "algorithm", f.algorithm);
        if (r->algorithm[0] != '\0')
            describe_string(d, object, "algorithm", r->algorithm);
        put_parameters(d, object, r, &f);
    } else {
        describe_string(d, object, "algorithm_oid", r->oid);
    }
    put_originator(d, object, &f);
    describe_octets(d, object, "ukm", f.ukm);
    if (f.key_size > 0)
        describe_number(d, object, "encrypted_key_bytes", f.key_size);
    ERR_clear_error();
    return object;
}
