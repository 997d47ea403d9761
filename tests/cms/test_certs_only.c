/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of certificates and revocation lists alone (RFC 8551, 3.8), both ways. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/pem.h>

static STACK_OF(X509) *
some_certs(int count)
{
    STACK_OF(X509) *certs = sk_X509_new_null();

    for (int i = 0; i < count; i++)
        sk_X509_push(certs, people((size_t)i)->cert);
    return certs;
}

/* An empty list, signed by the first person. */
static X509_CRL *
some_crl(void)
{
    struct person *p = people(0);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, 1700000000);

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(p->cert));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, now);
    ASN1_TIME_free(now);
    ck_assert_int_gt(X509_CRL_sign(crl, p->key, EVP_sha256()), 0);
    return crl;
}

static struct buf *
write_certs(const STACK_OF(X509) *certs, const STACK_OF(X509_CRL) *crls)
{
    struct cms_sign_options options = { .certs = certs, .crls = crls, .content_size = -1 };

    return sign_content(&options, "", 0, 0);
}

static void
assert_holds(const struct buf *m, const STACK_OF(X509) *certs, int crls)
{
    for (size_t split = 0; split <= buf_len(m) + 1; split += 11) {
        size_t at = split > buf_len(m) ? SPLIT_BYTES : split;
        struct reading r = read_message(buf_data(m), buf_len(m), at, NULL, 0);

        ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
        ck_assert_uint_eq(r.result->count, 0);
        ck_assert(!cms_reader_has_content(r.reader));
        ck_assert_int_eq(sk_X509_num(r.result->certs), sk_X509_num(certs));
        for (int i = 0; i < sk_X509_num(certs); i++) {
            bool found = false;

            for (int k = 0; k < sk_X509_num(r.result->certs); k++)
                found |= X509_cmp(sk_X509_value(certs, i),
                                  sk_X509_value(r.result->certs, k)) == 0;
            ck_assert(found);
        }
        ck_assert_int_eq(sk_X509_CRL_num(r.result->crls), crls);
        reading_clear(&r);
    }
}

START_TEST(round_trip)
{
    STACK_OF(X509) *certs = some_certs(_i);
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    struct buf *m = write_certs(certs, NULL);

    assert_holds(m, certs, 0);
    buf_free(&m);
    sk_X509_CRL_push(crls, some_crl());
    m = write_certs(certs, crls);
    assert_holds(m, certs, 1);
    buf_free(&m);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    sk_X509_free(certs);
}
END_TEST

/* A certificate that is given twice is there once; content is refused. */
START_TEST(misused)
{
    STACK_OF(X509) *certs = some_certs(2), *twice = some_certs(2);
    struct cms_sign_options options = { .certs = certs, .content_size = -1 };
    struct buf *out = buf_new(), *m;
    struct sink sink = gather_sink(out);
    struct cms_sign *s = NULL;
    struct err err = { 0 };

    sk_X509_push(twice, people(0)->cert);
    m = write_certs(twice, NULL);
    assert_holds(m, certs, 0);
    ck_assert_int_eq(cms_sign_new(&s, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_sign_update(s, "x", 1, &err), E_USAGE);
    cms_sign_free(&s);
    buf_free(&out);
    buf_free(&m);
    sk_X509_free(certs);
    sk_X509_free(twice);
}
END_TEST

START_TEST(openssl_both_ways)
{
    STACK_OF(X509) *certs = some_certs(2);
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    char *dir = scratch_make(), path[4096];
    struct buf *m;
    FILE *f;

    sk_X509_CRL_push(crls, some_crl());
    m = write_certs(certs, crls);
    write_file(dir, "ours", buf_data(m), buf_len(m));
    buf_free(&m);
    ck_assert_int_eq(shell("cd '%s' && openssl pkcs7 -inform DER -in ours -print_certs "
                           "-out printed && test $(grep -c 'BEGIN CERT' printed) = 2 "
                           "&& test $(grep -c 'BEGIN X509 CRL' printed) = 1", dir), 0);
    snprintf(path, sizeof path, "%s/certs.pem", dir);
    f = fopen(path, "w");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(PEM_write_X509(f, sk_X509_value(certs, i)), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/crl.pem", dir);
    f = fopen(path, "w");
    ck_assert_int_eq(PEM_write_X509_CRL(f, sk_X509_CRL_value(crls, 0)), 1);
    fclose(f);
    ck_assert_int_eq(shell("cd '%s' && openssl crl2pkcs7 -in crl.pem -certfile certs.pem "
                           "-outform DER -out theirs", dir), 0);
    snprintf(path, sizeof path, "%s/theirs", dir);
    m = read_file(path);
    assert_holds(m, certs, 1);
    buf_free(&m);
    scratch_remove(dir);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    sk_X509_free(certs);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-certs-only");
    TCase *tc = tcase_create("certs-only");

    for (size_t i = 0; i < 3; i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, round_trip, 0, 4);
    tcase_add_test(tc, misused);
    tcase_add_test(tc, openssl_both_ways);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
