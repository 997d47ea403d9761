/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates read for signing say what libcrypto's X509 says; SignerInfos with a
 * flipped constructed bit are no SignerInfos. */
#include "tests/cms/craft.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "cms/ber.h"
#include "cms/certificate.h"
#include "cms/shape.h"

START_TEST(says_what_x509_says)
{
    X509 *x = people((size_t)_i)->cert;
    struct cms_certificate *c = NULL;
    struct err err = {0};
    size_t len;

    if (x == NULL) {
        person_make(people((size_t)_i));
        x = people((size_t)_i)->cert;
    }
    ck_assert_int_eq(cms_certificate_from_x509(&c, x, &err), 0);
    ck_assert_int_eq(X509_NAME_cmp(cms_certificate_issuer(c), X509_get_issuer_name(x)), 0);
    ck_assert_int_eq(ASN1_INTEGER_cmp(cms_certificate_serial(c), X509_get0_serialNumber(x)), 0);
    ck_assert_int_eq(ASN1_TIME_compare(cms_certificate_not_after(c), X509_get0_notAfter(x)), 0);
    ck_assert_int_eq(ASN1_TIME_compare(cms_certificate_not_before(c), X509_get0_notBefore(x)), 0);
    ck_assert_int_eq(cms_certificate_ski(c) != NULL, X509_get0_subject_key_id(x) != NULL);
    ck_assert_uint_eq(cms_certificate_key_usage(c), X509_get_key_usage(x));
    ck_assert_int_eq(EVP_PKEY_eq(cms_certificate_key(c), X509_get0_pubkey(x)), 1);
    ck_assert_ptr_nonnull(cms_certificate_der(c, &len));
    ck_assert_int_eq((int)len, i2d_X509(x, NULL));
    cms_certificate_free(&c);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(uses)
{
    EVP_PKEY *key = pki_key("p256");
    struct cms_certificate *c = NULL;
    X509 *x = pki_cert(&(struct pki_request){.cn = "Mail", .eku = "emailProtection"}, key, NULL,
                       NULL);

    ck_assert_int_eq(cms_certificate_from_x509(&c, x, NULL), 0);
    ck_assert(cms_certificate_allows(c, NID_email_protect));
    ck_assert(!cms_certificate_allows(c, NID_server_auth));
    cms_certificate_free(&c);
    X509_free(x);
    x = pki_cert(&(struct pki_request){.cn = "CA", .ca = true}, key, NULL, NULL);
    ck_assert_int_eq(cms_certificate_from_x509(&c, x, NULL), 0);
    ck_assert(cms_certificate_allows(c, NID_email_protect)); /* no EKU: any use */
    ck_assert(!(cms_certificate_key_usage(c) & KU_DIGITAL_SIGNATURE));
    cms_certificate_free(&c);
    X509_free(x);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(damaged_certificates)
{
    struct person *p = people(0);
    struct cms_certificate *c = NULL;
    uint8_t *der = NULL;
    int len;

    person_make(p);
    len = i2d_X509(p->cert, &der);
    for (int cut = 0; cut < len; cut++)
        ck_assert_int_eq(cms_certificate_read(&c, der, (size_t)cut, NULL), E_MALFORMED);
    der = OPENSSL_realloc(der, (size_t)len + 1);
    der[len] = 0;
    ck_assert_int_eq(cms_certificate_read(&c, der, (size_t)len + 1, NULL), E_MALFORMED);
    OPENSSL_free(der);
}
END_TEST

/* Clears or sets the bit at each header of the SignerInfo in turn; none may pass. */
START_TEST(constructed_bits)
{
    struct buf *signer = craft_signer_info(person_of("ecdsa-sha256"), "text", 4);
    uint8_t *der = buf_mutable(signer);
    size_t len = buf_len(signer), count = 0;
    const uint8_t *at = der;
    struct ber_event event;
    struct ber ber;

    ck_assert_int_eq(shape_check_signer(der, len), 0);
    ber_init(&ber);
    for (size_t left = len; ber_next(&ber, &at, &left, &event, NULL) == 1;) {
        uint8_t *id = der + event.offset;
        bool may_be_both = event.kind == BER_HEADER &&
                           (ber_is_string(event.header.id));
        if (event.kind != BER_HEADER || may_be_both)
            continue;
        *id ^= BER_CONSTRUCTED;
        ck_assert_msg(shape_check_signer(der, len) != 0 || (event.depth > 2 && *id >= 0x80),
                      "passes with %02x at %zu", *id, (size_t)event.offset);
        *id ^= BER_CONSTRUCTED;
        count++;
    }
    ck_assert_uint_gt(count, 20);
    buf_free(&signer);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-certificate");
    TCase *tcase = tcase_create("certificate");

    tcase_add_loop_test(tcase, says_what_x509_says, 0, (int)people_count());
    tcase_add_test(tcase, uses);
    tcase_add_test(tcase, damaged_certificates);
    tcase_add_test(tcase, constructed_bits);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
