/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each byte of small messages of all kinds, changed to each of several values: never is
 * altered content taken for good, nothing crashes, nothing hangs. Good is: for
 * SignedData a verdict of intact; for what is authenticated, has a digest or a checksum,
 * that the reader ended well. CBC alone protects nothing: there only crashes and hangs are
 * looked for.
 */
#include "tests/cms/contents_kit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/authenticate.h"
#include "cms/compress.h"
#include "cms/digested.h"

static const char text[] = "Pay 100 to Alice.\r\n";
#define TEXT_LEN (sizeof text - 1)
#define ATTRIBUTE "1.2.3.4"
/* Of PBKDF2: a changed count must not burn time here. */
#define ITERATIONS_MAX 2000

static struct buf *
signed_by(const char *first, const char *second, bool detached, bool der, bool bare, bool ski)
{
    struct cms_signer signers[2] = { person_signer(person_of(first)) };
    struct cms_sign_options options = { .signers = signers, .count = 1, .detached = detached,
                                        .content_size = der ? (int64_t)TEXT_LEN : -1,
                                        .no_attributes = bare, .no_certs = second == NULL };

    signers[0].ski = ski;
    if (second != NULL)
        signers[options.count++] = person_signer(person_of(second));
    return sign_content(&options, text, TEXT_LEN, 5);
}

static struct buf *
opaque_der(void)
{
    return signed_by("ed25519", NULL, false, true, false, false);
}

static struct buf *
opaque_two(void)
{
    return signed_by("ecdsa-sha256", "ed25519", false, false, false, false);
}

static struct buf *
detached_ski(void)
{
    return signed_by("ecdsa-sha256", NULL, true, false, false, true);
}

static struct buf *
without_attributes(void)
{
    return signed_by("ecdsa-sha384", NULL, false, false, true, false);
}

static struct buf *
pss(void)
{
    return signed_by("rsa-pss-sha256", NULL, false, true, false, false);
}

static struct buf *
in_pem(void)
{
    struct cms_armor_options options = { .label = "CMS" };
    struct buf *m = opaque_der(), *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_armor *a = NULL;

    ck_assert_int_eq(cms_armor_new(&a, &options, &sink, NULL), 0);
    ck_assert_int_eq(cms_armor_update(a, buf_data(m), buf_len(m), NULL), 0);
    ck_assert_int_eq(cms_armor_finish(a, NULL), 0);
    cms_armor_free(&a);
    buf_free(&m);
    return out;
}

static struct buf *
encrypted(const char *word, const char *cipher, bool der, bool attribute)
{
    struct cms_to to = to_of(word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1,
                                           .content_size = der ? (int64_t)TEXT_LEN : -1 };
    STACK_OF(X509_ATTRIBUTE) *attrs = NULL;
    struct buf *m;

    if (attribute)
        ck_assert_ptr_nonnull(X509at_add1_attr_by_txt(&attrs, ATTRIBUTE, V_ASN1_UTF8STRING,
                                                      (const uint8_t *)"true", 4));
    options.attributes = attrs;
    m = encrypt_content(&options, text, TEXT_LEN, 5);
    sk_X509_ATTRIBUTE_pop_free(attrs, X509_ATTRIBUTE_free);
    return m;
}

static struct buf *
cbc_to_rsa(void)
{
    return encrypted("rsa2048-pkcs1", "aes128-cbc", true, false);
}

static struct buf *
cbc_to_password(void)
{
    return encrypted("password", "aes256-cbc", false, false);
}

static struct buf *
gcm_to_curve(void)
{
    return encrypted("p256", "aes256-gcm", false, true);
}

static struct buf *
ccm_to_kek(void)
{
    return encrypted("kek128", "aes128-ccm", true, true);
}

static struct buf *
chacha_to_x25519(void)
{
    return encrypted("x25519", "chacha20-poly1305", true, false);
}

static struct buf *
compressed(void)
{
    return compress_content(&(struct cms_compress_options){ 0 }, text, TEXT_LEN, 0);
}

static struct buf *
digested(void)
{
    struct cms_digested_options options = { .content_size = TEXT_LEN };

    return digest_content(&options, text, TEXT_LEN, 0);
}

static struct buf *
authenticated(void)
{
    struct cms_to to = to_of("kek128");
    struct cms_authenticate_options options = { .to = &to, .count = 1, .content_size = -1 };

    return authenticate_content(&options, text, TEXT_LEN, 5);
}

/* What was read, and what of it is good. */
struct outcome {
    int rc;
    struct cms_reader *reader;
    struct buf *content;
};

static void
assert_same_content(const struct outcome *o, size_t place)
{
    ck_assert_msg(buf_len(o->content) == TEXT_LEN &&
                  memcmp(buf_data(o->content), text, TEXT_LEN) == 0,
                  "altered content is good, byte %zu", place);
}

static STACK_OF(X509) *
known(void)
{
    static STACK_OF(X509) *all;

    if (all == NULL) {
        all = sk_X509_new_null();
        for (size_t i = 0; i < people_count(); i++)
            sk_X509_push(all, people(i)->cert);
    }
    return all;
}

/* The key is one of those that signed: all people's are told apart by their schemes. */
static bool
is_known_key(const struct cms_signature *s)
{
    for (size_t i = 0; i < people_count(); i++)
        if (EVP_PKEY_eq(X509_get0_pubkey(s->cert), people(i)->key) == 1)
            return true;
    return false;
}

static void
judge_signed(const struct outcome *o, size_t place)
{
    struct cms_digests *digests = cms_reader_has_content(o->reader)
                                      ? NULL : digests_of(text, TEXT_LEN);
    struct cms_verify_options options = { .content = digests, .certs = known() };
    const struct cms_signed *result = NULL;

    if (cms_reader_type(o->reader) == NID_pkcs7_signed &&
        cms_verify(o->reader, &options, &result, NULL) == 0)
        for (size_t i = 0; i < result->count; i++) {
            const struct cms_signature *s = &result->signatures[i];

            if (s->state != CMS_INTACT)
                continue;
            ck_assert_msg(is_known_key(s), "byte %zu", place);
            if (digests == NULL)
                assert_same_content(o, place);
            ck_assert_str_eq(result->content_oid, "1.2.840.113549.1.7.1");
        }
    cms_digests_free(&digests);
}

static void
judge_authenticated(const struct outcome *o, size_t place)
{
    const struct cms_encrypted *e = cms_reader_encrypted(o->reader);

    ck_assert_ptr_nonnull(e);
    ck_assert_msg(e->authenticated, "byte %zu", place);
    assert_same_content(o, place);
    for (size_t i = 0; i < e->attribute_count; i++)
        if (e->attributes[i].is_signed && strcmp(e->attributes[i].oid, ATTRIBUTE) == 0)
            ck_assert_msg(e->attributes[i].len == 8 &&
                          memcmp(e->attributes[i].der, "\x31\x06\x0c\x04true", 8) == 0,
                          "byte %zu", place);
}

/* A checksum, a digest, or a MAC over what came out. */
static void
judge_content(const struct outcome *o, size_t place)
{
    assert_same_content(o, place);
}

static const struct {
    const char *name;
    struct buf *(*make)(void);
    void (*judge)(const struct outcome *, size_t place);     /* of what ended well; or NULL */
} messages[] = {
    { "signed, DER", opaque_der, judge_signed },
    { "signed by two, BER", opaque_two, judge_signed },
    { "signed, detached, by key identifier", detached_ski, judge_signed },
    { "signed without attributes", without_attributes, judge_signed },
    { "signed, RSA-PSS", pss, judge_signed },
    { "signed, PEM", in_pem, judge_signed },
    { "enveloped to RSA v1.5", cbc_to_rsa, NULL },
    { "enveloped to a password", cbc_to_password, NULL },
    { "authenticated and enveloped, GCM", gcm_to_curve, judge_authenticated },
    { "authenticated and enveloped, CCM", ccm_to_kek, judge_authenticated },
    { "authenticated and enveloped, ChaCha20", chacha_to_x25519, judge_authenticated },
    { "compressed", compressed, judge_content },
    { "digested", digested, judge_content },
    { "authenticated", authenticated, judge_content },
};
#define MESSAGES ((int)(sizeof messages / sizeof *messages))

static int
to_reader(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(reader, data, len, err);
}

static struct outcome
read_changed(const struct buf *message, struct err *err)
{
    struct cms_decrypt_options decrypt = *everything();
    struct outcome o = { .content = buf_new() };
    struct cms_reader_options options = { .content = gather_sink(o.content),
                                          .decrypt = &decrypt };
    struct cms_dearmor *d = NULL;
    struct sink in;

    decrypt.max_iterations = ITERATIONS_MAX;
    ck_assert_int_eq(cms_reader_new(&o.reader, &options, err), 0);
    in = (struct sink){ .write = to_reader, .arg = o.reader };
    ck_assert_int_eq(cms_dearmor_new(&d, CMS_FORM_AUTO, &in, err), 0);
    o.rc = cms_dearmor_update(d, buf_data(message), buf_len(message), err);
    if (o.rc == 0)
        o.rc = cms_dearmor_finish(d, err);
    if (o.rc == 0)
        o.rc = cms_reader_finish(o.reader, err);
    cms_dearmor_free(&d);
    return o;
}

static void
read_and_judge(int i, const struct buf *message, size_t place, int *good)
{
    struct err err = { 0 };
    struct outcome o = read_changed(message, &err);

    if (o.rc != 0)
        ck_assert_msg(err.text[0] != '\0', "%s, byte %zu: no sentence", messages[i].name, place);
    else if (messages[i].judge != NULL)
        messages[i].judge(&o, place);
    *good += o.rc == 0;
    cms_reader_free(&o.reader);
    buf_free(&o.content);
}

START_TEST(each_byte_changed)
{
    struct buf *message = messages[_i].make();
    uint8_t *data = buf_mutable(message);
    int good = 0;

    /* as it is, it is good: what follows is judged for a reason */
    read_and_judge(_i, message, 0, &good);
    ck_assert_int_eq(good, 1);
    for (size_t at = 0; at < buf_len(message); at++) {
        uint8_t old = data[at];
        const uint8_t values[] = { 0x00, 0x30, 0x7f, 0x80, 0xff, old ^ 0x01, old ^ 0x20,
                                   old ^ 0x80, (uint8_t)(old + 1), (uint8_t)(old - 1) };

        for (size_t v = 0; v < sizeof values; v++) {
            data[at] = values[v];
            if (data[at] != old)
                read_and_judge(_i, message, at, &good);
        }
        data[at] = old;
    }
    buf_free(&message);
}
END_TEST

/* Two bytes that change places, and two that are left out. */
START_TEST(bytes_swapped_and_dropped)
{
    struct buf *message = messages[_i].make();
    int good = 0;

    for (size_t at = 0; at + 2 < buf_len(message); at++) {
        struct buf *shorter = buf_new();
        uint8_t *data = buf_mutable(message), keep = data[at];

        data[at] = data[at + 1];
        data[at + 1] = keep;
        read_and_judge(_i, message, at, &good);
        data[at + 1] = data[at];
        data[at] = keep;
        ck_assert_int_eq(buf_put(shorter, data, at), 0);
        ck_assert_int_eq(buf_put(shorter, data + at + 2, buf_len(message) - at - 2), 0);
        read_and_judge(_i, shorter, at, &good);
        buf_free(&shorter);
    }
    buf_free(&message);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-mutation");
    TCase *tc = tcase_create("mutation");

    (void)known();
    /* keys alone: secrets do not survive the fork before each test */
    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, each_byte_changed, 0, MESSAGES);
    tcase_add_loop_test(tc, bytes_swapped_and_dropped, 0, MESSAGES);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
