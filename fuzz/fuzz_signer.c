/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One SignerInfo over any bytes, in a message without content whose digest is known. The
 * first byte: bit 0 signs what was mutated anew with the real key, so that what comes
 * behind the signature's check is reached; bit 1: of a type that is not id-data; the
 * others choose how the message is cut.
 *
 * No crash; the same verdict however it is cut; and intact is only what a second look,
 * with nothing of verify.c's, finds to be signed over this content and of this type.
 */
#include <string.h>

#include <openssl/objects.h>

#include "cms/asn1.h"
#include "cms/attr.h"
#include "cms/countersign.h"
#include "cms/der.h"
#include "cms/ess.h"
#include "cms/shape.h"
#include "fuzz/kit.h"

#define CONTENT "detached"

static struct cms_digests *
digests(void)
{
    static struct cms_digests *made;
    struct cms_digests *d = NULL;

    if (made != NULL)
        return made;
    fuzz_assert(cms_digests_new(&d, NULL) == 0);
    for (size_t i = 0; alg_digest_at(i) != NULL; i++)
        fuzz_assert(cms_digests_add(d, alg_digest_at(i), NULL) == 0);
    fuzz_assert(cms_digests_add(d, cms_digest_by_nid(NID_shake256), NULL) == 0 &&
                cms_digests_update(d, CONTENT, sizeof CONTENT - 1, NULL) == 0);
    return made = d;
}

/* SignedData around the SignerInfo; certificates are the caller's. */
static void
wrap(const struct buf *info, bool is_data, struct buf *out)
{
    static const uint8_t type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2 };
    static const uint8_t data[] = { 2, 1, 1, 0x31, 0, 0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 1, 7, 1 };
    struct buf *fields = buf_new(), *one = buf_new(), *all = buf_new();

    fuzz_assert(buf_put(fields, data, sizeof data) == 0);
    if (!is_data)
        buf_mutable(fields)[sizeof data - 1] = 5;
    fuzz_assert(der_put(fields, 0x31, buf_data(info), buf_len(info)) == 0 &&
                der_put(one, 0x30, buf_data(fields), buf_len(fields)) == 0 &&
                buf_put(all, type, sizeof type) == 0 &&
                der_put(all, 0xa0, buf_data(one), buf_len(one)) == 0 &&
                der_put(out, 0x30, buf_data(all), buf_len(all)) == 0);
    buf_free(&fields);
    buf_free(&one);
    buf_free(&all);
}

/* Puts a true signature of FUZZ_ED25519 into what parses. */
static void
resign(const uint8_t *der, size_t len, struct buf *out)
{
    struct cms_signer signer = fuzz_signer(FUZZ_ED25519);
    const uint8_t *at = der;
    SN_SIGNER_INFO *info = shape_check_signer(der, len) != 0
                               ? NULL : d2i_SN_SIGNER_INFO(NULL, &at, (long)len);
    struct buf *attrs = buf_new(), *sig = buf_new();
    uint8_t *again = NULL;
    int size = 0;

    if (info != NULL && at == der + len && info->signed_attrs != NULL &&
        attr_put_signed_der(info->signed_attrs, attrs) == 0) {
        fuzz_assert(signer.sign(signer.arg, signer.scheme, buf_data(attrs), buf_len(attrs), sig,
                                NULL) == 0);
        ASN1_OCTET_STRING_set(info->signature, buf_data(sig), (int)buf_len(sig));
        size = i2d_SN_SIGNER_INFO(info, &again);
    }
    fuzz_assert((size > 0 ? buf_put(out, again, (size_t)size) : buf_put(out, der, len)) == 0);
    OPENSSL_free(again);
    SN_SIGNER_INFO_free(info);
    buf_free(&attrs);
    buf_free(&sig);
}

/* The SET of one value that the only attribute of that type has, among signed ones. */
static const struct cms_attribute *
only(const struct cms_signature *s, const char *oid)
{
    const struct cms_attribute *found = NULL;

    for (size_t i = 0; i < s->attribute_count; i++) {
        if (!s->attributes[i].is_signed || strcmp(s->attributes[i].oid, oid) != 0)
            continue;
        fuzz_assert(found == NULL);
        found = &s->attributes[i];
    }
    fuzz_assert(found != NULL);
    return found;
}

/* What intact must mean. */
static void
second_look(const struct cms_signature *s, bool is_data)
{
    static const uint8_t types[2][13] = {
        { 0x31, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 5 },
        { 0x31, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 },
    };
    uint8_t digest[CMS_DIGEST_SIZE_MAX];
    const struct cms_attribute *a;
    size_t len = 0;

    fuzz_assert(s->cert != NULL && s->digest != NULL && s->reason[0] == '\0');
    if (!s->has_attributes) {
        fuzz_assert(is_data);
        return;
    }
    a = only(s, ATTR_CONTENT_TYPE);
    fuzz_assert(a->len == 13 && memcmp(a->der, types[is_data], 13) == 0);
    fuzz_assert(cms_digests_get(digests(), s->digest, digest, &len, NULL) == 0);
    a = only(s, ATTR_MESSAGE_DIGEST);
    fuzz_assert(a->len == len + 4 && a->der[2] == 4 && memcmp(a->der + 4, digest, len) == 0);
}

/* What ESS may have in its attributes: read, and what was read can be written. */
static void
look_at_ess(const struct cms_signature *s)
{
    struct cms_receipt_request request;
    struct cms_label label;
    struct buf *out = buf_new();

    if (cms_label_read(s, &label) == 1 && label.category_count == 0)
        fuzz_assert(cms_label_put(out, &label) == 0);
    if (cms_receipt_request_read(s, &request) == 1 && request.to_count > 0 &&
        (request.from != CMS_RECEIPTS_LISTED || request.listed_count > 0))
        fuzz_assert(cms_receipt_request_put(out, &request) == 0);
    fuzz_assert(cms_receipt_put_digest(out, s) != E_NOMEM);
    if (s->state == CMS_INTACT)
        fuzz_assert(cms_receipt_put(out, s, "1.2.840.113549.1.7.1") != E_NOMEM);
    buf_free(&out);
}

static void
look_around(const struct cms_signature *s, bool is_data)
{
    struct cms_capability c;
    X509 *preferred = NULL;
    STACK_OF(X509) *certs = sk_X509_new_null();

    sk_X509_push(certs, fuzz_cert(FUZZ_P256));
    for (size_t i = 0; cms_capability_at(s, i, &c) == 1; i++)
        continue;
    if (cms_preferred_cert(s, certs, &preferred) == 1)
        fuzz_assert(preferred == fuzz_cert(FUZZ_P256));
    sk_X509_free(certs);
    look_at_ess(s);
    fuzz_assert((s->state == CMS_INTACT) == (s->reason[0] == '\0'));
    fuzz_assert(s->state == CMS_INTACT || s->problems[0] != NULL);
    if (s->state == CMS_INTACT)
        second_look(s, is_data);
    for (size_t i = 0; i < s->countersignature_count; i++) {
        const struct cms_signature *counter = &s->countersignatures[i];

        fuzz_assert(counter->countersignature_count == 0);
        fuzz_assert((counter->state == CMS_INTACT) == (counter->reason[0] == '\0'));
        fuzz_assert(counter->state != CMS_INTACT || counter->cert != NULL);
    }
}

/* The state, or a code. */
static int
verdict(const struct buf *message, size_t piece, bool is_data)
{
    struct cms_reader_options options = { 0 };
    struct cms_verify_options verify = { .content = digests() };
    STACK_OF(X509) *known = sk_X509_new_null();
    const struct cms_signed *result = NULL;
    struct cms_reader *r = NULL;
    struct err err = { 0 };
    int rc = cms_reader_new(&r, &options, &err);

    for (int i = 0; i < FUZZ_PEOPLE; i++)
        sk_X509_push(known, fuzz_cert((enum fuzz_person)i));
    verify.certs = known;
    for (size_t at = 0; rc == 0 && at < buf_len(message); at += piece) {
        size_t left = buf_len(message) - at;

        rc = cms_reader_update(r, buf_data(message) + at, piece < left ? piece : left, &err);
    }
    if (rc == 0)
        rc = cms_reader_finish(r, &err);
    if (rc == 0)
        rc = cms_verify(r, &verify, &result, &err);
    fuzz_assert(rc == 0 || err.text[0] != '\0');
    if (rc == 0)
        for (size_t i = 0; i < result->count; i++)
            look_around(&result->signatures[i], is_data);
    if (rc == 0)
        rc = result->count == 0 ? 1000 : 1 + (int)result->signatures[0].state;
    cms_reader_free(&r);
    sk_X509_free(known);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf *info, *message;
    bool is_data;
    int whole;

    if (len < 2)
        return 0;
    info = buf_new();
    message = buf_new();
    is_data = !(data[0] & 2);
    if (data[0] & 1)
        resign(data + 1, len - 1, info);
    else
        fuzz_assert(buf_put(info, data + 1, len - 1) == 0);
    wrap(info, is_data, message);
    whole = verdict(message, buf_len(message), is_data);
    fuzz_assert(verdict(message, (size_t)(data[0] >> 2) + 1, is_data) == whole);
    buf_free(&info);
    buf_free(&message);
    return 0;
}
