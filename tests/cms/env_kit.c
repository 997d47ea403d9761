/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

static struct receiver receivers[] = {
    { "rsa2048", NULL, NULL }, { "p256", NULL, NULL },   { "p384", NULL, NULL },
    { "p521", NULL, NULL },    { "x25519", NULL, NULL }, { "x448", NULL, NULL },
};

#define RECEIVERS (sizeof receivers / sizeof *receivers)

static void
make(struct receiver *r)
{
    static EVP_PKEY *ca_key;
    static X509 *ca;
    struct pki_request request = { .cn = r->type, .email = "receiver@example.org" };

    if (r->key != NULL)
        return;
    if (ca == NULL) {
        struct pki_request root = { .cn = "Receivers' CA", .ca = true };

        ca_key = pki_key("p256");
        ca = pki_cert(&root, ca_key, NULL, NULL);
    }
    r->key = r->type[0] == 'x' ? EVP_PKEY_Q_keygen(NULL, NULL, r->type) : pki_key(r->type);
    if (r->key == NULL)
        abort();
    r->cert = pki_cert(&request, r->key, ca, ca_key);
}

struct receiver *
receiver_at(size_t i)
{
    if (i >= RECEIVERS)
        return NULL;
    make(&receivers[i]);
    return &receivers[i];
}

struct receiver *
receiver_of(const char *type)
{
    for (size_t i = 0; i < RECEIVERS; i++)
        if (strcmp(receivers[i].type, type) == 0)
            return receiver_at(i);
    abort();
}

static int
unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(((struct receiver *)arg)->key, NULL);
    size_t len = secret_max(key);
    int ok = EVP_PKEY_decrypt_init(ctx) == 1;

    if (ok && u->padding == ALG_PAD_OAEP) {
        uint8_t *label = u->label_len == 0 ? NULL : OPENSSL_memdup(u->label, u->label_len);

        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, u->digest->ossl, NULL) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, u->mgf->ossl, NULL) == 1 &&
             (label == NULL ||
              EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)u->label_len) == 1);
    }
    ok = ok && EVP_PKEY_decrypt(ctx, secret_mutable(key), &len, u->ciphertext, u->len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return err_set_ossl(err, E_DECRYPT, "the key cannot unwrap");
    secret_set_len(key, len);
    return 0;
}

static int
agree(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    EVP_PKEY *own = ((struct receiver *)arg)->key, *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    size_t size = secret_max(z);
    int ok;

    if (EVP_PKEY_get_base_id(own) == EVP_PKEY_EC) {
        ck_assert_uint_eq(point[0], POINT_CONVERSION_UNCOMPRESSED);
        ok = EVP_PKEY_copy_parameters(peer, own) == 1 &&
             EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1;
    } else {
        EVP_PKEY_free(peer);
        peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_get_id(own), NULL, point, len);
        ok = peer != NULL;
    }
    ok = ok && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
         EVP_PKEY_derive(ctx, secret_mutable(z), &size) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    if (!ok)
        return err_set_ossl(err, E_DECRYPT, "the key cannot agree");
    secret_set_len(z, size);
    return 0;
}

struct cms_opener
receiver_opener(struct receiver *r)
{
    bool rsa = EVP_PKEY_get_base_id(r->key) == EVP_PKEY_RSA;

    return (struct cms_opener){ .cert = r->cert, .unwrap = rsa ? unwrap : NULL,
                                .agree = rsa ? NULL : agree, .arg = r };
}

const struct secret *
test_kek(size_t len)
{
    static struct secret *keks[33];

    if (keks[len] == NULL) {
        keks[len] = secret_new(len);
        memset(secret_mutable(keks[len]), 'a' + (int)len % 26, len);
        secret_set_len(keks[len], len);
    }
    return keks[len];
}

const struct secret *
test_password(const char *text)
{
    static struct secret *s[8];
    size_t i = 0;

    for (; s[i] != NULL; i++)
        if (secret_len(s[i]) == strlen(text) &&
            memcmp(secret_data_view(s[i]), text, strlen(text)) == 0)
            return s[i];
    s[i] = secret_new(64);
    if (secret_set(s[i], text, strlen(text)) != 0)
        abort();
    return s[i];
}

struct cms_to
to_of(const char *word)
{
    struct cms_to to = { 0 };
    char type[32];

    if (strncmp(word, "kek", 3) == 0) {
        to.kek = test_kek(strtoul(word + 3, NULL, 10) / 8);
        to.kek_id = (const uint8_t *)TEST_KEK_ID;
        to.kek_id_len = strlen(TEST_KEK_ID);
    } else if (strcmp(word, "password") == 0) {
        to.password = test_password("correct horse");
        to.iterations = CMS_PASSWORD_ITERATIONS_MIN;
    } else {
        snprintf(type, sizeof type, "%.*s", (int)strcspn(word, "-"), word);
        to.cert = receiver_of(type)->cert;
        to.pkcs1 = strstr(word, "-pkcs1") != NULL;
        to.ski = strstr(word, "-ski") != NULL;
    }
    return to;
}

uint8_t *
some_content(size_t len)
{
    uint8_t *content = malloc(len + 1);
    uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        content[i] = (uint8_t)(x >> 24);
    }
    return content;
}

struct buf *
try_encrypt(const struct cms_encrypt_options *options, const void *content, size_t len,
            size_t piece, struct err *err)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_encrypt *e = NULL;
    const uint8_t *at = content;
    int rc = cms_encrypt_new(&e, options, &sink, err);

    for (size_t left = len; rc == 0 && left > 0;) {
        size_t n = piece == 0 || piece > left ? left : piece;

        rc = cms_encrypt_update(e, at, n, err);
        at += n;
        left -= n;
    }
    if (rc == 0)
        rc = cms_encrypt_finish(e, err);
    cms_encrypt_free(&e);
    if (rc != 0) {
        ck_assert_int_eq(err->code, rc);
        buf_free(&out);
    }
    return out;
}

struct buf *
encrypt_content(const struct cms_encrypt_options *options, const void *content, size_t len,
                size_t piece)
{
    struct err err = { 0 };
    struct buf *out = try_encrypt(options, content, len, piece, &err);

    ck_assert_msg(out != NULL, "%s", err_text(&err));
    return out;
}

struct opened
open_message(const void *data, size_t len, enum feeding feeding,
             const struct cms_decrypt_options *decrypt)
{
    struct opened o = { .content = buf_new() };
    struct cms_reader_options options = { .content = gather_sink(o.content),
                                          .decrypt = decrypt };
    const uint8_t *at = data;
    unsigned seed = (unsigned)len;

    o.rc = cms_reader_new(&o.reader, &options, &o.err);
    for (size_t left = len; o.rc == 0 && left > 0;) {
        size_t n = feeding == FEED_WHOLE   ? left
                   : feeding == FEED_BYTES ? 1
                                           : 1 + (size_t)rand_r(&seed) % 3000;
        uint8_t *piece;

        n = n < left ? n : left;
        piece = malloc(n);
        memcpy(piece, at, n);
        o.rc = cms_reader_update(o.reader, piece, n, &o.err);
        free(piece);
        at += n;
        left -= n;
    }
    if (o.rc == 0)
        o.rc = cms_reader_finish(o.reader, &o.err);
    return o;
}

void
opened_clear(struct opened *o)
{
    cms_reader_free(&o->reader);
    buf_free(&o->content);
}

void
assert_opens(const struct buf *message, const struct cms_decrypt_options *options,
             const void *content, size_t len)
{
    for (int feeding = FEED_WHOLE; feeding <= FEED_RANDOM; feeding++) {
        struct opened o;

        if (feeding == FEED_BYTES && buf_len(message) > 20000)
            continue;
        o = open_message(buf_data(message), buf_len(message), feeding, options);
        ck_assert_msg(o.rc == 0, "feeding %d: %s", feeding, err_text(&o.err));
        ck_assert_uint_eq(buf_len(o.content), len);
        ck_assert(len == 0 || memcmp(buf_data(o.content), content, len) == 0);
        ck_assert_uint_eq(cms_reader_content_size(o.reader), len);
        if (options != NULL)
            ck_assert_ptr_nonnull(cms_reader_encrypted(o.reader)->opened);
        opened_clear(&o);
    }
}

const struct cms_decrypt_options *
everything(void)
{
    static struct cms_opener openers[RECEIVERS];
    static struct cms_kek keks[3];
    static struct cms_decrypt_options options;

    for (size_t i = 0; i < RECEIVERS; i++)
        openers[i] = receiver_opener(receiver_at(i));
    for (size_t i = 0; i < 3; i++)
        keks[i] = (struct cms_kek){ .key = test_kek(16 + 8 * i) };
    options = (struct cms_decrypt_options){
        .openers = openers, .opener_count = RECEIVERS, .keks = keks, .kek_count = 3,
        .password = test_password("correct horse"),
    };
    return &options;
}

void
write_receiver(const char *dir, struct receiver *r)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/key.pem", dir);
    f = fopen(path, "w");
    ck_assert_int_eq(PEM_write_PrivateKey(f, r->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/cert.pem", dir);
    pki_write_pem(path, r->cert, false);
}
