/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading signed mails: openssl's, our own, altered ones, and odd ones. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/io.h"
#include "mail/micalg.h"
#include "tests/mail/pieces.h"
#include "tests/mail/signed.h"
#include "tests/support/pki.h"

#define MAIL \
    "From: Alice <alice@example.org>\nSender: list@example.org\nSubject: s\nMIME-Version: 1.0\n" \
    "Content-Type: text/plain\n\nHello, this is what was signed.\n"
#define CONTENT "Content-Type: text/plain\r\n\r\nHello, this is what was signed.\r\n"

static struct signer *
alice(void)
{
    return signed_signer("p256", "sha256", false);
}

static struct buf *
make(bool opaque)
{
    struct signer *s = alice();
    struct buf *out = buf_new();

    ck_assert_int_eq(signed_make(MAIL, strlen(MAIL), 0, opaque, &s, 1, out, NULL), 0);
    return out;
}

/* A copy with the first `from` replaced. Caller frees. */
static char *
with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out;

    if (at == NULL)
        ck_abort_msg("no %s in\n%s", from, text);
    ck_assert_int_ge(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)),
                     0);
    return out;
}

static void
refused(const char *mail, int code, const char *sentence)
{
    struct outcome o;

    signed_read(&o, mail, strlen(mail), 0, false);
    ck_assert_msg(o.rc == code, "%s: %s\n%s", err_name(o.rc), err_text(&o.err), mail);
    ck_assert_msg(strstr(err_text(&o.err), sentence) != NULL, "%s", err_text(&o.err));
    signed_clear(&o);
}

START_TEST(own_mails_in_every_piece)
{
    struct buf *mail = make(_i);
    struct address a;
    struct outcome o;

    for (size_t way = 0; way <= buf_len(mail); way++) {
        signed_read(&o, buf_data(mail), buf_len(mail), way, false);
        ck_assert_msg(o.intact, "way %zu: %s", way, err_text(&o.err));
        ck_assert(!mail_reader_partial(o.reader));
        ck_assert(!mail_reader_again(o.reader));
        ck_assert_int_eq(mail_reader_form(o.reader), _i ? MAIL_OPAQUE : MAIL_CLEAR);
        ck_assert_str_eq(mail_reader_type(o.reader),
                         _i ? "application/pkcs7-mime" : "multipart/signed");
        pieces_is(o.content, CONTENT);
        mail_reader_address(o.reader, "From", &a);
        ck_assert_str_eq(a.text, "alice@example.org");
        mail_reader_address(o.reader, "Sender", &a);
        ck_assert_str_eq(a.text, "list@example.org");
        ck_assert_uint_eq(header_count(mail_reader_inner(o.reader)), 1);
        signed_clear(&o);
    }
    buf_free(&mail);
}
END_TEST

/* Through a relay: CRLF, other transport fields. */
START_TEST(the_way_does_no_harm)
{
    struct buf *mail = make(_i);
    char *crlf = pieces_crlf(buf_cstr(mail));
    char *moved = with(buf_cstr(mail), "Subject: s", "Received: by x\nSubject: another");

    ck_assert(signed_accepts(crlf, strlen(crlf)));
    ck_assert(signed_accepts(moved, strlen(moved)));
    free(crlf);
    free(moved);
    buf_free(&mail);
}
END_TEST

/* Any bit of the signed entity. */
START_TEST(flipped_content_is_refused)
{
    struct buf *mail = make(false);
    uint8_t *p = buf_mutable(mail);
    size_t start = (size_t)(strstr(buf_cstr(mail), "Content-Type: text/plain") - buf_cstr(mail));

    ck_assert(signed_accepts(p, buf_len(mail)));
    for (size_t i = 0; i < strlen(CONTENT) - 3; i++)
        for (int bit = 0; bit < 8; bit++) {
            p[start + i] ^= (uint8_t)(1 << bit);
            ck_assert_msg(!signed_accepts(p, buf_len(mail)), "byte %zu bit %d", i, bit);
            p[start + i] ^= (uint8_t)(1 << bit);
        }
    ck_assert(signed_accepts(p, buf_len(mail)));
    buf_free(&mail);
}
END_TEST

/* What a verdict is made of. */
static void
says(const uint8_t *mail, size_t len, time_t *ret_time, size_t flipped)
{
    const struct cms_signature *sig;
    struct outcome o;

    signed_read(&o, mail, len, 0, false);
    ck_assert(o.intact);
    ck_assert_uint_eq(o.said->count, 1);
    sig = &o.said->signatures[0];
    pieces_is(o.content, CONTENT);
    ck_assert_msg(X509_cmp(sig->cert, alice()->cert) == 0, "byte %zu", flipped);
    ck_assert_msg(sig->digest == alice()->cms.scheme->digest, "byte %zu", flipped);
    ck_assert_msg(sig->scheme == alice()->cms.scheme, "byte %zu", flipped);
    ck_assert(sig->has_signing_time);
    if (*ret_time == 0)
        *ret_time = sig->signing_time;
    ck_assert_msg(sig->signing_time == *ret_time, "byte %zu", flipped);
    signed_clear(&o);
}

/* Any bit of the text that is the signature, or the whole opaque message. Version
 * numbers, the digests announced, and the case of letters in the issuer's name are
 * not signed; a mail with those altered may be accepted, and must say the same. */
START_TEST(flipped_signature_is_refused)
{
    struct buf *mail = make(_i);
    char *start = strstr(strstr(buf_cstr(mail), "filename=\"smime.p7"), "\n\n") + 2;
    size_t from = (size_t)(start - buf_cstr(mail)), to = from, accepted = 0;
    uint8_t *p = buf_mutable(mail);
    time_t signed_at = 0;

    while (to < buf_len(mail) && p[to] != '-')
        to++;
    says(p, buf_len(mail), &signed_at, 0);
    for (size_t i = from; i < to; i++)
        for (int bit = 0; bit < 8; bit++) {
            p[i] ^= (uint8_t)(1 << bit);
            if (signed_accepts(p, buf_len(mail))) {
                says(p, buf_len(mail), &signed_at, i);
                accepted++;
            }
            p[i] ^= (uint8_t)(1 << bit);
        }
    ck_assert_uint_lt(accepted, (to - from) * 8 / 25);
    buf_free(&mail);
}
END_TEST

static const struct {
    const char *digest, *options;
} theirs[] = {
    {"sha256", ""},          {"sha256", "-nodetach"}, {"sha256", "-crlfeol"},
    {"sha1", ""},            {"sha384", ""},          {"sha512", "-crlfeol"},
    {"sha256", "-nodetach -crlfeol"},                 {"sha224", ""},
    {"sha256", "-nodetach -stream"},                  {"sha256", "-noattr"},
};

START_TEST(openssl_mails)
{
    struct signer *s = signed_signer("rsa2048", "sha256", false);
    struct buf *mail;
    struct outcome o;
    FILE *f;

    signed_write("in", MAIL, strlen(MAIL));
    pki_write_pem(signed_path("cert.pem"), s->cert, false);
    f = fopen(signed_path("key.pem"), "w");
    ck_assert_int_eq(PEM_write_PrivateKey(f, s->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    ck_assert_int_eq(signed_shell("openssl cms -sign -in in -signer cert.pem -inkey key.pem "
                                  "-from alice@example.org -md %s %s -out m.eml",
                                  theirs[_i].digest, theirs[_i].options), 0);
    mail = signed_load("m.eml");
    for (size_t way = 0; way < buf_len(mail); way += 13) {
        signed_read(&o, buf_data(mail), buf_len(mail), way, false);
        if (o.rc == 0 && mail_reader_again(o.reader)) {
            signed_clear(&o);
            signed_read(&o, buf_data(mail), buf_len(mail), way, true);
        }
        ck_assert_msg(o.intact, "%s %s\n%s", err_text(&o.err),
                      o.rc == 0 ? o.said->signatures[0].reason : "", buf_cstr(mail));
        ck_assert(!mail_reader_partial(o.reader));
        ck_assert_ptr_nonnull(strstr(buf_cstr(o.content), "this is what was signed.\r\n"));
        signed_clear(&o);
    }
    buf_free(&mail);
}
END_TEST

/* RFC 4134's mails: DSA and SHA-1, intact but weak. */
START_TEST(rfc4134)
{
    const char *base = getenv("SIGNET_VECTORS");
    struct buf *mail = buf_new();
    struct outcome o;
    char path[1024];

    snprintf(path, sizeof path, "%s/rfc4134/%s", base == NULL ? SIGNET_VECTORS_DEFAULT : base,
             _i ? "4.9.eml" : "4.8.eml");
    if (io_read_file(path, BUF_MAX, mail, NULL) != 0) {
        printf("skipped: no test vectors at %s (SIGNET_VECTORS)\n", path);
        buf_free(&mail);
        return;
    }
    EVERY_WAY(way, buf_len(mail))
    {
        signed_read(&o, buf_data(mail), buf_len(mail), way, false);
        ck_assert_msg(o.intact, "%s", err_text(&o.err));
        ck_assert(o.said->signatures[0].weak);
        ck_assert(!mail_reader_partial(o.reader));
        pieces_is(o.content, "\r\nThis is some sample content.");
        signed_clear(&o);
    }
    buf_free(&mail);
}
END_TEST

/* micalg is a hint: absent, unknown or wrong, the verdict is the same. */
START_TEST(micalg_may_lie)
{
    static const char *const values[] = {"unknown", "", "sha1,foo", "SHA256", "sha-256", "md5, sha-256",
                                         "sha-512", "sha1"};
    struct buf *mail = make(false);
    struct outcome o;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *other = with(buf_cstr(mail), "sha-256", values[i]);

        signed_read(&o, other, strlen(other), 0, false);
        ck_assert_int_eq(mail_reader_again(o.reader), i >= 6);
        ck_assert_int_eq(o.intact, i < 6);
        if (i >= 6) {
            ck_assert_int_eq(o.said->signatures[0].state, CMS_NO_CONTENT);
            signed_clear(&o);
            signed_read(&o, other, strlen(other), 0, true);
            ck_assert(o.intact && !mail_reader_again(o.reader));
        }
        signed_clear(&o);
        free(other);
    }
    buf_free(&mail);
}
END_TEST

/* Those of an Ed448 signature's digest, in the first pass already. */
START_TEST(micalg_of_shake256)
{
    static const char *const names[] = {"shake256", "SHAKE-256", "sha-256, shake256-512"};
    struct cms_digests *set;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_int_eq(cms_digests_new(&set, NULL), 0);
        ck_assert_int_eq(micalg_add(set, names[i], NULL), 0);
        ck_assert(cms_digests_has(set, cms_digest_by_nid(NID_shake256)));
        ck_assert_uint_eq(cms_digests_count(set), i == 2 ? 2 : 1);
        cms_digests_free(&set);
    }
}
END_TEST

/* RFC 8551 3.1.1: a binary body has no lines, unless its header came with LF. */
START_TEST(binary_content)
{
    static const char *const contents[] = {
        "Content-Type: x/y\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\nc\rd\n",
        "Content-Type: x/y\r\nContent-Transfer-Encoding: 8bit\r\n\r\na\nb\r\nc\rd\n",
        "Content-Type: x/y\nContent-Transfer-Encoding: binary\n\na\nb\r\nc\rd\n",
    };
    static const char *const read_as[] = {
        "Content-Type: x/y\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\nc\rd\n",
        "Content-Type: x/y\r\nContent-Transfer-Encoding: 8bit\r\n\r\na\r\nb\r\nc\rd\r\n",
        "Content-Type: x/y\r\nContent-Transfer-Encoding: binary\r\n\r\na\r\nb\r\nc\rd\r\n",
    };
    const char *eol = _i == 2 ? "\n" : "\r\n";
    struct outcome o;
    char *mail;

    ck_assert_int_ge(asprintf(&mail, "Content-Type: multipart/signed; boundary=b%s%s--b%s%s%s--b%s"
                              "Content-Type: application/pkcs7-signature%s%sMAAA%s--b--%s", eol,
                              eol, eol, contents[_i], eol, eol, eol, eol, eol, eol), 0);
    for (size_t way = 0; way < strlen(mail); way++) {
        signed_read(&o, mail, strlen(mail), way, false);
        pieces_is(o.content, read_as[_i]);
        signed_clear(&o);
    }
    free(mail);
}
END_TEST

static void
is_partial(const char *mail, const char *sentence)
{
    struct buf *text = buf_new();
    struct outcome o;

    signed_read(&o, mail, strlen(mail), 0, false);
    ck_assert_msg(o.intact, "%s\n%s", err_text(&o.err), mail);
    ck_assert_int_eq(mail_reader_put_coverage(o.reader, text), 0);
    if (sentence == NULL) {
        ck_assert_msg(!mail_reader_partial(o.reader), "%s", buf_cstr(text));
        pieces_is(text, "");
    } else {
        ck_assert(mail_reader_partial(o.reader));
        ck_assert_msg(strstr(buf_cstr(text), sentence) != NULL, "%s", buf_cstr(text));
    }
    pieces_is(o.content, CONTENT);
    buf_free(&text);
    signed_clear(&o);
}

START_TEST(what_is_not_covered_is_told)
{
    struct buf *mail = make(_i);
    const char *text = buf_cstr(mail);
    char *body = strstr(text, _i ? "Content-Type: app" : "Content-Type: multi");
    char *all, *m;

    /* A mailing list's shape: the signed part, and a footer. */
    ck_assert_int_ge(asprintf(&all, "From: list@example.org\nMIME-Version: 1.0\n"
                              "Content-Type: multipart/mixed; boundary=list\n\n"
                              "--list\n%s\n--list\n\nfooter\n--list--\n", body), 0);
    is_partial(all, "1 part(s) of the mail beside it");
    free(all);
    ck_assert_int_ge(asprintf(&all, "From: list@example.org\nMIME-Version: 1.0\n"
                              "Content-Type: multipart/mixed; boundary=list\n\n"
                              "--list\n\nheading\n--list\n%s\n--list--\n", body), 0);
    is_partial(all, "1 part(s) of the mail beside it");
    free(all);
    ck_assert_int_ge(asprintf(&all, "Content-Type: multipart/mixed; boundary=list\n\n"
                              "hidden\n--list\n%s\n--list--\n", body), 0);
    is_partial(all, "6 byte(s) of text before");
    m = with(all, "hidden", "This is a multi-part message in MIME format.");
    is_partial(m, NULL);
    free(m);
    free(all);
    if (_i == 0) {
        ck_assert_int_ge(asprintf(&all, "%s\nlist footer\n", text), 0);
        is_partial(all, "10 byte(s) of text behind");
        free(all);
        m = with(text, "\n\n--=_signet", "\n\nThis is an S/MIME signed message\n\n--=_signet");
        is_partial(m, NULL);
        free(m);
        m = with(text, "\n\n--=_signet", "\n\nPay now\n--=_signet");
        is_partial(m, "6 byte(s) of text before");
        free(m);
    }
    buf_free(&mail);
}
END_TEST

START_TEST(a_third_part_is_told)
{
    struct buf *mail = make(false);
    char *text = strdup(buf_cstr(mail)), *id, *all;
    char boundary[64] = "";

    id = strstr(text, "--=_signet_");
    memcpy(boundary, id, 2 + 9 + 40);
    text[strlen(text) - 3] = '\0';
    ck_assert_int_ge(asprintf(&all, "%s\n\nthird\n%s--\n", text, boundary), 0);
    is_partial(all, "1 part(s) behind the signature");
    free(all);
    free(text);
    buf_free(&mail);
}
END_TEST

START_TEST(old_and_wrong_names)
{
    static const struct {
        int opaque;
        const char *from, *to;
    } names[] = {
        {0, "multipart/signed", "Multipart/Signed"},
        {0, "\"application/pkcs7-signature\";", "\"application/x-pkcs7-signature\";"},
        {0, " protocol=\"application/pkcs7-signature\";", ""},
        {0, "application/pkcs7-signature; name", "application/x-pkcs7-signature; name"},
        {0, "application/pkcs7-signature; name", "Application/Octet-Stream; name"},
        {0, "application/pkcs7-signature; name=\"smime.p7s\"", "application/octet-stream"},
        {0, "; name=\"smime.p7s\"", ""},
        {1, "application/pkcs7-mime", "application/X-PKCS7-mime"},
        {1, "smime-type=signed-data;", "smime-type=enveloped-data;"},
        {1, "smime-type=signed-data;", ""},
        {1, "application/pkcs7-mime; smime-type=signed-data", "application/octet-stream"},
        {1, "application/pkcs7-mime; smime-type=signed-data;\n name=\"smime.p7m\"",
         "application/octet-stream"},
        {1, "base64", "BASE64"},
        {1, "Content-Transfer-Encoding: base64\n", ""},
        {0, "Content-Transfer-Encoding: base64\n", ""},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf *mail = make(names[i].opaque);
        char *other = with(buf_cstr(mail), names[i].from, names[i].to);

        ck_assert_msg(signed_accepts(other, strlen(other)), "%s", other);
        free(other);
        buf_free(&mail);
    }
}
END_TEST

START_TEST(missing_ends)
{
    struct buf *mail = make(false);
    char *text = strdup(buf_cstr(mail)), *sig = strstr(text, "Content-Type: application/pkcs7-s");

    /* Without the final delimiter all that was signed is there. */
    text[strlen(text) - 54] = '\0';
    ck_assert(signed_accepts(text, strlen(text)));
    for (size_t len = strlen(text) - 3; len > 0; len -= len > 50 ? 7 : 1) {
        text[len] = '\0';
        ck_assert(!signed_accepts(text, len));
    }
    free(text);
    (void)sig;
    buf_free(&mail);
}
END_TEST

START_TEST(refusals)
{
    struct buf *mail = make(false);
    char *m;

    refused("", E_MALFORMED, "empty");
    refused("just words\nno header at all\n", E_MALFORMED, "no header");
    refused(MAIL, E_MALFORMED, "not signed");
    refused("Content-Type: multipart/signed; micalg=x\n\n--b\n", E_MALFORMED, "boundary");
    refused("Content-Type: multipart/signed; boundary=b\nContent-Type: text/plain\n\n--b\n",
            E_MALFORMED, "boundary");
    refused("Content-Type: multipart/signed; boundary=b; boundary=c\n\n--b\n", E_MALFORMED,
            "boundary");
    refused("Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b--\n", E_TRUNCATED,
            "before its signature");
    refused("Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\n\nno\n--b--\n",
            E_MALFORMED, "no S/MIME signature");
    refused("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
            "boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/pgp-signature\n\n\n--b--\n",
            E_UNSUPPORTED, "OpenPGP");
    refused("Content-Type: application/pkcs7-mime\nContent-Type: text/html\n\nMIAA\n", E_MALFORMED,
            "repeated");
    refused("Content-Type: message/rfc822\n\nContent-Type: application/pkcs7-mime\n\nMIAA\n",
            E_MALFORMED, "not signed");
    m = with(buf_cstr(mail), "Content-Transfer-Encoding: base64",
             "Content-Transfer-Encoding: x-odd");
    refused(m, E_UNSUPPORTED, "Content-Transfer-Encoding");
    free(m);
    buf_free(&mail);
}
END_TEST

/* An opaque message where a detached signature belongs: two contents, no verdict. */
START_TEST(two_contents)
{
    struct buf *clear = make(false), *opaque = make(true);
    char *from = strstr(strstr(buf_cstr(opaque), "p7m\"\nContent-Transfer"), "\n\n") + 2;
    char *old = strstr(strstr(buf_cstr(clear), "filename=\"smime.p7s\""), "\n\n") + 2;
    char *sig = strndup(old, (size_t)(strstr(old, "\n\n") - old));
    char *both = with(buf_cstr(clear), sig, from);

    refused(both, E_MALFORMED, "content of its own");
    free(sig);
    free(both);
    buf_free(&clear);
    buf_free(&opaque);
}
END_TEST

START_TEST(doubtful_senders)
{
    struct buf *mail = make(false);
    char *two = with(buf_cstr(mail), "Subject: s", "From: eve@evil.example");
    struct outcome o;
    struct address a;

    signed_read(&o, two, strlen(two), 0, false);
    ck_assert(o.intact);
    mail_reader_address(o.reader, "From", &a);
    ck_assert_int_eq(a.state, ADDRESS_AMBIGUOUS);
    signed_clear(&o);
    free(two);
    buf_free(&mail);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail read");
    TCase *t = tcase_create("read");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, NULL, signed_remove);
    tcase_add_loop_test(t, own_mails_in_every_piece, 0, 2);
    tcase_add_loop_test(t, the_way_does_no_harm, 0, 2);
    tcase_add_test(t, flipped_content_is_refused);
    tcase_add_loop_test(t, flipped_signature_is_refused, 0, 2);
    tcase_add_loop_test(t, openssl_mails, 0, sizeof theirs / sizeof *theirs);
    tcase_add_loop_test(t, rfc4134, 0, 2);
    tcase_add_test(t, micalg_may_lie);
    tcase_add_test(t, micalg_of_shake256);
    tcase_add_loop_test(t, binary_content, 0, 3);
    tcase_add_loop_test(t, what_is_not_covered_is_told, 0, 2);
    tcase_add_test(t, a_third_part_is_told);
    tcase_add_test(t, old_and_wrong_names);
    tcase_add_test(t, missing_ends);
    tcase_add_test(t, refusals);
    tcase_add_test(t, two_contents);
    tcase_add_test(t, doubtful_senders);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
