/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What signing makes of a mail, and that openssl accepts it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mail/pieces.h"
#include "tests/mail/signed.h"
#include "tests/support/pki.h"

#define SAMPLE \
    "Return-Path: <alice@example.org>\nFrom: Alice <alice@example.org>\nTo: bob@example.org\n" \
    "Subject: folded\n subject\nMIME-Version: 1.0\n" \
    "Content-Type: text/plain;\n charset=us-ascii\nX-Last: one\n" \
    "Content-Transfer-Encoding: 7bit\n\nHello Bob,\n\n-- \nAlice\n"

static struct signer *
alice(void)
{
    return signed_signer("p256", "sha256", false);
}

/* Signs with Alice's key; aborts on failure. */
static struct buf *
make(const char *mail, size_t len, size_t way, bool opaque)
{
    struct signer *s = alice();
    struct buf *out = buf_new();
    struct err err = {0};
    int rc = signed_make(mail, len, way, opaque, &s, 1, out, &err);

    ck_assert_msg(rc == 0, "%s", err_text(&err));
    return out;
}

static struct buf *
content_of(struct buf *mail)
{
    struct outcome o;
    struct buf *content;

    signed_read(&o, buf_data(mail), buf_len(mail), 0, false);
    ck_assert_msg(o.intact, "%s\n%s", err_text(&o.err), buf_cstr(mail));
    ck_assert(!mail_reader_partial(o.reader));
    content = o.content;
    o.content = NULL;
    signed_clear(&o);
    return content;
}

static size_t
count_of(const char *text, const char *what)
{
    size_t n = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void
has(struct buf *mail, const char *text)
{
    ck_assert_msg(strstr(buf_cstr(mail), text) != NULL, "no\n%s\nin\n%s", text, buf_cstr(mail));
}

static void
starts(struct buf *mail, const char *text)
{
    ck_assert_msg(strncmp(buf_cstr(mail), text, strlen(text)) == 0, "%s", buf_cstr(mail));
}

START_TEST(clear_keeps_the_mail)
{
    const char *outside =
        "Return-Path: <alice@example.org>\nFrom: Alice <alice@example.org>\nTo: bob@example.org\n"
        "Subject: folded\n subject\nMIME-Version: 1.0\nX-Last: one\n"
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n"
        " micalg=\"sha-256\";\n boundary=\"";
    const char *inside =
        "\nContent-Type: text/plain;\n charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n"
        "Hello Bob,\n\n-- \nAlice\n\n--";
    char *canonical = pieces_crlf("Content-Type: text/plain;\n charset=us-ascii\n"
                                  "Content-Transfer-Encoding: 7bit\n\nHello Bob,\n\n-- \nAlice\n");

    EVERY_WAY(way, strlen(SAMPLE))
    {
        struct buf *out = make(SAMPLE, strlen(SAMPLE), way, false), *content = content_of(out);

        starts(out, outside);
        has(out, inside);
        has(out, "\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\n"
                 "Content-Transfer-Encoding: base64\n"
                 "Content-Disposition: attachment; filename=\"smime.p7s\"\n\nMI");
        ck_assert_ptr_null(strchr(buf_cstr(out), '\r'));
        ck_assert_uint_eq(count_of(buf_cstr(out), "MIME-Version"), 1);
        pieces_is(content, canonical);
        buf_free(&out);
        buf_free(&content);
    }
    free(canonical);
}
END_TEST

START_TEST(opaque_keeps_the_mail)
{
    char *canonical = pieces_crlf("Content-Type: text/plain;\n charset=us-ascii\n"
                                  "Content-Transfer-Encoding: 7bit\n\nHello Bob,\n\n-- \nAlice\n");

    EVERY_WAY(way, strlen(SAMPLE))
    {
        struct buf *out = make(SAMPLE, strlen(SAMPLE), way, true), *content = content_of(out);

        has(out, "X-Last: one\nContent-Type: application/pkcs7-mime; smime-type=signed-data;\n"
                 " name=\"smime.p7m\"\nContent-Transfer-Encoding: base64\n"
                 "Content-Disposition: attachment; filename=\"smime.p7m\"\n\nMI");
        ck_assert_ptr_null(strchr(buf_cstr(out), '\r'));
        ck_assert_ptr_null(strstr(buf_cstr(out), "Hello"));
        pieces_is(content, canonical);
        buf_free(&out);
        buf_free(&content);
    }
    free(canonical);
}
END_TEST

/* LF, CRLF and mixed line ends are one mail. */
START_TEST(line_ends_follow_the_mail)
{
    char *crlf = pieces_crlf(SAMPLE), *mixed = strdup(crlf);
    struct buf *want = make(SAMPLE, strlen(SAMPLE), 0, _i), *content = content_of(want);
    char *cut = strstr(mixed, "\r\nTo:");

    memmove(cut, cut + 1, strlen(cut));
    for (int i = 0; i < 2; i++) {
        const char *mail = i == 0 ? crlf : mixed;
        struct buf *out = make(mail, strlen(mail), 0, _i), *same = content_of(out);

        pieces_is(same, buf_cstr(content));
        has(out, "Content-Transfer-Encoding: base64\r\n");
        if (i == 0)
            ck_assert_uint_eq(count_of(buf_cstr(out), "\n"), count_of(buf_cstr(out), "\r\n"));
        buf_free(&out);
        buf_free(&same);
    }
    free(crlf);
    free(mixed);
    buf_free(&want);
    buf_free(&content);
}
END_TEST

static const struct {
    const char *mail, *content;
} encoded[] = {
    /* 8-bit text. */
    {"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
     "content-transfer-encoding: 8bit\nSubject: x\n\nGr\xc3\xbc\xc3\x9f" "e, = \nFrom here\n",
     "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
     "Gr=C3=BC=C3=9Fe, =3D=20\nFrom=20here\n"},
    /* Not said to be MIME. */
    {"Subject: x\n\nGr\xc3\xbc\xc3\x9f" "e\n",
     "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
     "Gr=C3=BC=C3=9Fe\n"},
    {"Subject: x\n\nGr\xfc\xdf" "e\n",
     "Content-Type: text/plain; charset=unknown-8bit\n"
     "Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"},
    {"Subject: x\n\nplain\n", "Content-Type: text/plain; charset=us-ascii\n\nplain\n"},
    /* Binary. */
    {"Subject: x\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n"
     "\xff\n\xfe",
     "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n/wr+\n"},
    /* Text in which a line end is no byte. */
    {"Subject: x\nContent-Type: text/plain; charset=UTF-16LE\nContent-Transfer-Encoding: binary\n"
     "\n\xfe\n\xff",
     "Content-Type: text/plain; charset=UTF-16LE\nContent-Transfer-Encoding: base64\n\n/gr/\n"},
    /* Leaves of a multipart, and the labels around them. */
    {"Subject: x\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n"
     "pre\n--b\nContent-Type: text/plain; charset=utf-8\nX-Kept: yes\n\n\xc3\xbc\n\n"
     "--b\n\nplain\n--b\n\xc3\xbc no header\n"
     "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: in\n\n"
     "\xc3\xbc\n--b--\nepi\n",
     "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 7bit\n\n"
     "pre\n--b\nContent-Type: text/plain; charset=utf-8\nX-Kept: yes\n"
     "Content-Transfer-Encoding: quoted-printable\n\n=C3=BC\n\n"
     "--b\n\nplain\n--b\nContent-Transfer-Encoding: quoted-printable\n\n=C3=BC no header\n"
     "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nSubject: in\n"
     "Content-Transfer-Encoding: quoted-printable\n\n"
     "=C3=BC\n--b--\nepi\n"},
    /* Inside another signature nothing is touched. */
    {"Subject: x\nContent-Type: multipart/signed; boundary=b\n\n"
     "--b\n\n\xc3\xbc\n--b\n\nsig\n--b--\n",
     "Content-Type: multipart/signed; boundary=b\n\n--b\n\n\xc3\xbc\n--b\n\nsig\n--b--\n"},
    /* What a mailbox would quote. */
    {"Subject: x\nContent-Type: text/plain\n\nFrom here\n>From there\nFromage\n",
     "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
     "From=20here\n>From there\nFromage\n"},
    {"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\na\nFrom b\n--b\n\nFrom: c\n\n"
     "--b--\n",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
     "Content-Transfer-Encoding: quoted-printable\n\na\nFrom=20b\n--b\n\nFrom: c\n\n--b--\n"},
    /* Seven-bit that says 8bit stays as it is. */
    {"Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nplain\n",
     "Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nplain\n"},
    /* No empty line, no body. */
    {"Subject: x\nContent-Type: text/html", "Content-Type: text/html\n\n"},
};

START_TEST(fragile_parts_are_encoded)
{
    char *canonical = pieces_crlf(encoded[_i].content);
    char *crlf = pieces_crlf(encoded[_i].mail);

    EVERY_WAY(way, strlen(encoded[_i].mail))
    {
        struct buf *out = make(encoded[_i].mail, strlen(encoded[_i].mail), way, way & 1);
        struct buf *content = content_of(out);

        pieces_is(content, canonical);
        buf_free(&out);
        buf_free(&content);
    }
    if (strstr(encoded[_i].mail, "binary") == NULL) {
        struct buf *out = make(crlf, strlen(crlf), 0, false), *content = content_of(out);

        pieces_is(content, canonical);
        buf_free(&out);
        buf_free(&content);
    }
    free(canonical);
    free(crlf);
}
END_TEST

static void
long_lines_go(const char *header, const char *part_of_content)
{
    struct buf *mail = buf_new(), *out, *content;
    uint8_t *p;

    ck_assert_int_eq(buf_put_str(mail, header), 0);
    ck_assert_int_eq(buf_reserve(mail, 4000, &p), 0);
    memset(p, 'A', 4000);
    ck_assert_int_eq(buf_put_str(mail, "\n"), 0);
    out = make(buf_cstr(mail), buf_len(mail), 0, false);
    content = content_of(out);
    has(content, part_of_content);
    for (const char *line = buf_cstr(out), *nl; (nl = strchr(line, '\n')) != NULL; line = nl + 1)
        ck_assert_int_le(nl - line, 998);
    buf_free(&mail);
    buf_free(&out);
    buf_free(&content);
}

START_TEST(long_lines_are_folded)
{
    long_lines_go("Subject: x\n\n", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nAAA");
    long_lines_go("Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\nX: y\n\n",
                  "AAAA=\r\nAAAA");
    long_lines_go("Content-Type: image/png\nContent-Transfer-Encoding: base64\nX: y\n\n",
                  "base64\r\n\r\nAAAA");
}
END_TEST

START_TEST(fragile_bytes)
{
    static const char mails[][40] = {"Subject: x\n\nnul \0 inside\n", "Subject: x\n\nbare \r cr\n"};

    for (size_t i = 0; i < 2; i++) {
        size_t len = i == 0 ? 25 : strlen(mails[i]);
        struct buf *out = make(mails[i], len, 0, false), *content = content_of(out);

        has(content, i == 0 ? "nul =00 inside" : "bare =0D cr");
        buf_free(&out);
        buf_free(&content);
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *mail, *sentence;
    } bad[] = {
        {"", "empty"},
        {"Subject: a\rFrom: b\n\nbody\n", "CR that ends no line"},
        {"just words\nno header at all\n", "no header"},
        {"\nbody\n", "no header"},
        {"A: b\nnot a field\n\nbody", "line 2"},
        {"Content-Type: a/b\ncontent-type: a/b\n\n", "two content-type fields"},
    };
    struct signer *s = alice();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf *out = buf_new();
        struct err err = {0};

        ck_assert_int_eq(signed_make(bad[i].mail, strlen(bad[i].mail), 0, false, &s, 1, out, &err),
                         E_MALFORMED);
        ck_assert_msg(strcasestr(err_text(&err), bad[i].sentence) != NULL, "%s", err_text(&err));
        buf_free(&out);
    }
}
END_TEST

START_TEST(one_mime_version)
{
    const char *mail = "Mime-Version: 1.0\nSubject: x\nMIME-Version: 1.0\n\nbody";
    struct buf *out = make(mail, strlen(mail), 0, false);

    starts(out, "Mime-Version: 1.0\nSubject: x\nContent-Type: m");
    buf_free(&out);
    out = make("Subject: x\n\nbody", 16, 0, true);
    starts(out, "Subject: x\nMIME-Version: 1.0\nContent-Type: a");
    buf_free(&out);
}
END_TEST

START_TEST(several_signers_one_micalg_each)
{
    struct signer *signers[] = {
        alice(), signed_signer("rsa2048", "sha256", false), signed_signer("p384", "sha384", false),
    };
    struct buf *out = buf_new(), *content;

    ck_assert_int_eq(signed_make(SAMPLE, strlen(SAMPLE), 0, false, signers, 3, out, NULL), 0);
    has(out, "micalg=\"sha-256,sha-384\"");
    content = content_of(out);
    buf_free(&out);
    buf_free(&content);
}
END_TEST

static const struct {
    const char *type, *digest;
    bool pss;
} keys[] = {
    {"rsa2048", "sha256", false}, {"rsa2048", "sha512", true}, {"p256", "sha256", false},
    {"p384", "sha384", false},    {"p521", "sha512", false},
};

/* OpenSSL 3.0 has no EdDSA in CMS; our own reader has. */
START_TEST(eddsa)
{
    struct signer *s = signed_signer("ed25519", NULL, false);

    for (int opaque = 0; opaque < 2; opaque++) {
        struct buf *out = buf_new(), *content;

        ck_assert_int_eq(signed_make(SAMPLE, strlen(SAMPLE), 0, opaque, &s, 1, out, NULL), 0);
        content = content_of(out);
        buf_free(&out);
        buf_free(&content);
    }
}
END_TEST

/* openssl reads the very mails, with LF and CRLF, and gives their content. */
START_TEST(openssl_accepts)
{
    struct signer *s = signed_signer(keys[_i].type, keys[_i].digest, keys[_i].pss);
    char *crlf = pieces_crlf(SAMPLE);

    pki_write_pem(signed_path("ca.pem"), signed_ca(), false);
    for (int form = 0; form < 4; form++) {
        const char *mail = form & 1 ? crlf : SAMPLE;
        struct buf *out = buf_new(), *content, *theirs;

        ck_assert_int_eq(signed_make(mail, strlen(mail), 0, form & 2, &s, 1, out, NULL), 0);
        content = content_of(out);
        signed_write("m.eml", buf_data(out), buf_len(out));
        ck_assert_msg(signed_shell("openssl cms -verify -in m.eml -CAfile ca.pem -out content") == 0,
                      "openssl refuses form %d", form);
        theirs = signed_load("content");
        pieces_is(theirs, buf_cstr(content));
        buf_free(&out);
        buf_free(&content);
        buf_free(&theirs);
    }
    free(crlf);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail sign");
    TCase *t = tcase_create("sign");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, NULL, signed_remove);
    tcase_add_test(t, clear_keeps_the_mail);
    tcase_add_test(t, opaque_keeps_the_mail);
    tcase_add_loop_test(t, line_ends_follow_the_mail, 0, 2);
    tcase_add_loop_test(t, fragile_parts_are_encoded, 0, sizeof encoded / sizeof *encoded);
    tcase_add_test(t, long_lines_are_folded);
    tcase_add_test(t, fragile_bytes);
    tcase_add_test(t, refusals);
    tcase_add_test(t, one_mime_version);
    tcase_add_test(t, several_signers_one_micalg_each);
    tcase_add_test(t, eddsa);
    tcase_add_loop_test(t, openssl_accepts, 0, sizeof keys / sizeof *keys);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
