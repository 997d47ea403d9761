/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/digested.h"

#include <stdlib.h>

#include <openssl/obj_mac.h>

#include "cms/algid.h"
#include "cms/ber.h"
#include "cms/der.h"
#include "cms/digests.h"
#include "cms/encap.h"

/* DigestedData's versions (RFC 5652, 7): 0 with id-data, else 2. */
#define VERSION_DATA 0
#define VERSION_OTHER 2

struct cms_digested {
    struct encap encap;
    const struct alg_digest *digest;
    struct cms_digests *digests;
    bool done;
};

void
cms_digested_free(struct cms_digested **pd)
{
    if (pd == NULL || *pd == NULL)
        return;
    encap_clear(&(*pd)->encap);
    cms_digests_free(&(*pd)->digests);
    free(*pd);
    *pd = NULL;
}

/* version and digestAlgorithm. */
static int
put_before(const struct cms_digested *d, uint8_t version, struct buf *out)
{
    X509_ALGOR *alg = X509_ALGOR_new();
    uint8_t *der = NULL;
    int len = 0, rc = alg == NULL ? E_NOMEM : algid_write_digest(d->digest, alg);

    if (rc == 0)
        len = i2d_X509_ALGOR(alg, &der);
    if (rc == 0)
        rc = len <= 0 ? E_NOMEM : der_put(out, BER_INTEGER, &version, 1);
    if (rc == 0)
        rc = buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_ALGOR_free(alg);
    return rc;
}

static int
prepare(struct cms_digested *d, const struct cms_digested_options *o, const struct sink *out,
        struct err *err)
{
    bool data = o->content_type == 0 || o->content_type == NID_pkcs7_data;
    int rc = encap_init(&d->encap, "digesting", NID_pkcs7_digest, o->content_type,
                        o->content_size, out, err);

    if (rc == 0)
        rc = cms_digests_new(&d->digests, err);
    if (rc == 0)
        rc = cms_digests_add(d->digests, d->digest, err);
    if (rc != 0)
        return rc;
    d->encap.tail = (size_t)ber_element_size(d->digest->size);
    return put_before(d, data ? VERSION_DATA : VERSION_OTHER, d->encap.before) == 0
        ? 0 : err_set(err, E_NOMEM, "digesting: out of memory");
}

int
cms_digested_new(struct cms_digested **ret, const struct cms_digested_options *options,
                 const struct sink *out, struct err *err)
{
    const struct alg_digest *digest = options->digest != NULL ? options->digest
                                                              : alg_digest_by_nid(NID_sha256);
    struct cms_digested *d;
    int rc;

    if (digest->weak)
        return err_set(err, E_WEAK, "digesting: %s is not for new messages", digest->name);
    d = calloc(1, sizeof *d);
    if (d == NULL)
        return err_set(err, E_NOMEM, "digesting: out of memory");
    d->digest = digest;
    rc = prepare(d, options, out, err);
    if (rc != 0)
        cms_digested_free(&d);
    else
        *ret = d;
    return rc;
}

int
cms_digested_update(struct cms_digested *d, const void *data, size_t len, struct err *err)
{
    int rc;

    if (d->done)
        return err_set(err, E_USAGE, "digesting: content for a message that is done");
    rc = len == 0 ? 0 : cms_digests_update(d->digests, data, len, err);
    if (rc == 0 && len > 0)
        rc = encap_put(&d->encap, data, len, err);
    d->done = rc != 0;
    return rc;
}

int
cms_digested_finish(struct cms_digested *d, struct err *err)
{
    autofree_buf struct buf *tail = buf_new();
    uint8_t value[CMS_DIGEST_SIZE_MAX];
    size_t len = 0;
    int rc;

    if (d->done)
        return err_set(err, E_USAGE, "digesting: the message is done already");
    d->done = true;
    rc = cms_digests_get(d->digests, d->digest, value, &len, err);
    if (rc != 0)
        return rc;
    if (tail == NULL || der_put(tail, BER_OCTET_STRING, value, len) != 0)
        return err_set(err, E_NOMEM, "digesting: out of memory");
    return encap_finish(&d->encap, tail, err);
}
