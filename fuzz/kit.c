/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

void
fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
}

int
fuzz_sum(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    uint64_t *total = arg;

    (void)err;
    for (size_t i = 0; i < len; i++)
        *total = *total * 31 + data[i];
    return 0;
}

static int
gather(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    return buf_put(arg, data, len);
}

struct sink
fuzz_gather(struct buf *b)
{
    return (struct sink){ .write = gather, .arg = b };
}

/* The point of the scalar 0101...01. */
static EVP_PKEY *
p256(const uint8_t scalar[32])
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
    EC_POINT *q = EC_POINT_new(group);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;
    uint8_t point[65];

    fuzz_assert(EC_POINT_mul(group, q, d, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point,
                                   sizeof point, NULL) == sizeof point &&
                OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256",
                                                0) == 1 &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
                OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                 sizeof point) == 1);
    params = OSSL_PARAM_BLD_to_param(build);
    fuzz_assert(EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    EC_POINT_free(q);
    BN_free(d);
    EC_GROUP_free(group);
    OSSL_PARAM_BLD_free(build);
    return key;
}

EVP_PKEY *
fuzz_key(enum fuzz_person who)
{
    static EVP_PKEY *keys[FUZZ_PEOPLE];
    uint8_t octets[32];

    memset(octets, who == FUZZ_ANOTHER ? 2 : 1, sizeof octets);
    if (keys[who] == NULL)
        keys[who] = who == FUZZ_P256
                        ? p256(octets)
                        : EVP_PKEY_new_raw_private_key(
                              who == FUZZ_X25519 ? EVP_PKEY_X25519 : EVP_PKEY_ED25519, NULL,
                              octets, sizeof octets);
    fuzz_assert(keys[who] != NULL);
    return keys[who];
}

static void
fill(X509 *cert, enum fuzz_person who)
{
    static const char *const names[] = { "ed25519", "p256", "x25519", "another" };
    X509_NAME *name = X509_NAME_new();
    ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();

    fuzz_assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                           (const uint8_t *)names[who], -1, -1, 0) == 1 &&
                X509_set_version(cert, X509_VERSION_3) == 1 &&
                X509_set_issuer_name(cert, name) == 1 &&
                X509_set_subject_name(cert, name) == 1 &&
                ASN1_INTEGER_set(X509_get_serialNumber(cert), 1 + (long)who) == 1 &&
                ASN1_TIME_set(X509_getm_notBefore(cert), 1700000000) != NULL &&
                ASN1_TIME_set(X509_getm_notAfter(cert), 2000000000) != NULL &&
                ASN1_OCTET_STRING_set(ski, (const uint8_t *)names[who],
                                      (int)strlen(names[who])) == 1 &&
                X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0, 0) == 1 &&
                X509_set_pubkey(cert, fuzz_key(who)) == 1);
    ASN1_OCTET_STRING_free(ski);
    X509_NAME_free(name);
}

/* All by FUZZ_ED25519, whose signatures are the same each time. */
X509 *
fuzz_cert(enum fuzz_person who)
{
    static X509 *certs[FUZZ_PEOPLE];

    if (certs[who] == NULL) {
        certs[who] = X509_new();
        fuzz_assert(certs[who] != NULL);
        fill(certs[who], who);
        fuzz_assert(X509_sign(certs[who], fuzz_key(FUZZ_ED25519), NULL) > 0);
    }
    return certs[who];
}

static int
sign(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len, struct buf *out,
     struct err *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(arg, NULL);
    uint8_t sig[128];
    size_t sig_len = sizeof sig;

    (void)err;
    fuzz_assert(scheme->digest == NULL
                    ? EVP_DigestSignInit(md, NULL, NULL, NULL, arg) == 1 &&
                          EVP_DigestSign(md, sig, &sig_len, data, len) == 1
                    : EVP_PKEY_sign_init(ctx) == 1 &&
                          EVP_PKEY_sign(ctx, sig, &sig_len, data, len) == 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    return buf_put(out, sig, sig_len);
}

struct cms_signer
fuzz_signer(enum fuzz_person who)
{
    const char *scheme = who == FUZZ_P256 ? "ecdsa-sha256" : "ed25519";

    return (struct cms_signer){ .cert = fuzz_cert(who), .scheme = alg_sig_by_name(scheme),
                                .sign = sign, .arg = fuzz_key(who) };
}

/* Answers every RSA ciphertext with the same octets. */
static int
unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    (void)arg;
    (void)err;
    memset(secret_mutable(key), 'k', u->expected);
    secret_set_len(key, u->expected);
    return 0;
}

static int
agree(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    EVP_PKEY *own = arg, *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    size_t size = secret_max(z);
    bool ok;

    (void)err;
    /* the library promises a point of the key's own curve */
    if (EVP_PKEY_is_a(own, "X25519")) {
        EVP_PKEY_free(peer);
        peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, len);
        fuzz_assert(peer != NULL);
    } else {
        fuzz_assert(EVP_PKEY_copy_parameters(peer, own) == 1 &&
                    EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1);
    }
    ok = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
         EVP_PKEY_derive(ctx, secret_mutable(z), &size) == 1;
    if (ok)
        secret_set_len(z, size);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok ? 0 : E_DECRYPT;
}

struct cms_opener
fuzz_opener(enum fuzz_person who)
{
    return (struct cms_opener){ .cert = fuzz_cert(who), .unwrap = unwrap,
                                .agree = agree,
                                .arg = fuzz_key(who) };
}

struct secret *
fuzz_secret(int octet, size_t len)
{
    struct secret *s = secret_new(len);

    fuzz_assert(s != NULL);
    memset(secret_mutable(s), octet, len);
    secret_set_len(s, len);
    return s;
}
