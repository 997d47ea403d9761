/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/digested.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/cipher.h"
#include "cms/facts.h"
#include "cms/reader_take.h"

/* DigestedData's versions (RFC 5652, 7) go up to this. */
#define NEWEST_VERSION 2

struct digested {
    const struct alg_digest *digest;
    struct cms_digests *digests;
    uint8_t value[CMS_DIGEST_SIZE_MAX];     /* as the message has it */
    size_t len;
};

static int
start(struct cms_reader *r, struct err *err)
{
    struct digested *d = calloc(1, sizeof *d);

    if (d == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->digested = d;
    return cms_digests_new(&d->digests, err);
}

static void
free_state(struct cms_reader *r)
{
    if (r->digested == NULL)
        return;
    cms_digests_free(&r->digested->digests);
    free(r->digested);
    r->digested = NULL;
}

static int
version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "DigestedData", NEWEST_VERSION, der, len, err);
}

static int
algorithm(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    X509_ALGOR *alg = NULL;
    char oid[ATTR_OID_MAX];
    int rc = take_algorithm(r, "digestAlgorithm", der, len, &alg, err);

    if (rc != 0)
        return rc;
    r->digested->digest = algid_read_digest(alg);
    algor_oid(alg, oid, sizeof oid);
    X509_ALGOR_free(alg);
    if (r->digested->digest == NULL)
        return err_set(err, E_UNSUPPORTED, "message: its digest %s, before offset %" PRIu64
                       ", is not known", oid, r->walk.ber.offset);
    return cms_digests_add(r->digested->digests, r->digested->digest, err);
}

static int
content(struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    int rc = cms_digests_update(r->digested->digests, data, len, err);

    return rc != 0 ? rc : reader_content(r, data, len, err);
}

static int
digest(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_octets(r, "digest", der, len, r->digested->value, sizeof r->digested->value,
                       &r->digested->len, err);
}

static int
finish(struct cms_reader *r, struct err *err)
{
    const struct digested *d = r->digested;
    uint8_t value[CMS_DIGEST_SIZE_MAX];
    size_t len = 0;
    int rc;

    if (!r->has_content)
        return err_set(err, E_UNSUPPORTED, "message: its content is not in it, so that its digest "
                       "cannot be checked (offset %" PRIu64 ")", r->walk.ber.offset);
    rc = cms_digests_get(d->digests, d->digest, value, &len, err);
    if (rc != 0)
        return rc;
    if (len != d->len || memcmp(value, d->value, len) != 0)
        return err_set(err, E_ALTERED, "message: its content is not what its %s digest, before "
                       "offset %" PRIu64 ", was made of; it was altered or damaged",
                       d->digest->name, r->walk.ber.offset);
    return 0;
}

const struct alg_digest *
cms_reader_digest(const struct cms_reader *r)
{
    return r->digested == NULL ? NULL : r->digested->digest;
}

const uint8_t *
cms_facts_digest_value(const struct cms_reader *r, size_t *ret_len)
{
    if (r->digested == NULL || r->digested->len == 0)
        return NULL;
    *ret_len = r->digested->len;
    return r->digested->value;
}

/* DigestedData (RFC 5652, 7). */
static const struct walk_rule fields[] = {
    { .name = "version of DigestedData", .id = BER_INTEGER, .action = WALK_CAPTURE,
      .max = TAKE_VERSION_MAX, .element = version },
    { .name = "digestAlgorithm", .id = BER_SEQUENCE, .action = WALK_CAPTURE,
      .max = TAKE_ALGORITHM_MAX, .element = algorithm },
    { .name = "encapContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = take_encap_content_info },
    { .name = "digest", .id = BER_OCTET_STRING, .action = WALK_CAPTURE, .max = TAKE_MAC_MAX,
      .element = digest },
    { 0 },
};

static const struct walk_rule grammar[] = {
    { .name = "DigestedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

const struct content_kind digested_data_kind = {
    .not_signed = "digested, not signed; look into its content",
    .nid = NID_pkcs7_digest,
    .grammar = grammar,
    .start = start,
    .content = content,
    .finish = finish,
    .free = free_state,
};
