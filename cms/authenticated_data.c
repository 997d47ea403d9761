/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/digests_int.h"
#include "cms/enveloped.h"
#include "cms/facts.h"
#include "cms/mac.h"

/* AuthenticatedData's versions (RFC 5652, 9.1) go up to this. */
#define NEWEST_VERSION 3

struct authentication {
    X509_ALGOR *mac_alg, *digest_alg;   /* digest_alg NULL: absent, and so are attributes */
    const struct alg_digest *digest;    /* of the content, when there are attributes */
    struct cms_digests *digests;        /* also without a digest: the content's beginning */
    struct mac *mac;                    /* NULL: nothing is checked */
};

static int
start(struct cms_reader *r, struct err *err)
{
    int rc = enveloped_start(r, err);

    if (rc != 0)
        return rc;
    r->enveloped->result.authenticated = true;
    r->authentication = calloc(1, sizeof *r->authentication);
    if (r->authentication == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    return cms_digests_new(&r->authentication->digests, err);
}

static void
free_state(struct cms_reader *r)
{
    struct authentication *a = r->authentication;

    if (a != NULL) {
        X509_ALGOR_free(a->mac_alg);
        X509_ALGOR_free(a->digest_alg);
        cms_digests_free(&a->digests);
        mac_free(&a->mac);
        free(a);
        r->authentication = NULL;
    }
    enveloped_free(r);
}

static int
version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "AuthenticatedData", NEWEST_VERSION, der, len, err);
}

/* The MAC is known, and so are all recipients: now the key is wanted. A key may have any
 * length; the digest's is what a v1.5 one that does not unwrap is taken to have. */
static int
open_key(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    int rc;

    if (e->result.hmac == NULL)
        return err_set(err, E_UNSUPPORTED, "message: its authentication %s, before offset %" PRIu64
                       ", is no HMAC that is known", e->cipher_oid, r->walk.ber.offset);
    e->key_len = e->result.hmac->size;
    e->any_key_len = true;
    rc = enveloped_open(r, err);
    if (rc != 0)
        return rc;
    rc = mac_new(&r->authentication->mac, e->result.hmac, e->key, err);
    secret_wipe(e->key);
    return rc == 0 ? 0 : (err_prefix(err, "message"), rc);
}

static int
mac_algorithm(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct authentication *a = r->authentication;
    int rc = take_algorithm(r, "macAlgorithm", der, len, &a->mac_alg, err);

    if (rc != 0)
        return rc;
    algor_oid(a->mac_alg, r->enveloped->cipher_oid, sizeof r->enveloped->cipher_oid);
    r->enveloped->result.hmac = mac_read(a->mac_alg);
    rc = enveloped_check_recipients(r, err);
    return rc != 0 || r->options.decrypt == NULL ? rc : open_key(r, err);
}

const X509_ALGOR *
cms_facts_mac_algorithm(const struct cms_reader *r)
{
    return r->authentication == NULL ? NULL : r->authentication->mac_alg;
}

const X509_ALGOR *
cms_facts_mac_digest(const struct cms_reader *r)
{
    return r->authentication == NULL ? NULL : r->authentication->digest_alg;
}

/* The digest of the content; weak ones let content be exchanged. */
static int
use_digest(struct cms_reader *r, struct err *err)
{
    struct authentication *a = r->authentication;

    a->digest = algid_read_digest(a->digest_alg);
    r->enveloped->result.weak |= a->digest != NULL && a->digest->weak;
    if (r->options.decrypt == NULL)
        return 0;
    if (a->digest == NULL)
        return err_set(err, E_UNSUPPORTED, "message: its digest, before offset %" PRIu64
                       ", is not known", r->walk.ber.offset);
    if (a->digest->weak && !r->options.decrypt->allow_weak)
        return err_set(err, E_WEAK, "message: its content is authenticated by %s, which is weak "
                       "(before offset %" PRIu64 "); weak algorithms must be allowed explicitly",
                       a->digest->name, r->walk.ber.offset);
    return cms_digests_add(a->digests, a->digest, err);
}

/* [1] IMPLICIT in place of the SEQUENCE's tag. */
static int
digest_algorithm(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    uint8_t plain[TAKE_ALGORITHM_MAX];
    int rc;

    memcpy(plain, der, len);
    plain[0] = BER_SEQUENCE | (der[0] & BER_CONSTRUCTED);
    rc = take_algorithm(r, "digestAlgorithm", plain, len, &r->authentication->digest_alg, err);
    return rc != 0 ? rc : use_digest(r, err);
}

static int
content(struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    struct authentication *a = r->authentication;
    int rc = cms_digests_update(a->digests, data, len, err);

    if (rc == 0 && a->mac != NULL && a->digest_alg == NULL) {
        rc = mac_update(a->mac, data, len, err);
        if (rc != 0)
            err_prefix(err, "message, offset %" PRIu64, r->walk.ber.offset);
    }
    return rc != 0 ? rc : reader_content(r, data, len, err);
}

static int
mac(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_octets(r, "mac", der, len, r->enveloped->mac, MAC_SIZE_MAX, &r->enveloped->mac_len,
                       err);
}

static int
malformed(const struct cms_reader *r, const char *what, struct err *err)
{
    return err_set(err, E_MALFORMED, "message: %s, before offset %" PRIu64, what,
                   r->walk.ber.offset);
}

/* What must be there together (RFC 5652, 9.1), and must not be mistaken. */
static int
check_form(const struct cms_reader *r, struct err *err)
{
    const struct authentication *a = r->authentication;
    const struct enveloped *e = r->enveloped;
    const uint8_t *head;
    size_t len;

    if (!r->has_content)
        return err_set(err, E_UNSUPPORTED, "message: its content is not in it, so that it cannot "
                       "be authenticated (offset %" PRIu64 ")", r->walk.ber.offset);
    if ((a->digest_alg != NULL) != (e->auth != NULL))
        return malformed(r, "digestAlgorithm and authAttrs, which go together, are not both there",
                         err);
    if (e->auth != NULL)
        return 0;
    if (cms_reader_content_type(r) != NID_pkcs7_data)
        return malformed(r, "content that is no id-data, without authAttrs", err);
    head = digests_head_view(a->digests, &len);
    if (attr_look_like(head, len))
        return malformed(r, "its content is a set of attributes, as if they had been taken from "
                         "another message", err);
    return 0;
}

static int
altered(const struct cms_reader *r, struct err *err)
{
    return err_set(err, E_ALTERED, "message: the content before offset %" PRIu64 " is not what was "
                   "authenticated: it was altered, or authenticated with another key",
                   r->walk.ber.offset);
}

static int
check_mac(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    struct authentication *a = r->authentication;
    uint8_t own[MAC_SIZE_MAX];
    int rc = e->auth == NULL ? 0 : mac_update(a->mac, buf_data(e->aad), buf_len(e->aad), err);

    if (rc == 0)
        rc = mac_final(a->mac, own, err);
    if (rc != 0)
        return err_prefix(err, "message"), rc;
    if (e->mac_len != e->result.hmac->size || CRYPTO_memcmp(own, e->mac, e->mac_len) != 0)
        rc = altered(r, err);
    wipe(own, sizeof own);
    return rc;
}

/* contentType, messageDigest (9.2), CMSAlgorithmProtection (RFC 6211). */
static int
check_attributes(struct cms_reader *r, struct err *err)
{
    const struct authentication *a = r->authentication;
    const STACK_OF(X509_ATTRIBUTE) *auth = r->enveloped->auth;
    const ASN1_TYPE *type, *digest;
    uint8_t own[CMS_DIGEST_SIZE_MAX];
    size_t len = 0;
    int rc;

    if (attr_get(auth, ATTR_CONTENT_TYPE, V_ASN1_OBJECT, &type) != 1 ||
        attr_get(auth, ATTR_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, &digest) != 1)
        return malformed(r, "authAttrs without one contentType and one messageDigest", err);
    rc = enveloped_check_content_type(r, err);
    if (rc != 0)
        return rc;
    if (attr_protects_mac(auth, a->digest_alg, a->mac_alg) != 1)
        return malformed(r, "its attribute CMSAlgorithmProtection names other algorithms than it "
                         "uses", err);
    rc = cms_digests_get(a->digests, a->digest, own, &len, err);
    if (rc != 0)
        return rc;
    return len == (size_t)ASN1_STRING_length(digest->value.octet_string) &&
                   CRYPTO_memcmp(own, ASN1_STRING_get0_data(digest->value.octet_string), len) == 0
               ? 0 : altered(r, err);
}

static int
finish(struct cms_reader *r, struct err *err)
{
    int rc = 0;

    if (r->options.decrypt != NULL) {
        rc = check_form(r, err);
        if (rc == 0)
            rc = check_mac(r, err);
        if (rc == 0 && r->enveloped->auth != NULL)
            rc = check_attributes(r, err);
    }
    return rc != 0 ? rc : enveloped_list_attributes(r, err);
}

/* AuthenticatedData (RFC 5652, 9.1). */
static const struct walk_rule fields[] = {
    ENVELOPED_RULES("AuthenticatedData", version),
    { .name = "macAlgorithm", .id = BER_SEQUENCE, .action = WALK_CAPTURE,
      .max = TAKE_ALGORITHM_MAX, .element = mac_algorithm },
    { .name = "digestAlgorithm [1]", .id = BER_CONTEXT(1), .optional = true,
      .action = WALK_CAPTURE, .max = TAKE_ALGORITHM_MAX, .element = digest_algorithm },
    { .name = "encapContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = take_encap_content_info },
    { .name = "authAttrs [2]", .id = BER_CONTEXT(2), .optional = true, .action = WALK_CAPTURE,
      .max = TAKE_ATTRIBUTES_MAX, .element = enveloped_auth_attributes },
    { .name = "mac", .id = BER_OCTET_STRING, .action = WALK_CAPTURE, .max = TAKE_MAC_MAX,
      .element = mac },
    { .name = "unauthAttrs [3]", .id = BER_CONTEXT(3), .optional = true, .action = WALK_CAPTURE,
      .max = TAKE_ATTRIBUTES_MAX, .element = enveloped_other_attributes },
    { 0 },
};

static const struct walk_rule grammar[] = {
    { .name = "AuthenticatedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

const struct content_kind authenticated_data_kind = {
    .not_signed = "authenticated, not signed; look into its content",
    .nid = NID_id_smime_ct_authData,
    .grammar = grammar,
    .start = start,
    .content = content,
    .finish = finish,
    .free = free_state,
};
