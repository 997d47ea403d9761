/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/verify_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/cipher.h"
#include "cms/reader_take.h"
#include "cms/shape.h"
#include "cms/signed_grammar.h"

static int
start(struct cms_reader *r, struct err *err)
{
    struct signed_data *sd = calloc(1, sizeof *sd);

    if (sd == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->signed_data = sd;
    if (taken_certs_init(&sd->taken) != 0)
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
    taken_certs_clear(&sd->taken);
    for (size_t i = 0; i < sd->count; i++) {
        SN_SIGNER_INFO_free(sd->signers[i].info);
        attr_list_free(sd->signers[i].attributes, sd->signers[i].attribute_count);
    }
    verdicts_free(sd->results, sd->count);
    free(sd);
    r->signed_data = NULL;
}

static int
version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "SignedData", SIGNED_NEWEST_VERSION, der, len, err);
}

/* An unknown digest is no error yet: another signer may use a known one. */
static int
take_digest(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct signed_data *sd = r->signed_data;
    const struct alg_digest *digest;
    X509_ALGOR *alg = NULL;
    struct err ignored;
    int rc = take_algorithm(r, "digestAlgorithms", der, len, &alg, err);

    if (rc != 0)
        return rc;
    digest = algid_read_digest(alg);
    if (sd->algorithms < CMS_MAX_DIGESTS)
        algor_oid(alg, sd->digest_oids[sd->algorithms], ATTR_OID_MAX);
    X509_ALGOR_free(alg);
    if (++sd->algorithms > CMS_MAX_DIGESTS)
        return take_too_many(r, "digest algorithms", CMS_MAX_DIGESTS, err);
    if (digest != NULL && cms_digests_add(sd->digests, digest, &ignored) != 0)
        ERR_clear_error();
    return 0;
}

static int
content(struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    int rc = cms_digests_update(r->signed_data->digests, data, len, err);

    return rc != 0 ? rc : reader_content(r, data, len, err);
}

static int
cert(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_cert(r, &r->signed_data->taken, der, len, err);
}

static int
crl(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_crl(r, &r->signed_data->taken, der, len, err);
}

static int
count_attributes(const struct cms_reader *r, const SN_SIGNER_INFO *info, struct err *err)
{
    const STACK_OF(X509_ATTRIBUTE) *sets[] = { info->signed_attrs, info->unsigned_attrs };
    int values = 0;

    for (size_t s = 0; s < 2; s++) {
        if (sk_X509_ATTRIBUTE_num(sets[s]) > CMS_MAX_ATTRIBUTES)
            return take_too_many(r, "attributes of a signer", CMS_MAX_ATTRIBUTES, err);
        for (int i = 0; i < sk_X509_ATTRIBUTE_num(sets[s]); i++)
            values += X509_ATTRIBUTE_count(sk_X509_ATTRIBUTE_value(sets[s], i));
    }
    return values > CMS_MAX_VALUES
               ? take_too_many(r, "values of a signer's attributes", CMS_MAX_VALUES, err)
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
        return take_too_many(r, "signers", CMS_MAX_SIGNERS, err);
    rc = shape_check_signer(der, len);
    if (rc == 0)
        s->info = d2i_SN_SIGNER_INFO(NULL, &der, (long)len);
    if (s->info == NULL)
        return reader_malformed(r, "SignerInfo", err);
    sd->count++;
    if (der != end)
        return reader_malformed(r, "SignerInfo", err);
    if (ASN1_STRING_length(s->info->signature) > (int)CMS_MAX_SIGNATURE_SIZE)
        return err_set(err, E_LIMIT, "message: the signature before offset %" PRIu64 " is longer "
                       "than %u bytes", r->walk.ber.offset, CMS_MAX_SIGNATURE_SIZE);
    rc = count_attributes(r, s->info, err);
    if (rc != 0)
        return rc;
    rc = attr_list(s->info->signed_attrs, s->info->unsigned_attrs, &s->attributes,
                   &s->attribute_count);
    if (rc == E_NOMEM)
        return err_set(err, rc, "message: out of memory for attributes");
    return rc == 0 ? 0 : reader_malformed(r, "an attribute", err);
}

/* SignedData (5.1). */
static const struct walk_rule fields[] = {
    SIGNED_DATA_RULES(version, take_digest, take_encap_content_info, cert, crl, take_signer),
};

static const struct walk_rule grammar[] = {
    { .name = "SignedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

const struct content_kind signed_data_kind = {
    .nid = NID_pkcs7_signed,
    .grammar = grammar,
    .start = start,
    .content = content,
    .free = free_state,
};
