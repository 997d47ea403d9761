/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CMS within CMS (cms/layers.h): opened down to what is no CMS, or a clear error. */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

static struct buf *
signed_message(const void *content, size_t len, int type)
{
    struct cms_signer signer = person_signer(person_of("rsa-pkcs1-sha256"));
    struct cms_sign_options options = { .signers = &signer, .count = 1,
                                        .content_size = (int64_t)len, .content_type = type };

    return sign_content(&options, content, len, 0);
}

static struct buf *
encrypted_message(const char *cipher, const void *content, size_t len, int type)
{
    struct cms_to to = to_of("p256");
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1, .content_size = (int64_t)len,
                                           .content_type = type };

    return encrypt_content(&options, content, len, 0);
}

static struct buf *
compressed_message(const void *content, size_t len, int type)
{
    struct cms_compress_options options = { .content_type = type };

    return compress_content(&options, content, len, 0);
}

struct unlayered {
    int rc;
    struct err err;
    struct cms_layers *layers;
    struct buf *content;
};

static struct unlayered
open_layers(const struct buf *m, size_t piece, size_t max)
{
    struct unlayered u = { .content = buf_new() };
    struct cms_layers_options options = {
        .reader = { .content = gather_sink(u.content), .decrypt = everything() },
        .max_layers = max,
    };

    u.rc = cms_layers_new(&u.layers, &options, &u.err);
    for (size_t at = 0, n; u.rc == 0 && at < buf_len(m); at += n) {
        n = piece < buf_len(m) - at ? piece : buf_len(m) - at;
        u.rc = cms_layers_update(u.layers, buf_data(m) + at, n, &u.err);
    }
    if (u.rc == 0)
        u.rc = cms_layers_finish(u.layers, &u.err);
    return u;
}

static void
unlayered_clear(struct unlayered *u)
{
    cms_layers_free(&u->layers);
    buf_free(&u->content);
}

static void
assert_fails(const struct buf *m, int code, const char *words)
{
    static const size_t pieces[] = { 1, 77, SIZE_MAX };

    for (size_t i = 0; i < 3; i++) {
        struct unlayered u = open_layers(m, pieces[i], 0);

        ck_assert_msg(u.rc == code && strstr(u.err.text, words) != NULL, "piece %zu: %s: %s",
                      pieces[i], err_name(u.rc), err_text(&u.err));
        unlayered_clear(&u);
    }
}

/* Signed, compressed, encrypted, encrypted again. */
static struct buf *
four_layers(const void *content, size_t len)
{
    struct buf *a = bare_structure(signed_message(content, len, 0)), *b;

    b = compressed_message(buf_data(a), buf_len(a), NID_pkcs7_signed);
    buf_free(&a);
    /* compressed ones are BER, and whole here: in a ContentInfo */
    a = encrypted_message("aes128-cbc", buf_data(b), buf_len(b), NID_id_smime_ct_contentInfo);
    buf_free(&b);
    a = bare_structure(a);
    b = encrypted_message("aes256-gcm", buf_data(a), buf_len(a), NID_pkcs7_enveloped);
    buf_free(&a);
    return b;
}

START_TEST(down_to_the_content)
{
    static const size_t pieces[] = { 1, 7, 1000, SIZE_MAX };
    static const int types[] = { NID_id_smime_ct_authEnvelopedData, NID_pkcs7_enveloped,
                                 NID_id_smime_ct_compressedData, NID_pkcs7_signed };
    static const size_t sizes[] = { 0, 10, 5000, 200000 };

    for (size_t s = 0; s < 4; s++) {
        uint8_t *content = some_content(sizes[s]);
        struct buf *m = four_layers(content, sizes[s]);

        for (size_t i = 0; i < 4; i++) {
            struct unlayered u = open_layers(m, pieces[i], 0);
            const struct cms_signed *verdict = NULL;

            ck_assert_msg(u.rc == 0, "%s", err_text(&u.err));
            ck_assert_uint_eq(cms_layers_count(u.layers), 4);
            for (size_t k = 0; k < 4; k++)
                ck_assert_int_eq(cms_reader_type(cms_layers_get(u.layers, k)), types[k]);
            ck_assert_ptr_null(cms_layers_get(u.layers, 4));
            ck_assert_int_eq(cms_verify(cms_layers_get(u.layers, 3),
                                        &(struct cms_verify_options){ 0 }, &verdict, NULL), 0);
            ck_assert_int_eq(verdict->signatures[0].state, CMS_INTACT);
            ck_assert_uint_eq(buf_len(u.content), sizes[s]);
            ck_assert(sizes[s] == 0 || memcmp(buf_data(u.content), content, sizes[s]) == 0);
            unlayered_clear(&u);
        }
        buf_free(&m);
        free(content);
    }
}
END_TEST

/* One layer is read as cms_reader reads it. */
START_TEST(one_layer)
{
    struct buf *m = signed_message("abc", 3, 0);
    struct unlayered u = open_layers(m, 5, 0);

    ck_assert_int_eq(u.rc, 0);
    ck_assert_uint_eq(cms_layers_count(u.layers), 1);
    ck_assert_mem_eq(buf_data(u.content), "abc", 3);
    unlayered_clear(&u);
    buf_free(&m);
}
END_TEST

/* Content of types that are no CMS is given out as it is. */
START_TEST(other_types)
{
    struct buf *m = signed_message("abc", 3, NID_id_smime_ct_TSTInfo);
    struct unlayered u = open_layers(m, 5, 0);

    ck_assert_int_eq(u.rc, 0);
    ck_assert_uint_eq(cms_layers_count(u.layers), 1);
    ck_assert_mem_eq(buf_data(u.content), "abc", 3);
    unlayered_clear(&u);
    buf_free(&m);
}
END_TEST

/* Encrypted and not opened: parsed, and the last. */
START_TEST(not_opened)
{
    struct buf *inner = bare_structure(signed_message("abc", 3, 0));
    struct buf *m = encrypted_message("aes128-gcm", buf_data(inner), buf_len(inner),
                                      NID_pkcs7_signed);
    struct cms_layers_options options = { 0 };
    struct cms_layers *l = NULL;

    ck_assert_int_eq(cms_layers_new(&l, &options, NULL), 0);
    ck_assert_int_eq(cms_layers_update(l, buf_data(m), buf_len(m), NULL), 0);
    ck_assert_int_eq(cms_layers_finish(l, NULL), 0);
    ck_assert_uint_eq(cms_layers_count(l), 1);
    ck_assert_int_eq(cms_layers_finish(l, NULL), E_USAGE);
    cms_layers_free(&l);
    buf_free(&inner);
    buf_free(&m);
}
END_TEST

static struct buf *
nested(size_t layers)
{
    struct buf *m = signed_message("abc", 3, 0);

    for (size_t i = 1; i < layers; i++) {
        struct buf *inner = bare_structure(m);

        m = signed_message(buf_data(inner), buf_len(inner), NID_pkcs7_signed);
        buf_free(&inner);
    }
    return m;
}

START_TEST(too_deep)
{
    struct buf *m = nested(CMS_MAX_LAYERS);
    struct unlayered u = open_layers(m, 100, 0);

    ck_assert_msg(u.rc == 0, "%s", err_text(&u.err));
    ck_assert_uint_eq(cms_layers_count(u.layers), CMS_MAX_LAYERS);
    unlayered_clear(&u);
    u = open_layers(m, 100, 3);
    ck_assert_int_eq(u.rc, E_LIMIT);
    ck_assert_msg(strstr(u.err.text, "more than 3 layers") != NULL, "%s", u.err.text);
    unlayered_clear(&u);
    buf_free(&m);
    m = nested(CMS_MAX_LAYERS + 1);
    assert_fails(m, E_LIMIT, "layer 9: message: CMS within CMS, more than 8 layers");
    buf_free(&m);
}
END_TEST

START_TEST(what_is_wrong_within)
{
    struct buf *inner = bare_structure(signed_message("abc", 3, 0)), *m, *middle;

    /* cut, added to, not there, of another type, garbage */
    m = signed_message(buf_data(inner), buf_len(inner) - 1, NID_pkcs7_signed);
    assert_fails(m, E_TRUNCATED, "layer 2: message: it ends at offset");
    buf_free(&m);
    ck_assert_int_eq(buf_put(inner, "\0", 1), 0);
    m = signed_message(buf_data(inner), buf_len(inner), NID_pkcs7_signed);
    assert_fails(m, E_MALFORMED, "layer 2: message: it ends at offset");
    buf_free(&m);
    buf_trim(inner, 1);
    m = signed_message("", 0, NID_pkcs7_signed);
    assert_fails(m, E_TRUNCATED, "layer 2: message: it is empty");
    buf_free(&m);
    m = encrypted_message("aes128-gcm", "", 0, NID_pkcs7_signed);
    assert_fails(m, E_TRUNCATED, "layer 2: message: it is empty");
    buf_free(&m);
    m = signed_message(buf_data(inner), buf_len(inner), NID_pkcs7_enveloped);
    assert_fails(m, E_MALFORMED, "layer 2: message: ");
    buf_free(&m);
    m = signed_message(buf_data(inner), buf_len(inner), NID_id_smime_ct_contentInfo);
    assert_fails(m, E_MALFORMED, "layer 2: message: contentType was expected at offset");
    buf_free(&m);
    /* within the third layer, and said once */
    middle = bare_structure(signed_message("\x30\x03\x04\x01x", 5, NID_pkcs7_signed));
    m = encrypted_message("aes128-cbc", buf_data(middle), buf_len(middle), NID_pkcs7_signed);
    assert_fails(m, E_MALFORMED, "layer 3: message: version of SignedData was expected");
    buf_free(&m);
    buf_free(&middle);
    buf_free(&inner);
}
END_TEST

static int
refuse(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)arg;
    (void)data;
    (void)len;
    return err_set(err, E_OUTPUT, "disk: it is full");
}

/* What the caller's sink says comes back as it is. */
START_TEST(sink_refuses)
{
    struct buf *m = nested(3);
    struct cms_layers_options options = { .reader = { .content = { .write = refuse } } };
    struct cms_layers *l = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_layers_new(&l, &options, &err), 0);
    ck_assert_int_eq(cms_layers_update(l, buf_data(m), buf_len(m), &err), E_OUTPUT);
    ck_assert_str_eq(err_text(&err), "disk: it is full");
    ck_assert_int_eq(cms_layers_finish(l, &err), E_USAGE);
    cms_layers_free(&l);
    buf_free(&m);
}
END_TEST

/* Each layer expands little enough, both together do not. */
START_TEST(bomb_in_bomb)
{
    size_t size = (size_t)48 * CMS_INFLATE_FREE;
    uint8_t *zeroes = calloc(1, size);
    struct buf *inner = compressed_message(zeroes, size, 0), *m;
    struct cms_layers_options options = { 0 };
    struct cms_layers *l = NULL;
    struct err err = { 0 };

    m = compressed_message(buf_data(inner), buf_len(inner), NID_id_smime_ct_contentInfo);
    ck_assert_uint_lt(buf_len(m), 20000);
    options.reader.max_inflate_ratio = 1032;
    ck_assert_int_eq(cms_layers_new(&l, &options, &err), 0);
    ck_assert_int_eq(cms_layers_update(l, buf_data(m), buf_len(m), &err), E_LIMIT);
    ck_assert_msg(strstr(err_text(&err), "compressed 2 times") != NULL, "%s", err_text(&err));
    cms_layers_free(&l);
    options.reader.max_inflate_ratio = CMS_INFLATE_ANY;
    ck_assert_int_eq(cms_layers_new(&l, &options, &err), 0);
    ck_assert_int_eq(cms_layers_update(l, buf_data(m), buf_len(m), &err), 0);
    ck_assert_int_eq(cms_layers_finish(l, &err), 0);
    ck_assert_uint_eq(cms_reader_content_size(cms_layers_get(l, 1)), size);
    cms_layers_free(&l);
    buf_free(&inner);
    buf_free(&m);
    free(zeroes);
}
END_TEST

START_TEST(bare_start)
{
    struct buf *inner = bare_structure(signed_message("abc", 3, 0));
    struct cms_reader_options options = { .bare = NID_pkcs7_signed };
    const struct cms_signed *verdict = NULL;
    struct cms_reader *r = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_reader_new(&r, &options, &err), 0);
    ck_assert_int_eq(cms_reader_update(r, buf_data(inner), buf_len(inner), &err), 0);
    ck_assert_int_eq(cms_reader_finish(r, &err), 0);
    ck_assert_int_eq(cms_reader_type(r), NID_pkcs7_signed);
    ck_assert_int_eq(cms_verify(r, &(struct cms_verify_options){ 0 }, &verdict, &err), 0);
    ck_assert_int_eq(verdict->signatures[0].state, CMS_INTACT);
    cms_reader_free(&r);
    options.bare = NID_pkcs7_data;
    ck_assert_int_eq(cms_reader_new(&r, &options, &err), E_UNSUPPORTED);
    ck_assert_ptr_null(r);
    buf_free(&inner);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-layers");
    TCase *tc = tcase_create("layers");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    (void)person_of("rsa-pkcs1-sha256");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, down_to_the_content);
    tcase_add_test(tc, one_layer);
    tcase_add_test(tc, other_types);
    tcase_add_test(tc, not_opened);
    tcase_add_test(tc, too_deep);
    tcase_add_test(tc, what_is_wrong_within);
    tcase_add_test(tc, sink_refuses);
    tcase_add_test(tc, bomb_in_bomb);
    tcase_add_test(tc, bare_start);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
