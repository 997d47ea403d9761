/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AuthenticatedData (RFC 5652, 9), for every kind of recipient, taken apart by hand and
 * damaged: OpenSSL 3.0 knows nothing of it.
 */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/objects.h>

#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/der.h"

static const char *const words[] = {
    "rsa2048", "rsa2048-pkcs1", "rsa2048-ski", "p256", "p384", "p521", "x25519", "x448",
    "kek128", "kek256", "password",
};
#define WORDS (sizeof words / sizeof *words)

static const char *const digests[] = { "sha256", "sha384", "sha512" };

static struct buf *
message(const char *word, const struct cms_authenticate_options *base, const void *content,
        size_t len)
{
    struct cms_authenticate_options options = *base;
    struct cms_to to = to_of(word);

    options.to = &to;
    options.count = 1;
    return authenticate_content(&options, content, len, 999);
}

START_TEST(round_trip)
{
    const char *word = words[(size_t)_i % WORDS];
    static const size_t sizes[] = { 0, 1, 3000, 150000 };

    for (size_t i = 0; i < 16; i++) {
        size_t size = sizes[i % 4];
        struct cms_authenticate_options options = {
            .digest = alg_digest_by_name(digests[(size_t)_i / WORDS]),
            .content_size = i / 4 % 2 ? (int64_t)size : -1, .no_attributes = i / 8 };
        uint8_t *content = some_content(size);
        struct buf *m = message(word, &options, content, size);
        const struct cms_encrypted *e;
        struct opened o;

        assert_opens(m, everything(), content, size);
        o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, everything());
        e = cms_reader_encrypted(o.reader);
        ck_assert_int_eq(cms_reader_type(o.reader), NID_id_smime_ct_authData);
        ck_assert(e->authenticated && e->cipher == NULL && e->count == 1);
        ck_assert_ptr_eq(e->hmac, options.digest);
        ck_assert_uint_eq(e->attribute_count, options.no_attributes ? 0 : 3);
        ck_assert(cms_reader_is_ber(o.reader) == (options.content_size < 0));
        opened_clear(&o);
        buf_free(&m);
        free(content);
    }
}
END_TEST

/* Without keys it is parsed, and says that nothing was compared. */
START_TEST(parsed)
{
    struct buf *m = message("p256", &(struct cms_authenticate_options){ .content_size = 3 }, "abc",
                            3);
    struct opened o = open_message(buf_data(m), buf_len(m), FEED_BYTES, NULL);

    ck_assert_int_eq(o.rc, 0);
    ck_assert_ptr_null(cms_reader_encrypted(o.reader)->opened);
    ck_assert_mem_eq(buf_data(o.content), "abc", 3);
    opened_clear(&o);
    buf_free(&m);
}
END_TEST

/* The elements that RFC 5652, 9.1 has, and the HMAC made again by other functions. */
START_TEST(by_hand)
{
    struct cms_to to = to_of("kek256");
    struct cms_authenticate_options options = { .to = &to, .count = 1, .content_size = 3 };
    struct buf *m = authenticate_content(&options, "abc", 3, 0);
    const uint8_t *data = buf_data(m), *at;
    uint8_t key[64], mac[32], digest[32];
    const uint8_t *wrapped, *attrs, *in_message;
    char *shape = shape_of(m, 5);
    struct ber_header h = { 0 };
    struct buf *set = buf_new();
    EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
    unsigned len;
    int n = 0;

    /* ContentInfo, type, [0], AuthenticatedData: version, recipients ([2]: KEK), macAlgorithm
     * with NULL, digestAlgorithm [1], encapContentInfo, authAttrs [2], mac */
    ck_assert_str_eq(shape, "30 06 a0 30 02 31 a2 30 06 05 a1 06 30 06 a0 a2 30 30 30 04");
    free(shape);
    /* the encrypted key: 40 octets in the KEKRecipientInfo */
    wrapped = memmem(data, buf_len(m), "\x04\x28", 2);
    ck_assert_ptr_nonnull(wrapped);
    EVP_CIPHER_CTX_set_flags(aes, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ck_assert_int_eq(EVP_DecryptInit_ex2(aes, EVP_aes_256_wrap(), secret_data_view(test_kek(32)),
                                         NULL, NULL), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(aes, key, &n, wrapped + 2, 40), 1);
    ck_assert_int_eq(n, 32);
    EVP_CIPHER_CTX_free(aes);
    /* the attributes as a SET */
    in_message = data + buf_len(m) - 32;
    for (at = wrapped; at < in_message; at++)
        if (at[0] == 0xa2 && ber_read_header(at, (size_t)(in_message - at), &h) == 1 &&
            at + h.size + h.length + 2 == in_message)
            break;
    ck_assert(at < in_message);
    attrs = at;
    ck_assert_int_eq(buf_put(set, attrs, h.size + (size_t)h.length), 0);
    buf_mutable(set)[0] = 0x31;
    HMAC(EVP_sha256(), key, 32, buf_data(set), buf_len(set), mac, &len);
    ck_assert_mem_eq(mac, in_message, 32);
    EVP_Digest("abc", 3, digest, &len, EVP_sha256(), NULL);
    ck_assert_ptr_nonnull(memmem(attrs, (size_t)(in_message - attrs), digest, 32));
    buf_free(&set);
    buf_free(&m);
}
END_TEST

/* HMAC with SHA-1 and SHA-2 over content and attributes, by KEK and by password. */
START_TEST(bouncy_castle)
{
    static const char *const digests_of[] = { "1", "256", "384", "512" };
    struct cms_kek kek = { .key = test_kek(32) };
    struct cms_decrypt_options options[] = {
        { .password = test_password("correct horse") }, { .keks = &kek, .kek_count = 1 },
    };
    char name[64];

    for (size_t i = 0; i < 16; i++) {
        bool by_kek = i % 2, attributes = i / 2 % 2;
        struct buf *m;

        snprintf(name, sizeof name, "bc-authenticated-%s%s.der", digests_of[i / 4],
                 attributes ? "-attrs" : "");
        m = peer_message(name);
        if (by_kek && i / 4 == 0)
            assert_refused(m, &options[1], E_NO_KEY, "none of the given keys");
        else
            assert_opens(m, &options[by_kek], "This is some sample content.", 28);
        replace_octets(m, "sample", "ltered", 6);
        if (!by_kek)
            assert_refused(m, &options[0], E_ALTERED, "is not what was authenticated");
        buf_free(&m);
    }
}
END_TEST

START_TEST(attributes)
{
    STACK_OF(X509_ATTRIBUTE) *auth = NULL, *other = NULL;
    struct cms_authenticate_options options = { .content_size = -1,
                                                .content_type = NID_id_smime_ct_TSTInfo };
    const struct cms_encrypted *e;
    struct buf *m;
    struct opened o;

    ck_assert_int_eq(attr_add_signing_time(&auth, 1700000000), 0);
    ck_assert_int_eq(attr_add_signing_time(&other, 1700000000), 0);
    options.attributes = auth;
    options.unauthenticated = other;
    m = message("p384", &options, "abc", 3);
    o = open_message(buf_data(m), buf_len(m), FEED_BYTES, everything());
    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    e = cms_reader_encrypted(o.reader);
    ck_assert_uint_eq(e->attribute_count, 5);
    ck_assert(e->attributes[3].is_signed && !e->attributes[4].is_signed);
    ck_assert_int_eq(cms_reader_content_type(o.reader), NID_id_smime_ct_TSTInfo);
    opened_clear(&o);
    sk_X509_ATTRIBUTE_pop_free(auth, X509_ATTRIBUTE_free);
    sk_X509_ATTRIBUTE_pop_free(other, X509_ATTRIBUTE_free);
    buf_free(&m);
}
END_TEST

START_TEST(several_recipients)
{
    struct cms_to to[] = { to_of("rsa2048"), to_of("p521"), to_of("kek192"), to_of("password") };
    struct cms_authenticate_options options = { .to = to, .count = 4, .content_size = 100 };
    uint8_t *content = some_content(100);
    struct buf *m = authenticate_content(&options, content, 100, 0);

    for (size_t i = 0; i < 2; i++) {
        struct cms_opener opener = receiver_opener(receiver_of(i == 0 ? "rsa2048" : "p521"));
        struct cms_decrypt_options only = options_of(&opener);

        assert_opens(m, &only, content, 100);
    }
    assert_opens(m, &(struct cms_decrypt_options){ .password = test_password("correct horse") },
                 content, 100);
    buf_free(&m);
    free(content);
}
END_TEST

START_TEST(damage)
{
    struct cms_authenticate_options options = { .content_size = _i % 2 ? 50 : -1,
                                                .no_attributes = _i / 2 };
    uint8_t *content = some_content(50);
    struct buf *m = message("kek128", &options, content, 50);

    assert_survives_damage(m, everything(), content, 50);
    buf_free(&m);
    free(content);
}
END_TEST

START_TEST(altered)
{
    struct cms_authenticate_options options = { .content_size = 8 };
    struct buf *m;

    for (int plain = 0; plain < 2; plain++) {
        options.no_attributes = plain;
        m = message("p256", &options, "original", 8);
        replace_octets(m, "original", "0riginal", 8);
        assert_refused(m, everything(), E_ALTERED, "is not what was authenticated");
        replace_octets(m, "0riginal", "original", 8);
        buf_mutable(m)[buf_len(m) - 1] ^= 1;
        assert_refused(m, everything(), E_ALTERED, "is not what was authenticated");
        buf_free(&m);
    }
}
END_TEST

/* A v1.5 key that does not unwrap, another KEK, another password. */
START_TEST(wrong_keys)
{
    struct cms_authenticate_options options = { .content_size = 3 };
    struct buf *m = message("rsa2048-pkcs1", &options, "abc", 3);
    struct act act = { .rc = E_DECRYPT };
    struct cms_opener opener = act_opener(&act);
    struct cms_decrypt_options with = options_of(&opener);

    assert_refused(m, &with, E_ALTERED, "authenticated with another key");
    ck_assert_uint_eq(act.expected, 32);
    act = (struct act){ .len = 20 };
    assert_refused(m, &with, E_ALTERED, "authenticated with another key");
    opener = receiver_opener(receiver_of("p384"));
    assert_refused(m, &with, E_NO_KEY, "none of the given keys");
    buf_free(&m);
    m = message("password", &options, "abc", 3);
    with = (struct cms_decrypt_options){ .password = test_password("incorrect horse") };
    assert_refused(m, &with, E_DECRYPT, "password is wrong");
    buf_free(&m);
}
END_TEST

/* The same message with another structure around its parts. */
struct auth_parts {
    struct buf *before;         /* version to macAlgorithm */
    struct buf *digest_alg, *content, *auth, *mac;
};

static struct buf *
element(const uint8_t **at, const uint8_t *end)
{
    struct buf *b = buf_new();
    struct ber_header h = { 0 };

    ck_assert_int_eq(ber_read_header(*at, (size_t)(end - *at), &h), 1);
    ck_assert_int_eq(buf_put(b, *at, h.size + (size_t)h.length), 0);
    *at += h.size + (size_t)h.length;
    return b;
}

static void
enter(const uint8_t **at, const uint8_t *end)
{
    struct ber_header h = { 0 };

    ck_assert_int_eq(ber_read_header(*at, (size_t)(end - *at), &h), 1);
    *at += h.size;
}

static struct auth_parts
take_apart(const struct buf *m)
{
    const uint8_t *at = buf_data(m), *end = at + buf_len(m);
    struct auth_parts p = { .before = buf_new() };
    struct buf *b;

    enter(&at, end);
    b = element(&at, end);
    buf_free(&b);
    enter(&at, end);
    enter(&at, end);
    for (int i = 0; i < 3; i++) {
        b = element(&at, end);
        ck_assert_int_eq(buf_put(p.before, buf_data(b), buf_len(b)), 0);
        buf_free(&b);
    }
    p.digest_alg = element(&at, end);
    p.content = element(&at, end);
    p.auth = element(&at, end);
    p.mac = element(&at, end);
    ck_assert_ptr_eq(at, end);
    return p;
}

static struct buf *
wrapped(uint8_t id, struct buf *inner)
{
    struct buf *out = buf_new();

    ck_assert_int_eq(der_put(out, id, buf_data(inner), buf_len(inner)), 0);
    buf_free(&inner);
    return out;
}

/* From elements; NULL ones are left out. */
static struct buf *
put_together(const struct buf *const parts[])
{
    static const uint8_t type[] = { 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09,
                                    0x10, 0x01, 0x02 };
    struct buf *data = buf_new(), *info = buf_new();

    for (size_t i = 0; i < 5; i++)
        if (parts[i] != NULL)
            ck_assert_int_eq(buf_put(data, buf_data(parts[i]), buf_len(parts[i])), 0);
    data = wrapped(0xa0, wrapped(0x30, data));
    ck_assert_int_eq(buf_put(info, type, sizeof type), 0);
    ck_assert_int_eq(buf_put(info, buf_data(data), buf_len(data)), 0);
    buf_free(&data);
    return wrapped(0x30, info);
}

/* encapContentInfo of id-data around these octets. */
static struct buf *
encap_of(const uint8_t *octets, size_t len)
{
    static const uint8_t data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
                                    0x01 };
    struct buf *string = buf_new(), *out = buf_new();

    ck_assert_int_eq(der_put(string, 0x04, octets, len), 0);
    string = wrapped(0xa0, string);
    ck_assert_int_eq(buf_put(out, data, sizeof data), 0);
    ck_assert_int_eq(buf_put(out, buf_data(string), buf_len(string)), 0);
    buf_free(&string);
    return wrapped(0x30, out);
}

START_TEST(forged_from_parts)
{
    struct buf *m = message("kek128", &(struct cms_authenticate_options){ .content_size = 3 },
                            "abc", 3);
    struct auth_parts p = take_apart(m);
    struct buf *set = buf_new(), *encap, *forged, *whole;

    /* together again it is what it was */
    whole = put_together((const struct buf *[]){ p.before, p.digest_alg, p.content, p.auth,
                                                 p.mac });
    assert_opens(whole, everything(), "abc", 3);
    /* its attributes as content, over which the HMAC holds */
    ck_assert_int_eq(buf_put(set, buf_data(p.auth), buf_len(p.auth)), 0);
    buf_mutable(set)[0] = 0x31;
    encap = encap_of(buf_data(set), buf_len(set));
    forged = put_together((const struct buf *[]){ p.before, NULL, encap, NULL, p.mac });
    assert_refused(forged, everything(), E_MALFORMED, "its content is a set of attributes");
    buf_free(&forged);
    /* one of digestAlgorithm and authAttrs */
    forged = put_together((const struct buf *[]){ p.before, NULL, p.content, p.auth, p.mac });
    assert_refused(forged, everything(), E_MALFORMED, "which go together");
    buf_free(&forged);
    forged = put_together((const struct buf *[]){ p.before, p.digest_alg, p.content, NULL, p.mac });
    assert_refused(forged, everything(), E_MALFORMED, "which go together");
    buf_free(&forged);
    /* no mac; no content */
    forged = put_together((const struct buf *[]){ p.before, p.digest_alg, p.content, p.auth,
                                                  NULL });
    assert_refused(forged, everything(), E_MALFORMED, "mac is missing");
    buf_free(&forged);
    buf_free(&whole);
    buf_free(&encap);
    buf_free(&set);
    buf_free(&p.before);
    buf_free(&p.digest_alg);
    buf_free(&p.content);
    buf_free(&p.auth);
    buf_free(&p.mac);
    buf_free(&m);
}
END_TEST

START_TEST(other_algorithms)
{
    static const uint8_t hmac[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09 };
    static const uint8_t other[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x7f };
    static const uint8_t sha512[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b };
    static const uint8_t alg[] = { 0xa1, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                   0x02, 0x01 };
    static const uint8_t bad[] = { 0xa1, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                   0x02, 0x7f };
    struct cms_authenticate_options options = { .content_size = 3 };
    struct buf *m = message("kek128", &options, "abc", 3);

    replace_octets(m, hmac, other, sizeof hmac);
    assert_refused(m, everything(), E_UNSUPPORTED, "its authentication 1.2.840.113549.2.127");
    replace_octets(m, other, sha512, sizeof hmac);
    assert_refused(m, everything(), E_ALTERED, "is not what was authenticated");
    replace_octets(m, sha512, hmac, sizeof hmac);
    replace_octets(m, alg, bad, sizeof alg);
    assert_refused(m, everything(), E_UNSUPPORTED, "its digest, before offset");
    buf_free(&m);
}
END_TEST

static void
assert_not_written(struct cms_authenticate_options options, int code, const char *text)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_authenticate *a = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_authenticate_new(&a, &options, &sink, &err), code);
    ck_assert_ptr_null(a);
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
    buf_free(&out);
}

START_TEST(misused)
{
    struct cms_to to = to_of("kek128"), nobody = { 0 };
    struct cms_authenticate_options o = { .to = &to, .count = 1 };

    o.digest = alg_digest_by_name("sha1");
    assert_not_written(o, E_WEAK, "sha1 is not for new messages");
    o.digest = alg_digest_by_name("sha3-256");
    assert_not_written(o, E_UNSUPPORTED, "not with sha3-256");
    o.digest = NULL;
    o.count = 0;
    assert_not_written(o, E_USAGE, "nobody");
    o.count = 1;
    o.no_attributes = true;
    o.content_type = NID_pkcs7_signed;
    assert_not_written(o, E_USAGE, "need authenticated attributes");
    o = (struct cms_authenticate_options){ .to = &nobody, .count = 1 };
    assert_not_written(o, E_USAGE, "authenticating: recipient 1: it needs one of");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-authenticated");
    TCase *tc = tcase_create("authenticated");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, round_trip, 0, (int)WORDS * 3);
    tcase_add_test(tc, parsed);
    tcase_add_test(tc, by_hand);
    tcase_add_test(tc, bouncy_castle);
    tcase_add_test(tc, attributes);
    tcase_add_test(tc, several_recipients);
    tcase_add_loop_test(tc, damage, 0, 4);
    tcase_add_test(tc, altered);
    tcase_add_test(tc, wrong_keys);
    tcase_add_test(tc, forged_from_parts);
    tcase_add_test(tc, other_algorithms);
    tcase_add_test(tc, misused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
