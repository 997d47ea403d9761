/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found on tokens, however its objects are made and joined. */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/hex.h"
#include "pkcs11/import_cert.h"
#include "pkcs11/init_token.h"
#include "pkcs11/listing.h"
#include "pkcs11/login.h"
#include "pkcs11/rv.h"
#include "pkcs11/sign.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"
#include "tests/support/pki.h"

static struct bed bed;

static const char *
string_at(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    ck_assert_msg(s != NULL, "no string \"%s\"", key);
    return s;
}

/* The token of the rig in a new listing; *ret_all is the caller's. */
static json_t *
listed(json_t **ret_all)
{
    struct err err = {0};
    json_t *token;
    size_t i;
    int rc = listing_all(bed.lane, ret_all, &err);

    ck_assert_msg(rc == 0, "%s", err_text(&err));
    json_array_foreach(*ret_all, i, token)
        if (json_integer_value(json_object_get(token, "slot")) == (json_int_t)bed.slot)
            return token;
    ck_abort_msg("token not listed");
}

static json_t *
key_of(const json_t *token, const char *name)
{
    json_t *key;
    size_t i;

    json_array_foreach(json_object_get(token, "keys"), i, key)
        if (strcmp(string_at(key, "name"), name) == 0)
            return key;
    return NULL;
}

static bool
has_operation(const json_t *key, const char *name)
{
    json_t *op;
    size_t i;

    json_array_foreach(json_object_get(key, "operations"), i, op)
        if (strcmp(json_string_value(op), name) == 0)
            return true;
    return false;
}

START_TEST(lists_what_it_generated)
{
    static const struct { const char *type, *name, *curve; int bits; } want[] = {
        {"rsa2048", "rsa", NULL, 2048},   {"rsa3072", "rsa", NULL, 3072},
        {"p256", "ec", "P-256", 256},     {"p384", "ec", "P-384", 384},
        {"p521", "ec", "P-521", 521},     {"ed25519", "ed25519", "Ed25519", 0},
        {"x25519", "x25519", "X25519", 0},
    };
    json_t *all, *token, *key;
    uint8_t der[1024], digest[32];
    char hex[65];

    if (!bed_open(&bed, &rigs[_i]))
        return;
    for (size_t t = 0; bed.rig->types[t]; t++) {
        const char *name = bed_key(&bed, bed.rig->types[t], "my label");
        token = listed(&all);
        key = key_of(token, name);
        ck_assert_ptr_nonnull(key);
        ck_assert_str_eq(string_at(key, "type"), want[t].name);
        if (want[t].curve)
            ck_assert_str_eq(string_at(key, "curve"), want[t].curve);
        else
            ck_assert(json_is_null(json_object_get(key, "curve")));
        if (want[t].bits)
            ck_assert_int_eq(json_integer_value(json_object_get(key, "bits")), want[t].bits);
        ck_assert_str_eq(string_at(key, "label"), "my label");
        ck_assert_str_eq(string_at(key, "token"), RIG_LABEL);
        ck_assert_uint_eq(strlen(string_at(key, "id")), 40);
        ck_assert(json_is_true(json_object_get(key, "private")));
        ck_assert_int_eq(has_operation(key, "decrypt"), want[t].name[0] == 'r');
        ck_assert_int_eq(has_operation(key, "sign"), want[t].name[0] != 'x');
        /* The name is the SHA-256 of the SubjectPublicKeyInfo. */
        const char *b64 = string_at(key, "spki");
        int len = EVP_DecodeBlock(der, (const unsigned char *)b64, (int)strlen(b64));
        for (const char *p = b64 + strlen(b64); p[-1] == '='; p--)
            len--;
        SHA256(der, (size_t)len, digest);
        hex_encode(digest, sizeof digest, hex);
        ck_assert_str_eq(hex, name);
        json_decref(all);
    }
    token = listed(&all);
    ck_assert_str_eq(string_at(token, "label"), RIG_LABEL);
    ck_assert(json_is_true(json_object_get(json_object_get(token, "flags"), "initialized")));
    ck_assert(json_is_true(json_object_get(json_object_get(token, "flags"), "login_required")));
    ck_assert(json_is_true(json_object_get(token, "logged_in")));
    json_decref(all);
    bed_close(&bed);
}
END_TEST

static void
der_of(X509 *x, uint8_t **der, size_t *len)
{
    int n;

    *der = NULL;
    n = i2d_X509(x, der);
    ck_assert_int_gt(n, 0);
    *len = (size_t)n;
}

START_TEST(stores_a_certificate_beside_its_key)
{
    struct pki_request ca = {.cn = "CA", .ca = true},
                       leaf = {.cn = "J\xc3\xbcrgen, \"J\"", .email = "j@example.org"};
    EVP_PKEY *ca_key = pki_key("p256"), *other = pki_key("p256");
    X509 *issuer = pki_cert(&ca, ca_key, NULL, ca_key), *cert, *stranger;
    char name[SPKI_NAME];
    struct err err = {0};
    json_t *all, *token, *key, *c;
    uint8_t *der;
    size_t len;

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *want = bed_key(&bed, "p256", "jk");
    EVP_PKEY *pub = bed_public(&bed, want);
    cert = pki_cert(&leaf, pub, issuer, ca_key);
    der_of(cert, &der, &len);
    for (int i = 0; i < 2; i++) { /* the second time it is there already */
        int rc = import_cert(bed.lane, bed.slot, der, len, name, &err);
        ck_assert_msg(rc == 0, "%s", err_text(&err));
        ck_assert_str_eq(name, want);
    }
    ck_assert_int_eq(import_cert(bed.lane, bed.slot, der, len - 1, name, &err), E_MALFORMED);
    OPENSSL_free(der);

    stranger = pki_cert(&leaf, other, issuer, ca_key);
    der_of(stranger, &der, &len);
    ck_assert_int_eq(import_cert(bed.lane, bed.slot, der, len, name, &err), E_NO_KEY);
    OPENSSL_free(der);

    token = listed(&all);
    ck_assert_uint_eq(json_array_size(json_object_get(token, "certificates")), 1);
    key = key_of(token, want);
    ck_assert_uint_eq(json_array_size(json_object_get(key, "certificates")), 1);
    c = json_array_get(json_object_get(key, "certificates"), 0);
    ck_assert_str_eq(string_at(c, "subject"), "CN=J\xc3\xbcrgen\\, \\\"J\\\"");
    ck_assert_str_eq(string_at(c, "issuer"), "CN=CA");
    ck_assert_str_eq(string_at(c, "key"), want);
    ck_assert_str_eq(string_at(c, "id"), string_at(key, "id"));
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(c, "emails"), 0)),
                     "j@example.org");
    ck_assert_uint_eq(strlen(string_at(c, "fingerprint")), 64);
    ck_assert_uint_eq(strlen(string_at(c, "sha1")), 40);
    ck_assert_uint_eq(strlen(string_at(c, "not_after")), 20);
    json_decref(all);
    X509_free(cert);
    X509_free(stranger);
    X509_free(issuer);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ca_key);
    bed_close(&bed);
}
END_TEST

/* Destroys all objects of a class on the bed's token. */
static void
destroy(CK_OBJECT_CLASS class)
{
    const struct ck_calls *ck = module_calls(bed.module);
    CK_ATTRIBUTE match = {CKA_CLASS, &class, sizeof class};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE objects[16];
    CK_ULONG count = 0;

    ck_assert_uint_eq(ck->C_OpenSession(bed.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                        NULL, &session), CKR_OK);
    ck_assert_uint_eq(ck->C_FindObjectsInit(session, &match, 1), CKR_OK);
    ck_assert_uint_eq(ck->C_FindObjects(session, objects, 16, &count), CKR_OK);
    ck->C_FindObjectsFinal(session);
    ck_assert_uint_gt(count, 0);
    for (CK_ULONG i = 0; i < count; i++)
        ck_assert_uint_eq(ck->C_DestroyObject(session, objects[i]), CKR_OK);
    ck->C_CloseSession(session);
    slot_forget(module_slot(bed.module, bed.slot));
}

static void
give_certificate(const char *name)
{
    struct pki_request leaf = {.cn = "leaf", .email = "leaf@example.org"};
    EVP_PKEY *ca_key = pki_key("p256"), *pub = bed_public(&bed, name);
    struct pki_request ca = {.cn = "CA", .ca = true};
    X509 *issuer = pki_cert(&ca, ca_key, NULL, ca_key);
    X509 *cert = pki_cert(&leaf, pub, issuer, ca_key);
    char got[SPKI_NAME];
    struct err err = {0};
    uint8_t *der;
    size_t len;

    der_of(cert, &der, &len);
    ck_assert_int_eq(import_cert(bed.lane, bed.slot, der, len, got, &err), 0);
    OPENSSL_free(der);
    X509_free(cert);
    X509_free(issuer);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(ca_key);
}

/* RSA keys know their public half; EC keys get it from the certificate. */
START_TEST(finds_keys_without_public_key_object)
{
    const struct alg_sig *rsa = alg_sig_by_name("rsa-pkcs1-sha256"),
                         *ecdsa = alg_sig_by_name("ecdsa-sha256");
    uint8_t digest[32] = {1};
    struct signature s;
    struct err err = {0};
    json_t *all;

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *r = bed_key(&bed, "rsa2048", "r"), *e = bed_key(&bed, "p256", "e");
    give_certificate(e);
    destroy(CKO_PUBLIC_KEY);
    json_t *token = listed(&all);
    ck_assert_ptr_nonnull(key_of(token, r));
    ck_assert_ptr_nonnull(key_of(token, e));
    ck_assert(json_is_true(json_object_get(key_of(token, e), "private")));
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, r, rsa, digest, 32, &s, &err), 0);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, e, ecdsa, digest, 32, &s, &err), 0);
    json_decref(all);
    bed_close(&bed);
}
END_TEST

START_TEST(lists_a_certificate_alone)
{
    json_t *all, *token;

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "p256", "");
    give_certificate(name);
    destroy(CKO_PUBLIC_KEY);
    destroy(CKO_PRIVATE_KEY);
    token = listed(&all);
    ck_assert_uint_eq(json_array_size(json_object_get(token, "certificates")), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(token, "keys")), 0);
    json_decref(all);
    bed_close(&bed);
}
END_TEST

START_TEST(before_login_keys_are_a_suspicion)
{
    struct err err = {0};
    json_t *all, *token;

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "p256", "");
    give_certificate(name);
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    token = listed(&all);
    ck_assert_ptr_nonnull(key_of(token, name));
    ck_assert(json_is_null(json_object_get(key_of(token, name), "private")));
    ck_assert(json_is_false(json_object_get(token, "logged_in")));
    json_decref(all);
    bed_close(&bed);
}
END_TEST

static const char *
vector(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    const char *set = getenv("SIGNET_VECTORS"), *root = set ? set : VECTORS;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_MAX, "%s/lamps-samples/certs-and-keys/%s", root, name);
    return path;
}

static void
name_of_cert(const char *file, char name[SPKI_NAME])
{
    FILE *f = fopen(vector(file), "r");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    uint8_t *der = NULL, digest[32];
    int len;

    ck_assert_msg(x != NULL, "%s cannot be read", file);
    fclose(f);
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    SHA256(der, (size_t)len, digest);
    hex_encode(digest, sizeof digest, name);
    OPENSSL_free(der);
    X509_free(x);
}

/* Keys that another program put there, with and without a public half. */
START_TEST(finds_imported_keys)
{
    static const struct { const char *key, *cert; } files[] = {
        {"lamps-alice.p8.pem", "lamps-alice.crt"},
        {"lamps-carlos.p8.pem", "lamps-carlos.crt"},
        {"lamps-dana.decrypt.p8.pem", "lamps-dana.encrypt.crt"},
    };
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct module_options o = {.path = rig_module(&rigs[RIG_SOFTHSM])};
    struct signature s;
    struct err err = {0};
    uint8_t digest[32] = {1};
    char name[SPKI_NAME], id[3] = "0";
    json_t *all, *token;

    if (!o.path)
        return;
    if (access(vector(files[0].key), R_OK) != 0) {
        fprintf(stderr, "skipped: no vectors (SIGNET_VECTORS)\n");
        return;
    }
    softhsm_prepare();
    run_program((const char *const[]){"softhsm2-util", "--init-token", "--free", "--label",
                                      RIG_LABEL, "--so-pin", RIG_PIN, "--pin", RIG_PIN, NULL});
    for (int i = 0; i < 3; i++) {
        const char *bare = i == 0 ? "--no-public-key" : NULL;
        id[1] = (char)('1' + i);
        run_program((const char *const[]){"softhsm2-util", "--import", vector(files[i].key),
                                          "--token", RIG_LABEL, "--pin", RIG_PIN, "--label",
                                          "imported", "--id", id, bare, NULL});
    }
    ck_assert_int_eq(module_open(&bed.module, &o, &err), 0);
    ck_assert_int_eq(lane_new(&bed.lane, bed.module), 0);
    ck_assert_int_eq(module_refresh(bed.module, &err), 0);
    struct slot *slots[MODULE_SLOTS_MAX];
    ck_assert_uint_ge(module_slots(bed.module, slots), 1);
    bed.slot = slot_id(slots[0]);
    ck_assert_int_eq(login_user(bed.lane, bed.slot, pin, &err), 0);
    token = listed(&all);
    for (int i = 0; i < 3; i++) {
        name_of_cert(files[i].cert, name);
        ck_assert_msg(key_of(token, name) != NULL, "%s not found", files[i].key);
        ck_assert(json_is_true(json_object_get(key_of(token, name), "private")));
    }
    name_of_cert("lamps-alice.crt", name);
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, alg_sig_by_name("rsa-pss-sha256"),
                               digest, 32, &s, &err), 0);
    json_decref(all);
    bed_close(&bed);
}
END_TEST

/* A short RSA key made by somebody else: seen, not signed with. */
START_TEST(refuses_to_sign_with_short_rsa)
{
    static const uint8_t exponent[] = {1, 0, 1};
    CK_MECHANISM mech = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = 1024;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE pub[] = {{CKA_TOKEN, &yes, 1}, {CKA_MODULUS_BITS, &bits, sizeof bits},
                          {CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)exponent, 3}};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &yes, 1}, {CKA_SIGN, &yes, 1}};
    CK_OBJECT_HANDLE a, b;
    CK_SESSION_HANDLE session;
    struct signature s;
    struct err err = {0};
    uint8_t digest[32] = {1};
    json_t *all;

    if (!bed_open(&bed, &rigs[RIG_SOFTHSM]))
        return;
    const struct ck_calls *ck = module_calls(bed.module);
    ck_assert_uint_eq(ck->C_OpenSession(bed.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                        NULL, &session), CKR_OK);
    ck_assert_uint_eq(ck->C_GenerateKeyPair(session, &mech, pub, 3, priv, 2, &a, &b), CKR_OK);
    ck->C_CloseSession(session);
    json_t *token = listed(&all);
    const char *name = string_at(json_array_get(json_object_get(token, "keys"), 0), "name");
    ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, alg_sig_by_name("rsa-pkcs1-sha256"),
                               digest, 32, &s, &err), E_WEAK);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "1024 bits"));
    json_decref(all);
    bed_close(&bed);
}
END_TEST

START_TEST(makes_no_second_token_of_a_label)
{
    autofree_secret struct secret *pin = secret_of(RIG_PIN), *short_pin = secret_of("1");
    struct err err = {0};
    CK_SLOT_ID slot, second;
    json_t *all;

    if (!bed_open(&bed, &rigs[RIG_SOFTHSM]))
        return;
    ck_assert_int_eq(init_token(bed.lane, RIG_LABEL, pin, pin, &slot, &err), E_EXISTS);
    ck_assert_int_eq(init_token(bed.lane, "", pin, pin, &slot, &err), E_USAGE);
    ck_assert_int_eq(init_token(bed.lane, "a label of more than 32 bytes is no label", pin, pin,
                                &slot, &err), E_USAGE);
    ck_assert_int_eq(init_token(bed.lane, "other", pin, short_pin, &slot, &err), E_PIN_INVALID);
    /* The refusal left nothing behind: the label is still free. */
    ck_assert_int_eq(init_token(bed.lane, "other", pin, pin, &second, &err), 0);
    ck_assert_uint_ne(second, bed.slot);
    ck_assert_int_eq(login_user(bed.lane, second, pin, &err), 0);
    listed(&all);
    ck_assert_uint_ge(json_array_size(all), 2);
    json_decref(all);
    bed_close(&bed);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("objects");

    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, lists_what_it_generated, 0, RIG_COUNT);
    tcase_add_loop_test(tc, stores_a_certificate_beside_its_key, 0, RIG_COUNT);
    tcase_add_loop_test(tc, finds_keys_without_public_key_object, 0, RIG_COUNT);
    tcase_add_loop_test(tc, lists_a_certificate_alone, 0, RIG_COUNT);
    tcase_add_loop_test(tc, before_login_keys_are_a_suspicion, 0, RIG_COUNT);
    tcase_add_test(tc, finds_imported_keys);
    tcase_add_test(tc, refuses_to_sign_with_short_rsa);
    tcase_add_test(tc, makes_no_second_token_of_a_label);
    if (rigs_missing())
        return 77;
    return run_suite("pkcs11: objects", &tc, 1);
}
