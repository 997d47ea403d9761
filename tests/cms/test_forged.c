/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SignerInfos that say something else than what was signed, or say it in BER. */
#include "tests/cms/craft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/asn1.h"
#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/der.h"

static const char text[] = "Pay 100 to Alice.\r\n";
#define TEXT_LEN (sizeof text - 1)
#define SIGNER "ecdsa-sha256"

/* Reads SIGNER's message with its SignerInfo changed by `change` and signed anew
 * by the same key when `resign`. */
static enum cms_state
changed(void (*change)(SN_SIGNER_INFO *), bool resign, struct cms_signature *ret)
{
    struct person *p = person_of(SIGNER);
    struct buf *element = craft_signer_info(person_of(SIGNER), text, TEXT_LEN), *signer = buf_new(), *digests = buf_new();
    struct buf *encap = craft_no_content(), *certs = buf_new(), *m, *attrs = buf_new();
    const uint8_t *at = buf_data(element);
    SN_SIGNER_INFO *info = d2i_SN_SIGNER_INFO(NULL, &at, (long)buf_len(element));
    uint8_t *der = NULL, hash[32];
    struct cms_signer s = person_signer(p);
    struct buf *sig = buf_new();
    enum cms_state state;
    struct reading r;
    int len;

    change(info);
    if (resign) {
        ck_assert_int_eq(attr_put_signed_der(info->signed_attrs, attrs), 0);
        EVP_Digest(buf_data(attrs), buf_len(attrs), hash, NULL, EVP_sha256(), NULL);
        ck_assert_int_eq(s.sign(s.arg, s.scheme, hash, 32, sig, NULL), 0);
        ASN1_OCTET_STRING_set(info->signature, buf_data(sig), (int)buf_len(sig));
    }
    len = i2d_SN_SIGNER_INFO(info, &der);
    ck_assert_int_eq(buf_put(signer, der, (size_t)len), 0);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_X509(p->cert, &der);
    ck_assert_int_eq(buf_put(certs, der, (size_t)len), 0);
    OPENSSL_free(der);
    m = craft_signed_data(digests, encap, certs, signer);
    r = read_message(buf_data(m), buf_len(m), 100, text, TEXT_LEN);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    state = r.result->signatures[0].state;
    if (ret != NULL)
        *ret = r.result->signatures[0];
    reading_clear(&r);
    SN_SIGNER_INFO_free(info);
    buf_free(&sig);
    buf_free(&attrs);
    buf_free(&m);
    buf_free(&signer);
    buf_free(&digests);
    buf_free(&encap);
    buf_free(&certs);
    buf_free(&element);
    return state;
}

static void
nothing(SN_SIGNER_INFO *info)
{
    (void)info;
}

static X509_ATTRIBUTE *
attribute(SN_SIGNER_INFO *info, const char *oid)
{
    for (int i = 0; i < sk_X509_ATTRIBUTE_num(info->signed_attrs); i++) {
        X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(info->signed_attrs, i);
        char got[128];

        OBJ_obj2txt(got, sizeof got, X509_ATTRIBUTE_get0_object(a), 1);
        if (strcmp(got, oid) == 0)
            return a;
    }
    ck_abort_msg("no attribute");
}

static void
drop(SN_SIGNER_INFO *info, const char *oid)
{
    X509_ATTRIBUTE_free(sk_X509_ATTRIBUTE_delete_ptr(info->signed_attrs, attribute(info, oid)));
}

static void
twice(SN_SIGNER_INFO *info, const char *oid)
{
    sk_X509_ATTRIBUTE_push(info->signed_attrs, X509_ATTRIBUTE_dup(attribute(info, oid)));
}

static void
must(int rc)
{
    ck_assert_int_eq(rc, 0);
}

#define CHANGE(name, code) static void name(SN_SIGNER_INFO *info) { code; }
CHANGE(no_type, drop(info, ATTR_CONTENT_TYPE))
CHANGE(no_digest, drop(info, ATTR_MESSAGE_DIGEST))
CHANGE(no_time, drop(info, ATTR_SIGNING_TIME))
CHANGE(no_protection, drop(info, ATTR_PROTECTION))
CHANGE(no_ess, drop(info, ATTR_SIGNING_CERT_V2))
CHANGE(two_types, twice(info, ATTR_CONTENT_TYPE))
CHANGE(two_digests, twice(info, ATTR_MESSAGE_DIGEST))
CHANGE(two_times, twice(info, ATTR_SIGNING_TIME))
CHANGE(two_protections, twice(info, ATTR_PROTECTION))
CHANGE(two_values, X509_ATTRIBUTE_set1_data(attribute(info, ATTR_MESSAGE_DIGEST),
                                            V_ASN1_OCTET_STRING, "12345678901234567890123456789012",
                                            32))
CHANGE(other_type, drop(info, ATTR_CONTENT_TYPE);
       must(attr_add_content_type(&info->signed_attrs, OBJ_nid2obj(NID_pkcs7_signed))))
CHANGE(other_digest, must(attr_set_digest(info->signed_attrs, (const uint8_t *)text, 16)))
CHANGE(other_cert, drop(info, ATTR_SIGNING_CERT_V2);
       must(attr_add_signing_cert(&info->signed_attrs, (const uint8_t *)text, 16)))
CHANGE(other_digest_alg, X509_ALGOR_set0(info->digest_alg, OBJ_nid2obj(NID_sha512),
                                         V_ASN1_UNDEF, NULL))
CHANGE(other_sig_alg, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_ecdsa_with_SHA384),
                                      V_ASN1_UNDEF, NULL))
CHANGE(rsa_sig_alg, drop(info, ATTR_PROTECTION);
       X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL))
CHANGE(unknown_sig_alg, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_commonName),
                                        V_ASN1_UNDEF, NULL))
CHANGE(unknown_digest_alg, X509_ALGOR_set0(info->digest_alg, OBJ_nid2obj(NID_commonName),
                                           V_ASN1_UNDEF, NULL))
CHANGE(pss_without_parameters, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_rsassaPss),
                                               V_ASN1_UNDEF, NULL))
CHANGE(other_serial, ASN1_INTEGER_set(info->sid->d.issuer_serial->serial, 4711))
CHANGE(unsorted, sk_X509_ATTRIBUTE_push(info->signed_attrs,
                                        sk_X509_ATTRIBUTE_shift(info->signed_attrs)))
CHANGE(unknown_attribute, sk_X509_ATTRIBUTE_push(info->signed_attrs,
       X509_ATTRIBUTE_create_by_txt(NULL, "1.2.3.4", MBSTRING_ASC, (const uint8_t *)"x", 1)))
#undef CHANGE

static const struct {
    void (*change)(SN_SIGNER_INFO *);
    bool resign;
    enum cms_state state;
    const char *problem;
} changes[] = {
    { nothing, false, CMS_INTACT, NULL },
    { nothing, true, CMS_INTACT, NULL },
    { no_time, true, CMS_INTACT, NULL },
    { no_protection, true, CMS_INTACT, NULL },
    { no_ess, true, CMS_INTACT, NULL },
    { unknown_attribute, true, CMS_INTACT, NULL },
    { unsorted, false, CMS_INTACT, NULL },
    { no_time, false, CMS_BAD_SIGNATURE, "bad-signature" },
    { unknown_attribute, false, CMS_BAD_SIGNATURE, "bad-signature" },
    { no_type, true, CMS_MALFORMED, "malformed" },
    { no_digest, true, CMS_MALFORMED, "malformed" },
    { two_types, true, CMS_MALFORMED, "malformed" },
    { two_digests, true, CMS_MALFORMED, "malformed" },
    { two_times, true, CMS_MALFORMED, "malformed" },
    { two_protections, true, CMS_MALFORMED, "malformed" },
    { two_values, true, CMS_MALFORMED, "malformed" },
    { other_type, true, CMS_ALTERED, "content-type-mismatch" },
    { other_digest, true, CMS_ALTERED, "content-altered" },
    { other_cert, true, CMS_BAD_SIGNATURE, "signing-certificate-mismatch" },
    { other_digest_alg, true, CMS_BAD_SIGNATURE, "algorithm-protection-mismatch" },
    { other_sig_alg, true, CMS_BAD_SIGNATURE, "algorithm-protection-mismatch" },
    { rsa_sig_alg, true, CMS_BAD_SIGNATURE, "bad-signature" },
    { unknown_sig_alg, true, CMS_UNSUPPORTED, "unsupported" },
    { unknown_digest_alg, true, CMS_UNSUPPORTED, "unsupported" },
    { pss_without_parameters, true, CMS_MALFORMED, "malformed" },
    { other_serial, false, CMS_NO_CERTIFICATE, "no-certificate" },
};

START_TEST(forged_signer_infos)
{
    struct cms_signature s;
    bool found = changes[_i].problem == NULL;

    ck_assert_msg(changed(changes[_i].change, changes[_i].resign, &s) == changes[_i].state,
                  "%s: %s", cms_state_word(s.state), s.reason);
    for (size_t i = 0; s.problems[i] != NULL && !found; i++)
        found = strcmp(s.problems[i], changes[_i].problem) == 0;
    ck_assert_msg(found, "%s is not among the problems", changes[_i].problem);
    ck_assert((s.reason[0] != '\0') == (s.state != CMS_INTACT));
}
END_TEST

/* Signed attributes in another BER than DER verify, as RFC 5652, 5.4 says. */
START_TEST(attributes_in_ber)
{
    struct buf *element = craft_signer_info(person_of(SIGNER), text, TEXT_LEN), *ber = buf_new();
    const uint8_t *data = buf_data(element);
    size_t len = buf_len(element), at;
    struct ber_header h, attrs;
    struct buf *none = buf_new(), *encap = craft_no_content(), *m, *signer = buf_new();
    struct person *p = person_of(SIGNER);
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_digests *digests = digests_of(text, TEXT_LEN);
    struct reading r;

    ck_assert_int_eq(ber_read_header(data, len, &h), 1);
    at = h.size;
    for (;;) {
        ck_assert_int_eq(ber_read_header(data + at, len - at, &attrs), 1);
        if (attrs.id == BER_CONTEXT(0))
            break;
        at += attrs.size + (size_t)attrs.length;
    }
    /* [0] of indefinite length, each attribute with a length of four octets */
    ck_assert_int_eq(buf_put(ber, data + h.size, at - h.size), 0);
    ck_assert_int_eq(buf_put(ber, "\xa0\x80", 2), 0);
    at += attrs.size;
    for (size_t end = at + (size_t)attrs.length; at < end;) {
        struct ber_header a;

        ck_assert_int_eq(ber_read_header(data + at, len - at, &a), 1);
        ck_assert_int_eq(buf_put(ber, "\x30\x84\0\0", 4), 0);
        ck_assert_int_eq(buf_put_byte(ber, (uint8_t)(a.length >> 8)), 0);
        ck_assert_int_eq(buf_put_byte(ber, (uint8_t)a.length), 0);
        ck_assert_int_eq(buf_put(ber, data + at + a.size, (size_t)a.length), 0);
        at += a.size + (size_t)a.length;
    }
    ck_assert_int_eq(buf_put(ber, "\0\0", 2), 0);
    ck_assert_int_eq(buf_put(ber, data + at, len - at), 0);
    ck_assert_int_eq(der_put(signer, 0x30, buf_data(ber), buf_len(ber)), 0);
    m = craft_signed_data(none, encap, none, signer);
    sk_X509_push(certs, p->cert);
    r = read_with(buf_data(m), buf_len(m), SPLIT_BYTES, digests, certs, NULL);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_msg(r.result->signatures[0].state == CMS_INTACT, "%s",
                  r.result->signatures[0].reason);
    ck_assert(r.result->is_ber);
    reading_clear(&r);
    sk_X509_free(certs);
    cms_digests_free(&digests);
    buf_free(&m);
    buf_free(&signer);
    buf_free(&none);
    buf_free(&encap);
    buf_free(&ber);
    buf_free(&element);
}
END_TEST

/* A megabyte of tiny values would become many megabytes of objects. */
START_TEST(too_many_values)
{
    struct buf *element = craft_signer_info(person_of(SIGNER), text, TEXT_LEN);
    struct buf *signer = buf_new(), *digests = buf_new(), *certs = buf_new();
    struct buf *encap = craft_no_content(), *m;
    const uint8_t *at = buf_data(element);
    SN_SIGNER_INFO *info = d2i_SN_SIGNER_INFO(NULL, &at, (long)buf_len(element));
    X509_ATTRIBUTE *time = attribute(info, ATTR_SIGNING_TIME);
    uint8_t *der = NULL;
    struct reading r;
    int len;

    for (int i = 0; i < CMS_MAX_VALUES; i++)
        ck_assert_int_eq(X509_ATTRIBUTE_set1_data(time, V_ASN1_OCTET_STRING, "x", 1), 1);
    len = i2d_SN_SIGNER_INFO(info, &der);
    ck_assert_int_eq(buf_put(signer, der, (size_t)len), 0);
    OPENSSL_free(der);
    m = craft_signed_data(digests, encap, certs, signer);
    r = read_message(buf_data(m), buf_len(m), 100, text, TEXT_LEN);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err_text(&r.err), "values of a signer's attributes"));
    reading_clear(&r);
    SN_SIGNER_INFO_free(info);
    buf_free(&m);
    buf_free(&encap);
    buf_free(&certs);
    buf_free(&digests);
    buf_free(&signer);
    buf_free(&element);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-forged");
    TCase *tc = tcase_create("forged");

    (void)person_of(SIGNER);
    (void)person_of("ed25519");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, forged_signer_infos, 0, (int)(sizeof changes / sizeof *changes));
    tcase_add_test(tc, attributes_in_ber);
    tcase_add_test(tc, too_many_values);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
