/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signers added to messages of ours and of the openssl program's. */
#include "tests/cms/resign_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "cms/ber.h"

static const char text[] = "First this one signed, then that one.\r\n";
#define TEXT_LEN (sizeof text - 1)

static struct person *
first(void)
{
    return person_of("rsa-pkcs1-sha256");
}

static struct buf *
add_to(const struct buf *m, enum resign_form form, struct person *p, size_t split)
{
    struct cms_digests *digests = form == RESIGN_DETACHED ? digests_of(text, TEXT_LEN) : NULL;
    struct buf *out = addsign(m, p, digests, split);

    cms_digests_free(&digests);
    return out;
}

static void
assert_all_intact(const struct buf *m, enum resign_form form, size_t split, size_t count)
{
    struct reading r = read_message(buf_data(m), buf_len(m), split,
                                    form == RESIGN_DETACHED ? text : NULL, TEXT_LEN);

    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(r.result->count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(r.result->signatures[i].state == CMS_INTACT, "%zu: %s", i,
                      r.result->signatures[i].reason);
    ck_assert(r.result->is_ber == (form != RESIGN_DETACHED));
    ck_assert_uint_eq(buf_len(r.content), form == RESIGN_DETACHED ? 0 : TEXT_LEN);
    reading_clear(&r);
}

/* Every SignerInfo of one message is in the other as it was. */
static void
assert_kept(const struct buf *before, const struct buf *after)
{
    size_t len, after_len, at = 0;
    const uint8_t *infos = signer_infos_view(before, &len);
    const uint8_t *now = signer_infos_view(after, &after_len);

    while (at < len) {
        struct ber_header h;
        size_t size;

        ck_assert_int_eq(ber_read_header(infos + at, len - at, &h), 1);
        size = h.size + (size_t)h.length;
        ck_assert_ptr_nonnull(memmem(now, after_len, infos + at, size));
        at += size;
    }
    ck_assert_uint_gt(after_len, len);
}

START_TEST(anybody_is_added_to_any_form)
{
    struct person *p = people((size_t)_i);

    for (enum resign_form form = 0; form < RESIGN_FORMS; form++) {
        struct buf *m = resign_message(form, first(), text, TEXT_LEN);
        struct buf *two = add_to(m, form, p, 55), *three = add_to(two, form,
                                                                 person_of("ecdsa-sha384"), 0);

        assert_all_intact(two, form, buf_len(two), 2);
        assert_all_intact(two, form, SPLIT_BYTES, 2);
        assert_all_intact(three, form, 20, 3);
        assert_kept(m, two);
        assert_kept(two, three);
        if (alg_sig_by_name(p->scheme)->digest != NULL)
            resign_libcrypto_accepts(three, form == RESIGN_DETACHED, text, TEXT_LEN);
        buf_free(&m);
        buf_free(&two);
        buf_free(&three);
    }
}
END_TEST

START_TEST(every_split_point)
{
    enum resign_form form = (enum resign_form)_i;
    struct person *p = person_of("rsa-pkcs1-sha512");
    struct buf *m = resign_message(form, first(), text, TEXT_LEN), *out;
    struct buf *whole = add_to(m, form, p, buf_len(m));

    out = add_to(m, form, p, SPLIT_BYTES);
    ck_assert_uint_eq(buf_len(out), buf_len(whole));
    ck_assert_mem_eq(buf_data(out), buf_data(whole), buf_len(whole));
    buf_free(&out);
    for (size_t split = 0; split <= buf_len(m); split += 5) {
        out = add_to(m, form, p, split);
        ck_assert_uint_eq(buf_len(out), buf_len(whole));
        ck_assert_mem_eq(buf_data(out), buf_data(whole), buf_len(whole));
        buf_free(&out);
    }
    for (size_t split = 0; split <= buf_len(whole); split++)
        assert_all_intact(whole, form, split, 2);
    buf_free(&whole);
    buf_free(&m);
}
END_TEST

/* A message whose content is in one string keeps it so, a long one passes in segments. */
START_TEST(long_content_passes)
{
    size_t len = 300000;
    uint8_t *content = malloc(len);

    for (size_t i = 0; i < len; i++)
        content[i] = (uint8_t)(i * 31 >> 4);
    for (enum resign_form form = RESIGN_DER; form < RESIGN_FORMS; form++) {
        struct buf *m = resign_message(form, first(), content, len);
        struct buf *out = addsign(m, person_of("ecdsa-sha512"), NULL, 70001);
        struct buf *bytes = addsign(m, person_of("ed448"), NULL, SPLIT_BYTES);

        resign_libcrypto_accepts(out, false, content, len);
        /* in segments of 64 kB, however small the pieces were */
        ck_assert_uint_lt(buf_len(bytes), len + 8000);
        ck_assert((memmem(buf_data(out), buf_len(out), content, len) != NULL) ==
                  (form == RESIGN_DER));
        buf_free(&m);
        buf_free(&out);
        buf_free(&bytes);
    }
    free(content);
}
END_TEST

START_TEST(several_at_once_and_what_they_bring)
{
    struct cms_signer signers[] = { person_signer(person_of("ed25519")),
                                    person_signer(person_of("ecdsa-sha256")),
                                    person_signer(first()) };
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct cms_addsign_options options = { .signers = signers, .count = 3, .certs = chain };
    struct buf *m = resign_message(RESIGN_BER, first(), text, TEXT_LEN), *out = buf_new();
    struct err err = { 0 };
    struct reading r;

    signers[1].ski = true;
    sk_X509_push(chain, person_of("ed448")->cert);
    ck_assert_int_eq(addsign_try(&options, buf_data(m), buf_len(m), 0, out, &err), 0);
    r = read_message(buf_data(out), buf_len(out), 0, NULL, 0);
    ck_assert_uint_eq(r.result->count, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(r.result->signatures[i].state, CMS_INTACT);
    ck_assert_ptr_nonnull(r.result->signatures[2].ski);
    /* the first signer's certificate was there, the others' and the chain came */
    ck_assert_int_eq(sk_X509_num(r.result->certs), 4);
    /* named by SKI: version 3 */
    ck_assert_ptr_nonnull(memmem(buf_data(out), 40, "\x02\x01\x03", 3));
    reading_clear(&r);
    sk_X509_free(chain);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

START_TEST(certificates_alone_become_signed)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_sign_options options = { .certs = certs };
    struct buf *m, *out;

    sk_X509_push(certs, person_of("ed448")->cert);
    m = sign_content(&options, NULL, 0, 0);
    out = add_to(m, RESIGN_DETACHED, first(), 0);
    assert_all_intact(out, RESIGN_DETACHED, 0, 1);
    resign_libcrypto_accepts(out, true, text, TEXT_LEN);
    sk_X509_free(certs);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

static int
never_asked(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
            struct buf *out, struct err *err)
{
    (void)arg, (void)scheme, (void)data, (void)len, (void)out;
    ck_abort_msg("the key was asked");
    return err_set(err, E_TOKEN, "asked");
}

START_TEST(bad_input_is_refused)
{
    struct cms_signer signer = person_signer(first());
    struct cms_digests *digests = digests_of(text, TEXT_LEN);
    struct cms_addsign_options options = { .signers = &signer, .count = 1 };
    struct buf *opaque = resign_message(RESIGN_BER, first(), text, TEXT_LEN);
    struct buf *apart = resign_message(RESIGN_DETACHED, first(), text, TEXT_LEN);
    struct buf *out = buf_new();
    struct err err = { 0 };

    signer.sign = never_asked;
    ck_assert_int_eq(addsign_try(&options, buf_data(apart), buf_len(apart), 0, out, &err),
                     E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.text, "without its content"));
    ck_assert_uint_eq(buf_len(out), 0);
    options.content = digests;
    ck_assert_int_eq(addsign_try(&options, buf_data(opaque), buf_len(opaque), 0, out, &err),
                     E_USAGE);
    for (size_t len = 0; len < buf_len(apart); len++)
        ck_assert_int_eq(addsign_try(&options, buf_data(apart), len, 0, out, &err),
                         E_TRUNCATED);
    ck_assert_int_eq(buf_put(apart, "\n", 1), 0);
    ck_assert_int_eq(addsign_try(&options, buf_data(apart), buf_len(apart), 0, out, &err),
                     E_MALFORMED);
    ck_assert_int_eq(addsign_try(&options, "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
                                 13, 0, out, &err), E_UNSUPPORTED);
    options.count = 0;
    ck_assert_int_eq(addsign_try(&options, buf_data(apart), buf_len(apart), 0, out, &err),
                     E_USAGE);
    cms_digests_free(&digests);
    buf_free(&apart);
    buf_free(&opaque);
    buf_free(&out);
}
END_TEST

/* A message is over one content: with another no key is asked. */
START_TEST(another_content_is_refused)
{
    static const char other[] = "Second this one signed, then that one.\r\n";
    enum resign_form form = (enum resign_form)_i;
    struct buf *m = resign_message(form, first(), text, TEXT_LEN), *out = buf_new();
    struct cms_digests *digests = form == RESIGN_DETACHED ? digests_of(other, sizeof other - 1)
                                                          : NULL;
    struct cms_signer signer = person_signer(person_of("ecdsa-sha384"));
    struct cms_addsign_options options = { .signers = &signer, .count = 1, .content = digests };
    struct err err = { 0 };

    signer.sign = never_asked;
    if (form != RESIGN_DETACHED)
        memcpy(memmem(buf_mutable(m), buf_len(m), text, TEXT_LEN), "Worst", 5);
    ck_assert_int_eq(addsign_try(&options, buf_data(m), buf_len(m), 0, out, &err), E_ALTERED);
    ck_assert_ptr_nonnull(strstr(err.text, "signer 0"));
    ck_assert_ptr_nonnull(strstr(err.text, "another content"));
    cms_digests_free(&digests);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

/* A detached signer whose digest was not taken is not looked at, but does not hinder. */
START_TEST(a_signer_of_an_unknown_digest_is_passed_over)
{
    struct buf *m = resign_message(RESIGN_DETACHED, person_of("rsa-pkcs1-sha512"), text, TEXT_LEN);
    struct cms_digests *digests = NULL;
    struct buf *out;

    ck_assert_int_eq(cms_digests_new(&digests, NULL), 0);
    ck_assert_int_eq(cms_digests_add(digests, alg_digest_by_name("sha384"), NULL), 0);
    ck_assert_int_eq(cms_digests_update(digests, text, TEXT_LEN, NULL), 0);
    out = addsign(m, person_of("ecdsa-sha384"), digests, 0);
    assert_all_intact(out, RESIGN_DETACHED, 0, 2);
    cms_digests_free(&digests);
    buf_free(&m);
    buf_free(&out);
}
END_TEST

/* Keys, certificates and content in files, and a message of the openssl program's. */
static char *
peer_folder(const char *sign_options)
{
    char *dir = scratch_make(), path[4096];
    struct person *them[] = { first(), person_of("ecdsa-sha256") };

    for (size_t i = 0; i < 2; i++) {
        FILE *f;

        snprintf(path, sizeof path, "%s/cert%zu.pem", dir, i);
        pki_write_pem(path, them[i]->cert, false);
        snprintf(path, sizeof path, "%s/key%zu.pem", dir, i);
        f = fopen(path, "w");
        ck_assert_int_eq(PEM_write_PrivateKey(f, them[i]->key, NULL, NULL, 0, NULL, NULL), 1);
        fclose(f);
    }
    write_file(dir, "content", text, TEXT_LEN);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -sign -binary -in content -outform DER "
                           "-signer cert0.pem -inkey key0.pem -out message %s", dir,
                           sign_options), 0);
    return dir;
}

static struct buf *
read_in(const char *dir, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_file(path);
}

static const struct {
    const char *sign;       /* options of the peer */
    const char *verify;
    enum resign_form form;
} peers[] = {
    { "", "-content content", RESIGN_DETACHED },
    { "-nodetach", "", RESIGN_DER },
    { "-nodetach -stream", "", RESIGN_BER },
    { "-nodetach -keyid", "", RESIGN_DER },
    { "-nodetach -noattr", "", RESIGN_DER },
};

START_TEST(a_message_of_the_openssl_program)
{
    char *dir = peer_folder(peers[_i].sign);
    struct buf *m = read_in(dir, "message");
    struct buf *out = add_to(m, peers[_i].form, person_of("ecdsa-sha384"), 33);

    assert_all_intact(out, peers[_i].form, SPLIT_BYTES, 2);
    write_file(dir, "two", buf_data(out), buf_len(out));
    ck_assert_int_eq(shell("cd '%s' && openssl cms -verify -binary -noverify -inform DER -in two "
                           "-out out %s 2>log && cmp content out || { cat log; false; }", dir,
                           peers[_i].verify), 0);
    buf_free(&m);
    buf_free(&out);
    scratch_remove(dir);
}
END_TEST

/* The openssl program adds to ours, and to its own what we add, too: in DER both give
 * the same but for the SignerInfo that is new. */
START_TEST(as_openssl_resign)
{
    char *dir = peer_folder("");
    struct person *p = person_of("ecdsa-sha256");
    struct buf *m = read_in(dir, "message"), *theirs, *ours, *mixed;
    struct reading a, b;

    ck_assert_int_eq(shell("cd '%s' && openssl cms -resign -binary -inform DER -in message "
                           "-content content -outform DER -signer cert1.pem -inkey key1.pem "
                           "-md sha256 -out theirs", dir), 0);
    theirs = read_in(dir, "theirs");
    ours = add_to(m, RESIGN_DETACHED, p, 0);
    assert_all_intact(theirs, RESIGN_DETACHED, 0, 2);
    assert_all_intact(ours, RESIGN_DETACHED, 0, 2);
    assert_kept(m, theirs);
    assert_kept(m, ours);
    a = read_message(buf_data(theirs), buf_len(theirs), 0, text, TEXT_LEN);
    b = read_message(buf_data(ours), buf_len(ours), 0, text, TEXT_LEN);
    ck_assert_int_eq(sk_X509_num(a.result->certs), sk_X509_num(b.result->certs));
    for (int i = 0; i < sk_X509_num(a.result->certs); i++)
        ck_assert_int_eq(X509_cmp(sk_X509_value(a.result->certs, i),
                                  sk_X509_value(b.result->certs, i)), 0);
    reading_clear(&a);
    reading_clear(&b);
    /* the peer wants no signer whose certificate is there */
    buf_free(&ours);
    ours = add_to(m, RESIGN_DETACHED, person_of("ecdsa-sha384"), 0);
    write_file(dir, "ours", buf_data(ours), buf_len(ours));
    ck_assert_int_eq(shell("cd '%s' && openssl cms -resign -binary -inform DER -in ours "
                           "-content content -outform DER -signer cert1.pem -inkey key1.pem "
                           "-out mixed", dir), 0);
    mixed = read_in(dir, "mixed");
    assert_all_intact(mixed, RESIGN_DETACHED, SPLIT_BYTES, 3);
    buf_free(&m);
    buf_free(&theirs);
    buf_free(&ours);
    buf_free(&mixed);
    scratch_remove(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-addsign");
    TCase *tc = tcase_create("addsign");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, anybody_is_added_to_any_form, 0, (int)people_count());
    tcase_add_loop_test(tc, every_split_point, 0, RESIGN_FORMS);
    tcase_add_test(tc, long_content_passes);
    tcase_add_test(tc, several_at_once_and_what_they_bring);
    tcase_add_test(tc, certificates_alone_become_signed);
    tcase_add_test(tc, bad_input_is_refused);
    tcase_add_loop_test(tc, another_content_is_refused, 0, RESIGN_FORMS);
    tcase_add_test(tc, a_signer_of_an_unknown_digest_is_passed_over);
    tcase_add_loop_test(tc, a_message_of_the_openssl_program, 0,
                        (int)(sizeof peers / sizeof *peers));
    tcase_add_test(tc, as_openssl_resign);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
