/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys from the many ways in which tokens write them: one name each. */
#include <check.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>

#include "pkcs11/spki.h"
#include "tests/base/run.h"
#include "tests/support/pki.h"

#define OID_P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P521 "\x06\x05\x2b\x81\x04\x00\x23"
#define OID_ED25519 "\x06\x03\x2b\x65\x70"
#define NAME_ED25519 "\x13\x0c" "edwards25519"

static size_t
point_of(EVP_PKEY *key, uint8_t out[160])
{
    unsigned char *point = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);

    ck_assert_uint_gt(len, 0);
    memcpy(out, point, len);
    OPENSSL_free(point);
    return len;
}

static size_t
wrap(const uint8_t *point, size_t len, uint8_t out[170])
{
    size_t n = 0;

    out[n++] = 4;
    if (len > 127)
        out[n++] = 0x81;
    out[n++] = (uint8_t)len;
    memcpy(out + n, point, len);
    return n + len;
}

static void
same_from(const struct spki *want, const char *params, size_t params_len, const uint8_t *point,
          size_t len)
{
    struct spki got = {0};

    ck_assert_int_eq(spki_from_ec(&got, (const uint8_t *)params, params_len, point, len), 0);
    ck_assert_str_eq(got.name, want->name);
    ck_assert_str_eq(got.curve, want->curve);
    ck_assert_int_eq(got.type, want->type);
    spki_clear(&got);
}

START_TEST(curves)
{
#define DER(s) {s, sizeof(s) - 1}
    static const struct {
        const char *type, *curve;
        struct { const char *der; size_t len; } params[2];
    } keys[] = {
        {"p256", "P-256", {DER(OID_P256), DER("\x13\x0a" "prime256v1")}},
        {"p521", "P-521", {DER(OID_P521), DER("\x13\x05" "P-521")}},
    };
    const uint8_t *oid = (const uint8_t *)keys[_i].params[0].der;
    size_t oid_len = keys[_i].params[0].len;
    EVP_PKEY *key = pki_key(keys[_i].type);
    uint8_t point[160], wrapped[170];
    size_t len = point_of(key, point), wrapped_len = wrap(point, len, wrapped);
    struct spki want = {0}, got = {0};

    ck_assert_int_eq(spki_from_pkey(&want, key), 0);
    ck_assert_str_eq(want.curve, keys[_i].curve);
    for (int p = 0; p < 2; p++) {
        same_from(&want, keys[_i].params[p].der, keys[_i].params[p].len, point, len);
        same_from(&want, keys[_i].params[p].der, keys[_i].params[p].len, wrapped, wrapped_len);
    }
    ck_assert_int_ne(spki_from_ec(&got, oid, oid_len, point, len - 1), 0);
    point[len - 1] ^= 1; /* no longer on the curve */
    ck_assert_int_ne(spki_from_ec(&got, oid, oid_len, point, len), 0);
    ck_assert_int_eq(spki_from_ec(&got, (const uint8_t *)"\x06\x01\x2a", 3, point, len),
                     E_UNSUPPORTED);
    ck_assert_int_eq(spki_from_ec(&got, (const uint8_t *)"", 0, point, len), E_UNSUPPORTED);
    spki_clear(&want);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(edwards)
{
    EVP_PKEY *key = pki_key("ed25519");
    uint8_t point[160], wrapped[170];
    size_t len = 160, wrapped_len;
    struct spki want = {0}, got = {0};

    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(key, point, &len), 1);
    wrapped_len = wrap(point, len, wrapped);
    ck_assert_int_eq(spki_from_pkey(&want, key), 0);
    ck_assert_int_eq(want.type, ALG_KEY_ED25519);
    same_from(&want, OID_ED25519, sizeof OID_ED25519 - 1, point, len);
    same_from(&want, OID_ED25519, sizeof OID_ED25519 - 1, wrapped, wrapped_len);
    same_from(&want, NAME_ED25519, sizeof NAME_ED25519 - 1, wrapped, wrapped_len);
    ck_assert_int_ne(spki_from_ec(&got, (const uint8_t *)OID_ED25519, 5, point, 31), 0);
    spki_clear(&want);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(rsa)
{
    EVP_PKEY *key = pki_key("rsa2048");
    struct spki want = {0}, got = {0};
    BIGNUM *n = NULL;
    uint8_t modulus[257] = {0};
    static const uint8_t e[] = {0, 1, 0, 1};

    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    ck_assert_int_eq(BN_bn2binpad(n, modulus + 1, 256), 256);
    BN_free(n);
    ck_assert_int_eq(spki_from_pkey(&want, key), 0);
    ck_assert_uint_eq(want.bits, 2048);
    ck_assert_int_eq(spki_from_rsa(&got, modulus + 1, 256, e + 1, 3), 0);
    ck_assert_str_eq(got.name, want.name);
    spki_clear(&got);
    /* Leading zeros, as some tokens have them. */
    ck_assert_int_eq(spki_from_rsa(&got, modulus, 257, e, 4), 0);
    ck_assert_str_eq(got.name, want.name);
    spki_clear(&got);
    ck_assert_int_eq(spki_from_der(&got, want.der, want.len), 0);
    ck_assert_str_eq(got.name, want.name);
    spki_clear(&got);
    ck_assert_int_eq(spki_from_der(&got, want.der, want.len - 1), E_MALFORMED);
    ck_assert_int_eq(spki_from_rsa(&got, modulus, 0, e, 4), E_MALFORMED);
    ck_assert_int_eq(spki_from_rsa(&got, modulus, 1, e, 4), E_MALFORMED); /* zero */
    spki_clear(&want);
    EVP_PKEY_free(key);
}
END_TEST

/* A key that its certificate binds to PSS is the same key. */
START_TEST(rsa_pss_has_the_name_of_rsa)
{
    EVP_PKEY *key = pki_key("rsa2048");
    X509_PUBKEY *pub = NULL;
    struct spki want = {0}, got = {0};
    const unsigned char *bits;
    uint8_t *copy, *der = NULL;
    int len;

    ck_assert_int_eq(spki_from_pkey(&want, key), 0);
    ck_assert_int_eq(X509_PUBKEY_set(&pub, key), 1);
    ck_assert_int_eq(X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, pub), 1);
    copy = OPENSSL_memdup(bits, (size_t)len);
    ck_assert_int_eq(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_rsassaPss), V_ASN1_UNDEF, NULL,
                                            copy, len), 1);
    len = i2d_X509_PUBKEY(pub, &der);
    ck_assert_int_eq(spki_from_der(&got, der, (size_t)len), 0);
    ck_assert_str_eq(got.name, want.name);
    spki_clear(&got);
    spki_clear(&want);
    OPENSSL_free(der);
    X509_PUBKEY_free(pub);
    EVP_PKEY_free(key);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("spki");

    tcase_add_loop_test(tc, curves, 0, 2);
    tcase_add_test(tc, edwards);
    tcase_add_test(tc, rsa);
    tcase_add_test(tc, rsa_pss_has_the_name_of_rsa);
    return run_suite("pkcs11: public keys", &tc, 1);
}
