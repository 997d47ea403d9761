/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encrypted, compressed and several times wrapped mails: what they look like, and that
 * they open to what went in. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/layers.h"
#include "mail/wrap.h"
#include "tests/mail/pieces.h"
#include "tests/mail/signed.h"
#include "tests/support/pki.h"
#include "tests/support/soft_key.h"

#define SAMPLE \
    "From: Alice <alice@example.org>\nTo: bob@example.org\nBcc: carol@example.org\n" \
    "Subject: Dinner\n plans\nKeywords: food\nMIME-Version: 1.0\n" \
    "Content-Type: text/plain;\n charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" \
    "Hello B\303\266b,\n\nFrom here\n.\n"

static EVP_PKEY *bob_key;
static X509 *bob;

static void
make_bob(void)
{
    bob_key = pki_key("rsa2048");
    bob = pki_cert(&(struct pki_request){.cn = "Bob", .email = "bob@example.org"}, bob_key, NULL,
                   NULL);
}

static void
drop_bob(void)
{
    X509_free(bob);
    EVP_PKEY_free(bob_key);
}

/* What to do with a mail. */
struct wish {
    const char *cipher;      /* NULL: not encrypted */
    struct signer *signers[3];
    bool opaque, compress, triple;
    struct mail_protection protection;
};

static int
update_scan(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return scan_update(arg, data, len, err);
}

static int
update_wrap(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_wrap_update(arg, data, len, err);
}

static int
wrap_with(const struct wish *w, const void *mail, size_t len, size_t way, struct buf *out,
          struct err *err)
{
    struct cms_to to = {.cert = bob, .pkcs1 = true};
    struct cms_encrypt_options encrypt = {.to = &to, .count = 1};
    struct cms_signer signers[3];
    struct cms_sign_options sign = {.signers = signers};
    struct mail_wrap_options o = {.opaque = w->opaque, .compress = w->compress,
                                  .triple = w->triple, .protection = w->protection};
    struct sink sink = pieces_sink(out);
    struct mail_wrap *wrap = NULL;
    struct scan *scan = NULL;
    int rc;

    for (; sign.count < 3 && w->signers[sign.count] != NULL; sign.count++)
        signers[sign.count] = w->signers[sign.count]->cms;
    if (sign.count > 0)
        o.sign = &sign;
    if (w->cipher != NULL) {
        encrypt.cipher = cms_cipher_by_name(w->cipher);
        o.encrypt = &encrypt;
    }
    ck_assert_int_eq(scan_new(&scan), 0);
    rc = pieces_feed(update_scan, scan, mail, len, way, err);
    if (rc == 0)
        rc = scan_finish(scan, err);
    o.scan = scan;
    if (rc == 0)
        rc = mail_wrap_new(&wrap, &o, &sink, err);
    if (rc == 0)
        rc = pieces_feed(update_wrap, wrap, mail, len, way, err);
    if (rc == 0)
        rc = mail_wrap_finish(wrap, err);
    mail_wrap_free(&wrap);
    scan_free(&scan);
    return rc;
}

static struct buf *
make(const struct wish *w, const char *mail, size_t way)
{
    struct buf *out = buf_new();
    struct err err = {0};
    int rc = wrap_with(w, mail, strlen(mail), way, out, &err);

    ck_assert_msg(rc == 0, "%s", err_text(&err));
    return out;
}

static int
forget(void *arg, struct err *err)
{
    (void)err;
    buf_reset(arg);
    return 0;
}

/* Opens all layers with Bob's key. Each layer's type to *types, with a blank behind. */
static struct buf *
open_all(struct buf *mail, struct buf *types)
{
    struct buf *payload = buf_new();
    struct cms_opener opener = soft_key_opener(bob, bob_key);
    struct cms_decrypt_options decrypt = {.openers = &opener, .opener_count = 1};
    struct mail_layers_options options = {.content = pieces_sink(payload), .restart = forget,
                                          .restart_arg = payload, .decrypt = &decrypt};
    struct mail_layers *layers = NULL;
    struct err err = {0};
    const struct cms_signed *said;

    ck_assert_int_eq(mail_layers_new(&layers, &options, &err), 0);
    ck_assert_msg(mail_layers_update(layers, buf_data(mail), buf_len(mail), &err) == 0 &&
                      mail_layers_finish(layers, &err) == 0, "%s", err_text(&err));
    for (size_t i = 0; i < mail_layers_count(layers); i++) {
        struct mail_reader *r = mail_layers_get(layers, i);
        int type = cms_reader_type(mail_reader_cms(r));

        ck_assert_int_eq(buf_putf(types, "%s ", OBJ_nid2sn(type)), 0);
        if (type != NID_pkcs7_signed)
            continue;
        ck_assert_int_eq(mail_reader_verify(r, NULL, &said, &err), 0);
        for (size_t k = 0; k < said->count; k++)
            ck_assert_int_eq(said->signatures[k].state, CMS_INTACT);
        ck_assert(!mail_reader_partial(r));
    }
    mail_layers_free(&layers);
    return payload;
}

static struct signer *
alice(void)
{
    return signed_signer("p256", "sha256", false);
}

static void
has(struct buf *mail, const char *text)
{
    ck_assert_msg(strstr(buf_cstr(mail), text) != NULL, "no\n%s\nin\n%s", text, buf_cstr(mail));
}

static void
lacks(struct buf *mail, const char *text)
{
    ck_assert_msg(strstr(buf_cstr(mail), text) == NULL, "%s\nin\n%s", text, buf_cstr(mail));
}

static const struct {
    const char *cipher;
    bool compress;
    const char *type, *file, *layers;
} forms[] = {
    {"aes256-cbc", false, "enveloped-data", "smime.p7m", "pkcs7-envelopedData "},
    {"aes128-gcm", false, "authEnveloped-data", "smime.p7m", "id-smime-ct-authEnvelopedData "},
    {"chacha20-poly1305", false, "authEnveloped-data", "smime.p7m",
     "id-smime-ct-authEnvelopedData "},
    {"aes256-ccm", false, "authEnveloped-data", "smime.p7m", "id-smime-ct-authEnvelopedData "},
    {NULL, true, "compressed-data", "smime.p7z", "id-smime-ct-compressedData "},
};

START_TEST(form)
{
    struct wish w = {.cipher = forms[_i].cipher, .compress = forms[_i].compress};
    char *canonical = pieces_crlf("Content-Type: text/plain;\n charset=utf-8\n"
                                  "Content-Transfer-Encoding: 8bit\n\n"
                                  "Hello B\303\266b,\n\nFrom here\n.\n");
    char head[512];

    snprintf(head, sizeof head,
             "From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: Dinner\n plans\n"
             "Keywords: food\nMIME-Version: 1.0\n"
             "Content-Type: application/pkcs7-mime; smime-type=%s;\n name=\"%s\"\n"
             "Content-Transfer-Encoding: base64\n"
             "Content-Disposition: attachment; filename=\"%s\"\n\nMI",
             forms[_i].type, forms[_i].file, forms[_i].file);
    EVERY_WAY(way, strlen(SAMPLE))
    {
        struct buf *out = make(&w, SAMPLE, way), *types = buf_new(), *payload;

        ck_assert_msg(strncmp(buf_cstr(out), head, strlen(head)) == 0, "%s", buf_cstr(out));
        lacks(out, "carol");
        lacks(out, "Hello");
        payload = open_all(out, types);
        pieces_is(payload, canonical);
        pieces_is(types, forms[_i].layers);
        buf_free(&payload);
        buf_free(&types);
        buf_free(&out);
    }
    free(canonical);
}
END_TEST

START_TEST(crlf_mail_stays_crlf)
{
    struct wish w = {.cipher = "aes256-cbc"};
    char *mail = pieces_crlf(SAMPLE);
    struct buf *out = make(&w, mail, 0);
    const char *p = buf_cstr(out);

    for (size_t i = 0; i < buf_len(out); i++)
        ck_assert(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
    buf_free(&out);
    free(mail);
}
END_TEST

/* The whole chain, each combination of what there is. */
static const struct {
    bool sign, opaque, compress, encrypt, triple;
    const char *layers;
} chains[] = {
    {1, 0, 0, 1, 0, "pkcs7-envelopedData pkcs7-signedData "},
    {1, 1, 0, 1, 0, "pkcs7-envelopedData pkcs7-signedData "},
    {1, 0, 1, 1, 0, "pkcs7-envelopedData id-smime-ct-compressedData pkcs7-signedData "},
    {0, 0, 1, 1, 0, "pkcs7-envelopedData id-smime-ct-compressedData "},
    {1, 0, 0, 1, 1, "pkcs7-signedData pkcs7-envelopedData pkcs7-signedData "},
    {1, 1, 1, 1, 1,
     "pkcs7-signedData pkcs7-envelopedData id-smime-ct-compressedData pkcs7-signedData "},
    {1, 0, 1, 0, 0, "id-smime-ct-compressedData pkcs7-signedData "},
};

START_TEST(chain)
{
    struct wish w = {.cipher = chains[_i].encrypt ? "aes256-cbc" : NULL,
                     .opaque = chains[_i].opaque, .compress = chains[_i].compress,
                     .triple = chains[_i].triple, .protection = {.mode = PROTECT_CLEAR}};

    if (chains[_i].sign)
        w.signers[0] = alice();
    for (size_t way = 0; way <= strlen(SAMPLE); way += strlen(SAMPLE) / 4) {
        struct buf *out = make(&w, SAMPLE, way), *types = buf_new();
        struct buf *payload = open_all(out, types);

        pieces_is(types, chains[_i].layers);
        lacks(payload, "carol");
        has(payload, "\r\nSubject: Dinner\r\n plans\r\n");
        if (chains[_i].encrypt) {
            lacks(out, "Dinner");
            lacks(out, "Keywords: food");
            has(out, "\nSubject: [...]\n");
            has(payload, "hp=\"cipher\"");
            has(payload, "\r\nHP-Outer: Subject: [...]\r\n");
            has(payload, "\r\nHP-Outer: To: bob@example.org\r\n");
            lacks(payload, "HP-Outer: Keywords");
        } else {
            has(out, "\nSubject: Dinner\n plans\n");
            has(payload, "hp=\"clear\"");
            lacks(payload, "HP-Outer");
        }
        buf_free(&payload);
        buf_free(&types);
        buf_free(&out);
    }
}
END_TEST

START_TEST(several_signers_are_all_in_micalg)
{
    struct wish w = {.cipher = "aes256-cbc", .triple = true};
    struct buf *out, *types = buf_new(), *payload;

    w.signers[0] = alice();
    w.signers[1] = signed_signer("rsa2048", "sha512", true);
    w.signers[2] = signed_signer("rsa2048", "sha256", false);
    out = make(&w, SAMPLE, 0);
    has(out, " micalg=\"sha-256,sha-512\";");
    payload = open_all(out, types);
    pieces_is(types, "pkcs7-signedData pkcs7-envelopedData pkcs7-signedData ");
    buf_free(&payload);
    buf_free(&types);
    buf_free(&out);
}
END_TEST

START_TEST(an_encrypted_mail_is_wrapped_again)
{
    struct wish encrypt = {.cipher = "aes256-gcm", .protection = {.mode = PROTECT_CLEAR}};
    struct wish sign = {.signers = {alice()}, .protection = {.mode = PROTECT_CLEAR}};
    struct buf *once = make(&encrypt, SAMPLE, 0), *types = buf_new();
    struct buf *signed_ = make(&sign, buf_cstr(once), 0);
    struct buf *twice = make(&encrypt, buf_cstr(signed_), 0), *payload = open_all(twice, types);

    pieces_is(types, "id-smime-ct-authEnvelopedData pkcs7-signedData "
                     "id-smime-ct-authEnvelopedData ");
    has(payload, "hp=\"cipher\"");
    /* Only the payload is protected. */
    lacks(signed_, "hp=");
    buf_free(&payload);
    buf_free(&types);
    buf_free(&once);
    buf_free(&signed_);
    buf_free(&twice);
}
END_TEST

static const struct {
    const char *mail, *inside;
} legacies[] = {
    {"Subject: s\n\ntext\n",
     "Content-Type: text/plain; charset=us-ascii;\r\n hp=\"cipher\";\r\n"
     " hp-legacy-display=\"1\"\r\nHP-Outer: Subject: [...]\r\n\r\nSubject: s\r\n\r\ntext\r\n"},
    {"Subject: s\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\ndGV4dAo=\n",
     "\r\n\r\nU3ViamVjdDogcwoKdGV4dAo=\r\n"},
    {"Subject: s=\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=3Db\n",
     "\r\n\r\nSubject: s=3D\r\n\r\na=3Db\r\n"},
    {"Subject: s\nContent-Type: text/html\n\n<html><head></head>\n<BODY class=x>\n<p>a</p>\n",
     "<BODY class=x><div class=\"header-protection-legacy-display\">\r\n<pre>Subject: s\r\n"
     "</pre>\r\n</div>\r\n\r\n<p>a</p>\r\n"},
    {"Subject: s\nContent-Type: text/html\n\n<p>a</p>\n",
     "\r\n\r\n<div class=\"header-protection-legacy-display\">\r\n<pre>Subject: s\r\n"
     "</pre>\r\n</div>\r\n<p>a</p>\r\n"},
    {"Subject: s\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n"
     "--b\nContent-Type: text/html\n\n<body>two\n--b--\n",
     "--b\r\nContent-Type: text/plain; charset=us-ascii;\r\n hp-legacy-display=\"1\"\r\n\r\n"
     "Subject: s\r\n\r\none\r\n--b\r\nContent-Type: text/html;\r\n hp-legacy-display=\"1\"\r\n\r\n"
     "<body><div"},
    /* Only what is shown first, and shown at all. */
    {"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n"
     "--b\nContent-Type: text/plain\n\ntwo\n--b--\n",
     "--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--\r\n"},
    {"Subject: s\nContent-Type: text/plain\nContent-Disposition: attachment\n\ntext\n",
     "\r\n\r\ntext\r\n"},
    {"Subject: s\nContent-Type: text/plain; charset=utf-16\n\ntext\n", "\r\n\r\ntext\r\n"},
    {"Subject: \303\266\nContent-Type: text/plain; charset=iso-8859-1\n\ntext\n",
     "\r\n\r\ntext\r\n"},
    {"Subject: \303\266\nContent-Type: text/plain; charset=utf-8\n\ntext\n",
     "\r\n\r\nSubject: \303\266\r\n\r\ntext\r\n"},
    {"Subject: s\nContent-Type: image/png\n\ntext\n", "\r\n\r\ntext\r\n"},
};

START_TEST(legacy_display)
{
    struct wish w = {.cipher = "aes256-cbc",
                     .protection = {.mode = PROTECT_CIPHER, .legacy_display = true}};

    EVERY_WAY(way, strlen(legacies[_i].mail))
    {
        struct buf *out = make(&w, legacies[_i].mail, way), *types = buf_new();
        struct buf *payload = open_all(out, types);

        has(payload, legacies[_i].inside);
        buf_free(&payload);
        buf_free(&types);
        buf_free(&out);
    }
}
END_TEST

START_TEST(binary_parts_keep_their_bytes)
{
    static const char mail[] =
        "Subject: s\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\na\0b\rc\r\n\xff";
    struct wish w = {.cipher = "aes256-gcm"};
    struct buf *out = buf_new(), *types = buf_new(), *payload;
    struct err err = {0};

    ck_assert_int_eq(wrap_with(&w, mail, sizeof mail - 1, 0, out, &err), 0);
    payload = open_all(out, types);
    ck_assert_uint_eq(buf_len(payload), sizeof mail - 1 - strlen("Subject: s\r\n"));
    ck_assert_int_eq(memcmp(buf_data(payload), mail + strlen("Subject: s\r\n"),
                            buf_len(payload)), 0);
    buf_free(&payload);
    buf_free(&types);
    buf_free(&out);
}
END_TEST

static const struct {
    const char *mail, *says;
} refused[] = {
    {"", "empty"},
    {"no header here\n", "no header"},
    {"\nbody\n", "no header"},
    {"Subject: s\nwhat\n\nbody\n", "line 2"},
    {"Content-Type: text/plain\nContent-Type: text/html\n\nx\n", "two Content-Type"},
    {"Subject: a\rb\n\nx\n", "CR"},
};

START_TEST(refuses)
{
    struct wish w = {.cipher = "aes256-cbc", .protection = {.mode = PROTECT_CIPHER}};
    struct buf *out = buf_new();
    struct err err = {0};

    ck_assert_int_eq(wrap_with(&w, refused[_i].mail, strlen(refused[_i].mail), 0, out, &err),
                     E_MALFORMED);
    ck_assert_msg(strstr(err_text(&err), refused[_i].says) != NULL, "%s", err_text(&err));
    ck_assert_uint_eq(buf_len(out), 0);
    buf_free(&out);
}
END_TEST

START_TEST(a_header_too_large_is_not_left_readable)
{
    struct wish w = {.cipher = "aes256-cbc", .protection = {.mode = PROTECT_CIPHER}};
    struct wish sign = {.signers = {alice()}, .protection = {.mode = PROTECT_CLEAR}};
    struct buf *mail = buf_new(), *out = buf_new(), *types = buf_new(), *payload;
    struct err err = {0};

    ck_assert_int_eq(buf_put_str(mail, "Subject: secret\nTo:"), 0);
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(buf_putf(mail, " bob%d@example.org,\n", i), 0);
    ck_assert_int_eq(buf_put_str(mail, " bob@example.org\n\nx\n"), 0);
    ck_assert_int_eq(wrap_with(&w, buf_data(mail), buf_len(mail), 0, out, &err), E_LIMIT);
    ck_assert(strstr(err_text(&err), "--no-protect-headers") != NULL);
    ck_assert_uint_eq(buf_len(out), 0);
    out = (buf_free(&out), make(&sign, buf_cstr(mail), 0));
    payload = open_all(out, types);
    pieces_is(types, "pkcs7-signedData ");
    pieces_is(payload, "Content-Type: text/plain; charset=us-ascii\r\n\r\nx\r\n");
    buf_free(&mail);
    buf_free(&out);
    buf_free(&types);
    buf_free(&payload);
}
END_TEST

START_TEST(wishes_that_cannot_be)
{
    struct wish nothing = {.cipher = NULL};
    struct wish triple = {.cipher = "aes256-cbc", .triple = true};
    struct buf *out = buf_new();
    struct err err = {0};

    ck_assert_int_eq(wrap_with(&nothing, "A: b\n\n", 6, 0, out, &err), E_USAGE);
    ck_assert_int_eq(wrap_with(&triple, "A: b\n\n", 6, 0, out, &err), E_USAGE);
    buf_free(&out);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail wrap");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_unchecked_fixture(c, make_bob, drop_bob);
    tcase_add_loop_test(c, form, 0, sizeof forms / sizeof *forms);
    tcase_add_test(c, crlf_mail_stays_crlf);
    tcase_add_loop_test(c, chain, 0, sizeof chains / sizeof *chains);
    tcase_add_test(c, several_signers_are_all_in_micalg);
    tcase_add_test(c, an_encrypted_mail_is_wrapped_again);
    tcase_add_loop_test(c, legacy_display, 0, sizeof legacies / sizeof *legacies);
    tcase_add_test(c, binary_parts_keep_their_bytes);
    tcase_add_loop_test(c, refuses, 0, sizeof refused / sizeof *refused);
    tcase_add_test(c, a_header_too_large_is_not_left_readable);
    tcase_add_test(c, wishes_that_cannot_be);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
