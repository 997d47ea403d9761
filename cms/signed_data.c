/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/verify_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include <openssl/err.h>

#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/cipher.h"
#include "cms/shape.h"

/* Longest version and AlgorithmIdentifier, octets. */
#define VERSION_MAX 8
#define ALGORITHM_MAX 4096
/* SignedData's versions (RFC 5652, 5.1) go up to this. */
#define NEWEST_VERSION 5

static int
start(struct cms_reader *r, struct err *err)
{
    struct signed_data *sd = calloc(1, sizeof *sd);

    if (sd == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->signed_data = sd;
    sd->certs = sk_X509_new_null();
    sd->crls = sk_X509_CRL_new_null();
    if (sd->certs == NULL || sd->crls == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    return cms_digests_new(&sd->digests, err);
}

static void
free_state(struct cms_reader *r)
{
    struct signed_data *sd = r->signed_data;

    if (sd == NULL)
        return;
    cms_digests_free(&sd->digests);
    sk_X509_pop_free(sd->certs, X509_free);
    sk_X509_CRL_pop_free(sd->crls, X509_CRL_free);
    for (size_t i = 0; i < sd->count; i++) {
        SN_SIGNER_INFO_free(sd->signers[i].info);
        attr_list_free(sd->signers[i].attributes, sd->signers[i].attribute_count);
    }
    verdicts_free(sd->results, sd->count);
    free(sd);
    r->signed_data = NULL;
}

static int
too_many(const struct cms_reader *r, const char *what, int max, struct err *err)
{
    return err_set(err, E_LIMIT, "message: more than %d %s, at offset %" PRIu64, max, what,
                   r->walk.ber.offset);
}

static int
take_version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    ASN1_INTEGER *version = d2i_ASN1_INTEGER(NULL, &der, (long)len);
    int64_t value = -1;
    bool ok = version != NULL && ASN1_INTEGER_get_int64(&value, version) == 1;

    ASN1_INTEGER_free(version);
    if (!ok || value < 0)
        return reader_malformed(r, "version of SignedData", err);
    if (value > NEWEST_VERSION)
        return err_set(err, E_UNSUPPORTED,
                       "message: SignedData of version %" PRId64 ", newer than is known",
                       value);
    r->has_version = true;
    r->version = (int)value;
    return 0;
}

/* An unknown digest is no error yet: another signer may use a known one. */
static int
take_digest(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct signed_data *sd = r->signed_data;
    const uint8_t *end = der + len;
    X509_ALGOR *alg = d2i_X509_ALGOR(NULL, &der, (long)len);
    const struct alg_digest *digest;
    struct err ignored;

    if (alg == NULL || der != end) {
        X509_ALGOR_free(alg);
        return reader_malformed(r, "digestAlgorithms", err);
    }
    digest = algid_read_digest(alg);
    if (sd->algorithms < CMS_MAX_DIGESTS)
        algor_oid(alg, sd->digest_oids[sd->algorithms], ATTR_OID_MAX);
    X509_ALGOR_free(alg);
    if (++sd->algorithms > CMS_MAX_DIGESTS)
        return too_many(r, "digest algorithms", CMS_MAX_DIGESTS, err);
    if (digest != NULL && cms_digests_add(sd->digests, digest, &ignored) != 0)
        ERR_clear_error();
    return 0;
}

static int
take_content(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    int rc = cms_digests_update(r->signed_data->digests, data, len, err);

    return rc != 0 ? rc : reader_content(r, data, len, err);
}

/* CertificateChoices (10.2.2): all but X.509 certificates have context tags. What
 * libcrypto cannot parse counts as another form: the signer's may be beside it. */
static int
take_cert(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct signed_data *sd = r->signed_data;
    const uint8_t *end = der + len;
    X509 *cert = NULL;

    if ((size_t)sk_X509_num(sd->certs) + sd->other_certs >= CMS_MAX_CERTS)
        return too_many(r, "certificates", CMS_MAX_CERTS, err);
    if (der[0] == (BER_SEQUENCE | BER_CONSTRUCTED))
        cert = d2i_X509(NULL, &der, (long)len);
    if (cert == NULL || der != end) {
        X509_free(cert);
        ERR_clear_error();
        sd->other_certs++;
        return 0;
    }
    if (sk_X509_push(sd->certs, cert) > 0)
        return 0;
    X509_free(cert);
    return err_set(err, E_NOMEM, "message: out of memory for certificates");
}

/* RevocationInfoChoice (10.2.1). */
static int
take_crl(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct signed_data *sd = r->signed_data;
    const uint8_t *end = der + len;
    X509_CRL *crl = NULL;

    if ((size_t)sk_X509_CRL_num(sd->crls) + sd->other_crls >= CMS_MAX_CRLS)
        return too_many(r, "revocation lists", CMS_MAX_CRLS, err);
    if (der[0] == (BER_SEQUENCE | BER_CONSTRUCTED))
        crl = d2i_X509_CRL(NULL, &der, (long)len);
    if (crl == NULL || der != end) {
        X509_CRL_free(crl);
        ERR_clear_error();
        sd->other_crls++;
        return 0;
    }
    if (sk_X509_CRL_push(sd->crls, crl) > 0)
        return 0;
    X509_CRL_free(crl);
    return err_set(err, E_NOMEM, "message: out of memory for revocation lists");
}

static int
count_attributes(const struct cms_reader *r, const SN_SIGNER_INFO *info, struct err *err)
{
    const STACK_OF(X509_ATTRIBUTE) *sets[] = { info->signed_attrs, info->unsigned_attrs };
    int values = 0;

    for (size_t s = 0; s < 2; s++) {
        if (sk_X509_ATTRIBUTE_num(sets[s]) > CMS_MAX_ATTRIBUTES)
            return too_many(r, "attributes of a signer", CMS_MAX_ATTRIBUTES, err);
        for (int i = 0; i < sk_X509_ATTRIBUTE_num(sets[s]); i++)
            values += X509_ATTRIBUTE_count(sk_X509_ATTRIBUTE_value(sets[s], i));
    }
    return values > CMS_MAX_VALUES
               ? too_many(r, "values of a signer's attributes", CMS_MAX_VALUES, err)
               : 0;
}

static int
take_signer(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct signed_data *sd = r->signed_data;
    const uint8_t *end = der + len;
    struct signer *s = &sd->signers[sd->count];
    int rc;

    if (sd->count == CMS_MAX_SIGNERS)
        return too_many(r, "signers", CMS_MAX_SIGNERS, err);
    rc = shape_check_signer(der, len);
    if (rc == 0)
        s->info = d2i_SN_SIGNER_INFO(NULL, &der, (long)len);
    if (s->info == NULL)
        return reader_malformed(r, "SignerInfo", err);
    sd->count++;
    if (der != end)
        return reader_malformed(r, "SignerInfo", err);
    rc = count_attributes(r, s->info, err);
    if (rc != 0)
        return rc;
    rc = attr_list(s->info->signed_attrs, s->info->unsigned_attrs, &s->attributes,
                   &s->attribute_count);
    if (rc == E_NOMEM)
        return err_set(err, rc, "message: out of memory for attributes");
    return rc == 0 ? 0 : reader_malformed(r, "an attribute", err);
}

static const struct walk_rule e_content[] = {
    { .name = "eContent as OCTET STRING", .id = BER_OCTET_STRING, .action = WALK_STRING,
      .begin = reader_content_begin, .bytes = take_content },
    { 0 },
};

/* EncapsulatedContentInfo (5.2). */
static const struct walk_rule encap_content_info[] = {
    { .name = "eContentType", .id = BER_OID, .action = WALK_CAPTURE, .max = ATTR_OID_MAX / 2,
      .element = reader_content_type },
    { .name = "eContent [0]", .id = BER_CONTEXT(0), .optional = true, .action = WALK_ENTER,
      .inside = e_content },
    { 0 },
};

/* SignedData (5.1). */
static const struct walk_rule fields[] = {
    { .name = "version of SignedData", .id = BER_INTEGER, .action = WALK_CAPTURE,
      .max = VERSION_MAX, .element = take_version },
    { .name = "digestAlgorithms", .id = BER_SET, .action = WALK_EACH, .max = ALGORITHM_MAX,
      .element = take_digest },
    { .name = "encapContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = encap_content_info },
    { .name = "certificates [0]", .id = BER_CONTEXT(0), .optional = true,
      .action = WALK_EACH, .max = CMS_MAX_CERT_SIZE, .element = take_cert },
    { .name = "crls [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_EACH,
      .max = CMS_MAX_CRL_SIZE, .element = take_crl },
    { .name = "signerInfos", .id = BER_SET, .action = WALK_EACH, .max = CMS_MAX_SIGNER_SIZE,
      .element = take_signer },
    { 0 },
};

static const struct walk_rule grammar[] = {
    { .name = "SignedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

const struct content_kind signed_data_kind = {
    .nid = NID_pkcs7_signed,
    .grammar = grammar,
    .start = start,
    .free = free_state,
};
