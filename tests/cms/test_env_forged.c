/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted messages that are forged or hostile: recipients, ciphers, segments. */
#include "tests/cms/env_kit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/crypt.h"
#include "cms/der.h"
#include "cms/recipient.h"

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
    struct parts p = split_message(message);

    p.recipients.len = 0;
    forged = join_message(&p, 0);
    assert_refused(forged, everything(), E_MALFORMED, "no recipients, at offset");
    assert_refused(forged, NULL, E_MALFORMED, "no recipients, at offset");
    buf_free(&forged);

    put_other(infos);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join_message(&p, 0);
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
    struct parts p = split_message(message);
    uint8_t *content = some_content(100);
    struct opened o;

    put_other(infos);
    put(infos, p.recipients);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    mixed = join_message(&p, 0);
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
    struct parts p = split_message(message);
    uint8_t *big;

    for (int i = 0; i <= CMS_MAX_RECIPIENTS; i++)
        put_other(infos);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join_message(&p, 0);
    assert_refused(forged, everything(), E_LIMIT, "more than 4096 recipients, at offset");
    buf_free(&forged);

    buf_reset(infos);
    big = calloc(1, CMS_MAX_RECIPIENT_SIZE);
    ck_assert_int_eq(der_put(infos, BER_CONTEXT(4), big, CMS_MAX_RECIPIENT_SIZE), 0);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join_message(&p, 0);
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
    struct parts p = split_message(message);
    struct act act = { .rc = E_DECRYPT };
    struct cms_opener opener = act_opener(&act);
    struct cms_decrypt_options options = options_of(&opener);

    for (int i = 0; i < 100; i++)
        put(infos, p.recipients);
    p.recipients = (struct span){ buf_data(infos), buf_len(infos) };
    forged = join_message(&p, 0);
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
    struct parts p = split_message(message);
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
    out = join_message(&p, 0);
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
        struct parts p = split_message(message);

        segmented = join_message(&p, 1000);
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
        struct parts p = split_message(message);

        for (size_t i = 0; i < 4; i++) {
            struct buf *segmented = join_message(&p, steps[i]);

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
    struct parts p = split_message(message);

    p.has_sealed = false;
    without = join_message(&p, 0);
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
    struct parts p = split_message(gcm), q = split_message(cbc);
    struct opened o;

    p.cipher = q.cipher;
    forged = join_message(&p, 0);
    assert_refused(forged, everything(), E_MALFORMED, "does not belong");
    buf_free(&forged);
    p = split_message(gcm);
    q.cipher = p.cipher;
    forged = join_message(&q, 0);
    assert_refused(forged, everything(), E_MALFORMED, "does not belong");
    buf_free(&forged);
    q = split_message(cbc);
    q.cipher = (struct span){ (const uint8_t *)"\x30\x05\x06\x03\x2a\x03\x05", 7 };
    forged = join_message(&q, 0);
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
    struct parts p = split_message(message);
    struct opened o;

    for (int i = 0; i <= CMS_MAX_ATTRIBUTES; i++)
        ck_assert_int_eq(buf_put(attrs, attribute, sizeof attribute), 0);
    put_in(tail, BER_CONTEXT(1) | BER_CONSTRUCTED, attrs);
    p.tail = (struct span){ buf_data(tail), buf_len(tail) };
    with = join_message(&p, 0);
    assert_refused(with, everything(), E_LIMIT, "attributes, at offset");
    buf_free(&with);
    buf_trim(attrs, sizeof attribute);
    buf_reset(tail);
    put_in(tail, BER_CONTEXT(1) | BER_CONSTRUCTED, attrs);
    p.tail = (struct span){ buf_data(tail), buf_len(tail) };
    with = join_message(&p, 0);
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

/* Makes the ephemeral key of a message its sender's own: a certificate for it, by whose
 * name the message then calls it. */
static X509 *
name_originator(SN_ORIGINATOR *o, bool by_ski)
{
    struct pki_request request = { .cn = "Sender" };
    const ASN1_BIT_STRING *point = o->d.key->key;
    EVP_PKEY *key = pki_key("p256"), *peer = EVP_PKEY_new();
    X509 *cert = pki_cert(&request, key, NULL, NULL);

    ck_assert_int_eq(EVP_PKEY_copy_parameters(peer, key), 1);
    ck_assert_int_eq(EVP_PKEY_set1_encoded_public_key(peer, point->data, (size_t)point->length),
                     1);
    ck_assert_int_eq(X509_set_pubkey(cert, peer), 1);
    ASN1_item_free((ASN1_VALUE *)o->d.key, ASN1_ITEM_rptr(SN_ORIGINATOR_PUBLIC));
    if (by_ski) {
        o->type = SN_ORIGINATOR_SKI;
        o->d.ski = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(cert));
    } else {
        o->type = SN_ORIGINATOR_ISSUER_SERIAL;
        o->d.issuer_serial = recipient_issuer_serial(cert);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(peer);
    return cert;
}

/* version, and behind it originatorInfo with this certificate. */
static void
put_originator(struct buf *out, struct span version, X509 *cert)
{
    struct buf *inner = buf_new();
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);

    ck_assert_int_eq(der_put(inner, BER_CONTEXT(0) | BER_CONSTRUCTED, der, (size_t)len), 0);
    put(out, version);
    put_in(out, BER_CONTEXT(0) | BER_CONSTRUCTED, inner);
    OPENSSL_free(der);
    buf_free(&inner);
}

/* A sender's static key (RFC 5753, 3.1): from the caller, or from the message. */
START_TEST(static_originator)
{
    struct buf *message = message_for("p256", "aes128-gcm", 100, false), *named;
    struct parts p = split_message(message);
    const uint8_t *at = p.recipients.data;
    SN_RECIPIENT *r = d2i_SN_RECIPIENT(NULL, &at, (long)p.recipients.len);
    X509 *cert = name_originator(r->d.kari->originator, _i);
    struct cms_decrypt_options options = *everything();
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct buf *version = buf_new();
    uint8_t *content = some_content(100), *der = NULL;
    struct opened o;
    int len = i2d_SN_RECIPIENT(r, &der);

    p.recipients = (struct span){ der, (size_t)len };
    named = join_message(&p, 0);
    assert_refused(named, &options, E_MALFORMED, "the sender's key is missing");
    sk_X509_push(certs, cert);
    options.originators = certs;
    assert_opens(named, &options, content, 100);
    buf_free(&named);

    put_originator(version, p.version, cert);
    p.version = (struct span){ buf_data(version), buf_len(version) };
    named = join_message(&p, 0);
    assert_opens(named, everything(), content, 100);
    o = open_message(buf_data(named), buf_len(named), FEED_WHOLE, NULL);
    ck_assert_int_eq(sk_X509_num(cms_reader_encrypted(o.reader)->originator_certs), 1);
    opened_clear(&o);
    buf_free(&named);
    OPENSSL_free(der);
    SN_RECIPIENT_free(r);
    buf_free(&version);
    buf_free(&message);
    sk_X509_pop_free(certs, X509_free);
    free(content);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-forged");
    TCase *tc = tcase_create("forged");

    for (size_t i = 0; receiver_at(i) != NULL; i++)
        continue;
    tcase_set_timeout(tc, 600);
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
    tcase_add_loop_test(tc, static_originator, 0, 2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
