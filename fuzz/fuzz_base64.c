/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 four ways over any bytes: what the processor's instructions do, what portable C
 * does, what libcrypto does, and what PEM readers make of what we write. All agree, and
 * nothing is written further than BASE64_SLACK behind the result.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "cms/base64.h"
#include "cms/pem.h"
#include "fuzz/kit.h"

/* Long enough for the vector loops to run many times. */
#define REPEAT_TO (BASE64_LONG + 1000)

static uint8_t *
room(size_t len)
{
    uint8_t *out = malloc(len + BASE64_SLACK);

    fuzz_assert(out != NULL);
    return out;
}

static void
encode(const uint8_t *data, size_t len)
{
    uint8_t *fast, *portable, *peer, *back;
    size_t whole = len - len % 3, text = whole / 3 * 4;

    fast = room(text);
    portable = room(text);
    peer = malloc(text + 1);
    back = room(whole);
    base64_expect(BASE64_LONG);
    base64_encode(data, whole, fast);
    base64_encode_portable(data, whole, portable);
    fuzz_assert(memcmp(fast, portable, text) == 0);
    if (text > 0) {
        fuzz_assert(EVP_EncodeBlock(peer, data, (int)whole) == (int)text);
        fuzz_assert(memcmp(fast, peer, text) == 0);
    }
    fuzz_assert(base64_decode(fast, text, back) == text && memcmp(back, data, whole) == 0);
    free(fast);
    free(portable);
    free(peer);
    free(back);
}

/* Each group is of the alphabet. */
static bool
is_text(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (base64_value(text[i]) == BASE64_NONE)
            return false;
    return true;
}

static void
decode(const uint8_t *text, size_t len)
{
    uint8_t *fast = room(len), *portable = room(len), *peer = malloc(len + 1);
    size_t got = base64_decode(text, len, fast);

    fuzz_assert(base64_decode_portable(text, len, portable) == got);
    fuzz_assert(got % 4 == 0 && got <= len && memcmp(fast, portable, got / 4 * 3) == 0);
    fuzz_assert(is_text(text, got) && (len - got < 4 || !is_text(text + got, 4)));
    if (got > 0) {
        fuzz_assert(EVP_DecodeBlock(peer, text, (int)got) == (int)(got / 4 * 3));
        fuzz_assert(memcmp(fast, peer, got / 4 * 3) == 0);
    }
    free(fast);
    free(portable);
    free(peer);
}

static void
decode_lines(const uint8_t *text, size_t len)
{
    uint8_t *fast = room(len), *portable = room(len);
    size_t out = 0, out_portable = 0;
    size_t got = base64_decode_lines(text, len, fast, &out);

    fuzz_assert(got <= len && out <= got / 4 * 3);
    fuzz_assert(base64_decode_lines_portable(text, len, portable, &out_portable) == got);
    fuzz_assert(out == out_portable && memcmp(fast, portable, out) == 0);
    free(fast);
    free(portable);
}

/* Our PEM is PEM for libcrypto. */
static void
as_peer_reads(const uint8_t *data, size_t len, bool crlf)
{
    struct cms_armor_options options = { .label = "CMS", .crlf = crlf };
    struct buf *text = buf_new();
    struct sink sink = fuzz_gather(text);
    struct cms_armor *a = NULL;
    char *name = NULL, *header = NULL;
    uint8_t *back = NULL;
    long back_len = 0;
    BIO *in;

    fuzz_assert(cms_armor_new(&a, &options, &sink, NULL) == 0 &&
                cms_armor_update(a, data, len, NULL) == 0 && cms_armor_finish(a, NULL) == 0);
    in = BIO_new_mem_buf(buf_data(text), (int)buf_len(text));
    if (len > 0)
        fuzz_assert(PEM_read_bio(in, &name, &header, &back, &back_len) == 1 &&
                    strcmp(name, "CMS") == 0 && (size_t)back_len == len &&
                    memcmp(back, data, len) == 0);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(back);
    BIO_free(in);
    cms_armor_free(&a);
    buf_free(&text);
}

/* The input again and again. */
static uint8_t *
repeated(const uint8_t *data, size_t len, size_t *ret_len)
{
    size_t times = 1 + REPEAT_TO / len;
    uint8_t *all = malloc(times * len);

    fuzz_assert(all != NULL);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * len, data, len);
    *ret_len = times * len;
    return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *all;
    size_t all_len;

    if (len < 2)
        return 0;
    encode(data, len);
    decode(data, len);
    decode_lines(data, len);
    as_peer_reads(data, len, data[0] & 1);
    all = repeated(data, len, &all_len);
    encode(all, all_len);
    decode(all, all_len);
    decode_lines(all, all_len);
    free(all);
    return 0;
}
