/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions, caches and what happens when they die: SoftHSM behind a function
 * table that counts calls, or fails them. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pkcs11/decrypt.h"
#include "pkcs11/listing.h"
#include "pkcs11/login.h"
#include "pkcs11/sign.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"

#define LANES 4
#define PER_LANE 500

static struct bed bed;

/* Each call goes through a counter and, when it is its turn, a fault. */
enum {
#define X(name) AT_##name,
    CK_CALLS(X)
#undef X
    AT_END
};
static atomic_uint counts[AT_END];
static struct { int call; unsigned left; CK_RV rv; } fault = {.call = AT_END};

static CK_RV
count(int call)
{
    atomic_fetch_add(&counts[call], 1);
    if (fault.call != call || fault.left == 0)
        return CKR_OK;
    fault.left--;
    return fault.rv;
}

#define COUNTED(name, params, args) \
    static CK_RV counted_##name params \
    { \
        CK_RV rv = count(AT_##name); \
        return rv == CKR_OK ? real_calls.name args : rv; \
    }
COUNTED(C_Initialize, (void *a), (a))
COUNTED(C_Finalize, (void *a), (a))
COUNTED(C_GetInfo, (CK_INFO *i), (i))
COUNTED(C_GetSlotList, (CK_BBOOL p, CK_SLOT_ID *l, CK_ULONG *n), (p, l, n))
COUNTED(C_GetSlotInfo, (CK_SLOT_ID s, CK_SLOT_INFO *i), (s, i))
COUNTED(C_WaitForSlotEvent, (CK_FLAGS f, CK_SLOT_ID *s, void *p), (f, s, p))
COUNTED(C_CloseAllSessions, (CK_SLOT_ID s), (s))
COUNTED(C_SetPIN, (CK_SESSION_HANDLE h, CK_BYTE *o, CK_ULONG on, CK_BYTE *n, CK_ULONG nn),
        (h, o, on, n, nn))
COUNTED(C_GetTokenInfo, (CK_SLOT_ID s, CK_TOKEN_INFO *i), (s, i))
COUNTED(C_OpenSession, (CK_SLOT_ID s, CK_FLAGS f, void *a, CK_NOTIFY n, CK_SESSION_HANDLE *h),
        (s, f, a, n, h))
COUNTED(C_CloseSession, (CK_SESSION_HANDLE h), (h))
COUNTED(C_GetSessionInfo, (CK_SESSION_HANDLE h, CK_SESSION_INFO *i), (h, i))
COUNTED(C_Login, (CK_SESSION_HANDLE h, CK_USER_TYPE u, CK_BYTE *p, CK_ULONG n), (h, u, p, n))
COUNTED(C_Logout, (CK_SESSION_HANDLE h), (h))
COUNTED(C_InitToken, (CK_SLOT_ID s, CK_BYTE *p, CK_ULONG n, CK_BYTE *l), (s, p, n, l))
COUNTED(C_InitPIN, (CK_SESSION_HANDLE h, CK_BYTE *p, CK_ULONG n), (h, p, n))
COUNTED(C_FindObjectsInit, (CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n), (h, t, n))
COUNTED(C_FindObjects, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *o, CK_ULONG m, CK_ULONG *n),
        (h, o, m, n))
COUNTED(C_FindObjectsFinal, (CK_SESSION_HANDLE h), (h))
COUNTED(C_GetAttributeValue,
        (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n), (h, o, t, n))
COUNTED(C_SetAttributeValue,
        (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n), (h, o, t, n))
COUNTED(C_CreateObject,
        (CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o), (h, t, n, o))
COUNTED(C_DestroyObject, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o), (h, o))
COUNTED(C_SignInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k), (h, m, k))
COUNTED(C_Sign, (CK_SESSION_HANDLE h, CK_BYTE *d, CK_ULONG n, CK_BYTE *s, CK_ULONG *m),
        (h, d, n, s, m))
COUNTED(C_DecryptInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k), (h, m, k))
COUNTED(C_Decrypt, (CK_SESSION_HANDLE h, CK_BYTE *d, CK_ULONG n, CK_BYTE *s, CK_ULONG *m),
        (h, d, n, s, m))
COUNTED(C_DeriveKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k,
                      CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o), (h, m, k, t, n, o))
COUNTED(C_UnwrapKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k, CK_BYTE *w,
                      CK_ULONG len, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o),
        (h, m, k, w, len, t, n, o))
COUNTED(C_GenerateKeyPair, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *a, CK_ULONG na,
                            CK_ATTRIBUTE *b, CK_ULONG nb, CK_OBJECT_HANDLE *p,
                            CK_OBJECT_HANDLE *q), (h, m, a, na, b, nb, p, q))

static void
count_all(struct ck_calls *ck)
{
#define X(name) ck->name = counted_##name;
    CK_CALLS(X)
#undef X
}

static unsigned
total(void)
{
    unsigned sum = 0;

    for (int i = 0; i < AT_END; i++)
        sum += atomic_load(&counts[i]);
    return sum;
}

static int
sign_once(struct lane *lane, const char *name, const char *scheme, struct signature *s,
          struct err *err)
{
    static const uint8_t digest[32] = {7};

    return sign_data(lane, bed.slot, name, alg_sig_by_name(scheme), digest, 32, s, err);
}

START_TEST(warm_signature_is_two_calls)
{
    static const struct { const char *type, *scheme; } keys[] = {
        {"rsa2048", "rsa-pkcs1-sha256"}, {"rsa2048", "rsa-pss-sha256"},
        {"p256", "ecdsa-sha256"}, {"ed25519", "ed25519"},
    };
    struct signature s;
    struct err err = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *name = bed_key(&bed, keys[i].type, "");
        ck_assert_int_eq(sign_once(bed.lane, name, keys[i].scheme, &s, &err), 0);
        memset(counts, 0, sizeof counts);
        for (int n = 0; n < 10; n++)
            ck_assert_int_eq(sign_once(bed.lane, name, keys[i].scheme, &s, &err), 0);
        ck_assert_uint_eq(counts[AT_C_SignInit], 10);
        ck_assert_uint_eq(counts[AT_C_Sign], 10);
        ck_assert_uint_eq(total(), 20);
    }
    bed_close(&bed);
}
END_TEST

/* A second lane pays for its session, and for nothing else. */
START_TEST(lanes_share_the_cache)
{
    struct lane *second = NULL;
    struct signature s;
    struct err err = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    const char *name = bed_key(&bed, "p256", "");
    ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), 0);
    ck_assert_int_eq(lane_new(&second, bed.module), 0);
    memset(counts, 0, sizeof counts);
    ck_assert_int_eq(sign_once(second, name, "ecdsa-sha256", &s, &err), 0);
    ck_assert_uint_eq(counts[AT_C_OpenSession], 1);
    ck_assert_uint_eq(counts[AT_C_GetSessionInfo], 1);
    ck_assert_uint_eq(counts[AT_C_FindObjectsInit], 0);
    ck_assert_uint_eq(total(), 4);
    lane_free(&second);
    bed_close(&bed);
}
END_TEST

/* One failure of each kind, at each of the two calls, goes unnoticed. */
START_TEST(one_loss_is_mended)
{
    static const CK_RV losses[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_KEY_HANDLE_INVALID,
        CKR_OBJECT_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
        CKR_DEVICE_ERROR, CKR_OPERATION_ACTIVE, CKR_USER_NOT_LOGGED_IN,
    };
    static const int calls[] = {AT_C_SignInit, AT_C_Sign};
    struct signature s;
    struct err err = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    const char *name = bed_key(&bed, "p256", "");
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        for (size_t c = 0; c < 2; c++) {
            fault.rv = losses[i];
            fault.call = calls[c];
            fault.left = 1;
            int rc = sign_once(bed.lane, name, "ecdsa-sha256", &s, &err);
            ck_assert_msg(rc == 0, "0x%lx: %s", losses[i], err_text(&err));
            ck_assert_uint_eq(fault.left, 0);
        }
    bed_close(&bed);
}
END_TEST

START_TEST(lasting_loss_names_the_token)
{
    static const struct { CK_RV rv; int code; } losses[] = {
        {CKR_SESSION_HANDLE_INVALID, E_TOKEN}, {CKR_DEVICE_ERROR, E_TOKEN},
        {CKR_DEVICE_REMOVED, E_TOKEN_REMOVED}, {CKR_USER_NOT_LOGGED_IN, E_PIN_NEEDED},
        {CKR_GENERAL_ERROR, E_TOKEN},          {CKR_HOST_MEMORY, E_NOMEM},
        {0x80001234, E_TOKEN},
    };
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct signature s;
    struct err err = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    const char *name = bed_key(&bed, "p256", "");
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        fault.rv = losses[i].rv;
        fault.call = AT_C_Sign;
        fault.left = 100;
        memset(counts, 0, sizeof counts);
        ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), losses[i].code);
        ck_assert_uint_eq(err.rv, losses[i].rv);
        ck_assert_ptr_nonnull(strstr(err_text(&err), "token \"" RIG_LABEL "\""));
        ck_assert_uint_le(counts[AT_C_Sign], 2);
        fault.left = 0;
        ck_assert_int_eq(login_user(bed.lane, bed.slot, pin, &err), 0);
        ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), 0);
    }
    bed_close(&bed);
}
END_TEST

/* All sessions closed behind our back, as when a reader is reset: the login is
 * gone too, and the agent hears that it must log in again. */
START_TEST(lost_login_asks_for_the_pin)
{
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct signature s;
    struct err err = {0};
    CK_SESSION_HANDLE h;

    if (!bed_open_calls(&bed, count_all))
        return;
    const char *name = bed_key(&bed, "p256", "");
    ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), 0);
    ck_assert_uint_eq(lane_session(bed.lane, module_slot(bed.module, bed.slot), &h), CKR_OK);
    ck_assert_uint_eq(real_calls.C_CloseSession(h), CKR_OK);
    ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), E_PIN_NEEDED);
    ck_assert_int_eq(login_user(bed.lane, bed.slot, pin, &err), 0);
    ck_assert_int_eq(sign_once(bed.lane, name, "ecdsa-sha256", &s, &err), 0);
    bed_close(&bed);
}
END_TEST

/* A PIN whose fate is unknown is not sent again. */
START_TEST(a_pin_is_sent_once)
{
    static const CK_RV rvs[] = {CKR_DEVICE_ERROR, CKR_PIN_INCORRECT, CKR_GENERAL_ERROR,
                                CKR_DEVICE_REMOVED, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE};
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct err err = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    for (size_t i = 0; i < sizeof rvs / sizeof *rvs; i++) {
        ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
        memset(counts, 0, sizeof counts);
        fault.rv = rvs[i];
        fault.call = AT_C_Login;
        fault.left = 100;
        ck_assert_int_ne(login_user(bed.lane, bed.slot, pin, &err), 0);
        ck_assert_uint_eq(counts[AT_C_Login], 1);
        fault.left = 0;
    }
    ck_assert_int_eq(login_user(bed.lane, bed.slot, pin, &err), 0);
    bed_close(&bed);
}
END_TEST

static CK_FLAGS forced_flags;

static CK_RV
flagged_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real_calls.C_GetTokenInfo(slot, info);

    info->flags |= forced_flags;
    return rv;
}

static void
count_and_flag(struct ck_calls *ck)
{
    count_all(ck);
    ck->C_GetTokenInfo = flagged_token_info;
}

START_TEST(flags_speak_of_tries)
{
    autofree_secret struct secret *wrong = secret_of("not-the-pin");
    struct err err = {0};

    if (!bed_open_calls(&bed, count_and_flag))
        return;
    ck_assert_int_eq(logout_user(bed.lane, bed.slot, &err), 0);
    forced_flags = CKF_USER_PIN_COUNT_LOW;
    ck_assert_int_eq(login_user(bed.lane, bed.slot, wrong, &err), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "few tries are left"));
    forced_flags = CKF_USER_PIN_FINAL_TRY;
    ck_assert_int_eq(login_user(bed.lane, bed.slot, wrong, &err), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "one try is left"));
    forced_flags = CKF_USER_PIN_LOCKED;
    memset(counts, 0, sizeof counts);
    ck_assert_int_eq(login_user(bed.lane, bed.slot, wrong, &err), E_PIN_LOCKED);
    ck_assert_uint_eq(counts[AT_C_Login], 0);
    bed_close(&bed);
}
END_TEST

/* Whatever the module says to a ciphertext, the caller sees a key. */
START_TEST(rejection_hides_every_error)
{
    static const CK_RV rvs[] = {
        CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_GENERAL_ERROR,
        CKR_FUNCTION_FAILED, CKR_DATA_INVALID, CKR_BUFFER_TOO_SMALL, CKR_DEVICE_ERROR,
        CKR_ARGUMENTS_BAD, 0x80000001,
    };
    struct decrypt_scheme scheme;
    struct secret *out = secret_new(DECRYPT_MAX), *first = secret_new(DECRYPT_MAX);
    struct err err = {0};
    uint8_t data[256] = {0};

    if (!bed_open_calls(&bed, count_all))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    ck_assert_int_eq(decrypt_scheme_by_name("rsa-pkcs1", &scheme), 0);
    ck_assert_int_eq(RAND_bytes(data + 1, 255), 1);
    ck_assert_int_eq(decrypt_data(bed.lane, bed.slot, name, &scheme, 32, data, 256, first, &err),
                     0);
    for (size_t i = 0; i < sizeof rvs / sizeof *rvs; i++) {
        fault.rv = rvs[i];
        fault.call = AT_C_Decrypt;
        fault.left = 1;
        ck_assert_int_eq(decrypt_data(bed.lane, bed.slot, name, &scheme, 32, data, 256, out,
                                      &err), 0);
        ck_assert(secret_equal(first, out));
        /* The operation is still active in the module: end it. */
        lane_drop_session(bed.lane, module_slot(bed.module, bed.slot), CKR_OPERATION_ACTIVE);
        bed_login(&bed);
    }
    secret_free(&out);
    secret_free(&first);
    bed_close(&bed);
}
END_TEST

static CK_RV
only_bare(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k)
{
    count(AT_C_SignInit);
    return m->mechanism == CKM_RSA_X_509 ? real_calls.C_SignInit(h, m, k)
                                         : CKR_MECHANISM_INVALID;
}

static CK_RV
only_bare_decrypt(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k)
{
    return m->mechanism == CKM_RSA_X_509 ? real_calls.C_DecryptInit(h, m, k)
                                         : CKR_MECHANISM_INVALID;
}

static void
bare_only(struct ck_calls *ck)
{
    count_all(ck);
    ck->C_SignInit = only_bare;
    ck->C_DecryptInit = only_bare_decrypt;
}

static bool
verify_rsa(EVP_PKEY *key, int padding, const struct signature *s)
{
    static const uint8_t digest[32] = {7};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool yes = EVP_PKEY_verify_init(ctx) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
               EVP_PKEY_verify(ctx, s->data, s->len, digest, 32) == 1;

    EVP_PKEY_CTX_free(ctx);
    return yes;
}

/* A token with the bare RSA operation alone does everything all the same. */
START_TEST(bare_rsa_is_enough)
{
    struct secret *out = secret_new(DECRYPT_MAX);
    struct decrypt_scheme scheme;
    struct signature s;
    struct err err = {0};
    uint8_t key_bytes[24] = {3}, wrapped[256];
    size_t n = sizeof wrapped;

    if (!bed_open_calls(&bed, bare_only))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sign_once(bed.lane, name, "rsa-pkcs1-sha256", &s, &err), 0);
        ck_assert(verify_rsa(key, RSA_PKCS1_PADDING, &s));
        ck_assert_int_eq(sign_once(bed.lane, name, "rsa-pss-sha256", &s, &err), 0);
        ck_assert(verify_rsa(key, RSA_PKCS1_PSS_PADDING, &s));
    }
    /* The refusal is remembered: warm, it is two calls again. */
    memset(counts, 0, sizeof counts);
    ck_assert_int_eq(sign_once(bed.lane, name, "rsa-pss-sha256", &s, &err), 0);
    ck_assert_uint_eq(total(), 2);

    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, wrapped, &n, key_bytes, sizeof key_bytes), 1);
    EVP_PKEY_CTX_free(ctx);
    ck_assert_int_eq(decrypt_scheme_by_name("rsa-pkcs1", &scheme), 0);
    ck_assert_int_eq(decrypt_data(bed.lane, bed.slot, name, &scheme, 24, wrapped, n, out, &err),
                     0);
    ck_assert_mem_eq(secret_data_view(out), key_bytes, 24);
    wrapped[9] ^= 1;
    ck_assert_int_eq(decrypt_data(bed.lane, bed.slot, name, &scheme, 24, wrapped, n, out, &err),
                     0);
    ck_assert_uint_eq(secret_len(out), 24);
    EVP_PKEY_free(key);
    secret_free(&out);
    bed_close(&bed);
}
END_TEST

/* Gives RSA signatures a byte too many, or drops a leading zero. */
static int stretch;

static CK_RV
stretched_sign(CK_SESSION_HANDLE h, CK_BYTE *d, CK_ULONG n, CK_BYTE *s, CK_ULONG *m)
{
    CK_RV rv = real_calls.C_Sign(h, d, n, s, m);

    if (rv == CKR_OK && stretch > 0) {
        memmove(s + 1, s, *m);
        s[0] = stretch == 2 ? 1 : 0;
        *m += 1;
    } else if (rv == CKR_OK) {
        CK_ULONG zeros = 0;
        while (zeros < *m && s[zeros] == 0)
            zeros++;
        memmove(s, s + zeros, *m - zeros);
        *m -= zeros;
    }
    return rv;
}

static void
stretching(struct ck_calls *ck)
{
    ck->C_Sign = stretched_sign;
}

START_TEST(signature_length_is_mended)
{
    const struct alg_sig *sig = alg_sig_by_name("rsa-pkcs1-sha256");
    struct signature s;
    struct err err = {0};
    uint8_t digest[32] = {7};
    bool shortened = false;

    if (!bed_open_calls(&bed, stretching))
        return;
    const char *name = bed_key(&bed, "rsa2048", "");
    EVP_PKEY *key = bed_public(&bed, name);
    stretch = 1;
    ck_assert_int_eq(sign_once(bed.lane, name, "rsa-pkcs1-sha256", &s, &err), 0);
    ck_assert_uint_eq(s.len, 256);
    ck_assert(verify_rsa(key, RSA_PKCS1_PADDING, &s));
    stretch = 2;
    ck_assert_int_eq(sign_once(bed.lane, name, "rsa-pkcs1-sha256", &s, &err), E_TOKEN);
    stretch = 0;
    for (unsigned i = 0; i < 5000 && !shortened; i++) {
        memcpy(digest + 4, &i, sizeof i);
        ck_assert_int_eq(sign_data(bed.lane, bed.slot, name, sig, digest, 32, &s, &err), 0);
        ck_assert_uint_eq(s.len, 256);
        shortened = s.data[0] == 0;
    }
    ck_assert(shortened);
    EVP_PKEY_free(key);
    bed_close(&bed);
}
END_TEST

struct worker {
    pthread_t thread;
    const char *name;
    EVP_PKEY *key;
    unsigned good;
};

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct lane *lane = NULL;
    struct signature s;
    struct err err = {0};

    if (lane_new(&lane, bed.module) != 0)
        return NULL;
    for (int i = 0; i < PER_LANE; i++) {
        uint8_t digest[32];
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(w->key, NULL);
        if (RAND_bytes(digest, sizeof digest) == 1 &&
            sign_data(lane, bed.slot, w->name, alg_sig_by_name("ecdsa-sha256"), digest, 32, &s,
                      &err) == 0 &&
            EVP_PKEY_verify_init(ctx) == 1 &&
            EVP_PKEY_verify(ctx, s.data, s.len, digest, 32) == 1)
            w->good++;
        EVP_PKEY_CTX_free(ctx);
    }
    lane_free(&lane);
    return NULL;
}

START_TEST(four_lanes_sign_at_once)
{
    struct worker workers[LANES];
    struct err err = {0};
    json_t *all;

    if (!bed_open(&bed, &rigs[_i]))
        return;
    const char *name = bed_key(&bed, "p256", "");
    for (int i = 0; i < LANES; i++) {
        workers[i] = (struct worker){.name = name, .key = bed_public(&bed, name)};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    /* Listings, which replace the cache, go on beside them. */
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(listing_all(bed.lane, &all, &err), 0);
        json_decref(all);
    }
    for (int i = 0; i < LANES; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].good, PER_LANE);
        EVP_PKEY_free(workers[i].key);
    }
    bed_close(&bed);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("lane");

    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, warm_signature_is_two_calls);
    tcase_add_test(tc, lanes_share_the_cache);
    tcase_add_test(tc, one_loss_is_mended);
    tcase_add_test(tc, lasting_loss_names_the_token);
    tcase_add_test(tc, lost_login_asks_for_the_pin);
    tcase_add_test(tc, a_pin_is_sent_once);
    tcase_add_test(tc, flags_speak_of_tries);
    tcase_add_test(tc, rejection_hides_every_error);
    tcase_add_test(tc, bare_rsa_is_enough);
    tcase_add_test(tc, signature_length_is_mended);
    tcase_add_loop_test(tc, four_lanes_sign_at_once, 0, RIG_COUNT);
    if (rigs_missing())
        return 77;
    return run_suite("pkcs11: lanes", &tc, 1);
}
