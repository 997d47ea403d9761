/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recipients. The first byte's bit 0: AuthEnvelopedData; bit 1: without the openers. When
 * its bit 7 is clear, what follows are RecipientInfos in a message whose content key is
 * sixteen times 'k', for people and secrets that are the same in each run: no crash, the
 * same result however it is cut, and a tag that fits means that the content is the one.
 * When it is set, what follows is how to write a message, which must read as written.
 */
#include <string.h>

#include <openssl/objects.h>

#include "cms/crypt.h"
#include "cms/der.h"
#include "cms/recipient.h"
#include "fuzz/kit.h"

#define CONTENT "the content that is to be read"
#define KEY_SIZE 16
#define PASSWORD 'p'
/* More would be slow here. */
#define ITERATIONS_MAX 2000u

static const struct cms_decrypt_options *
keys(bool all)
{
    static struct cms_opener openers[FUZZ_PEOPLE];
    static struct cms_kek keks[3];
    static struct cms_decrypt_options some, none;

    if (some.keks == NULL) {
        for (int i = 0; i < FUZZ_PEOPLE; i++)
            openers[i] = fuzz_opener((enum fuzz_person)i);
        for (size_t i = 0; i < 3; i++)
            keks[i] = (struct cms_kek){ .key = fuzz_secret('k', 16 + 8 * i) };
        some = (struct cms_decrypt_options){
            .openers = openers, .opener_count = FUZZ_PEOPLE, .keks = keks, .kek_count = 3,
            .password = fuzz_secret(PASSWORD, 8), .max_iterations = ITERATIONS_MAX,
            .allow_weak = true,
        };
    }
    return all ? &some : &none;
}

/* The octets of EncryptedContentInfo and what is behind it. */
static void
put_content(bool authenticated, struct buf *out)
{
    static const uint8_t type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 };
    struct cipher_params params = { .key_len = KEY_SIZE, .iv_len = 16 };
    struct secret *key = fuzz_secret('k', KEY_SIZE);
    uint8_t sealed[sizeof CONTENT + 2 * CRYPT_BLOCK], tag[CIPHER_TAG_MAX], *der = NULL;
    X509_ALGOR *alg = X509_ALGOR_new();
    struct buf *info = buf_new();
    struct crypt *c = NULL;
    size_t n = 0, rest = 0;
    int len;

    params.cipher = cms_cipher_by_name(authenticated ? "aes128-gcm" : "aes128-cbc");
    if (authenticated) {
        params.iv_len = 12;
        params.tag_len = 16;
    }
    fuzz_assert(crypt_new(&c, &params, key, true, sizeof CONTENT - 1, NULL, 0, NULL) == 0 &&
                crypt_update(c, (const uint8_t *)CONTENT, sizeof CONTENT - 1, sealed, &n,
                             NULL) == 0 &&
                crypt_finish_encrypt(c, sealed + n, &rest, tag, NULL) == 0 &&
                cipher_write(&params, alg) == 0);
    len = i2d_X509_ALGOR(alg, &der);
    fuzz_assert(len > 0 && buf_put(info, type, sizeof type) == 0 &&
                buf_put(info, der, (size_t)len) == 0 &&
                der_put(info, 0x80, sealed, n + rest) == 0 &&
                der_put(out, 0x30, buf_data(info), buf_len(info)) == 0);
    if (authenticated)
        fuzz_assert(der_put(out, 4, tag, 16) == 0);
    OPENSSL_free(der);
    X509_ALGOR_free(alg);
    crypt_free(&c);
    secret_free(&key);
    buf_free(&info);
}

static void
wrap(const uint8_t *infos, size_t len, bool authenticated, struct buf *out)
{
    static const uint8_t types[2][13] = {
        { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3 },
        { 6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23 },
    };
    struct buf *fields = buf_new(), *one = buf_new(), *all = buf_new();

    fuzz_assert(buf_put(fields, "\x02\x01", 3) == 0 && der_put(fields, 0x31, infos, len) == 0);
    put_content(authenticated, fields);
    fuzz_assert(der_put(one, 0x30, buf_data(fields), buf_len(fields)) == 0 &&
                buf_put(all, types[authenticated], authenticated ? 13 : 11) == 0 &&
                der_put(all, 0xa0, buf_data(one), buf_len(one)) == 0 &&
                der_put(out, 0x30, buf_data(all), buf_len(all)) == 0);
    buf_free(&fields);
    buf_free(&one);
    buf_free(&all);
}

static int
open_it(const struct buf *message, size_t piece, const struct cms_decrypt_options *decrypt,
        struct buf *content, size_t *ret_count)
{
    struct cms_reader_options options = { .content = fuzz_gather(content), .decrypt = decrypt };
    struct cms_reader *r = NULL;
    struct err err = { 0 };
    int rc = cms_reader_new(&r, &options, &err);

    for (size_t at = 0; rc == 0 && at < buf_len(message); at += piece) {
        size_t left = buf_len(message) - at;

        rc = cms_reader_update(r, buf_data(message) + at, piece < left ? piece : left, &err);
    }
    if (rc == 0)
        rc = cms_reader_finish(r, &err);
    fuzz_assert(rc == 0 || err.text[0] != '\0');
    if (rc == 0)
        fuzz_assert(cms_reader_encrypted(r)->opened != NULL);
    *ret_count = cms_reader_encrypted(r) == NULL ? 0 : cms_reader_encrypted(r)->count;
    cms_reader_free(&r);
    return rc;
}

static void
parse(uint8_t flags, const uint8_t *infos, size_t len)
{
    const struct cms_decrypt_options *decrypt = keys(!(flags & 2));
    struct buf *message = buf_new(), *whole = buf_new(), *cut = buf_new();
    size_t count = 0, again = 0;
    int rc, other;

    wrap(infos, len, flags & 1, message);
    rc = open_it(message, buf_len(message), decrypt, whole, &count);
    other = open_it(message, (size_t)(flags >> 2 & 0x1f) + 1, decrypt, cut, &again);
    /* a random key may stand in, whose padding is right or not by chance */
    fuzz_assert(rc == other || (!(flags & 1) && (rc == 0 || rc == E_DECRYPT) &&
                                (other == 0 || other == E_DECRYPT)));
    fuzz_assert(count == again);
    if (rc == 0 && (flags & 1))
        fuzz_assert(buf_len(whole) == sizeof CONTENT - 1 &&
                    memcmp(buf_data(whole), CONTENT, sizeof CONTENT - 1) == 0);
    buf_free(&message);
    buf_free(&whole);
    buf_free(&cut);
}

/* Octets of the input, and zeroes behind its end. */
struct input {
    const uint8_t *data;
    size_t len;
};

static unsigned
take(struct input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

static struct cms_to
draw_recipient(struct input *in)
{
    static const uint8_t id[] = "name";
    const struct cms_decrypt_options *o = keys(true);
    unsigned what = take(in) % 6;

    if (what == 0)
        return (struct cms_to){ .password = o->password, .iterations = 1000 + take(in) };
    if (what < 4)
        return (struct cms_to){ .kek = o->keks[what - 1].key, .kek_id = id,
                                .kek_id_len = 1 + take(in) % 4 };
    return (struct cms_to){ .cert = fuzz_cert(what == 4 ? FUZZ_P256 : FUZZ_X25519),
                            .ski = take(in) & 1 };
}

#define TO_MAX 3

static void
round_trip(struct input in)
{
    struct cms_to to[TO_MAX];
    struct cms_encrypt_options options = { .to = to, .count = 1 + take(&in) % TO_MAX };
    struct buf *message = buf_new(), *content = buf_new();
    struct sink sink = fuzz_gather(message);
    struct cms_encrypt *e = NULL;
    STACK_OF(X509_ATTRIBUTE) *attrs = NULL;
    size_t piece, count = 0;
    struct err err = { 0 };

    do
        options.cipher = cms_cipher_at(take(&in) % 32);
    while (options.cipher == NULL || options.cipher->weak);
    for (size_t i = 0; i < options.count; i++)
        to[i] = draw_recipient(&in);
    if (options.cipher->tag != 0 && (take(&in) & 1))
        fuzz_assert(X509at_add1_attr_by_txt(&attrs, "1.2.3.4", V_ASN1_OCTET_STRING, in.data,
                                            (int)(in.len < 100 ? in.len : 100)) != NULL);
    options.attributes = attrs;
    piece = take(&in) + 1;
    options.content_size = (take(&in) & 1) || options.cipher->mode == CMS_MODE_CCM
                               ? (int64_t)in.len : -1;
    fuzz_assert(cms_encrypt_new(&e, &options, &sink, &err) == 0);
    for (size_t at = 0; at < in.len; at += piece)
        fuzz_assert(cms_encrypt_update(e, in.data + at, piece < in.len - at ? piece : in.len - at,
                                       &err) == 0);
    fuzz_assert(cms_encrypt_finish(e, &err) == 0);
    fuzz_assert(open_it(message, piece, keys(true), content, &count) == 0);
    fuzz_assert(count == options.count && buf_len(content) == in.len &&
                memcmp(buf_data(content), in.data, in.len) == 0);
    cms_encrypt_free(&e);
    sk_X509_ATTRIBUTE_pop_free(attrs, X509_ATTRIBUTE_free);
    buf_free(&message);
    buf_free(&content);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    if (data[0] & 0x80)
        round_trip((struct input){ data + 1, len - 1 });
    else
        parse(data[0], data + 1, len - 1);
    return 0;
}
