/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each quirk of pkcs11/quirk.h, met on the fault module, and what a user sees of it. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pkcs11/decrypt.h"
#include "pkcs11/derive.h"
#include "pkcs11/derive_unwrap.h"
#include "pkcs11/login.h"
#include "pkcs11/sign.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"

static struct bed bed;
static struct rig fault_rig;

static void
faults(const char *rules)
{
    ck_assert_int_eq(setenv("SIGNET_FAULT", rules, 1), 0);
}

/* The faults of that token are there from the start; false: it is not installed. */
static bool
open_bed_of(int rig, const char *rules)
{
    const char *real;

    fault_rig = rigs[rig];
    real = rig_module(&fault_rig);
    if (!real)
        return false;
    ck_assert_int_eq(setenv("SIGNET_FAULT_MODULE", real, 1), 0);
    fault_rig.paths[0] = FAULT_MODULE;
    fault_rig.name = "fault";
    faults(rules);
    ck_assert(bed_open(&bed, &fault_rig));
    return true;
}

static bool
open_bed(const char *rules)
{
    return open_bed_of(RIG_SOFTHSM, rules);
}

static struct slot *
slot(void)
{
    struct slot *s = NULL;
    struct err err = {0};

    ck_assert_int_eq(lane_slot(bed.lane, bed.slot, &s, &err), 0);
    return s;
}

static void
look_again(void)
{
    slot_forget(slot());
}

/* Signs and verifies. The scheme's result, with err. */
static int
sign(const char *name, const char *scheme, struct err *err)
{
    const struct alg_sig *sig = alg_sig_by_name(scheme);
    struct signature s;
    uint8_t digest[64] = {7};
    int rc = sign_data(bed.lane, bed.slot, name, sig, digest, sig->digest->size, &s, err);

    if (rc != 0)
        return rc;
    EVP_PKEY *key = bed_public(&bed, name);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    if (sig->padding == ALG_PAD_PSS)
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbynid(sig->digest->nid)),
                     1);
    ck_assert_msg(EVP_PKEY_verify(ctx, s.data, s.len, digest, sig->digest->size) == 1,
                  "%s does not verify", scheme);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return 0;
}

static void
signs(const char *name, const char *scheme)
{
    struct err err = {0};
    int rc = sign(name, scheme, &err);

    ck_assert_msg(rc == 0, "%s under \"%s\": %s", scheme, getenv("SIGNET_FAULT"),
                  err_text(&err));
}

static size_t
encrypt(const char *name, int padding, const char *md, const uint8_t *data, size_t len,
        uint8_t out[512])
{
    EVP_PKEY *key = bed_public(&bed, name);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = 512;

    ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (md)
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, md, NULL), 1);
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &n, data, len), 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return n;
}

static int
decrypt(const char *name, const char *scheme_name, const uint8_t *data, size_t len,
        struct secret *out, struct err *err)
{
    struct decrypt_scheme scheme;

    ck_assert_int_eq(decrypt_scheme_by_name(scheme_name, &scheme), 0);
    return decrypt_data(bed.lane, bed.slot, name, &scheme, 32, data, len, out, err);
}

static void
decrypts(const char *name, const char *scheme, int padding, const char *md)
{
    autofree_secret struct secret *out = secret_new(DECRYPT_MAX);
    uint8_t key[32], wrapped[512];
    struct err err = {0};
    int rc;

    ck_assert_int_eq(RAND_bytes(key, sizeof key), 1);
    size_t n = encrypt(name, padding, md, key, sizeof key, wrapped);
    rc = decrypt(name, scheme, wrapped, n, out, &err);
    ck_assert_msg(rc == 0, "%s under \"%s\": %s", scheme, getenv("SIGNET_FAULT"),
                  err_text(&err));
    ck_assert_uint_eq(secret_len(out), sizeof key);
    ck_assert_mem_eq(secret_data_view(out), key, sizeof key);
}

START_TEST(every_quirk_has_its_record)
{
    for (int q = 0; q < QUIRKS; q++) {
        const struct quirk_record *r = quirk_record((enum quirk)q);
        ck_assert_ptr_nonnull(r->name);
        ck_assert(r->found && r->cure && r->source);
        for (int other = 0; other < q; other++)
            ck_assert_str_ne(r->name, quirk_record((enum quirk)other)->name);
    }
}
END_TEST

START_TEST(padding_is_done_here_where_only_the_bare_operation_is)
{
    /* CKM_RSA_PKCS, _PSS, _OAEP; a module that only has hashed mechanisms beside it is the
     * same to us: it never sees a message. */
    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    faults("deny 0x1; deny 0xd; deny 0x9");
    signs(name, "rsa-pkcs1-sha256");
    signs(name, "rsa-pkcs1-sha256");
    signs(name, "rsa-pss-sha256");
    ck_assert(slot_quirk(slot(), QUIRK_BARE_ONLY));
    decrypts(name, "rsa-pkcs1", RSA_PKCS1_PADDING, NULL);
    decrypts(name, "rsa-oaep-sha256", RSA_PKCS1_OAEP_PADDING, "sha256");
    ck_assert(slot_quirk(slot(), QUIRK_OAEP_SHA1));
    bed_close(&bed);
}
END_TEST

START_TEST(nothing_that_fits_is_said)
{
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *rsa = bed_key(&bed, "rsa2048", ""), *ec = bed_key(&bed, "p256", "");
    faults("deny 0x1; deny 0x3; deny 0x1041");
    ck_assert_int_eq(sign(rsa, "rsa-pkcs1-sha256", &err), E_MECHANISM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "token \"" RIG_LABEL "\""));
    signs(rsa, "rsa-pss-sha256");
    ck_assert_int_eq(sign(ec, "ecdsa-sha256", &err), E_MECHANISM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "lacks the mechanism"));
    bed_close(&bed);
}
END_TEST

/* Attributes that say no, or are not there, although the token can. */
START_TEST(usage_is_the_tokens_to_refuse)
{
    static const char *const rules[] = {"no 0x108; no 0x105; no 0x10c",
                                        "drop 0x108; drop 0x105; drop 0x10c"};
    autofree_secret struct secret *z = secret_new(DERIVE_MAX);
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *rsa = bed_key(&bed, "rsa2048", ""), *ec = bed_key(&bed, "p256", "");
    faults(rules[_i]);
    look_again();
    signs(rsa, "rsa-pkcs1-sha256");
    signs(ec, "ecdsa-sha256");
    decrypts(rsa, "rsa-pkcs1", RSA_PKCS1_PADDING, NULL);
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    unsigned char *point = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    ck_assert_int_eq(derive_secret(bed.lane, bed.slot, ec, point, len, z, &err), 0);
    ck_assert_uint_eq(secret_len(z), 32);
    ck_assert(slot_quirk(slot(), QUIRK_USAGE_WRONG));
    OPENSSL_free(point);
    EVP_PKEY_free(peer);
    bed_close(&bed);
}
END_TEST

/* No ID, no public half of its own, a raw point, no public-key object: the key has the
 * same name, before and after. */
START_TEST(keys_are_found_whatever_is_missing)
{
    static const char *const rules[] = {"drop 0x102", "nopublic", "rawpoint", "drop 0x129",
                                        "drop 0x120; drop 0x3", "drop 0x202"};

    if (!open_bed(""))
        return;
    const char *rsa = bed_key(&bed, "rsa2048", "one"), *ec = bed_key(&bed, "p256", "two");
    faults(rules[_i]);
    look_again();
    if (_i != 4)
        signs(rsa, "rsa-pkcs1-sha256");
    if (_i != 1) /* SoftHSM's private EC keys do not tell their point */
        signs(ec, "ecdsa-sha256");
    bed_close(&bed);
}
END_TEST

START_TEST(objects_come_with_the_login)
{
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "p256", "");
    faults("hide");
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    ck_assert_int_eq(sign(name, "ecdsa-sha256", &err), E_PIN_NEEDED);
    bed_login(&bed);
    signs(name, "ecdsa-sha256");
    bed_close(&bed);
}
END_TEST

START_TEST(points_raw_or_der)
{
    static const char *const rules[] = {"derive raw", "derive der"};
    autofree_secret struct secret *out = secret_new(DERIVE_MAX);
    struct err err = {0};
    unsigned char *point = NULL;

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "p256", "");
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    size_t len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    faults(rules[_i]);
    for (int i = 0; i < 2; i++) {
        int rc = derive_secret(bed.lane, bed.slot, name, point, len, out, &err);
        ck_assert_msg(rc == 0, "%s: %s", rules[_i], err_text(&err));
    }
    ck_assert_int_eq(slot_quirk(slot(), QUIRK_DERIVE_DER), _i == 0);
    OPENSSL_free(point);
    EVP_PKEY_free(peer);
    bed_close(&bed);
}
END_TEST

/* A wrapping key of a shared secret as RFC 5753, 7.2 has it, and a key under it. */
static size_t
wrap(const char *name, EVP_PKEY *peer, const char *digest, const uint8_t *info, size_t info_len,
     const uint8_t key[32], uint8_t out[40])
{
    EVP_PKEY *own = bed_public(&bed, name);
    EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(peer, NULL);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t z[66], kek[32];
    size_t z_len = sizeof z;
    int n = 0;

    ck_assert_int_eq(EVP_PKEY_derive_init(derive), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(derive, own), 1);
    ck_assert_int_eq(EVP_PKEY_derive(derive, z, &z_len), 1);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)digest, 0),
        OSSL_PARAM_construct_octet_string("key", z, z_len),
        OSSL_PARAM_construct_octet_string("info", (void *)(uintptr_t)info, info_len),
        OSSL_PARAM_construct_end()};
    ck_assert_int_eq(EVP_KDF_derive(ctx, kek, sizeof kek, params), 1);
    EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ck_assert_int_eq(EVP_EncryptInit_ex(cipher, EVP_aes_256_wrap(), NULL, kek, NULL), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(cipher, out, &n, key, 32), 1);
    EVP_CIPHER_CTX_free(cipher);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(own);
    return (size_t)n;
}

/* Z does not leave the token: it derives the wrapping key itself, and when that is kept as
 * well, unwraps with it. By softokn, which has both; SoftHSM has neither. */
START_TEST(what_keeps_z_derives_and_unwraps)
{
    static const char *const rules[] = {"derive null", "sealed"};
    static const uint8_t info[] = "any shared info";
    autofree_secret struct secret *out = secret_new(DERIVE_MAX);
    uint8_t key[32], wrapped[40];
    unsigned char *point = NULL;
    struct err err = {0};

    if (!open_bed_of(RIG_NSS, ""))
        return;
    const char *name = bed_key(&bed, "p384", "");
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    size_t len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    ck_assert_int_eq(RAND_bytes(key, sizeof key), 1);
    ck_assert_uint_eq(wrap(name, peer, "SHA384", info, sizeof info, key, wrapped), 40);
    faults(rules[_i]);
    ck_assert_int_eq(derive_secret(bed.lane, bed.slot, name, point, len, out, &err), E_MECHANISM);
    struct derive_unwrap d = {.point = point, .point_len = len, .info = info,
                              .digest = alg_digest_by_name("sha384"), .info_len = sizeof info,
                              .kek_size = 32, .wrapped = wrapped, .wrapped_len = 40};
    int rc = derive_and_unwrap(bed.lane, bed.slot, name, &d, out, &err);
    ck_assert_msg(rc == 0, "%s: %s", rules[_i], err_text(&err));
    ck_assert_uint_eq(secret_len(out), sizeof key);
    ck_assert_mem_eq(secret_data_view(out), key, sizeof key);
    wrapped[9] ^= 1;
    ck_assert_int_eq(derive_and_unwrap(bed.lane, bed.slot, name, &d, out, &err), E_DECRYPT);
    d.wrapped_len = 39;
    ck_assert_int_eq(derive_and_unwrap(bed.lane, bed.slot, name, &d, out, &err), E_MALFORMED);
    d.wrapped_len = 40;
    d.kek_size = 31;
    ck_assert_int_eq(derive_and_unwrap(bed.lane, bed.slot, name, &d, out, &err), E_MECHANISM);
    OPENSSL_free(point);
    EVP_PKEY_free(peer);
    bed_close(&bed);
}
END_TEST

/* Whatever C_Decrypt answers, and of whatever length: a key of 32 bytes, always the same. */
START_TEST(v15_never_tells)
{
    static const char *const rules[] = {
        "after C_Decrypt 0 0x5", "after C_Decrypt 0 0x6", "after C_Decrypt 0 0x7",
        "after C_Decrypt 0 0x30", "after C_Decrypt 0 0x40", "after C_Decrypt 0 0x41",
        "after C_Decrypt 0 0x20", "after C_Decrypt 0 0x21", "after C_Decrypt 0 0x31",
        "after C_Decrypt 0 0x150", "after C_Decrypt 0 0x80000001", "length C_Decrypt 0 -1",
        "length C_Decrypt 0 1", "length C_Decrypt 0 -32", "length C_Decrypt 0 100000",
        "after C_Decrypt 0 0x70", "after C_Decrypt 0 0x54", "delay C_Decrypt 0 30",
    };
    autofree_secret struct secret *out = secret_new(DECRYPT_MAX);
    autofree_secret struct secret *first = secret_new(DECRYPT_MAX);
    uint8_t key[32], wrapped[512];
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    ck_assert_int_eq(RAND_bytes(key, sizeof key), 1);
    size_t n = encrypt(name, RSA_PKCS1_PADDING, NULL, key, sizeof key, wrapped);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool delay = strncmp(rules[i], "delay", 5) == 0;
        faults(rules[i]);
        ck_assert_msg(decrypt(name, "rsa-pkcs1", wrapped, n, out, &err) == 0, "%s: %s", rules[i],
                      err_text(&err));
        ck_assert_uint_eq(secret_len(out), 32);
        ck_assert_int_eq(memcmp(secret_data_view(out), key, 32) == 0, delay);
        if (i == 0)
            ck_assert_int_eq(secret_set(first, secret_data_view(out), 32), 0);
        ck_assert_msg(delay || secret_equal(out, first), "%s: another key", rules[i]);
    }
    bed_close(&bed);
}
END_TEST

/* C_DecryptInit is refused, C_UnwrapKey is not: PKCS#1 v1.5 by way of a session key; what
 * is no wrapped key ends in a key of the asked length, too. */
START_TEST(keys_that_only_unwrap)
{
    autofree_secret struct secret *out = secret_new(DECRYPT_MAX);
    uint8_t key[32], wrapped[512];
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    ck_assert_int_eq(RAND_bytes(key, sizeof key), 1);
    size_t n = encrypt(name, RSA_PKCS1_PADDING, NULL, key, sizeof key, wrapped);
    faults("fail C_DecryptInit 0 0x68;no 0x105");
    int rc = decrypt(name, "rsa-pkcs1", wrapped, n, out, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    ck_assert_uint_eq(secret_len(out), sizeof key);
    ck_assert_mem_eq(secret_data_view(out), key, sizeof key);
    ck_assert(slot_quirk(slot(), QUIRK_UNWRAP_ONLY));
    wrapped[7] ^= 1;
    ck_assert_int_eq(decrypt(name, "rsa-pkcs1", wrapped, n, out, &err), 0);
    ck_assert_uint_eq(secret_len(out), sizeof key);
    ck_assert(memcmp(secret_data_view(out), key, sizeof key) != 0);
    bed_close(&bed);
}
END_TEST

START_TEST(signatures_of_another_length_are_refused)
{
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "p256", "");
    faults("length C_Sign 0 -1");
    ck_assert_int_eq(sign(name, "ecdsa-sha256", &err), E_TOKEN);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "no signature"));
    faults("");
    signs(name, "ecdsa-sha256");
    bed_close(&bed);
}
END_TEST

/* The key wants its PIN each time. Told (by the attribute) it is asked for before the token is
 * touched; here the attribute is missing, so the token's answer tells it. */
START_TEST(a_pin_each_time)
{
    autofree_secret struct secret *right = secret_of("0815"), *wrong = secret_of("4711");
    struct context_pin *context;
    struct err err = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "p256", "");
    context = lane_context(bed.lane);
    ck_assert_int_eq(setenv("SIGNET_FAULT_CONTEXT_PIN", "0815", 1), 0);
    faults("context");
    ck_assert_int_eq(sign(name, "ecdsa-sha256", &err), E_PIN_NEEDED);
    ck_assert(context->wanted);
    *context = (struct context_pin){.given = true, .pin = wrong};
    ck_assert_int_eq(sign(name, "ecdsa-sha256", &err), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "PIN is wrong"));
    *context = (struct context_pin){.given = true, .pin = right};
    signs(name, "ecdsa-sha256");
    ck_assert(slot_quirk(slot(), QUIRK_CONTEXT_UNTOLD));
    /* Known now: it is not tried without. */
    *context = (struct context_pin){0};
    faults("context; fail C_SignInit 0 0x5");
    ck_assert_int_eq(sign(name, "ecdsa-sha256", &err), E_PIN_NEEDED);
    ck_assert(context->wanted);
    *context = (struct context_pin){0};
    bed_close(&bed);
}
END_TEST

START_TEST(arguments_of_initialize)
{
    static const char *const rules[] = {"init null", "init args"};

    if (!open_bed(rules[_i]))
        return;
    signs(bed_key(&bed, "p256", ""), "ecdsa-sha256");
    bed_close(&bed);
}
END_TEST

struct client {
    pthread_t thread;
    const char *name;
    int rc;
    struct err err;
};

static void *
sign_often(void *arg)
{
    const struct alg_sig *sig = alg_sig_by_name("ecdsa-sha256");
    uint8_t digest[32] = {1};
    struct client *c = arg;
    struct lane *lane = NULL;
    struct signature s;

    c->rc = lane_new(&lane, bed.module);
    for (int i = 0; i < 50 && c->rc == 0; i++)
        c->rc = sign_data(lane, bed.slot, c->name, sig, digest, sizeof digest, &s, &c->err);
    lane_free(&lane);
    return NULL;
}

/* Fewer sessions than lanes: the lanes share them, and none is refused. */
START_TEST(sessions_are_shared)
{
    struct client clients[6] = {0};

    if (!open_bed(""))
        return;
    const char *name = bed_key(&bed, "p256", "");
    signs(name, "ecdsa-sha256");
    faults(_i == 0 ? "sessions 1" : "sessions 3");
    for (size_t i = 0; i < 6; i++) {
        clients[i].name = name;
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, sign_often, &clients[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(clients[i].thread, NULL);
        ck_assert_msg(clients[i].rc == 0, "client %zu: %s", i, err_text(&clients[i].err));
    }
    if (_i == 0)
        ck_assert(slot_quirk(slot(), QUIRK_SESSIONS_FEW));
    signs(name, "ecdsa-sha256");
    bed_close(&bed);
}
END_TEST

START_TEST(labels_are_made_safe)
{
    struct token t;

    if (!open_bed(""))
        return;
    faults("label nul");
    ck_assert_uint_eq(slot_look(slot()), CKR_OK);
    slot_token(slot(), &t);
    ck_assert_str_eq(t.label, RIG_LABEL);
    faults("label latin1");
    ck_assert_uint_eq(slot_look(slot()), CKR_OK);
    slot_token(slot(), &t);
    for (const char *p = t.label; *p; p++)
        ck_assert_int_lt((unsigned char)*p, 0x80);
    ck_assert_uint_gt(strlen(t.label), 2);
    bed_close(&bed);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("quirks");

    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, every_quirk_has_its_record);
    tcase_add_test(tc, padding_is_done_here_where_only_the_bare_operation_is);
    tcase_add_test(tc, nothing_that_fits_is_said);
    tcase_add_loop_test(tc, usage_is_the_tokens_to_refuse, 0, 2);
    tcase_add_loop_test(tc, keys_are_found_whatever_is_missing, 0, 6);
    tcase_add_test(tc, objects_come_with_the_login);
    tcase_add_loop_test(tc, points_raw_or_der, 0, 2);
    tcase_add_loop_test(tc, what_keeps_z_derives_and_unwraps, 0, 2);
    tcase_add_test(tc, v15_never_tells);
    tcase_add_test(tc, keys_that_only_unwrap);
    tcase_add_test(tc, signatures_of_another_length_are_refused);
    tcase_add_test(tc, a_pin_each_time);
    tcase_add_loop_test(tc, arguments_of_initialize, 0, 2);
    tcase_add_loop_test(tc, sessions_are_shared, 0, 2);
    tcase_add_test(tc, labels_are_made_safe);
    if (!rig_module(&rigs[RIG_SOFTHSM]))
        return 77;
    return run_suite("pkcs11: quirks", &tc, 1);
}
