/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers in layers: opened to the payload however the mail is cut, and no further than
 * allowed; and protected headers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "mail/encrypt.h"
#include "mail/layers.h"
#include "tests/mail/pieces.h"
#include "tests/mail/signed.h"
#include "tests/support/soft_key.h"

#define MAIL \
    "From: Alice <alice@example.org>\nSubject: s\nMIME-Version: 1.0\n" \
    "Content-Type: text/plain\n\nHello, this is inside.\n"
#define PAYLOAD "Content-Type: text/plain\r\n\r\nHello, this is inside.\r\n"

static struct secret *kek;

static void
make_kek(void)
{
    kek = secret_new(32);
    ck_assert_ptr_nonnull(kek);
    ck_assert_int_eq(secret_set(kek, "0123456789abcdef0123456789abcdef", 32), 0);
}

static void
drop_kek(void)
{
    secret_free(&kek);
    signed_remove();
}

static int
update_scan(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return scan_update(arg, data, len, err);
}

static int
update_encrypt(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_encrypt_update(arg, data, len, err);
}

/* The mail in another layer; takes what it was given. */
static struct buf *
sign(struct buf *mail, bool opaque)
{
    struct signer *s = signed_signer("p256", "sha256", false);
    struct buf *out = buf_new();

    ck_assert_int_eq(signed_make(buf_cstr(mail), buf_len(mail), 0, opaque, &s, 1, out, NULL), 0);
    buf_free(&mail);
    return out;
}

static struct buf *
envelope(struct buf *mail, const char *cipher)
{
    struct cms_to to = {.kek = kek, .kek_id = (const uint8_t *)"k", .kek_id_len = 1};
    struct mail_encrypt_options options = {.cms = {.to = &to, .count = 1}};
    struct buf *out = buf_new();
    struct sink sink = pieces_sink(out);
    struct mail_encrypt *e;
    struct scan *scan;
    struct err err = {0};

    options.compress = cipher == NULL;
    options.cms.cipher = cipher == NULL ? NULL : cms_cipher_by_name(cipher);
    ck_assert_int_eq(scan_new(&scan), 0);
    ck_assert_int_eq(pieces_feed(update_scan, scan, buf_data(mail), buf_len(mail), 0, NULL), 0);
    ck_assert_int_eq(scan_finish(scan, NULL), 0);
    options.scan = scan;
    ck_assert_msg(mail_encrypt_new(&e, &options, &sink, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(pieces_feed(update_encrypt, e, buf_data(mail), buf_len(mail), 0, &err), 0);
    ck_assert_msg(mail_encrypt_finish(e, &err) == 0, "%s", err_text(&err));
    mail_encrypt_free(&e);
    scan_free(&scan);
    buf_free(&mail);
    return out;
}

static struct buf *
text(const char *s)
{
    struct buf *b = buf_new();

    ck_assert_int_eq(buf_put_str(b, s), 0);
    return b;
}

struct result {
    int rc;
    struct err err;
    struct mail_layers *layers;
    struct buf *payload;
    size_t restarts;
};

static int
forget(void *arg, struct err *err)
{
    struct result *r = arg;

    (void)err;
    buf_reset(r->payload);
    r->restarts++;
    return 0;
}

static int
update_layers(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_layers_update(arg, data, len, err);
}

static void
open_mail(struct result *r, const struct buf *mail, size_t way, size_t max)
{
    static struct cms_kek key;
    static struct cms_decrypt_options decrypt;
    struct mail_layers_options options = {.decrypt = &decrypt, .restart = forget,
                                          .restart_arg = r, .max_layers = max};

    key = (struct cms_kek){.key = kek};
    decrypt = (struct cms_decrypt_options){.keks = &key, .kek_count = 1};
    *r = (struct result){.payload = buf_new()};
    options.content = pieces_sink(r->payload);
    ck_assert_int_eq(mail_layers_new(&r->layers, &options, &r->err), 0);
    r->rc = pieces_feed(update_layers, r->layers, buf_data(mail), buf_len(mail), way, &r->err);
    if (r->rc == 0)
        r->rc = mail_layers_finish(r->layers, &r->err);
}

static void
close_mail(struct result *r)
{
    mail_layers_free(&r->layers);
    buf_free(&r->payload);
}

/* All signatures of all layers hold. */
static void
all_intact(struct result *r)
{
    const struct cms_signed *said;

    for (size_t i = 0; i < mail_layers_count(r->layers); i++) {
        struct mail_reader *reader = mail_layers_get(r->layers, i);

        if (cms_reader_type(mail_reader_cms(reader)) != NID_pkcs7_signed)
            continue;
        ck_assert_int_eq(mail_reader_verify(reader, NULL, &said, NULL), 0);
        ck_assert_uint_eq(said->count, 1);
        ck_assert_int_eq(said->signatures[0].state, CMS_INTACT);
    }
}

static struct buf *
triple(bool opaque, const char *cipher)
{
    return sign(envelope(sign(text(MAIL), opaque), cipher), opaque);
}

/* Signed, encrypted, signed again: by cuts at every place. */
START_TEST(three_layers_in_every_piece)
{
    static const char *const ciphers[] = {"aes256-gcm", "aes256-cbc", NULL};
    struct buf *mail = triple(_i % 2, ciphers[_i / 2]);
    struct result r;

    for (size_t way = 0; way <= buf_len(mail); way += way < 1500 ? 3 : 11) {
        open_mail(&r, mail, way, 0);
        ck_assert_msg(r.rc == 0, "way %zu: %s", way, err_text(&r.err));
        ck_assert_uint_eq(mail_layers_count(r.layers), 3);
        pieces_is(r.payload, PAYLOAD);
        all_intact(&r);
        ck_assert(mail_reader_whole(mail_layers_payload(r.layers)));
        close_mail(&r);
    }
    open_mail(&r, mail, buf_len(mail), 0); /* byte by byte */
    pieces_is(r.payload, PAYLOAD);
    close_mail(&r);
    buf_free(&mail);
}
END_TEST

START_TEST(a_mail_without_layers_is_all_payload)
{
    struct buf *mail = text(MAIL);
    struct protected_header p;
    struct result r;

    EVERY_WAY(way, buf_len(mail))
    {
        open_mail(&r, mail, way, 0);
        ck_assert_int_eq(r.rc, 0);
        ck_assert_uint_eq(mail_layers_count(r.layers), 0);
        pieces_is(r.payload, MAIL);
        mail_layers_protected(r.layers, &p);
        ck_assert_int_eq(p.form, PROTECTED_NOT);
        close_mail(&r);
    }
    buf_free(&mail);
}
END_TEST

/* What was taken for payload before the layer showed itself is forgotten. */
START_TEST(a_layer_behind_other_parts)
{
    struct buf *inner = sign(text(MAIL), _i), *mail = buf_new();
    size_t restarts = 0;
    char *part = strstr(buf_cstr(inner), _i ? "Content-Type: app" : "Content-Type: multi");
    struct result r;

    ck_assert_int_eq(buf_putf(mail, "From: x@y\nContent-Type: multipart/mixed; boundary=l\n\n--l\n\n"
                              "heading\n--l\n%s\n--l\n\nfooter\n--l--\n", part), 0);
    for (size_t way = 0; way <= buf_len(mail); way += 3) {
        open_mail(&r, mail, way, 0);
        ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
        ck_assert_uint_eq(mail_layers_count(r.layers), 1);
        pieces_is(r.payload, PAYLOAD);
        ck_assert(mail_reader_partial(mail_layers_get(r.layers, 0)));
        ck_assert_uint_le(r.restarts, 1);
        restarts += r.restarts;
        close_mail(&r);
        if (way == 0)
            way = 60;
    }
    ck_assert_uint_gt(restarts, 5);
    buf_free(&mail);
    buf_free(&inner);
}
END_TEST

/* A part of a signed content is that content's, and not opened. */
START_TEST(parts_within_a_layer_stay)
{
    struct buf *inner = sign(text(MAIL), true), *mail = buf_new();
    char *part = strstr(buf_cstr(inner), "Content-Type: app");
    struct result r;

    ck_assert_int_eq(buf_putf(mail, "From: x@y\nContent-Type: multipart/mixed; boundary=l\n\n--l\n\n"
                              "hello\n--l\n%s\n--l--\n", part), 0);
    mail = sign(mail, false);
    open_mail(&r, mail, 0, 0);
    ck_assert_int_eq(r.rc, 0);
    ck_assert_uint_eq(mail_layers_count(r.layers), 1);
    ck_assert_uint_eq(mail_reader_inside(mail_layers_payload(r.layers)), 1);
    ck_assert_ptr_nonnull(strstr(buf_cstr(r.payload), "application/pkcs7-mime"));
    close_mail(&r);
    buf_free(&mail);
    buf_free(&inner);
}
END_TEST

START_TEST(limits)
{
    struct buf *mail = text(MAIL);
    struct result r;

    for (unsigned i = 0; i < MAIL_LAYERS_MAX; i++)
        mail = sign(mail, i % 2);
    open_mail(&r, mail, 0, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(mail_layers_count(r.layers), MAIL_LAYERS_MAX);
    pieces_is(r.payload, PAYLOAD);
    close_mail(&r);
    open_mail(&r, mail, 0, 3); /* no further than asked */
    ck_assert_int_eq(r.rc, 0);
    ck_assert_uint_eq(mail_layers_count(r.layers), 3);
    ck_assert_ptr_null(mail_layers_payload(r.layers));
    close_mail(&r);
    mail = sign(mail, _i);
    open_mail(&r, mail, 0, 0);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err_text(&r.err), "more than 10 layers"));
    close_mail(&r);
    buf_free(&mail);
    mail = envelope(envelope(text(MAIL), NULL), NULL);
    open_mail(&r, mail, 0, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    pieces_is(r.payload, PAYLOAD);
    close_mail(&r);
    mail = envelope(mail, NULL);
    open_mail(&r, mail, 0, 0);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err_text(&r.err), "compressed"));
    close_mail(&r);
    buf_free(&mail);
}
END_TEST

/* Any bit of an authenticated envelope, and the end of one without: no payload is
 * given for true. */
START_TEST(altered_envelopes)
{
    struct buf *mail = envelope(text(MAIL), "aes128-gcm");
    char *body = strstr(buf_cstr(mail), "\n\n") + 2;
    size_t from = (size_t)(body - buf_cstr(mail)), opened = 0;
    uint8_t *p = buf_mutable(mail);
    struct result r;

    for (size_t i = from; i < buf_len(mail); i++) {
        p[i] ^= 1;
        open_mail(&r, mail, 0, 0);
        if (r.rc == 0 && mail_layers_count(r.layers) == 1) {
            opened++;
            pieces_is(r.payload, PAYLOAD);
        }
        close_mail(&r);
        p[i] ^= 1;
    }
    /* What a changed version number or key identifier does no harm to. */
    ck_assert_uint_lt(opened, (buf_len(mail) - from) / 8);
    buf_free(&mail);
}
END_TEST

static void
cut_is_refused(struct buf *mail)
{
    struct result r;

    for (size_t cut = 1; cut < 900 && cut < buf_len(mail) - 300; cut += 3) {
        struct buf *part = buf_new();

        ck_assert_int_eq(buf_put(part, buf_data(mail), buf_len(mail) - cut), 0);
        open_mail(&r, part, 0, 0);
        if (r.rc == 0)
            pieces_is(r.payload, PAYLOAD); /* the last delimiter, or a line end, was cut */
        else
            ck_assert(r.rc == E_TRUNCATED || r.rc == E_MALFORMED || r.rc == E_DECRYPT);
        close_mail(&r);
        buf_free(&part);
    }
    buf_free(&mail);
}

START_TEST(cut_mails)
{
    cut_is_refused(triple(_i, "aes256-gcm"));
    cut_is_refused(envelope(text(MAIL), "aes256-cbc"));
}
END_TEST

START_TEST(errors_say_where)
{
    struct buf *inner = envelope(text(MAIL), "aes256-gcm");
    char *body = strstr(buf_cstr(inner), "\n\n") + 2;
    struct result r;

    memset(body + 200, 'A', 40);
    inner = sign(inner, true);
    open_mail(&r, inner, 0, 0);
    ck_assert_int_ne(r.rc, 0);
    ck_assert_msg(strncmp(err_text(&r.err), "layer 2: ", 9) == 0, "%s", err_text(&r.err));
    ck_assert_ptr_null(strstr(err_text(&r.err), "layer 1"));
    close_mail(&r);
    buf_free(&inner);
}
END_TEST

/* RFC 4134 5.3: RC2, for Bob. */
START_TEST(rfc4134_enveloped)
{
    const char *base = getenv("SIGNET_VECTORS");
    struct buf *mail = buf_new(), *der[2] = {buf_new(), buf_new()};
    static const char *const names[] = {"BobRSASignByCarl.cer", "BobPrivRSAEncrypt.pri"};
    struct mail_layers_options options = {.restart = forget};
    struct cms_decrypt_options decrypt = {.opener_count = 1, .allow_weak = true};
    struct cms_opener opener;
    struct result r = {.payload = buf_new()};
    const uint8_t *at;
    X509 *cert;
    EVP_PKEY *key;
    char path[1024];

    base = base == NULL ? SIGNET_VECTORS_DEFAULT : base;
    snprintf(path, sizeof path, "%s/rfc4134/5.3.eml", base);
    if (io_read_file(path, BUF_MAX, mail, NULL) != 0) {
        printf("skipped: no test vectors at %s (SIGNET_VECTORS)\n", path);
        goto out;
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/rfc4134/%s", base, names[i]);
        ck_assert_int_eq(io_read_file(path, BUF_MAX, der[i], NULL), 0);
    }
    at = buf_data(der[0]);
    cert = d2i_X509(NULL, &at, (long)buf_len(der[0]));
    at = buf_data(der[1]);
    key = d2i_AutoPrivateKey(NULL, &at, (long)buf_len(der[1]));
    opener = soft_key_opener(cert, key);
    decrypt.openers = &opener;
    options.decrypt = &decrypt;
    options.restart_arg = &r;
    options.content = pieces_sink(r.payload);
    ck_assert_int_eq(mail_layers_new(&r.layers, &options, &r.err), 0);
    ck_assert_msg(mail_layers_update(r.layers, buf_data(mail), buf_len(mail), &r.err) == 0 &&
                      mail_layers_finish(r.layers, &r.err) == 0, "%s", err_text(&r.err));
    ck_assert_ptr_nonnull(strstr(buf_cstr(r.payload), "This is some sample content."));
    mail_layers_free(&r.layers);
    X509_free(cert);
    EVP_PKEY_free(key);
out:
    buf_free(&mail);
    buf_free(&r.payload);
    buf_free(&der[0]);
    buf_free(&der[1]);
}
END_TEST

static struct header *
header(const char *block)
{
    struct header *h;
    size_t used;

    ck_assert_int_eq(header_new(&h, HEADER_MAX), 0);
    ck_assert_int_eq(header_update(h, (const uint8_t *)block, strlen(block), &used, NULL), 0);
    ck_assert_int_eq(header_finish(h, NULL), 0);
    return h;
}

static const struct {
    const char *inner, *wrapped, *outer;
    enum protected_form form;
    const char *differs;
} protections[] = {
    {"Content-Type: text/plain\nFrom: a@b\n\n", NULL, "From: c@d\n\n", PROTECTED_NOT, ""},
    {"Content-Type: text/plain; hp=clear\nFrom: a@b\nSubject: x y\n\n", NULL,
     "Received: z\nFrom: a@b\nSubject: x\n  y\nX: y\n\n", PROTECTED_CLEAR, ""},
    {"Content-Type: text/plain; hp=\"clear\"\nFrom: a@b\nSubject: x\n\n", NULL,
     "From: c@b\nSubject: xx\nReply-To: e@f\n\n", PROTECTED_CLEAR, "From, Reply-To, Subject"},
    {"Content-Type: text/plain; hp=clear\nFrom: a@b\n\n", NULL, "From: a@b\nFrom: a@b\n\n",
     PROTECTED_CLEAR, "From"},
    {"Content-Type: text/plain; hp=cipher\nFrom: a@b\nSubject: x\nHP-Outer: From: a@b\n"
     "HP-Outer: Subject: [...]\n\n", NULL, "From: a@b\nSubject: [...]\n\n", PROTECTED_CIPHER, ""},
    {"Content-Type: text/plain; hp=cipher\nFrom: a@b\nSubject: x\nHP-Outer: From: a@b\n"
     "HP-Outer:Subject:[...]\n\n", NULL, "From: a@b\nSubject: x\n\n", PROTECTED_CIPHER, "Subject"},
    {"Content-Type: text/plain; hp=secret\nFrom: a@b\n\n", NULL, "From: c@d\n\n", PROTECTED_NOT, ""},
    {"Content-Type: text/plain; hp=clear; hp=cipher\n\n", NULL, "\n", PROTECTED_NOT, ""},
    {"Content-Type: text/plain; hp=clear\nContent-Type: text/plain\n\n", NULL, "\n", PROTECTED_NOT, ""},
    {"Content-Type: message/rfc822\n\n", "From: a@b\n\n", "From: a@b\nSubject: y\n\n",
     PROTECTED_MESSAGE, "Subject"},
    {"Content-Type: message/rfc822; forwarded=no\n\n", "From: a@b\n\n", "From: c@b\n\n",
     PROTECTED_MESSAGE, "From"},
    {"Content-Type: message/rfc822; forwarded=yes\n\n", "From: a@b\n\n", "From: c@d\n\n",
     PROTECTED_NOT, ""},
    {"Content-Type: message/rfc822\n\n", NULL, "From: c@d\n\n", PROTECTED_NOT, ""},
};

START_TEST(protected_headers)
{
    struct header *inner = header(protections[_i].inner), *outer = header(protections[_i].outer);
    struct header *wrapped =
        protections[_i].wrapped == NULL ? NULL : header(protections[_i].wrapped);
    struct buf *names = buf_new();
    struct protected_header p;

    protected_find(&p, inner, wrapped);
    ck_assert_int_eq(p.form, protections[_i].form);
    ck_assert_ptr_eq(p.header, p.form == PROTECTED_NOT ? NULL : wrapped != NULL ? wrapped : inner);
    ck_assert_int_eq(protected_put_differences(&p, outer, names), 0);
    pieces_is(names, protections[_i].differs);
    buf_free(&names);
    header_free(&inner);
    header_free(&outer);
    header_free(&wrapped);
}
END_TEST

/* The reader finds them in both forms of signature. */
START_TEST(protected_headers_of_mails)
{
    static const char *const mails[] = {
        "From: a@b\nContent-Type: text/plain; hp=clear\n\nx\n",
        "From: a@b\nContent-Type: message/rfc822\n\nFrom: c@d\nSubject: inside\n\nx\n",
    };
    struct buf *mail = sign(text(mails[_i / 2]), _i % 2);
    struct protected_header p;
    struct header_field f;
    struct result r;

    for (size_t way = 0; way <= buf_len(mail); way += 5) {
        open_mail(&r, mail, way, 0);
        ck_assert_int_eq(r.rc, 0);
        mail_layers_protected(r.layers, &p);
        ck_assert_int_eq(p.form, _i < 2 ? PROTECTED_CLEAR : PROTECTED_MESSAGE);
        ck_assert(header_find(p.header, "Subject", 0, &f) == (_i >= 2));
        close_mail(&r);
    }
    buf_free(&mail);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail layers");
    TCase *t = tcase_create("layers");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, make_kek, drop_kek);
    tcase_add_loop_test(t, three_layers_in_every_piece, 0, 6);
    tcase_add_test(t, a_mail_without_layers_is_all_payload);
    tcase_add_loop_test(t, a_layer_behind_other_parts, 0, 2);
    tcase_add_test(t, parts_within_a_layer_stay);
    tcase_add_loop_test(t, limits, 0, 2);
    tcase_add_test(t, altered_envelopes);
    tcase_add_loop_test(t, cut_mails, 0, 2);
    tcase_add_test(t, errors_say_where);
    tcase_add_test(t, rfc4134_enveloped);
    tcase_add_loop_test(t, protected_headers, 0, sizeof protections / sizeof *protections);
    tcase_add_loop_test(t, protected_headers_of_mails, 0, 4);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
