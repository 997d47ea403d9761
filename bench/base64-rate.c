/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base64-rate: how fast lines of base64 become bytes, as a mail's or a PEM file's do
 * (cms/pem.h), and bytes lines, in one thread, from memory to nowhere; beside libcrypto's
 * EVP_DecodeUpdate and EVP_EncodeUpdate. GB/s of text, the best of several passes.
 *
 *     base64-rate      prints one line of JSON for each kind of line
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>

#include "cms/pem.h"

#define TEXT_SIZE (1u << 20)
#define PIECE (64u * 1024)
#define ROUNDS 128
/* libcrypto is given fewer: it would take minutes. */
#define PEER_ROUNDS 16
#define PASSES 5

static int
drop(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)data, (void)err;
    *(uint64_t *)arg += len;
    return 0;
}

static size_t
fill(uint8_t *text, size_t columns, bool crlf)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;

    while (len + columns + 2 <= TEXT_SIZE) {
        for (size_t i = 0; i < columns; i++)
            text[len++] = (uint8_t)alphabet[random() & 63];
        if (crlf)
            text[len++] = '\r';
        text[len++] = '\n';
    }
    return len;
}

/* Takes the whole text, or makes one of so many bytes: 0, or what went wrong. */
struct work {
    int (*run)(const uint8_t *in, size_t len, bool crlf, struct err *err);
    int rounds;
};

static int
decode(const uint8_t *in, size_t len, bool crlf, struct err *err)
{
    uint64_t bytes = 0;
    struct sink out = { .write = drop, .arg = &bytes };
    struct cms_dearmor *d = NULL;
    int rc = cms_dearmor_new(&d, CMS_FORM_BASE64, &out, err);

    (void)crlf;
    for (size_t at = 0; rc == 0 && at < len; at += PIECE)
        rc = cms_dearmor_update(d, in + at, len - at < PIECE ? len - at : PIECE, err);
    cms_dearmor_free(&d);
    return rc;
}

static int
encode(const uint8_t *in, size_t len, bool crlf, struct err *err)
{
    uint64_t bytes = 0;
    struct sink out = { .write = drop, .arg = &bytes };
    struct cms_armor_options options = { .columns = crlf ? 76 : 64, .crlf = crlf };
    struct cms_armor *a = NULL;
    int rc = cms_armor_new(&a, &options, &out, err);

    for (size_t at = 0; rc == 0 && at < len / 4 * 3; at += PIECE)
        rc = cms_armor_update(a, in + at, len / 4 * 3 - at < PIECE ? len / 4 * 3 - at : PIECE, err);
    cms_armor_free(&a);
    return rc;
}

static int
peer_decode(const uint8_t *in, size_t len, bool crlf, struct err *err)
{
    static uint8_t out[PIECE];
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    int n = 0, ok = 1;

    (void)crlf;
    EVP_DecodeInit(ctx);
    for (size_t at = 0; ok >= 0 && at < len; at += PIECE)
        ok = EVP_DecodeUpdate(ctx, out, &n, in + at, (int)(len - at < PIECE ? len - at : PIECE));
    EVP_ENCODE_CTX_free(ctx);
    return ok >= 0 ? 0 : err_set(err, E_CRYPTO, "libcrypto cannot decode this");
}

static int
peer_encode(const uint8_t *in, size_t len, bool crlf, struct err *err)
{
    static uint8_t out[2 * PIECE];
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    int n = 0, ok = 1;

    (void)crlf;
    EVP_EncodeInit(ctx);
    for (size_t at = 0; ok == 1 && at < len / 4 * 3; at += PIECE)
        ok = EVP_EncodeUpdate(ctx, out, &n, in + at,
                              (int)(len / 4 * 3 - at < PIECE ? len / 4 * 3 - at : PIECE));
    EVP_ENCODE_CTX_free(ctx);
    return ok == 1 ? 0 : err_set(err, E_CRYPTO, "libcrypto cannot encode this");
}

/* Billions of characters per second; 0 when it failed. */
static double
rate(const struct work *w, const uint8_t *text, size_t len, bool crlf)
{
    struct timespec from, to;
    struct err err = { 0 };
    double best = 0;
    int rc = 0;

    for (int pass = 0; rc == 0 && pass < PASSES; pass++) {
        double seconds;

        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; rc == 0 && i < w->rounds; i++)
            rc = w->run(text, len, crlf, &err);
        clock_gettime(CLOCK_MONOTONIC, &to);
        seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
        if ((double)len * w->rounds / seconds > best)
            best = (double)len * w->rounds / seconds;
    }
    if (rc != 0)
        fprintf(stderr, "base64-rate: %s\n", err_text(&err));
    return rc != 0 ? 0 : best / 1e9;
}

int
main(void)
{
    static const struct {
        const char *name;
        size_t columns;
        bool crlf;
        struct work ours, peer;
    } kinds[] = {
        { "decode", 64, false, { decode, ROUNDS }, { peer_decode, PEER_ROUNDS } },
        { "decode", 76, true, { decode, ROUNDS }, { peer_decode, PEER_ROUNDS } },
        { "encode", 64, false, { encode, ROUNDS }, { peer_encode, PEER_ROUNDS } },
        { "encode", 76, true, { encode, ROUNDS }, { peer_encode, PEER_ROUNDS } },
    };
    static uint8_t text[TEXT_SIZE];

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t len = fill(text, kinds[k].columns, kinds[k].crlf);
        double ours = rate(&kinds[k].ours, text, len, kinds[k].crlf);
        double peer = rate(&kinds[k].peer, text, len, kinds[k].crlf);

        if (ours <= 0 || peer <= 0)
            return EXIT_FAILURE;
        printf("{\"work\": \"%s\", \"columns\": %zu, \"crlf\": %s, \"gb_per_second\": %.2f, "
               "\"openssl\": %.2f}\n",
               kinds[k].name, kinds[k].columns, kinds[k].crlf ? "true" : "false", ours, peer);
    }
    return EXIT_SUCCESS;
}
