/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base64-rate: how fast lines of base64 become bytes, as a mail's or a PEM file's do
 * (cms/pem.h), in one thread, from memory to nowhere; the best of several passes.
 *
 *     base64-rate      prints one line of JSON for each kind of line
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cms/pem.h"

#define TEXT_SIZE (1u << 20)
#define PIECE (64u * 1024)
#define ROUNDS 128
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

/* Characters per second; 0 when it failed. */
static double
pass(const uint8_t *text, size_t len)
{
    uint64_t bytes = 0;
    struct sink out = { .write = drop, .arg = &bytes };
    struct cms_dearmor *d = NULL;
    struct timespec from, to;
    struct err err = { 0 };
    int rc = cms_dearmor_new(&d, CMS_FORM_BASE64, &out, &err);

    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; rc == 0 && i < ROUNDS; i++)
        for (size_t at = 0; rc == 0 && at < len; at += PIECE)
            rc = cms_dearmor_update(d, text + at, len - at < PIECE ? len - at : PIECE, &err);
    clock_gettime(CLOCK_MONOTONIC, &to);
    cms_dearmor_free(&d);
    if (rc != 0)
        fprintf(stderr, "base64-rate: %s\n", err_text(&err));
    return rc != 0 ? 0 : (double)len * ROUNDS / ((double)(to.tv_sec - from.tv_sec) +
                                                 (double)(to.tv_nsec - from.tv_nsec) * 1e-9);
}

int
main(void)
{
    static const struct {
        size_t columns;
        bool crlf;
    } kinds[] = { { 64, false }, { 76, true } };
    static uint8_t text[TEXT_SIZE];

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t len = fill(text, kinds[k].columns, kinds[k].crlf);
        double best = 0;

        for (int i = 0; i < PASSES; i++) {
            double rate = pass(text, len);

            if (rate > best)
                best = rate;
        }
        if (best <= 0)
            return EXIT_FAILURE;
        printf("{\"columns\": %zu, \"crlf\": %s, \"gb_per_second\": %.2f}\n", kinds[k].columns,
               kinds[k].crlf ? "true" : "false", best / 1e9);
    }
    return EXIT_SUCCESS;
}
