/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signing, decrypting and deriving on every token, checked with libcrypto. */
#include <check.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pkcs11/decrypt.h"
#include "pkcs11/derive.h"
#include "pkcs11/login.h"
#include "pkcs11/sign.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"

#define NO_KEY "0000000000000000000000000000000000000000000000000000000000000000"

static struct bed bed;

/* Whether libcrypto takes the signature. */
static bool
verifies(EVP_PKEY *key, const struct alg_sig *sig, const uint8_t *data, size_t len,
         const struct signature *s)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool yes;

    if (!sig->digest) {
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        yes = EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(md, s->data, s->len, data, len) == 1;
        EVP_MD_CTX_free(md);
        EVP_PKEY_CTX_free(ctx);
        return yes;
    }
    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    if (sig->padding == ALG_PAD_PSS) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbynid(sig->digest->nid)),
                     1);
    yes = EVP_PKEY_verify(ctx, s->data, s->len, data, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return yes;
}

/* Signs with one scheme and expects what the scheme and key deserve. */
static void
try_scheme(const char *name, EVP_PKEY *key, const struct alg_sig *sig)
{
    static const int types[] = {[ALG_KEY_RSA] = EVP_PKEY_RSA, [ALG_KEY_EC] = EVP_PKEY_EC,
                                [ALG_KEY_ED25519] = EVP_PKEY_ED25519};
    size_t len = sig->digest ? sig->digest->size : 1000;
    bool weak = sig->digest && sig->digest->weak;
    struct signature s;
    struct err err = {0};
    uint8_t data[1000];
    int rc;

    ck_assert_int_eq(RAND_bytes(data, (int)len), 1);
    rc = sign_data(bed.lane, bed.slot, name, sig, data, len, &s, &err);
    if (sig->key > ALG_KEY_ED25519 || EVP_PKEY_get_base_id(key) != types[sig->key] || weak) {
        ck_assert_int_eq(rc, weak ? E_WEAK : E_MECHANISM);
        ck_assert_uint_gt(strlen(err_text(&err)), 20);
        return;
    }
    ck_assert_msg(rc == 0, "%s: %s", sig->name, err_text(&err));
    if (sig->key == ALG_KEY_RSA)
        ck_assert_uint_eq(s.len, (size_t)EVP_PKEY_get_size(key));
    ck_assert_msg(verifies(key, sig, data, len, &s), "%s: bad signature", sig->name);
    data[0] ^= 1; /* in the part that a short curve takes */
    ck_assert_msg(!verifies(key, sig, data, len, &s), "%s: altered data verified", sig->name);
}

START_TEST(signs_with_every_scheme)
{
    if (!bed_open(&bed, &rigs[_i]))
        return;
    for (size_t t = 0; bed.rig->types[t]; t++) {
        const char *name = bed_key(&bed, bed.rig->types[t], "one");
        EVP_PKEY *key = bed_public(&bed, name);
        const struct alg_sig *sig;
        for (size_t i = 0; (sig = alg_sig_at(i)); i++)
            /* NSS knows no SHA-3 for PSS, and would not say so in a useful way. */
            if (!sig->digest || strncmp(sig->digest->name, "sha3", 4) != 0 ||
                sig->padding != ALG_PAD_PSS)
                try_scheme(name, key, sig);
        EVP_PKEY_free(key);
    }
    bed_close(&bed);
}
END_TEST

START_TEST(signature_of_many_has_the_modulus_length)
{
    const struct alg_sig *sig = alg_sig_by_name("rsa-pkcs1-sha256");
    struct signature s;
    struct err err = {0};
    uint8_t digest[32];

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    /* One in 256 starts with a zero byte; NSS takes 30 ms for each. */
    for (int i = 0; i < (_i == RIG_SOFTHSM ? 1000 : 60); i++) {
        ck_assert_int_eq(RAND_bytes(digest, sizeof digest), 1);
        ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 32, &s, &err), 0);
        ck_assert_uint_eq(s.len, 256);
        ck_assert(verifies(key, sig, digest, 32, &s));
    }
    EVP_PKEY_free(key);
    bed_close(&bed);
}
END_TEST

START_TEST(refuses_a_digest_of_another_length)
{
    const struct alg_sig *sig = alg_sig_by_name("ecdsa-sha256");
    struct signature s;
    struct err err = {0};
    uint8_t digest[64] = {0};

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "p256", "");
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 31, &s, &err), E_PROTOCOL);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 64, &s, &err), E_PROTOCOL);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, NO_KEY, sig, digest, 32, &s, &err), E_NO_KEY);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "token \"" RIG_LABEL "\""));
    ck_assert_int_eq(sign_data(bed.lane, 987654321, name, sig, digest, 32, &s, &err),
                     E_NO_TOKEN);
    bed_close(&bed);
}
END_TEST

static size_t
encrypt(EVP_PKEY *key, int padding, const char *digest, const uint8_t *data, size_t len,
        uint8_t out[512])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = 512;

    ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (digest) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, digest, NULL), 1);
    }
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &n, data, len), 1);
    EVP_PKEY_CTX_free(ctx);
    return n;
}

static void
decrypt(const char *name, const char *scheme_name, size_t expected, const uint8_t *data,
        size_t len, struct secret *out)
{
    struct decrypt_scheme scheme;
    struct err err = {0};
    int rc;

    ck_assert_int_eq(decrypt_scheme_by_name(scheme_name, &scheme), 0);
    rc = decrypt_data(bed.lane, bed.slot, name, &scheme, expected, data, len, out, &err);
    ck_assert_msg(rc == 0, "%s: %s", scheme_name, err_text(&err));
}

START_TEST(unwraps_pkcs1)
{
    struct secret *out = secret_new(DECRYPT_MAX), *again = secret_new(DECRYPT_MAX);
    uint8_t key_bytes[32], wrapped[512], bare[256] = {0};

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    ck_assert_int_eq(RAND_bytes(key_bytes, 32), 1);

    size_t n = encrypt(key, RSA_PKCS1_PADDING, NULL, key_bytes, 32, wrapped);
    decrypt(name, "rsa-pkcs1", 32, wrapped, n, out);
    ck_assert_uint_eq(secret_len(out), 32);
    ck_assert_mem_eq(secret_data_view(out), key_bytes, 32);

    /* Another length than expected: a key of the expected length, always the same. */
    decrypt(name, "rsa-pkcs1", 16, wrapped, n, out);
    ck_assert_uint_eq(secret_len(out), 16);
    ck_assert_mem_ne(secret_data_view(out), key_bytes, 16);
    decrypt(name, "rsa-pkcs1", 16, wrapped, n, again);
    ck_assert(secret_equal(out, again));

    /* No padding at all, and a number above the modulus: the same. */
    bare[255] = 2;
    n = encrypt(key, RSA_NO_PADDING, NULL, bare, 256, wrapped);
    decrypt(name, "rsa-pkcs1", 48, wrapped, n, out);
    decrypt(name, "rsa-pkcs1", 48, wrapped, n, again);
    ck_assert_uint_eq(secret_len(out), 48);
    ck_assert(secret_equal(out, again));
    wrapped[100] ^= 1;
    decrypt(name, "rsa-pkcs1", 48, wrapped, n, again);
    ck_assert(!secret_equal(out, again));
    memset(wrapped, 0xff, 256);
    decrypt(name, "rsa-pkcs1", 32, wrapped, 256, out);
    ck_assert_uint_eq(secret_len(out), 32);

    /* The token still works after refusals. */
    n = encrypt(key, RSA_PKCS1_PADDING, NULL, key_bytes, 24, wrapped);
    decrypt(name, "rsa-pkcs1", 24, wrapped, n, out);
    ck_assert_mem_eq(secret_data_view(out), key_bytes, 24);
    EVP_PKEY_free(key);
    secret_free(&out);
    secret_free(&again);
    bed_close(&bed);
}
END_TEST

START_TEST(unwraps_oaep)
{
    static const char *const digests[] = {"sha1", "sha224", "sha256", "sha384", "sha512"};
    struct secret *out = secret_new(DECRYPT_MAX);
    struct decrypt_scheme scheme;
    struct err err = {0};
    uint8_t key_bytes[32], wrapped[512];
    char text[32];

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        snprintf(text, sizeof text, "rsa-oaep-%s", digests[i]);
        for (int round = 0; round < 2; round++) {
            ck_assert_int_eq(RAND_bytes(key_bytes, 32), 1);
            size_t n = encrypt(key, RSA_PKCS1_OAEP_PADDING, digests[i], key_bytes, 32, wrapped);
            decrypt(name, text, 0, wrapped, n, out);
            ck_assert_uint_eq(secret_len(out), 32);
            ck_assert_mem_eq(secret_data_view(out), key_bytes, 32);
        }
        wrapped[20] ^= 1;
        ck_assert_int_eq(decrypt_scheme_by_name(text, &scheme), 0);
        ck_assert_int_eq(decrypt_data(bed.lane, bed.slot, name, &scheme, 0, wrapped, 256, out,
                                      &err), E_DECRYPT);
    }
    ck_assert_int_eq(decrypt_scheme_by_name("rsa-oaep-rot13", &scheme), E_UNSUPPORTED);
    ck_assert_int_eq(decrypt_scheme_by_name("rsa", &scheme), E_UNSUPPORTED);
    EVP_PKEY_free(key);
    secret_free(&out);
    bed_close(&bed);
}
END_TEST

static size_t
encrypt_oaep(EVP_PKEY *key, const char *digest, const char *mgf, const char *label,
             const uint8_t *data, size_t len, uint8_t out[512])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = 512, label_len = strlen(label);

    ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL), 1);
    if (label_len > 0)
        ck_assert_int_eq(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup(label, label_len),
                                                          (int)label_len), 1);
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &n, data, len), 1);
    EVP_PKEY_CTX_free(ctx);
    return n;
}

static int
decrypt_oaep(const char *name, const char *scheme_name, const char *mgf, const char *label_hex,
             const uint8_t *data, size_t len, struct secret *out, struct err *err)
{
    struct decrypt_scheme scheme;

    ck_assert_int_eq(decrypt_scheme_by_name(scheme_name, &scheme), 0);
    ck_assert_int_eq(decrypt_scheme_set_mgf(&scheme, mgf), 0);
    ck_assert_int_eq(decrypt_scheme_set_label(&scheme, label_hex), 0);
    return decrypt_data(bed.lane, bed.slot, name, &scheme, 0, data, len, out, err);
}

/* MGF1 with a digest of its own and a label, neither of which tokens know: what they
 * refuse is undone in software. Another label or digest does not open it. */
START_TEST(unwraps_odd_oaep)
{
    static const struct {
        const char *digest, *mgf, *label, *hex;
    } rows[] = {
        {"sha256", "sha1", "", ""},
        {"sha1", "sha512", "", ""},
        {"sha256", "sha256", "a label", "61206c6162656c"},
        {"sha1", "sha1", "L", "4c"},
        {"sha384", "sha256", "L", "4C"},
    };
    struct secret *out = secret_new(DECRYPT_MAX);
    uint8_t key_bytes[32], wrapped[512];
    struct err err = {0};
    char text[32];

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "rsa-oaep-%s", rows[i].digest);
        ck_assert_int_eq(RAND_bytes(key_bytes, 32), 1);
        size_t n = encrypt_oaep(key, rows[i].digest, rows[i].mgf, rows[i].label, key_bytes, 32,
                                wrapped);
        int rc = decrypt_oaep(name, text, rows[i].mgf, rows[i].hex, wrapped, n, out, &err);
        ck_assert_msg(rc == 0, "%s %s \"%s\": %s", text, rows[i].mgf, rows[i].label,
                      err_text(&err));
        ck_assert_uint_eq(secret_len(out), 32);
        ck_assert_mem_eq(secret_data_view(out), key_bytes, 32);
        ck_assert_int_eq(decrypt_oaep(name, text, rows[i].mgf, "00", wrapped, n, out, &err),
                         E_DECRYPT);
        ck_assert_int_eq(decrypt_oaep(name, text, "sha224", rows[i].hex, wrapped, n, out, &err),
                         E_DECRYPT);
        /* The plain way is not spoilt by what was refused. */
        n = encrypt(key, RSA_PKCS1_OAEP_PADDING, rows[i].digest, key_bytes, 32, wrapped);
        decrypt(name, text, 0, wrapped, n, out);
        ck_assert_mem_eq(secret_data_view(out), key_bytes, 32);
    }
    EVP_PKEY_free(key);
    secret_free(&out);
    bed_close(&bed);
}
END_TEST

START_TEST(odd_schemes)
{
    struct decrypt_scheme scheme;
    char label[2 * (DECRYPT_LABEL_MAX + 1) + 1];

    memset(label, '0', sizeof label);
    ck_assert_int_eq(decrypt_scheme_by_name("rsa-pkcs1", &scheme), 0);
    ck_assert_int_eq(decrypt_scheme_set_mgf(&scheme, "sha1"), E_USAGE);
    ck_assert_int_eq(decrypt_scheme_set_label(&scheme, "00"), E_USAGE);
    ck_assert_int_eq(decrypt_scheme_by_name("rsa-oaep-sha256", &scheme), 0);
    ck_assert_ptr_eq(scheme.mgf, scheme.digest);
    ck_assert_int_eq(decrypt_scheme_set_mgf(&scheme, "rot13"), E_UNSUPPORTED);
    ck_assert_int_eq(decrypt_scheme_set_label(&scheme, "0"), E_MALFORMED);
    label[sizeof label - 1] = '\0';
    ck_assert_int_eq(decrypt_scheme_set_label(&scheme, label), E_LIMIT);
    label[sizeof label - 3] = '\0';
    ck_assert_int_eq(decrypt_scheme_set_label(&scheme, label), 0);
    ck_assert_uint_eq(scheme.label_len, DECRYPT_LABEL_MAX);
}
END_TEST

static EVP_PKEY *
peer_for(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY *peer = NULL;

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_X25519) {
        EVP_PKEY_CTX_free(ctx);
        return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    }
    ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_keygen(ctx, &peer), 1);
    EVP_PKEY_CTX_free(ctx);
    return peer;
}

static void
derive_once(const char *name, EVP_PKEY *key, struct secret *out)
{
    EVP_PKEY *peer = peer_for(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
    unsigned char *point = NULL, z[128];
    size_t z_len = sizeof z, len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    struct err err = {0};
    int rc;

    ck_assert_int_eq(EVP_PKEY_derive_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(ctx, key), 1);
    ck_assert_int_eq(EVP_PKEY_derive(ctx, z, &z_len), 1);
    rc = derive_secret(bed.lane, bed.slot, name, point, len, out, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    ck_assert_uint_eq(secret_len(out), z_len);
    ck_assert_mem_eq(secret_data_view(out), z, z_len);

    /* A point that is none never reaches the token. */
    if (point[0] == 4 && len > 32) {
        point[len - 1] ^= 1;
        ck_assert_int_eq(derive_secret(bed.lane, bed.slot, name, point, len, out, &err),
                         E_MALFORMED);
    }
    ck_assert_int_eq(derive_secret(bed.lane, bed.slot, name, point, len - 1, out, &err),
                     E_MALFORMED);
    OPENSSL_free(point);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
}

START_TEST(derives)
{
    static const char *const types[] = {"p256", "p384", "p521", "x25519"};
    struct secret *out = secret_new(DERIVE_MAX);
    struct err err = {0};
    uint8_t zero[32] = {0};

    if (!bed_open(&bed, &rigs[_i]))
        return;
    for (size_t t = 0; t < (bed.rig->edwards ? 4 : 3); t++) {
        const char *name = bed_key(&bed, types[t], "");
        EVP_PKEY *key = bed_public(&bed, name);
        for (int i = 0; i < 20; i++)
            derive_once(name, key, out);
        if (t == 3) /* small order: Z would be zero */
            ck_assert_int_eq(derive_secret(bed.lane, bed.slot, name, zero, 32, out, &err) == 0,
                             0);
        EVP_PKEY_free(key);
    }
    secret_free(&out);
    bed_close(&bed);
}
END_TEST

START_TEST(pins)
{
    const struct alg_sig *sig = alg_sig_by_name("rsa-pkcs1-sha256");
    struct secret *right = secret_of(RIG_PIN), *wrong = secret_of("not-the-pin");
    struct signature s;
    struct err err = {0};
    uint8_t digest[32] = {1};

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    ck_assert_int_eq(login_user(bed.lane, bed.slot, right, &err), 0); /* already */
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 32, &s, &err),
                     E_PIN_NEEDED);
    ck_assert_int_eq(login_user(bed.lane, bed.slot, wrong, &err), E_PIN_WRONG);
    ck_assert_uint_eq(err.rv, CKR_PIN_INCORRECT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "token \"" RIG_LABEL "\": the PIN is wrong"));
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 32, &s, &err),
                     E_PIN_NEEDED);
    ck_assert_int_eq(login_user(bed.lane, bed.slot, right, &err), 0);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 32, &s, &err), 0);
    secret_free(&right);
    secret_free(&wrong);
    bed_close(&bed);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("operations");

    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, signs_with_every_scheme, 0, RIG_COUNT);
    tcase_add_loop_test(tc, signature_of_many_has_the_modulus_length, 0, RIG_COUNT);
    tcase_add_loop_test(tc, refuses_a_digest_of_another_length, 0, RIG_COUNT);
    tcase_add_loop_test(tc, unwraps_pkcs1, 0, RIG_COUNT);
    tcase_add_loop_test(tc, unwraps_oaep, 0, RIG_COUNT);
    tcase_add_loop_test(tc, unwraps_odd_oaep, 0, RIG_COUNT);
    tcase_add_test(tc, odd_schemes);
    tcase_add_loop_test(tc, derives, 0, RIG_COUNT);
    tcase_add_loop_test(tc, pins, 0, RIG_COUNT);
    if (rigs_missing())
        return 77;
    return run_suite("pkcs11: operations", &tc, 1);
}
