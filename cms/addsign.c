/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/addsign.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/attr.h"
#include "cms/edit.h"
#include "cms/reader.h"
#include "cms/shape.h"
#include "cms/sign_int.h"

/* The version that names by subjectKeyIdentifier need (RFC 5652, 5.1). */
#define VERSION_NEW 3

struct cms_addsign {
    struct cms_addsign_options options;
    struct edit edit;
    struct cms_digests *digests;    /* of content that passes */
    struct signing *signings;       /* options.count of them */
};

static int
prepare_one(struct cms_addsign *a, struct edit *e, size_t i, struct err *err)
{
    struct cms_sign_options options = { .signing_time = a->options.signing_time,
                                        .no_attributes = a->options.no_attributes };
    const struct cms_signer *signer = &a->options.signers[i];
    int rc = signing_prepare(&a->signings[i], signer, &options, e->content_type, err);

    if (rc == 0)
        rc = cms_digests_add(a->digests, a->signings[i].digest, err);
    if (rc != 0)
        return rc;
    if (signer->ski && e->version < VERSION_NEW)
        e->version = VERSION_NEW;
    rc = edit_add_algorithm(e, a->signings[i].info->digest_alg);
    return rc == 0 ? 0 : err_set(err, rc, "signing: too many digest algorithms, or out of memory");
}

/* Digests that the message announces, so that check_agreement can look at it; what is not known
 * here is not looked at. */
static void
add_announced(struct cms_addsign *a, const struct edit *e)
{
    const uint8_t *at = buf_data(e->algorithms.elements);
    const uint8_t *end = at + buf_len(e->algorithms.elements);

    while (at < end) {
        X509_ALGOR *alg = d2i_X509_ALGOR(NULL, &at, end - at);
        const struct alg_digest *digest = alg == NULL ? NULL : algid_read_digest(alg);
        struct err ignored;
        bool stop = alg == NULL ||
                    (digest != NULL && cms_digests_add(a->digests, digest, &ignored) != 0);

        X509_ALGOR_free(alg);
        if (stop)
            break;
    }
    ERR_clear_error();
}

static int
prepare(void *arg, struct edit *e, struct err *err)
{
    struct cms_addsign *a = arg;
    int rc = 0;

    if (a->options.no_attributes && OBJ_obj2nid(e->content_type) != NID_pkcs7_data)
        return err_set(err, E_USAGE, "signing: content that is not id-data needs signed "
                       "attributes");
    for (size_t i = 0; rc == 0 && i < a->options.count; i++)
        rc = prepare_one(a, e, i, err);
    if (rc == 0)
        add_announced(a, e);
    return rc;
}

static int
hash_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_addsign *a = arg;

    return cms_digests_update(a->digests, data, len, err);
}

static int
add_one(struct cms_addsign *a, struct edit *e, size_t i, struct err *err)
{
    const struct cms_digests *content = e->has_content ? a->digests : a->options.content;
    int rc = signing_sign(&a->signings[i], content, err);

    if (rc != 0)
        return rc;
    rc = signing_put(&a->signings[i], e->signers.elements);
    if (rc == 0)
        rc = edit_add_certs(e, a->options.no_certs ? NULL : a->signings[i].cert,
                            i == 0 ? a->options.certs : NULL);
    e->signers.count++;
    return rc == 0 ? 0 : err_set(err, rc, "signing: too many certificates, or out of memory");
}

/* Whether the digest that a signer signed is this content's, as far as it can be told. */
static bool
agrees(const SN_SIGNER_INFO *info, const struct cms_digests *content)
{
    const struct alg_digest *digest = algid_read_digest(info->digest_alg);
    uint8_t own[CMS_DIGEST_SIZE_MAX];
    const ASN1_TYPE *value = NULL;
    size_t len = 0;

    if (digest == NULL || !cms_digests_has(content, digest) ||
        attr_get(info->signed_attrs, ATTR_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, &value) != 1 ||
        cms_digests_get(content, digest, own, &len, NULL) != 0)
        return true;
    return (size_t)ASN1_STRING_length(value->value.octet_string) == len &&
           memcmp(ASN1_STRING_get0_data(value->value.octet_string), own, len) == 0;
}

/* One message cannot be over two contents. */
static int
check_agreement(const struct edit *e, const struct cms_digests *content, struct err *err)
{
    const uint8_t *at = buf_data(e->signers.elements);
    size_t left = buf_len(e->signers.elements), size = 0;

    for (size_t i = 0; left > 0; i++, at += size, left -= size) {
        const uint8_t *from = at;
        SN_SIGNER_INFO *info = NULL;
        bool fits;

        if (edit_element_size(at, left, &size) != 0)
            return err_set(err, E_MALFORMED, "message: the SignerInfo of signer %zu is malformed",
                           i);
        if (shape_check_signer(at, size) == 0)
            info = d2i_SN_SIGNER_INFO(NULL, &from, (long)size);
        fits = info == NULL || agrees(info, content);
        SN_SIGNER_INFO_free(info);
        ERR_clear_error();
        if (!fits)
            return err_set(err, E_ALTERED, "signing: signer %zu of the message, counted from 0, "
                           "signed another content than this one; find the content that belongs "
                           "to the message, or sign this one by itself", i);
    }
    return 0;
}

static int
change(void *arg, struct edit *e, struct err *err)
{
    struct cms_addsign *a = arg;
    int rc;

    if (e->has_content && a->options.content != NULL)
        return err_set(err, E_USAGE, "signing: the message carries its content; separate content "
                       "does not belong to it");
    if (!e->has_content && a->options.content == NULL)
        return err_set(err, E_USAGE, "signing: the message is without its content; give the "
                       "content, too");
    if (e->signers.count + a->options.count > CMS_MAX_SIGNERS)
        return err_set(err, E_LIMIT, "signing: more than %d signers", CMS_MAX_SIGNERS);
    rc = check_agreement(e, e->has_content ? a->digests : a->options.content, err);
    for (size_t i = 0; rc == 0 && i < a->options.count; i++)
        rc = add_one(a, e, i, err);
    return rc;
}

static const struct edit_actions actions = {
    .prepare = prepare, .content = hash_content, .change = change,
};

int
cms_addsign_new(struct cms_addsign **ret, const struct cms_addsign_options *options,
                const struct sink *out, struct err *err)
{
    struct cms_addsign *a;
    int rc;

    if (options->count == 0)
        return err_set(err, E_USAGE, "signing: no signer to add");
    if (options->count > CMS_SIGNERS_MAX)
        return err_set(err, E_LIMIT, "signing: more than %d signers", CMS_SIGNERS_MAX);
    a = calloc(1, sizeof *a);
    if (a == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    a->options = *options;
    if (a->options.signing_time == 0)
        a->options.signing_time = time(NULL);
    rc = edit_init(&a->edit, &actions, a, out, err);
    if (rc == 0)
        rc = cms_digests_new(&a->digests, err);
    a->signings = calloc(options->count, sizeof *a->signings);
    if (rc == 0 && a->signings == NULL)
        rc = err_set(err, E_NOMEM, "signing: out of memory");
    if (rc != 0)
        cms_addsign_free(&a);
    else
        *ret = a;
    return rc;
}

int
cms_addsign_update(struct cms_addsign *a, const void *data, size_t len, struct err *err)
{
    return edit_update(&a->edit, data, len, err);
}

int
cms_addsign_finish(struct cms_addsign *a, struct err *err)
{
    return edit_finish(&a->edit, err);
}

void
cms_addsign_free(struct cms_addsign **pa)
{
    struct cms_addsign *a;

    if (pa == NULL || *pa == NULL)
        return;
    a = *pa;
    for (size_t i = 0; a->signings != NULL && i < a->options.count; i++)
        signing_clear(&a->signings[i]);
    free(a->signings);
    cms_digests_free(&a->digests);
    edit_clear(&a->edit);
    free(a);
    *pa = NULL;
}
