/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/ber.h"

/* Feeds an update function in pieces. */
#define FEED(update, object, content, len, piece) \
    for (size_t at = 0, n; at < (len); at += n) { \
        n = (piece) == 0 || (piece) > (len) - at ? (len) - at : (piece); \
        ck_assert_msg(update(object, (const uint8_t *)(content) + at, n, &err) == 0, "%s", \
                      err_text(&err)); \
    }

struct buf *
compress_content(const struct cms_compress_options *options, const void *content, size_t len,
                 size_t piece)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_compress *c = NULL;
    struct err err = { 0 };

    ck_assert_msg(cms_compress_new(&c, options, &sink, &err) == 0, "%s", err_text(&err));
    FEED(cms_compress_update, c, content, len, piece)
    ck_assert_msg(cms_compress_finish(c, &err) == 0, "%s", err_text(&err));
    cms_compress_free(&c);
    return out;
}

struct buf *
digest_content(const struct cms_digested_options *options, const void *content, size_t len,
               size_t piece)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_digested *d = NULL;
    struct err err = { 0 };

    ck_assert_msg(cms_digested_new(&d, options, &sink, &err) == 0, "%s", err_text(&err));
    FEED(cms_digested_update, d, content, len, piece)
    ck_assert_msg(cms_digested_finish(d, &err) == 0, "%s", err_text(&err));
    cms_digested_free(&d);
    return out;
}

struct buf *
authenticate_content(const struct cms_authenticate_options *options, const void *content,
                     size_t len, size_t piece)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_authenticate *a = NULL;
    struct err err = { 0 };

    ck_assert_msg(cms_authenticate_new(&a, options, &sink, &err) == 0, "%s", err_text(&err));
    FEED(cms_authenticate_update, a, content, len, piece)
    ck_assert_msg(cms_authenticate_finish(a, &err) == 0, "%s", err_text(&err));
    cms_authenticate_free(&a);
    return out;
}

struct buf *
encrypted_data(const char *cipher, const void *content, size_t len, bool ber)
{
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher),
                                           .content_size = ber ? -1 : (int64_t)len };

    options.key = test_kek(options.cipher->key);
    return encrypt_content(&options, content, len, 0);
}

struct cms_decrypt_options
with_key(size_t key_len)
{
    struct cms_decrypt_options options = *everything();

    options.content_key = test_kek(key_len);
    return options;
}

void
assert_survives_damage(const struct buf *message, const struct cms_decrypt_options *options,
                       const void *content, size_t len)
{
    static const uint8_t changes[] = { 0x01, 0x80, 0xff, 0x20 };
    size_t size = buf_len(message);
    struct buf *m = buf_new();

    ck_assert_int_eq(buf_put(m, buf_data(message), size), 0);
    for (size_t n = 0; n < size; n++) {
        struct opened o = open_message(buf_data(m), n, FEED_WHOLE, options);

        ck_assert_msg(o.rc == E_TRUNCATED, "cut at %zu: %s", n, err_text(&o.err));
        opened_clear(&o);
    }
    for (size_t i = 0; i < size * 4; i++) {
        struct opened o;

        buf_mutable(m)[i / 4] ^= changes[i % 4];
        o = open_message(buf_data(m), size, FEED_WHOLE, options);
        if (o.rc == 0) {
            ck_assert_msg(buf_len(o.content) == len, "byte %zu", i / 4);
            ck_assert_msg(len == 0 || memcmp(buf_data(o.content), content, len) == 0, "byte %zu",
                          i / 4);
        } else {
            ck_assert_msg(strlen(o.err.text) > 10, "no sentence for byte %zu", i / 4);
        }
        opened_clear(&o);
        buf_mutable(m)[i / 4] ^= changes[i % 4];
    }
    ck_assert_int_eq(buf_put(m, "x", 1), 0);
    assert_refused(m, options, E_MALFORMED, "other bytes follow");
    buf_free(&m);
}

struct buf *
bare_structure(struct buf *message)
{
    const uint8_t *at = buf_data(message);
    size_t left = buf_len(message), skip = 0;
    struct buf *out = buf_new();
    struct ber_header h = { 0 };

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ber_read_header(at, left, &h), 1);
        skip = h.size + (h.id == BER_OID ? (size_t)h.length : 0);
        at += skip;
        left -= skip;
    }
    /* the ends of [0] and ContentInfo */
    ck_assert_int_eq(buf_put(out, at, h.length < 0 ? left - 4 : left), 0);
    buf_free(&message);
    return out;
}

struct buf *
peer_message(const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/cms/peers/%s", SIGNET_SOURCE_ROOT, name);
    return read_file(path);
}

void
replace_octets(struct buf *message, const void *from, const void *to, size_t len)
{
    uint8_t *at = memmem(buf_mutable(message), buf_len(message), from, len);

    ck_assert_ptr_nonnull(at);
    memcpy(at, to, len);
}

char *
shape_of(const struct buf *message, unsigned depth)
{
    const uint8_t *at = buf_data(message);
    size_t left = buf_len(message);
    struct buf *out = buf_new();
    struct ber_event e;
    struct ber ber;
    char *text;
    int rc;

    ber_init(&ber);
    while ((rc = ber_next(&ber, &at, &left, &e, NULL)) == 1)
        if (e.kind == BER_HEADER && e.depth <= depth)
            ck_assert_int_eq(buf_putf(out, "%s%02x", buf_len(out) == 0 ? "" : " ", e.raw[0]), 0);
    ck_assert_int_eq(rc, 0);
    text = strdup(buf_cstr(out));
    buf_free(&out);
    return text;
}
