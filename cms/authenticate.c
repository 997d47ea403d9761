/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/authenticate.h"

#include <stdlib.h>

#include <openssl/objects.h>
#include <openssl/rand.h>

#include "cms/algid.h"
#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/der.h"
#include "cms/digests.h"
#include "cms/encap.h"
#include "cms/mac.h"
#include "cms/recipient.h"

/* Version without originatorInfo (RFC 5652, 9.1). */
#define VERSION 0

struct cms_authenticate {
    struct encap encap;
    const struct alg_digest *digest;
    struct cms_digests *digests;
    struct mac *mac;
    X509_ALGOR *mac_alg, *digest_alg;
    STACK_OF(X509_ATTRIBUTE) *attributes;       /* NULL: none */
    STACK_OF(X509_ATTRIBUTE) *unauthenticated;
    bool done;
};

void
cms_authenticate_free(struct cms_authenticate **pa)
{
    struct cms_authenticate *a;

    if (pa == NULL || *pa == NULL)
        return;
    a = *pa;
    encap_clear(&a->encap);
    cms_digests_free(&a->digests);
    mac_free(&a->mac);
    X509_ALGOR_free(a->mac_alg);
    X509_ALGOR_free(a->digest_alg);
    sk_X509_ATTRIBUTE_pop_free(a->attributes, X509_ATTRIBUTE_free);
    sk_X509_ATTRIBUTE_pop_free(a->unauthenticated, X509_ATTRIBUTE_free);
    free(a);
    *pa = NULL;
}

static int
check_options(const struct cms_authenticate_options *o, const struct alg_digest *digest,
              struct err *err)
{
    bool data = o->content_type == 0 || o->content_type == NID_pkcs7_data;

    if (digest->weak)
        return err_set(err, E_WEAK, "authenticating: %s is not for new messages", digest->name);
    if (digest->nid != NID_sha256 && digest->nid != NID_sha384 && digest->nid != NID_sha512)
        return err_set(err, E_UNSUPPORTED, "authenticating: with SHA-256, SHA-384 and SHA-512, not "
                       "with %s", digest->name);
    if (o->count == 0)
        return err_set(err, E_USAGE, "authenticating: nobody to authenticate to");
    if (o->count > CMS_RECIPIENTS_MAX)
        return err_set(err, E_LIMIT, "authenticating: more than %d recipients",
                       CMS_RECIPIENTS_MAX);
    if (o->no_attributes && (!data || o->attributes != NULL))
        return err_set(err, E_USAGE, "authenticating: content that is not id-data, and attributes "
                       "of the caller's, need authenticated attributes");
    return 0;
}

static int
copy_attributes(const STACK_OF(X509_ATTRIBUTE) *from, STACK_OF(X509_ATTRIBUTE) **ret)
{
    if (from == NULL)
        return 0;
    *ret = sk_X509_ATTRIBUTE_deep_copy(from, X509_ATTRIBUTE_dup, X509_ATTRIBUTE_free);
    return *ret == NULL ? E_NOMEM : 0;
}

/* All but the digest's value, which has its size already. */
static int
make_attributes(struct cms_authenticate *a, const struct cms_authenticate_options *o)
{
    static const uint8_t zero[CMS_DIGEST_SIZE_MAX];
    int rc = copy_attributes(o->unauthenticated, &a->unauthenticated);

    if (rc != 0 || o->no_attributes)
        return rc;
    rc = copy_attributes(o->attributes, &a->attributes);
    if (rc == 0)
        rc = attr_add_content_type(&a->attributes, a->encap.content_type);
    if (rc == 0)
        rc = attr_add_digest(&a->attributes, zero, a->digest->size);
    return rc != 0 ? rc : attr_add_mac_protection(&a->attributes, a->digest_alg, a->mac_alg);
}

static int
put_algorithm(const X509_ALGOR *alg, uint8_t id, struct buf *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509_ALGOR(alg, &der);
    int rc = len <= 0 ? E_NOMEM : 0;

    if (rc == 0) {
        der[0] = id;
        rc = buf_put(out, der, (size_t)len);
    }
    OPENSSL_free(der);
    return rc;
}

/* version, recipientInfos, macAlgorithm, digestAlgorithm [1]. */
static int
put_before(struct cms_authenticate *a, const struct cms_authenticate_options *o,
           const struct secret *key, struct err *err)
{
    static const uint8_t version = VERSION;
    long ignored = 0;
    int rc = der_put(a->encap.before, BER_INTEGER, &version, 1);

    if (rc == 0) {
        rc = recipients_put(o->to, o->count, key, a->encap.before, &ignored, err);
        if (rc != 0)
            return err_prefix(err, "authenticating"), rc;
    }
    if (rc == 0)
        rc = put_algorithm(a->mac_alg, BER_SEQUENCE | BER_CONSTRUCTED, a->encap.before);
    if (rc == 0 && a->attributes != NULL)
        rc = put_algorithm(a->digest_alg, BER_CONTEXT(1) | BER_CONSTRUCTED, a->encap.before);
    return rc == 0 ? 0 : err_set(err, rc, "authenticating: out of memory");
}

/* Attributes with a context tag; der, when wanted, as they are authenticated. */
static int
put_attributes(const STACK_OF(X509_ATTRIBUTE) *attributes, uint8_t id, struct buf *out)
{
    size_t at = buf_len(out);
    int rc = sk_X509_ATTRIBUTE_num(attributes) <= 0 ? 0 : attr_put_signed_der(attributes, out);

    if (rc == 0 && buf_len(out) > at)
        buf_mutable(out)[at] = id;
    return rc;
}

/* authAttrs [2], mac, unauthAttrs [3]. */
static int
put_tail(const struct cms_authenticate *a, const uint8_t *mac, struct buf *out)
{
    int rc = put_attributes(a->attributes, BER_CONTEXT(2) | BER_CONSTRUCTED, out);

    if (rc == 0)
        rc = der_put(out, BER_OCTET_STRING, mac, a->digest->size);
    return rc != 0 ? rc : put_attributes(a->unauthenticated, BER_CONTEXT(3) | BER_CONSTRUCTED, out);
}

static int
make_key(struct cms_authenticate *a, struct secret *key, struct err *err)
{
    int rc;

    if (key == NULL)
        return err_set(err, E_NOMEM, "authenticating: out of memory");
    if (RAND_priv_bytes(secret_mutable(key), (int)a->digest->size) != 1)
        return err_set_ossl(err, E_CRYPTO, "authenticating: no random bytes");
    secret_set_len(key, a->digest->size);
    rc = mac_new(&a->mac, a->digest, key, err);
    return rc == 0 ? 0 : (err_prefix(err, "authenticating"), rc);
}

static int
prepare(struct cms_authenticate *a, const struct cms_authenticate_options *o,
        const struct sink *out, struct err *err)
{
    static const uint8_t zero[MAC_SIZE_MAX];
    autofree_secret struct secret *key = secret_new(a->digest->size);
    autofree_buf struct buf *tail = buf_new();
    int rc = encap_init(&a->encap, "authenticating", NID_id_smime_ct_authData, o->content_type,
                        o->content_size, out, err);

    if (rc == 0)
        rc = cms_digests_new(&a->digests, err);
    if (rc == 0)
        rc = cms_digests_add(a->digests, a->digest, err);
    if (rc == 0)
        rc = make_key(a, key, err);
    if (rc != 0)
        return rc;
    a->mac_alg = X509_ALGOR_new();
    a->digest_alg = X509_ALGOR_new();
    if (tail == NULL || a->mac_alg == NULL || a->digest_alg == NULL ||
        mac_write(a->digest, a->mac_alg) != 0 ||
        algid_write_digest(a->digest, a->digest_alg) != 0 || make_attributes(a, o) != 0 ||
        put_tail(a, zero, tail) != 0)
        return err_set_ossl(err, E_NOMEM, "authenticating: cannot encode the attributes");
    a->encap.tail = buf_len(tail);
    return put_before(a, o, key, err);
}

int
cms_authenticate_new(struct cms_authenticate **ret, const struct cms_authenticate_options *options,
                     const struct sink *out, struct err *err)
{
    const struct alg_digest *digest = options->digest != NULL ? options->digest
                                                              : alg_digest_by_nid(NID_sha256);
    struct cms_authenticate *a;
    int rc = check_options(options, digest, err);

    if (rc != 0)
        return rc;
    a = calloc(1, sizeof *a);
    if (a == NULL)
        return err_set(err, E_NOMEM, "authenticating: out of memory");
    a->digest = digest;
    rc = prepare(a, options, out, err);
    if (rc != 0)
        cms_authenticate_free(&a);
    else
        *ret = a;
    return rc;
}

static int
over_content(struct cms_authenticate *a, const uint8_t *data, size_t len, struct err *err)
{
    int rc;

    if (a->attributes != NULL)
        return cms_digests_update(a->digests, data, len, err);
    rc = mac_update(a->mac, data, len, err);
    return rc == 0 ? 0 : (err_prefix(err, "authenticating"), rc);
}

int
cms_authenticate_update(struct cms_authenticate *a, const void *data, size_t len, struct err *err)
{
    int rc;

    if (a->done)
        return err_set(err, E_USAGE, "authenticating: content for a message that is done");
    rc = len == 0 ? 0 : over_content(a, data, len, err);
    if (rc == 0 && len > 0)
        rc = encap_put(&a->encap, data, len, err);
    a->done = rc != 0;
    return rc;
}

/* The digest into its attribute, and the attributes into the HMAC. */
static int
over_attributes(struct cms_authenticate *a, struct err *err)
{
    autofree_buf struct buf *der = buf_new();
    uint8_t value[CMS_DIGEST_SIZE_MAX];
    size_t len = 0;
    int rc = cms_digests_get(a->digests, a->digest, value, &len, err);

    if (rc != 0)
        return rc;
    if (der == NULL || attr_set_digest(a->attributes, value, len) != 0 ||
        attr_put_signed_der(a->attributes, der) != 0)
        return err_set(err, E_NOMEM, "authenticating: out of memory");
    rc = mac_update(a->mac, buf_data(der), buf_len(der), err);
    return rc == 0 ? 0 : (err_prefix(err, "authenticating"), rc);
}

int
cms_authenticate_finish(struct cms_authenticate *a, struct err *err)
{
    autofree_buf struct buf *tail = buf_new();
    uint8_t mac[MAC_SIZE_MAX];
    int rc;

    if (a->done)
        return err_set(err, E_USAGE, "authenticating: the message is done already");
    a->done = true;
    rc = a->attributes == NULL ? 0 : over_attributes(a, err);
    if (rc != 0)
        return rc;
    rc = mac_final(a->mac, mac, err);
    if (rc != 0)
        return err_prefix(err, "authenticating"), rc;
    if (tail == NULL || put_tail(a, mac, tail) != 0)
        return err_set(err, E_NOMEM, "authenticating: out of memory");
    return encap_finish(&a->encap, tail, err);
}
