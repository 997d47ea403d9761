/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real token host with SoftHSM: tokens and keys made by the agent, signatures
 * checked by libcrypto. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/agent/rig.h"

#define CLIENTS 4
#define SIGNATURES 200

static struct err err;
static char key[CLIENT_KEY_NAME];
static EVP_PKEY *public_key;

/* A token "demo" with its PIN in a file, and a key of this type. */
static void
make_key(const char *type)
{
    struct client *c;
    struct client_key k = {0};
    const char *pin = scratch_write("pin", "123456\n");
    const unsigned char *spki;

    ck_assert_int_eq(chmod(pin, 0600), 0);
    c = rig_open(NULL);
    ck_assert_msg(client_token_create(c, "demo", pin, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(client_key_generate(c, "demo", type, "work", key, &err) == 0, "%s",
                  err_text(&err));
    ck_assert_msg(client_find_key(c, "work", &k, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(k.name, key);
    ck_assert_str_eq(k.token, "demo");
    spki = k.spki;
    public_key = d2i_PUBKEY(NULL, &spki, (long)k.spki_len);
    ck_assert_ptr_nonnull(public_key);
    client_key_clear(&k);
    client_free(&c);
}

/* Signs the digest of a number of its own and checks the signature; a failure's
 * code, or 1 when the signature is bad. */
static int
sign_number(struct client *c, const char *scheme, unsigned number, struct err *e)
{
    autofree_buf struct buf *out = buf_new();
    uint8_t digest[32];
    EVP_PKEY_CTX *ctx;
    int rc, good;

    if (!EVP_Digest(&number, sizeof number, digest, NULL, EVP_sha256(), NULL))
        return 1;
    rc = client_sign(c, key, alg_sig_by_name(scheme), digest, sizeof digest, out, e);
    if (rc != 0)
        return rc;
    ctx = EVP_PKEY_CTX_new(public_key, NULL);
    good = EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_verify(ctx, buf_data(out), buf_len(out), digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good ? 0 : 1;
}

struct worker {
    pthread_t thread;
    const char *scheme;
    unsigned first, failed;
    atomic_uint done;
    char why[ERR_TEXT_MAX];
};

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct client *c = rig_open(NULL);
    struct err e = {0};

    for (unsigned i = 0; i < SIGNATURES; i++) {
        if (sign_number(c, w->scheme, w->first + i, &e) != 0) {
            w->failed++;
            snprintf(w->why, sizeof w->why, "%s", err_text(&e));
        }
        atomic_fetch_add(&w->done, 1);
    }
    client_free(&c);
    return NULL;
}

static void
start(struct worker *w, const char *scheme)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        w[i].scheme = scheme;
        w[i].first = i * SIGNATURES;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
}

static void
finish(struct worker *w)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < CLIENTS; i++)
        ck_assert_msg(w[i].failed == 0, "%u of %u failed: %s; the agent's log ends: %.2000s",
                      w[i].failed, SIGNATURES, w[i].why,
                      rig_read(scratch_path("home/agent.log")));
}

START_TEST(four_clients_rsa)
{
    struct worker w[CLIENTS] = {0};

    make_key("rsa2048");
    start(w, "rsa-pkcs1-sha256");
    finish(w);
    EVP_PKEY_free(public_key);
}
END_TEST

START_TEST(four_clients_ec)
{
    struct worker w[CLIENTS] = {0};

    make_key("p256");
    start(w, "ecdsa-sha256");
    finish(w);
    EVP_PKEY_free(public_key);
}
END_TEST

/* Until each has made `more` signatures from now on. */
static void
await_progress(struct worker *w, unsigned more)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        unsigned goal = atomic_load(&w[i].done) + more;
        while (atomic_load(&w[i].done) < (goal < SIGNATURES ? goal : SIGNATURES))
            sched_yield();
    }
}

/* Wraps a key with OAEP of two digests and a label, by libcrypto. */
static size_t
wrap_oaep(const uint8_t key_bytes[32], uint8_t out[256])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public_key, NULL);
    size_t n = 256;

    ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA256", NULL), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, "SHA1", NULL), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup("label"), 5), 1);
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &n, key_bytes, 32), 1);
    EVP_PKEY_CTX_free(ctx);
    return n;
}

START_TEST(oaep_with_a_label)
{
    struct client_decrypt how = {.scheme = "rsa-oaep-sha256", .mgf = "sha1",
                                 .label = (const uint8_t *)"label", .label_len = 5};
    struct secret *out = secret_new(2048);
    uint8_t key_bytes[32] = {7}, wrapped[256];
    struct client *c;
    size_t n;

    make_key("rsa2048");
    n = wrap_oaep(key_bytes, wrapped);
    c = rig_open(NULL);
    ck_assert_msg(client_decrypt(c, key, &how, wrapped, n, out, &err) == 0, "%s",
                  err_text(&err));
    ck_assert_uint_eq(secret_len(out), 32);
    ck_assert_mem_eq(secret_data_view(out), key_bytes, 32);
    how.label = (const uint8_t *)"Label";
    ck_assert_int_eq(client_decrypt(c, key, &how, wrapped, n, out, &err), E_DECRYPT);
    how.mgf = "no digest";
    ck_assert_int_eq(client_decrypt(c, key, &how, wrapped, n, out, &err), E_USAGE);
    how.mgf = "rot13";
    ck_assert_int_eq(client_decrypt(c, key, &how, wrapped, n, out, &err), E_MECHANISM);
    client_free(&c);
    secret_free(&out);
    EVP_PKEY_free(public_key);
}
END_TEST

/* The host is killed while four clients sign: none of them notices. */
START_TEST(host_killed_while_signing)
{
    struct worker w[CLIENTS] = {0};

    make_key("p256");
    start(w, "ecdsa-sha256");
    for (int i = 1; i <= 3; i++) {
        await_progress(w, 10);
        rig_kill(true);
        while (rig_status("restarts", true) < i)
            sched_yield();
    }
    finish(w);
    EVP_PKEY_free(public_key);
}
END_TEST

START_TEST(token_create_refuses_twice)
{
    struct client *c;

    make_key("p256");
    c = rig_open(NULL);
    ck_assert_int_eq(client_token_create(c, "demo", scratch_path("pin"), &err), E_EXISTS);
    ck_assert_int_eq(client_token_create(c, "a\tb", scratch_path("pin"), &err), E_USAGE);
    ck_assert_int_eq(client_token_create(c, "other", scratch_path("none"), &err), E_INPUT);
    ck_assert_int_eq(client_token_create(c, "other", scratch_path("pin"), &err), 0);
    ck_assert_int_eq(client_key_generate(c, "nowhere", "p256", NULL, key, &err), E_NO_TOKEN);
    client_free(&c);
    EVP_PKEY_free(public_key);
}
END_TEST

/* Everything is found again by the next agent. */
START_TEST(restart_finds_it_all)
{
    struct client *c;

    make_key("ed25519");
    rig_stop();
    c = rig_open(NULL);
    autofree_buf struct buf *out = buf_new();
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ck_assert_msg(client_sign(c, key, alg_sig_by_name("ed25519"), (const uint8_t *)"hello", 5,
                              out, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(EVP_DigestVerifyInit(md, NULL, NULL, NULL, public_key), 1);
    ck_assert_int_eq(EVP_DigestVerify(md, buf_data(out), buf_len(out),
                                      (const uint8_t *)"hello", 5), 1);
    EVP_MD_CTX_free(md);
    client_free(&c);
    EVP_PKEY_free(public_key);
}
END_TEST

/* No PIN file: the client is asked twice, and the answers must agree. */
struct two {
    const char *answers[2];
    unsigned asked;
};

static int
answer(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    struct two *t = arg;

    (void)e;
    ck_assert_ptr_nonnull(strstr(prompt, "\"asked\""));
    ck_assert_uint_lt(t->asked, 2);
    const char *text = t->answers[t->asked++];
    return secret_set(pin, text, strlen(text));
}

START_TEST(new_pin_is_asked_twice)
{
    struct two t = {.answers = {"123456", "123457"}};
    const struct client_options opts = {.ask_pin = answer, .arg = &t, .front = "test"};
    struct client *c = rig_open(&opts);

    ck_assert_int_eq(client_token_create(c, "asked", NULL, &err), E_PIN_INVALID);
    ck_assert_uint_eq(t.asked, 2);
    t = (struct two){.answers = {"123456", "123456"}};
    ck_assert_msg(client_token_create(c, "asked", NULL, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

static bool usable;

static void
setup(void)
{
    rig_setup();
    usable = rig_softhsm("pinentry = none\n");
    ck_assert(usable);
}

int
main(void)
{
    TCase *c = tcase_create("softhsm");

    if (access("/usr/lib/softhsm/libsofthsm2.so", R_OK) != 0) {
        fputs("skipped: SoftHSM (softhsm2) is not installed\n", stderr);
        return 77;
    }
    tcase_set_timeout(c, 240);
    tcase_add_checked_fixture(c, setup, rig_teardown);
    tcase_add_test(c, four_clients_rsa);
    tcase_add_test(c, four_clients_ec);
    tcase_add_test(c, oaep_with_a_label);
    tcase_add_test(c, host_killed_while_signing);
    tcase_add_test(c, token_create_refuses_twice);
    tcase_add_test(c, restart_finds_it_all);
    tcase_add_test(c, new_pin_is_asked_twice);
    return rig_main("agent-softhsm", c);
}
