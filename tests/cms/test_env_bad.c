/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted messages that are damaged, forged or hostile, and keys that do not fit. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/crypt.h"
#include "cms/der.h"
#include "cms/recipient_asn1.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)

/* A DER message taken apart. */
struct span {
    const uint8_t *data;
    size_t len;
};
struct parts {
    struct span type;           /* OID of the ContentInfo */
    struct span version;
    struct span recipients;     /* contents of the SET */
    struct span content_type, cipher;
    struct span sealed;         /* octets of ciphertext */
    bool has_sealed;
    struct span tail;           /* what is behind encryptedContentInfo */
};

/* Cuts the next element: whole, or its contents. */
static struct span
cut(struct span *in, bool inside)
{
    struct ber_header h;
    struct span s = *in;
    size_t whole;

    ck_assert_int_eq(ber_read_header(in->data, in->len, &h), 1);
    whole = h.size + (size_t)h.length;
    ck_assert_uint_le(whole, in->len);
    s.len = whole;
    if (inside)
        s = (struct span){ in->data + h.size, (size_t)h.length };
    in->data += whole;
    in->len -= whole;
    return s;
}

static struct parts
split(const struct buf *message)
{
    struct span all = { buf_data(message), buf_len(message) };
    struct span info = cut(&all, true), tagged, data, content;
    struct parts p = { .has_sealed = true };

    p.type = cut(&info, false);
    tagged = cut(&info, true);
    data = cut(&tagged, true);
    p.version = cut(&data, false);
    p.recipients = cut(&data, true);
    content = cut(&data, true);
    p.content_type = cut(&content, false);
    p.cipher = cut(&content, false);
    p.sealed = cut(&content, true);
    p.tail = data;
    return p;
}

static void
put(struct buf *out, struct span s)
{
    ck_assert_int_eq(buf_put(out, s.data, s.len), 0);
}

static void
put_in(struct buf *out, uint8_t id, const struct buf *content)
{
    ck_assert_int_eq(der_put(out, id, buf_data(content), buf_len(content)), 0);
}

/* Together again; segment 0: DER, else the ciphertext in segments of that size. */
static struct buf *
join(const struct parts *p, size_t segment)
{
    struct buf *b[5], *out = buf_new();

    for (int i = 0; i < 5; i++)
        b[i] = buf_new();
    for (size_t at = 0; segment > 0 && at < p->sealed.len; at += segment) {
        size_t left = p->sealed.len - at;

        ck_assert_int_eq(der_put(b[0], BER_OCTET_STRING, p->sealed.data + at,
                                 left < segment ? left : segment), 0);
    }
    put(b[1], p->content_type);
    put(b[1], p->cipher);
    if (p->has_sealed && segment > 0)
        put_in(b[1], CONTEXT_0, b[0]);
    else if (p->has_sealed)
        ck_assert_int_eq(der_put(b[1], BER_CONTEXT(0), p->sealed.data, p->sealed.len), 0);
    put(b[2], p->version);
    ck_assert_int_eq(der_put(b[2], BER_SET | BER_CONSTRUCTED, p->recipients.data,
                             p->recipients.len), 0);
    put_in(b[2], SEQUENCE, b[1]);
    put(b[2], p->tail);
    put_in(b[3], SEQUENCE, b[2]);
    put(b[4], p->type);
    put_in(b[4], CONTEXT_0, b[3]);
    put_in(out, SEQUENCE, b[4]);
    for (int i = 0; i < 5; i++)
        buf_free(&b[i]);
    return out;
}

static struct buf *
message_for(const char *word, const char *cipher, size_t size, bool ber)
{
    struct cms_to to = to_of(word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1, .content_size = ber ? -1 : (int64_t)size };
    uint8_t *content = some_content(size);
    struct buf *message = encrypt_content(&options, content, size, 0);

    free(content);
    return message;
}

/* Opens and expects this error, whose sentence names a place. */
static void
assert_refused(const struct buf *message, const struct cms_decrypt_options *options, int code,
               const char *words)
{
    for (int feeding = FEED_WHOLE; feeding <= FEED_BYTES; feeding++) {
        struct opened o = open_message(buf_data(message), buf_len(message), feeding, options);

        ck_assert_msg(o.rc == code, "%s instead of %s: %s", err_name(o.rc), err_name(code),
                      err_text(&o.err));
        ck_assert_int_eq(o.err.code, code);
        ck_assert_msg(strstr(err_text(&o.err), words) != NULL, "%s", err_text(&o.err));
        opened_clear(&o);
    }
}

/* Message kinds that the loops below take. */
static const struct {
    const char *word, *cipher;
    bool ber;
} kinds[] = {
    { "kek128", "aes128-gcm", false },       { "kek256", "aes256-gcm", true },
    { "kek128", "aes128-ccm", false },       { "kek256", "chacha20-poly1305", false },
    { "kek256", "aes256-cbc", false },       { "kek192", "aes192-cbc", true },
    { "rsa2048", "aes128-cbc", false },      { "p256", "aes256-gcm", true },
};

#define KINDS ((int)(sizeof kinds / sizeof *kinds))

START_TEST(truncated)
{
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 100, kinds[_i].ber);

    for (size_t len = 0; len < buf_len(message); len++) {
        struct opened o = open_message(buf_data(message), len, FEED_WHOLE, everything());

        ck_assert_msg(o.rc == E_TRUNCATED, "%zu: %s: %s", len, err_name(o.rc), err_text(&o.err));
        opened_clear(&o);
    }
    buf_free(&message);
}
END_TEST

/* Nothing that is authenticated is ever altered and taken; nothing crashes. */
START_TEST(each_byte_altered)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 100, kinds[_i].ber);
    bool authenticated = cms_cipher_by_name(kinds[_i].cipher)->tag != 0;
    uint8_t *content = some_content(100);

    for (size_t i = 0; i < 3 * buf_len(message); i++) {
        struct opened o;

        buf_mutable(message)[i / 3] ^= flips[i % 3];
        o = open_message(buf_data(message), buf_len(message), FEED_WHOLE, everything());
        buf_mutable(message)[i / 3] ^= flips[i % 3];
        if (o.rc == 0 && authenticated) {
            ck_assert_uint_eq(buf_len(o.content), 100);
            ck_assert_int_eq(memcmp(buf_data(o.content), content, 100), 0);
        }
        if (o.rc != 0)
            ck_assert_msg(*err_text(&o.err) != '\0', "%zu", i);
        opened_clear(&o);
    }
    free(content);
    buf_free(&message);
}
END_TEST

START_TEST(tag_wrong)
{
    struct buf *message = message_for(kinds[_i].word, kinds[_i].cipher, 200000, false);

    if (cms_cipher_by_name(kinds[_i].cipher)->tag != 0) {
        buf_mutable(message)[buf_len(message) - 1] ^= 1;
        assert_refused(message, everything(), E_DECRYPT, "cannot be decrypted");
        /* a tag that was cut short is none */
        struct parts p = split(message);
        uint8_t tag[] = { BER_OCTET_STRING, 1, p.tail.data[2] };
        struct buf *cut_short;

        p.tail = (struct span){ tag, sizeof tag };
        cut_short = join(&p, 0);
        assert_refused(cut_short, everything(), E_DECRYPT, "cannot be decrypted");
        buf_free(&cut_short);
    }
    buf_free(&message);
}
END_TEST

static const char *const padding_words = "cannot be decrypted: it was altered, or encrypted";

START_TEST(padding_damaged)
{
    struct buf *message = message_for("kek128", "aes128-cbc", 100, false), *other;
    struct parts p;

    buf_mutable(message)[buf_len(message) - 1] ^= 1;
    assert_refused(message, everything(), E_DECRYPT, padding_words);
    p = split(message);
    p.sealed.len -= 3;
    other = join(&p, 0);
    assert_refused(other, everything(), E_DECRYPT, padding_words);
    buf_free(&other);
    p.sealed.len = 0;
    other = join(&p, 0);
    assert_refused(other, everything(), E_DECRYPT, padding_words);
    buf_free(&other);
    buf_free(&message);
}
END_TEST

/* What an unwrap callback is told to do. */
struct act {
    int rc;
    size_t len;
    int calls;
    char scheme[48];
    size_t expected;
};

static int
act_unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    struct act *a = arg;

    a->calls++;
    snprintf(a->scheme, sizeof a->scheme, "%s", u->scheme);
    a->expected = u->expected;
    memset(secret_mutable(key), 7, a->len);
    secret_set_len(key, a->len);
    return a->rc == 0 ? 0 : err_set(err, a->rc, "the token said so");
}

static struct cms_decrypt_options
options_of(struct cms_opener *opener)
{
    return (struct cms_decrypt_options){ .openers = opener, .opener_count = 1 };
}

/* RFC 3218: a wrong key, a refused padding and a wrong length all end alike. */
START_TEST(pkcs1_tells_nothing)
{
    static const struct act acts[] = { { .len = 32 }, { .rc = E_DECRYPT }, { .len = 31 },
                                       { .len = 0 }, { .len = 64 } };
    struct buf *message = message_for("rsa2048-pkcs1", "aes256-cbc", 100, false);
    struct buf *sealed = message_for("rsa2048-pkcs1", "aes256-gcm", 100, false);

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct act act = acts[i];
        struct cms_opener opener = { .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                     .arg = &act };
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(sealed, &options, E_DECRYPT, padding_words);
        ck_assert_int_eq(act.calls, 2);
        ck_assert_str_eq(act.scheme, "rsa-pkcs1");
        ck_assert_uint_eq(act.expected, 32);
        /* one random key in 256 gives a padding that fits; ten do not */
        for (int tries = 0;; tries++) {
            struct opened o = open_message(buf_data(message), buf_len(message), FEED_WHOLE,
                                           &options);
            bool done = o.rc == E_DECRYPT;

            if (done)
                ck_assert_ptr_nonnull(strstr(err_text(&o.err), padding_words));
            opened_clear(&o);
            if (done || act.len == 32)
                break;
            ck_assert_int_lt(tries, 10);
        }
    }
    buf_free(&sealed);
    buf_free(&message);
}
END_TEST

/* What is not about the key comes back as it is. */
START_TEST(callback_fails)
{
    static const char *const words[] = { "rsa2048", "rsa2048-pkcs1" };

    for (size_t i = 0; i < 2; i++) {
        struct buf *message = message_for(words[i], "aes256-gcm", 100, false);
        struct act act = { .rc = E_PIN_CANCELLED };
        struct cms_opener opener = { .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                     .arg = &act };
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(message, &options, E_PIN_CANCELLED, "the token said so");
        buf_free(&message);
    }
}
END_TEST

/* OAEP protects its key by itself, so its failure comes at once. */
START_TEST(oaep_fails)
{
    struct buf *message = message_for("rsa2048", "aes256-gcm", 100, false);
    struct act act = { .rc = E_DECRYPT };
    struct cms_opener opener = { .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                 .arg = &act };
    struct cms_decrypt_options options = options_of(&opener);

    assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
    act = (struct act){ .len = 16 };
    assert_refused(message, &options, E_DECRYPT, "another length");
    ck_assert_str_eq(act.scheme, "rsa-oaep-sha256");
    buf_free(&message);
}
END_TEST

/* Finds octets in a message. */
static uint8_t *
find_octets(struct buf *message, const void *octets, size_t len)
{
    uint8_t *at = memmem(buf_mutable(message), buf_len(message), octets, len);

    ck_assert_ptr_nonnull(at);
    return at;
}

/* Malformed OAEP parameters never become v1.5: the key is not asked at all. */
START_TEST(oaep_malformed)
{
    static const uint8_t oaep[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07 };
    static const struct {
        size_t at;      /* behind the OID */
        uint8_t value;
        int code;
    } damages[] = {
        { 0, 0x31, E_MALFORMED },     /* parameters are no SEQUENCE */
        { 0, 0x04, E_MALFORMED },
        { 2, 0xa7, E_MALFORMED },     /* an unknown field */
        { 4, 0x31, E_MALFORMED },     /* hashFunc is no AlgorithmIdentifier */
        { 16, 0x19, E_UNSUPPORTED },  /* an unknown digest */
    };

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct buf *message = message_for("rsa2048", "aes256-gcm", 100, false);
        struct act act = { .len = 32 };
        struct cms_opener opener = { .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                     .arg = &act };
        struct cms_decrypt_options options = options_of(&opener);

        find_octets(message, oaep, sizeof oaep)[sizeof oaep + damages[i].at] = damages[i].value;
        assert_refused(message, &options, damages[i].code, "recipient 1, before offset");
        ck_assert_int_eq(act.calls, 0);
        buf_free(&message);
    }
}
END_TEST

START_TEST(wrong_kek)
{
    struct buf *message = message_for("kek256", "aes256-gcm", 100, false);
    struct secret *wrong = secret_new(32);
    struct cms_kek kek = { .key = wrong };
    struct cms_decrypt_options options = { .keks = &kek, .kek_count = 1 };

    secret_set_len(wrong, 32);
    assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
    kek.id = (const uint8_t *)"another";
    kek.id_len = 7;
    assert_refused(message, &options, E_NO_KEY, "1 recipient");
    kek = (struct cms_kek){ .key = test_kek(16) };
    assert_refused(message, &options, E_DECRYPT, "32 bytes");
    secret_free(&wrong);
    buf_free(&message);
}
END_TEST

START_TEST(wrong_password)
{
    struct buf *message = message_for("password", "aes256-cbc", 100, true);
    struct cms_decrypt_options options = { .password = test_password("incorrect horse") };

    assert_refused(message, &options, E_DECRYPT, "password is wrong");
    buf_free(&message);
}
END_TEST

START_TEST(wrong_key)
{
    static const char *const words[] = { "p256", "p521", "x25519", "rsa2048" };

    for (size_t i = 0; i < 4; i++) {
        struct receiver *r = receiver_of(words[i]);
        struct buf *message = message_for(words[i], "aes256-gcm", 100, false);
        struct receiver other = { .type = r->type, .cert = r->cert,
                                  .key = *r->type == 'x'
                                      ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519")
                                      : pki_key(words[i]) };
        struct cms_opener opener = receiver_opener(&other);
        struct cms_decrypt_options options = options_of(&opener);

        assert_refused(message, &options, E_DECRYPT, "recipient 1, before offset");
        EVP_PKEY_free(other.key);
        opener = receiver_opener(receiver_of("p384"));
        assert_refused(message, &options, E_NO_KEY, "none of the given keys");
        options.opener_count = 0;
        assert_refused(message, &options, E_NO_KEY, "none of the given keys");
        buf_free(&message);
    }
}
END_TEST

/* The certificate that is named, but with a key of another kind. */
START_TEST(key_of_wrong_type)
{
    static const char *const pairs[][2] = { { "rsa2048", "p256" }, { "p256", "rsa2048" },
                                            { "p256", "p384" }, { "x25519", "x448" },
                                            { "p384", "x25519" } };

    for (size_t i = 0; i < 5; i++) {
        struct buf *message = message_for(pairs[i][0], "aes256-gcm", 100, false);
        struct receiver *r = receiver_of(pairs[i][1]);
        X509 *cert = X509_dup(receiver_of(pairs[i][0])->cert);
        struct cms_opener opener = receiver_opener(r);
        struct cms_decrypt_options options = options_of(&opener);

        ck_assert_int_eq(X509_set_pubkey(cert, r->key), 1);
        opener.cert = cert;
        assert_refused(message, &options, E_MALFORMED, "recipient 1, before offset");
        X509_free(cert);
        buf_free(&message);
    }
}
END_TEST

/* The sender's point must be on the curve: no private key ever sees another. */
START_TEST(point_off_curve)
{
    struct buf *message = message_for("p256", "aes256-gcm", 100, false);
    static const uint8_t head[] = { 0x03, 0x42, 0x00, 0x04 };

    find_octets(message, head, sizeof head)[20] ^= 1;
    assert_refused(message, everything(), E_MALFORMED, "on the curve");
    buf_free(&message);
}
END_TEST

/* A RecipientInfo of the kind that only says what it is. */
static void
put_other(struct buf *out)
{
    static const uint8_t other[] = { 0xa4, 0x09, 0x06, 0x03, 0x2a, 0x03, 0x04,
                                     0x04, 0x02, 0xca, 0xfe };

    ck_assert_int_eq(buf_put(out, other, sizeof other), 0);
}

START_TEST(no_recipients)
{
    struct buf *message = message_for("kek128", "aes128-cbc", 100, false), *forged;
    struct buf *infos = buf_new();
    struct parts p = split(message);

    p.recipients.len = 0;
    forged = join(&p, 0);
    assert_refused(forged, everything(), E_MALFORMED, "no recipients, at offset");
    assert_refused(forged, NULL, E_MALFORMED, "no recipients, at offset");
    buf_free(&forged);

    put_other(infos);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join(&p, 0);
    assert_refused(forged, everything(), E_NO_KEY, "of the kind 1.2.3.4 were skipped");
    buf_free(&forged);
    buf_free(&infos);
    buf_free(&message);
}
END_TEST

/* A kind that is not known is no obstacle for those that are. */
START_TEST(other_recipient_skipped)
{
    struct buf *message = message_for("kek128", "aes128-gcm", 100, false), *mixed;
    struct buf *infos = buf_new();
    struct parts p = split(message);
    uint8_t *content = some_content(100);
    struct opened o;

    put_other(infos);
    put(infos, p.recipients);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    mixed = join(&p, 0);
    assert_opens(mixed, everything(), content, 100);
    o = open_message(buf_data(mixed), buf_len(mixed), FEED_WHOLE, NULL);
    ck_assert_uint_eq(cms_reader_encrypted(o.reader)->count, 2);
    ck_assert_int_eq(cms_reader_encrypted(o.reader)->recipients[0].kind, CMS_TO_OTHER);
    ck_assert_str_eq(cms_reader_encrypted(o.reader)->recipients[0].oid, "1.2.3.4");
    opened_clear(&o);
    buf_free(&mixed);
    buf_free(&infos);
    buf_free(&message);
    free(content);
}
END_TEST

START_TEST(too_many_recipients)
{
    struct buf *message = message_for("kek128", "aes128-gcm", 100, false), *forged;
    struct buf *infos = buf_new();
    struct parts p = split(message);
    uint8_t *big;

    for (int i = 0; i <= CMS_MAX_RECIPIENTS; i++)
        put_other(infos);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join(&p, 0);
    assert_refused(forged, everything(), E_LIMIT, "more than 4096 recipients, at offset");
    buf_free(&forged);

    buf_reset(infos);
    big = calloc(1, CMS_MAX_RECIPIENT_SIZE);
    ck_assert_int_eq(der_put(infos, BER_CONTEXT(4), big, CMS_MAX_RECIPIENT_SIZE), 0);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join(&p, 0);
    assert_refused(forged, everything(), E_LIMIT, "recipientInfos at offset");
    free(big);
    buf_free(&forged);
    buf_free(&infos);
    buf_free(&message);
}
END_TEST

/* Ever more tries are not made: each may be an operation of a token. */
START_TEST(too_many_tries)
{
    struct buf *message = message_for("rsa2048", "aes256-gcm", 100, false), *forged;
    struct buf *infos = buf_new();
    struct parts p = split(message);
    struct act act = { .rc = E_DECRYPT };
    struct cms_opener opener = { .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                 .arg = &act };
    struct cms_decrypt_options options = options_of(&opener);

    for (int i = 0; i < 100; i++)
        put(infos, p.recipients);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join(&p, 0);
    assert_refused(forged, &options, E_LIMIT, "no more are tried");
    ck_assert_int_eq(act.calls, 2 * 16);
    buf_free(&forged);
    buf_free(&infos);
    buf_free(&message);
}
END_TEST

/* The password recipient of a message with this many iterations written in. */
static struct buf *
with_iterations(const struct buf *message, long iterations, int copies)
{
    struct parts p = split(message);
    const uint8_t *at = p.recipients.data;
    SN_RECIPIENT *r = d2i_SN_RECIPIENT(NULL, &at, (long)p.recipients.len);
    struct buf *infos = buf_new(), *out;
    uint8_t *der = NULL;
    int len;

    ck_assert_ptr_nonnull(r);
    X509_ALGOR_free(r->d.pwri->derivation);
    r->d.pwri->derivation = PKCS5_pbkdf2_set((int)iterations, NULL, 8, NID_hmacWithSHA256, 32);
    len = i2d_SN_RECIPIENT(r, &der);
    for (int i = 0; i < copies; i++)
        ck_assert_int_eq(buf_put(infos, der, (size_t)len), 0);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    out = join(&p, 0);
    OPENSSL_free(der);
    SN_RECIPIENT_free(r);
    buf_free(&infos);
    return out;
}

START_TEST(too_many_iterations)
{
    struct buf *message = message_for("password", "aes256-gcm", 100, false), *forged;

    forged = with_iterations(message, CMS_MAX_ITERATIONS + 1, 1);
    assert_refused(forged, everything(), E_LIMIT, "10000001 iterations");
    buf_free(&forged);
    /* nor by many recipients together */
    forged = with_iterations(message, CMS_MAX_ITERATIONS / 200, 300);
    assert_refused(forged, everything(), E_LIMIT, "no more are tried");
    buf_free(&forged);
    buf_free(&message);
}
END_TEST

/* CCM whose length is not known before: a second pass over what is kept. */
START_TEST(ccm_in_segments)
{
    static const size_t sizes[] = { 0, 1, 16, 70000, CRYPT_CCM_KEPT, CRYPT_CCM_KEPT + 1 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf *message = message_for("kek192", "aes192-ccm", sizes[i], false), *segmented;
        uint8_t *content = some_content(sizes[i]);
        struct parts p = split(message);

        segmented = join(&p, 1000);
        if (sizes[i] <= CRYPT_CCM_KEPT)
            assert_opens(segmented, everything(), content, sizes[i]);
        else
            assert_refused(segmented, everything(), E_UNSUPPORTED, "1048576 bytes");
        if (sizes[i] > 0 && sizes[i] <= CRYPT_CCM_KEPT) {
            buf_mutable(segmented)[buf_len(segmented) - 30] ^= 1;
            assert_refused(segmented, everything(), E_DECRYPT, "cannot be decrypted");
        }
        buf_free(&segmented);
        buf_free(&message);
        free(content);
    }
}
END_TEST

/* Other ciphers do not care for segments, of any size. */
START_TEST(segments)
{
    static const size_t steps[] = { 1, 13, 4096, 100000 };
    uint8_t *content = some_content(5000);

    for (int k = 0; k < KINDS; k++) {
        struct buf *message = message_for(kinds[k].word, kinds[k].cipher, 5000, false);
        struct parts p = split(message);

        for (size_t i = 0; i < 4; i++) {
            struct buf *segmented = join(&p, steps[i]);

            assert_opens(segmented, everything(), content, 5000);
            buf_free(&segmented);
        }
        buf_free(&message);
    }
    free(content);
}
END_TEST

START_TEST(content_elsewhere)
{
    struct buf *message = message_for("kek128", "aes128-cbc", 100, false), *without;
    struct parts p = split(message);

    p.has_sealed = false;
    without = join(&p, 0);
    assert_refused(without, everything(), E_UNSUPPORTED, "is not in it (offset");
    buf_free(&without);
    buf_free(&message);
}
END_TEST

/* A cipher in the wrong kind of message; one that nobody knows. */
START_TEST(cipher_misplaced)
{
    struct buf *cbc = message_for("kek128", "aes128-cbc", 100, false), *forged;
    struct buf *gcm = message_for("kek128", "aes128-gcm", 100, false);
    struct parts p = split(gcm), q = split(cbc);
    struct opened o;

    p.cipher = q.cipher;
    forged = join(&p, 0);
    assert_refused(forged, everything(), E_MALFORMED, "does not belong");
    buf_free(&forged);
    p = split(gcm);
    q.cipher = p.cipher;
    forged = join(&q, 0);
    assert_refused(forged, everything(), E_MALFORMED, "does not belong");
    buf_free(&forged);
    q = split(cbc);
    q.cipher = (struct span){ (const uint8_t *)"\x30\x05\x06\x03\x2a\x03\x05", 7 };
    forged = join(&q, 0);
    assert_refused(forged, everything(), E_UNSUPPORTED, "1.2.3.5 is not known, before offset");
    o = open_message(buf_data(forged), buf_len(forged), FEED_WHOLE, NULL);
    ck_assert_int_eq(o.rc, 0);
    ck_assert_str_eq(cms_reader_encrypted(o.reader)->cipher_oid, "1.2.3.5");
    ck_assert_ptr_null(cms_reader_encrypted(o.reader)->cipher);
    opened_clear(&o);
    buf_free(&forged);
    buf_free(&cbc);
    buf_free(&gcm);
}
END_TEST

/* Unprotected attributes are kept and listed; too many are not. */
START_TEST(unprotected_attributes)
{
    static const uint8_t attribute[] = { 0x30, 0x09, 0x06, 0x03, 0x2a, 0x03, 0x04,
                                         0x31, 0x02, 0x05, 0x00 };
    struct buf *message = message_for("kek128", "aes128-cbc", 100, false), *with;
    struct buf *attrs = buf_new(), *tail = buf_new();
    struct parts p = split(message);
    struct opened o;

    for (int i = 0; i <= CMS_MAX_ATTRIBUTES; i++)
        ck_assert_int_eq(buf_put(attrs, attribute, sizeof attribute), 0);
    put_in(tail, BER_CONTEXT(1) | BER_CONSTRUCTED, attrs);
    p.tail = (struct span){ buf_data(tail), buf_len(tail) };
    with = join(&p, 0);
    assert_refused(with, everything(), E_LIMIT, "attributes, at offset");
    buf_free(&with);
    buf_trim(attrs, sizeof attribute);
    buf_reset(tail);
    put_in(tail, BER_CONTEXT(1) | BER_CONSTRUCTED, attrs);
    p.tail = (struct span){ buf_data(tail), buf_len(tail) };
    with = join(&p, 0);
    o = open_message(buf_data(with), buf_len(with), FEED_WHOLE, everything());
    ck_assert_msg(o.rc == 0, "%s", err_text(&o.err));
    ck_assert_uint_eq(cms_reader_encrypted(o.reader)->attribute_count, CMS_MAX_ATTRIBUTES);
    ck_assert(!cms_reader_encrypted(o.reader)->attributes[0].is_signed);
    opened_clear(&o);
    buf_free(&with);
    buf_free(&attrs);
    buf_free(&tail);
    buf_free(&message);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-bad");
    TCase *tc = tcase_create("bad");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, truncated, 0, KINDS);
    tcase_add_loop_test(tc, each_byte_altered, 0, KINDS);
    tcase_add_loop_test(tc, tag_wrong, 0, KINDS);
    tcase_add_test(tc, padding_damaged);
    tcase_add_test(tc, pkcs1_tells_nothing);
    tcase_add_test(tc, callback_fails);
    tcase_add_test(tc, oaep_fails);
    tcase_add_test(tc, oaep_malformed);
    tcase_add_test(tc, wrong_kek);
    tcase_add_test(tc, wrong_password);
    tcase_add_test(tc, wrong_key);
    tcase_add_test(tc, key_of_wrong_type);
    tcase_add_test(tc, point_off_curve);
    tcase_add_test(tc, no_recipients);
    tcase_add_test(tc, other_recipient_skipped);
    tcase_add_test(tc, too_many_recipients);
    tcase_add_test(tc, too_many_tries);
    tcase_add_test(tc, too_many_iterations);
    tcase_add_test(tc, ccm_in_segments);
    tcase_add_test(tc, segments);
    tcase_add_test(tc, content_elsewhere);
    tcase_add_test(tc, cipher_misplaced);
    tcase_add_test(tc, unprotected_attributes);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
