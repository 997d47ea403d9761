/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random messages within messages: one to eight layers of any type, each in DER or BER, in
 * pieces of random sizes, bare or in a ContentInfo, read at random splits. What
 * comes back is what went in. SIGNET_TEST_SEED repeats a round.
 */
#include "tests/cms/contents_kit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "tests/cms/dice.h"

#define ROUNDS 300
#define SECONDS 7
#define CONTENT_MAX 100000

static int64_t
known_or_not(size_t len)
{
    return dice_coin() ? (int64_t)len : -1;
}

static struct buf *
draw_signed(const void *content, size_t len, int type)
{
    struct cms_signer signer = person_signer(people(dice_below(people_count())));
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_type = type,
                                        .content_size = known_or_not(len) };

    return sign_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static const char *const words[] = {
    "rsa2048", "rsa2048-pkcs1", "p256", "p384", "x25519", "kek128", "kek256", "password",
};

static struct cms_to
somebody(void)
{
    return to_of(words[dice_below(sizeof words / sizeof *words)]);
}

static struct buf *
draw_enveloped(const void *content, size_t len, int type)
{
    static const char *const ciphers[] = {
        "aes128-cbc", "aes256-cbc", "aes256-gcm", "aes128-ccm", "chacha20-poly1305",
    };
    struct cms_to to[] = { somebody(), somebody() };
    struct cms_encrypt_options options = {
        .cipher = cms_cipher_by_name(ciphers[dice_below(5)]), .to = to,
        .count = 1 + dice_below(2), .content_type = type, .content_size = (int64_t)len };

    if (options.cipher->mode != CMS_MODE_CCM)
        options.content_size = known_or_not(len);
    return encrypt_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static struct buf *
draw_encrypted(const void *content, size_t len, int type)
{
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes256-cbc"),
                                           .key = test_kek(32), .content_type = type,
                                           .content_size = known_or_not(len) };

    return encrypt_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static struct buf *
draw_compressed(const void *content, size_t len, int type)
{
    struct cms_compress_options options = { .content_type = type, .level = (int)dice_below(10) };

    return compress_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static const struct alg_digest *
some_digest(void)
{
    static const char *const names[] = { "sha256", "sha384", "sha512" };

    return alg_digest_by_name(names[dice_below(3)]);
}

static struct buf *
draw_digested(const void *content, size_t len, int type)
{
    struct cms_digested_options options = { .digest = some_digest(), .content_type = type,
                                            .content_size = known_or_not(len) };

    return digest_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static struct buf *
draw_authenticated(const void *content, size_t len, int type)
{
    struct cms_to to[] = { somebody(), somebody() };
    struct cms_authenticate_options options = {
        .digest = some_digest(), .to = to, .count = 1 + dice_below(2), .content_type = type,
        .content_size = known_or_not(len), .no_attributes = type == 0 && dice_coin() };

    return authenticate_content(&options, content, len, 1 + dice_size(CONTENT_MAX));
}

static const struct {
    struct buf *(*draw)(const void *content, size_t len, int type);
} kinds_drawn[] = {
    { draw_signed }, { draw_enveloped }, { draw_encrypted }, { draw_compressed },
    { draw_digested }, { draw_authenticated },
};

/* The type of a message of ours. */
static int
type_of(const struct buf *message)
{
    struct opened o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, NULL);
    int type = cms_reader_type(o.reader);

    opened_clear(&o);
    return type;
}

static struct buf *
draw_layers(const uint8_t *content, size_t len, size_t layers, int types[])
{
    struct buf *m = kinds_drawn[dice_below(6)].draw(content, len, 0), *outer;

    types[layers - 1] = type_of(m);
    for (size_t i = layers - 1; i-- > 0;) {
        int type = NID_id_smime_ct_contentInfo;

        if (dice_coin()) {
            type = type_of(m);
            m = bare_structure(m);
        }
        outer = kinds_drawn[dice_below(6)].draw(buf_data(m), buf_len(m), type);
        buf_free(&m);
        m = outer;
        types[i] = type_of(m);
    }
    return m;
}

static void
read_layers(const struct buf *m, const uint8_t *content, size_t len, size_t count,
            const int types[])
{
    struct cms_decrypt_options decrypt = with_key(32);
    struct buf *got = buf_new();
    struct cms_layers_options options = {
        .reader = { .content = gather_sink(got), .decrypt = &decrypt } };
    struct cms_layers *layers = NULL;
    const struct cms_signed *verdict;
    struct err err = { 0 };

    ck_assert_int_eq(cms_layers_new(&layers, &options, &err), 0);
    for (size_t at = 0, n; at < buf_len(m); at += n) {
        n = 1 + dice_size(CONTENT_MAX);
        if (n > buf_len(m) - at)
            n = buf_len(m) - at;
        ck_assert_msg(cms_layers_update(layers, buf_data(m) + at, n, &err) == 0, "%s",
                      err_text(&err));
    }
    ck_assert_msg(cms_layers_finish(layers, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(cms_layers_count(layers), count);
    for (size_t i = 0; i < count; i++) {
        struct cms_reader *r = cms_layers_get(layers, i);

        ck_assert_int_eq(cms_reader_type(r), types[i]);
        if (types[i] != NID_pkcs7_signed)
            continue;
        ck_assert_int_eq(cms_verify(r, &(struct cms_verify_options){ 0 }, &verdict, &err), 0);
        ck_assert_msg(verdict->signatures[0].state == CMS_INTACT, "%s",
                      verdict->signatures[0].reason);
    }
    ck_assert_uint_eq(buf_len(got), len);
    ck_assert(len == 0 || memcmp(buf_data(got), content, len) == 0);
    cms_layers_free(&layers);
    buf_free(&got);
}

static void
one_round(void)
{
    size_t len = dice_size(CONTENT_MAX), count = 1 + dice_size(CMS_MAX_LAYERS - 1);
    uint8_t *content = dice_bytes(len);
    int types[CMS_MAX_LAYERS];
    struct buf *m;

    if (count > CMS_MAX_LAYERS)
        count = CMS_MAX_LAYERS;
    m = draw_layers(content, len, count, types);
    read_layers(m, content, len, count, types);
    buf_free(&m);
    free(content);
}

START_TEST(random_layers)
{
    dice_rounds(one_round, ROUNDS, SECONDS);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-contents-property");
    TCase *tc = tcase_create("property");

    if (!dice_share())
        return EXIT_FAILURE;
    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, random_layers);
    suite_add_tcase(suite, tc);
    return dice_report(run_suite(suite));
}
