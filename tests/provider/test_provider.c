/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The provider in a host program that has threads, forks, and closes what is not its own; the real
 * agent, a token of SoftHSM's. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>

#include "tests/agent/rig.h"

#define THREADS 8
#define OPERATIONS 1000

OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *ours, *theirs;
static struct err err;

/* What is on the error queue, and empties it. */
static const char *
why(void)
{
    static char text[2048];
    const char *data;
    int flags;
    size_t n = 0;

    text[0] = '\0';
    while (n < sizeof text && ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\n",
                              flags & ERR_TXT_STRING ? data : "");
    return text;
}

static void
make_key(const char *type)
{
    struct client *c = rig_open(NULL);
    char name[CLIENT_KEY_NAME];

    ck_assert_msg(client_key_generate(c, "demo", type, type, name, &err) == 0, "%s",
                  err_text(&err));
    client_free(&c);
}

static EVP_PKEY *
load(const char *uri)
{
    OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uri, lib, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (s && !key && !OSSL_STORE_eof(s)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(s);
        if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(s);
    return key;
}

/* The same key with its public half alone, in the default provider. */
static EVP_PKEY *
public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    int len = i2d_PUBKEY(key, &der);
    EVP_PKEY *pub;

    ck_assert_int_gt(len, 0);
    at = der;
    pub = d2i_PUBKEY_ex(NULL, &at, len, lib, "provider=default");
    OPENSSL_free(der);
    ck_assert_ptr_nonnull(pub);
    return pub;
}

/* Signs with the provider and verifies with the default one; false with the error queued. */
static bool
round_trip(EVP_PKEY *key, EVP_PKEY *pub, const char *digest, int padding, unsigned number)
{
    unsigned char sig[1024];
    size_t len = sizeof sig;
    EVP_PKEY_CTX *p = NULL;
    EVP_MD_CTX *s = EVP_MD_CTX_new(), *v = EVP_MD_CTX_new();
    bool good = EVP_DigestSignInit_ex(s, &p, digest, lib, NULL, key, NULL) > 0 &&
                (!padding || EVP_PKEY_CTX_set_rsa_padding(p, padding) > 0) &&
                EVP_DigestSign(s, sig, &len, (unsigned char *)&number, sizeof number) > 0 &&
                EVP_DigestVerifyInit_ex(v, &p, digest, lib, "provider=default", pub, NULL) > 0 &&
                (!padding || EVP_PKEY_CTX_set_rsa_padding(p, padding) > 0) &&
                EVP_DigestVerify(v, sig, len, (unsigned char *)&number, sizeof number) == 1;

    EVP_MD_CTX_free(s);
    EVP_MD_CTX_free(v);
    return good;
}

START_TEST(signs_with_each_kind_of_key)
{
    static const struct {
        const char *type, *digest;
        int padding;
    } rows[] = {
        {"rsa2048", "SHA256", RSA_PKCS1_PADDING}, {"rsa2048", "SHA512", RSA_PKCS1_PADDING},
        {"rsa2048", "SHA256", RSA_PKCS1_PSS_PADDING}, {"p256", "SHA256", 0},
        {"p256", "SHA384", 0}, {"ed25519", NULL, 0},
    };
    const char *made = "";

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char uri[64];
        if (strcmp(made, rows[i].type) != 0)
            make_key(rows[i].type);
        made = rows[i].type;
        snprintf(uri, sizeof uri, "signet:%s", made);
        EVP_PKEY *key = load(uri), *pub;
        ck_assert_msg(key != NULL, "%s: %s", uri, why());
        pub = public_half(key);
        ck_assert_int_eq(EVP_PKEY_eq(key, pub), 1);
        ck_assert_msg(round_trip(key, pub, rows[i].digest, rows[i].padding, 7), "%s %s: %s", made,
                      rows[i].digest ? rows[i].digest : "", why());
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
    }
}
END_TEST

/* What files hold stays the default provider's. */
START_TEST(other_keys_are_not_ours)
{
    EVP_PKEY *own, *key;

    make_key("p256");
    own = EVP_PKEY_Q_keygen(lib, NULL, "EC", "P-256");
    ck_assert_ptr_nonnull(own);
    ck_assert_msg(round_trip(own, own, "SHA256", 0, 1), "%s", why());
    key = load("signet:p256");
    ck_assert_int_eq(EVP_PKEY_eq(key, own), 0);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
}
END_TEST

static size_t
crypt_with(EVP_PKEY *key, bool encrypt, int padding, const unsigned char *in, size_t n,
      unsigned char *out, size_t max)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, key, NULL);
    int ok = (encrypt ? EVP_PKEY_encrypt_init(c) : EVP_PKEY_decrypt_init(c)) > 0 &&
             EVP_PKEY_CTX_set_rsa_padding(c, padding) > 0 &&
             (encrypt ? EVP_PKEY_encrypt(c, out, &max, in, n)
                      : EVP_PKEY_decrypt(c, out, &max, in, n)) > 0;

    EVP_PKEY_CTX_free(c);
    return ok ? max : SIZE_MAX;
}

START_TEST(decrypts)
{
    unsigned char secret[] = "sixteen bytes!!", box[256], out[256], again[256];
    EVP_PKEY *key, *pub;
    size_t n;

    make_key("rsa2048");
    key = load("signet:rsa2048");
    pub = public_half(key);
    for (int padding = RSA_PKCS1_PADDING; padding <= RSA_PKCS1_OAEP_PADDING;
         padding += RSA_PKCS1_OAEP_PADDING - RSA_PKCS1_PADDING) {
        ck_assert_uint_eq(crypt_with(pub, true, padding, secret, sizeof secret, box, sizeof box), 256);
        ck_assert_uint_eq(crypt_with(key, false, padding, box, 256, out, sizeof out), sizeof secret);
        ck_assert_mem_eq(out, secret, sizeof secret);
    }
    /* OAEP says so; v1.5 has an answer to everything, and the same one each time. */
    box[9] ^= 1;
    ck_assert_uint_eq(crypt_with(key, false, RSA_PKCS1_OAEP_PADDING, box, 256, out, sizeof out),
                      SIZE_MAX);
    ck_assert_ptr_nonnull(strstr(why(), "does not decrypt this"));
    n = crypt_with(key, false, RSA_PKCS1_PADDING, box, 256, out, sizeof out);
    ck_assert_uint_le(n, 245);
    ck_assert_uint_eq(crypt_with(key, false, RSA_PKCS1_PADDING, box, 256, again, sizeof again), n);
    ck_assert_mem_eq(out, again, n);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

static size_t
agree(EVP_PKEY *key, EVP_PKEY *peer, unsigned char *out, size_t max)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, key, NULL);
    int ok = EVP_PKEY_derive_init(c) > 0 && EVP_PKEY_derive_set_peer(c, peer) > 0 &&
             EVP_PKEY_derive(c, out, &max) > 0;

    EVP_PKEY_CTX_free(c);
    return ok ? max : SIZE_MAX;
}

START_TEST(agrees)
{
    unsigned char a[64], b[64];
    EVP_PKEY *key, *pub, *peer, *peer_pub, *other, *other_pub;

    make_key("p256");
    key = load("signet:p256");
    pub = public_half(key);
    peer = EVP_PKEY_Q_keygen(lib, NULL, "EC", "P-256");
    peer_pub = public_half(peer);
    other = EVP_PKEY_Q_keygen(lib, NULL, "EC", "P-384");
    other_pub = public_half(other);
    ck_assert_msg(agree(key, peer_pub, a, sizeof a) == 32, "%s", why());
    ck_assert_uint_eq(agree(peer, pub, b, sizeof b), 32);
    ck_assert_mem_eq(a, b, 32);
    ck_assert_uint_eq(agree(key, other_pub, a, sizeof a), SIZE_MAX);
    ck_assert_uint_eq(agree(key, peer_pub, a, 31), SIZE_MAX);
    EVP_PKEY *all[] = {key, pub, peer, peer_pub, other, other_pub};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        EVP_PKEY_free(all[i]);
}
END_TEST

struct worker {
    pthread_t thread;
    EVP_PKEY *key, *pub;
    unsigned first, failed;
};

static void *
work(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < OPERATIONS; i++)
        w->failed += !round_trip(w->key, w->pub, "SHA256", 0, w->first + i);
    OPENSSL_thread_stop_ex(lib);
    return NULL;
}

START_TEST(eight_threads)
{
    struct worker w[THREADS] = {0};
    EVP_PKEY *key, *pub;

    make_key("p256");
    key = load("signet:p256");
    pub = public_half(key);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.key = key, .pub = pub, .first = i * OPERATIONS};
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_uint_eq(w[i].failed, 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

/* Parent and children at once, over a connection that was there before the fork. */
START_TEST(forks)
{
    EVP_PKEY *key, *pub;
    pid_t pids[4];

    make_key("p256");
    key = load("signet:p256");
    pub = public_half(key);
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 0), "%s", why());
    for (unsigned k = 0; k < 4; k++) {
        pids[k] = fork();
        if (pids[k] == 0) {
            for (unsigned i = 0; i < 50; i++)
                if (!round_trip(key, pub, "SHA256", 0, k * 50 + i))
                    _exit(1);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < 200; i++)
        ck_assert_msg(round_trip(key, pub, "SHA256", 0, i), "%s", why());
    for (unsigned k = 0; k < 4; k++) {
        int status = -1;
        ck_assert_int_eq(waitpid(pids[k], &status, 0), pids[k]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 1), "%s", why());
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

/* Which descriptors are open, up to the last of the set. */
static void
note_open(bool set[64])
{
    for (int fd = 0; fd < 64; fd++)
        set[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* A daemon closes all descriptors, and their numbers are then other things': nothing is written
 * there, and they stay open. */
START_TEST(descriptors_are_taken_away)
{
    bool before[64], after[64];
    EVP_PKEY *key, *pub;
    unsigned taken = 0;
    int pair[2];
    char byte;

    make_key("p256");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    note_open(before);
    key = load("signet:p256");
    pub = public_half(key);
    note_open(after);
    for (int fd = 0; fd < 64; fd++)
        if (after[fd] && !before[fd])
            taken += dup2(pair[1], fd) == fd;
    ck_assert_uint_ge(taken, 1);
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 1), "%s", why());
    ck_assert_int_lt((int)recv(pair[0], &byte, 1, MSG_DONTWAIT), 0);
    for (int fd = 0; fd < 64; fd++)
        if (after[fd] && !before[fd])
            ck_assert_int_eq(close(fd), 0);
    close(pair[0]);
    close(pair[1]);
    note_open(after);
    for (int fd = 0; fd < 64; fd++)
        if (after[fd] && !before[fd])
            close(fd);
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 2), "%s", why());
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

/* It is started again, and the connection that lay idle is forgotten. */
START_TEST(agent_ends_meanwhile)
{
    EVP_PKEY *key, *pub;

    make_key("p256");
    key = load("signet:p256");
    pub = public_half(key);
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 0), "%s", why());
    rig_stop();
    ck_assert_msg(round_trip(key, pub, "SHA256", 0, 1), "%s", why());
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

START_TEST(says_what_is_wrong)
{
    EVP_PKEY *key, *pub;
    EVP_PKEY_CTX *p = NULL;
    unsigned char sig[600];
    size_t len = 10;
    EVP_MD_CTX *s = EVP_MD_CTX_new();

    make_key("rsa2048");
    ck_assert_ptr_null(load("signet:nobody"));
    ck_assert_ptr_nonnull(strstr(why(), "no key answers to \"nobody\""));
    make_key("p256");
    ck_assert_ptr_null(load("signet:"));
    ck_assert_ptr_nonnull(strstr(why(), "p256"));
    ck_assert_ptr_null(load("pkcs11:object=none"));
    ck_assert_ptr_nonnull(strstr(why(), "pkcs11:object=none"));
    key = load("pkcs11:token=demo;object=rsa2048;type=private");
    ck_assert_msg(key != NULL, "%s", why());
    pub = public_half(key);
    ck_assert(!round_trip(key, pub, "MD5", RSA_PKCS1_PADDING, 0));
    ck_assert_ptr_nonnull(strstr(why(), "md5"));
    ck_assert(!round_trip(key, pub, "SHA1", RSA_PKCS1_PADDING, 0));
    ck_assert_ptr_nonnull(strstr(why(), "sha1"));
    ck_assert(!round_trip(key, pub, "SHA256", RSA_NO_PADDING, 0));
    ck_assert_ptr_nonnull(strstr(why(), "v1.5 or PSS"));
    ck_assert_int_gt(EVP_DigestSignInit_ex(s, &p, "SHA256", lib, NULL, key, NULL), 0);
    ck_assert_int_le(EVP_DigestSign(s, sig, &len, sig, 3), 0);
    why();
    EVP_MD_CTX_free(s);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}
END_TEST

static void
setup(void)
{
    struct client *c;
    const char *pin;

    rig_setup();
    ck_assert(rig_softhsm("pinentry = none\n"));
    pin = scratch_write("pin", "123456\n");
    ck_assert_int_eq(chmod(pin, 0600), 0);
    c = rig_open(NULL);
    ck_assert_msg(client_token_create(c, "demo", pin, &err) == 0, "%s", err_text(&err));
    client_free(&c);
    lib = OSSL_LIB_CTX_new();
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(lib, "signet", OSSL_provider_init), 1);
    theirs = OSSL_PROVIDER_load(lib, "default");
    ours = OSSL_PROVIDER_load(lib, "signet");
    ck_assert_ptr_nonnull(ours);
}

static void
teardown(void)
{
    OSSL_PROVIDER_unload(ours);
    OSSL_PROVIDER_unload(theirs);
    OSSL_LIB_CTX_free(lib);
    rig_teardown();
}

int
main(void)
{
    TCase *c = tcase_create("provider");

    if (access("/usr/lib/softhsm/libsofthsm2.so", R_OK) != 0) {
        fputs("skipped: SoftHSM (softhsm2) is not installed\n", stderr);
        return 77;
    }
    tcase_set_timeout(c, 240);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, signs_with_each_kind_of_key);
    tcase_add_test(c, other_keys_are_not_ours);
    tcase_add_test(c, decrypts);
    tcase_add_test(c, agrees);
    tcase_add_test(c, eight_threads);
    tcase_add_test(c, forks);
    tcase_add_test(c, descriptors_are_taken_away);
    tcase_add_test(c, agent_ends_meanwhile);
    tcase_add_test(c, says_what_is_wrong);
    return rig_main("provider", c);
}
