/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What we sign, judged by ourselves, by libcrypto's CMS and by the openssl program. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

static const char text[] = "Content-Type: text/plain\r\n\r\nThe quick brown fox.\r\n";
#define TEXT_LEN (sizeof text - 1)

/* The ways a message can be made. */
struct shape {
    const char *name;
    bool detached, no_attributes, ski, no_certs, known_size;
    time_t when;
};

static const struct shape shapes[] = {
    { .name = "detached", .detached = true },
    { .name = "opaque DER", .known_size = true },
    { .name = "opaque BER" },
    { .name = "named by SKI", .ski = true, .known_size = true },
    { .name = "without attributes", .no_attributes = true },
    { .name = "without attributes, detached", .no_attributes = true, .detached = true },
    { .name = "without certificates", .no_certs = true },
    { .name = "without time", .when = CMS_TIME_NONE, .detached = true },
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static struct buf *
make(const struct shape *shape, struct person *p, const void *content, size_t len, size_t piece)
{
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = {
        .signers = &signer, .count = 1, .detached = shape->detached,
        .content_size = shape->known_size ? (int64_t)len : -1,
        .signing_time = shape->when, .no_attributes = shape->no_attributes,
        .no_certs = shape->no_certs,
    };

    signer.ski = shape->ski;
    return sign_content(&options, content, len, piece);
}

static bool
cannot(const struct shape *shape, const struct person *p)
{
    return shape->no_attributes && alg_sig_by_name(p->scheme)->digest == NULL;
}

/* libcrypto 3.0's CMS gives EdDSA keys a digest, which they refuse. */
static bool
peer_cannot(const struct person *p)
{
    return alg_sig_by_name(p->scheme)->digest == NULL;
}

static void
assert_intact(const struct reading *r, const struct shape *shape, const struct person *p,
              const void *content, size_t len)
{
    const struct cms_signature *s;

    ck_assert_msg(r->rc == 0, "%s, %s: %s", shape->name, p->scheme, err_text(&r->err));
    ck_assert_uint_eq(r->result->count, 1);
    s = &r->result->signatures[0];
    ck_assert_msg(s->state == CMS_INTACT, "%s, %s: %s: %s", shape->name, p->scheme,
                  cms_state_word(s->state), s->reason);
    ck_assert_ptr_null(s->problems[0]);
    ck_assert(!s->weak);
    ck_assert_int_eq(X509_cmp(s->cert, p->cert), 0);
    ck_assert_ptr_eq(s->scheme, alg_sig_by_name(p->scheme));
    ck_assert_str_eq(s->algorithm, p->scheme);
    ck_assert_ptr_eq(s->digest, cms_scheme_digest(s->scheme));
    ck_assert(s->has_attributes != shape->no_attributes);
    ck_assert(s->has_signing_time ==
              (!shape->no_attributes && shape->when != CMS_TIME_NONE));
    ck_assert(r->result->detached == shape->detached);
    ck_assert_int_eq(r->result->content_type, NID_pkcs7_data);
    ck_assert_int_eq(sk_X509_num(r->result->certs), shape->no_certs ? 0 : 1);
    if (shape->detached)
        return;
    ck_assert_uint_eq(buf_len(r->content), len);
    ck_assert(len == 0 || memcmp(buf_data(r->content), content, len) == 0);
}

static struct reading
read_own(const struct buf *message, const struct shape *shape, const struct person *p,
         const void *content, size_t len, size_t split)
{
    struct cms_digests *digests = shape->detached ? digests_of(content, len) : NULL;
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct reading r;

    sk_X509_push(certs, p->cert);
    r = read_with(buf_data(message), buf_len(message), split, digests, certs, NULL);
    sk_X509_free(certs);
    cms_digests_free(&digests);
    return r;
}

START_TEST(we_read_what_we_write)
{
    struct person *p = people((size_t)_i);

    for (size_t i = 0; i < SHAPES; i++) {
        struct buf *message;
        struct reading r;

        if (cannot(&shapes[i], p))
            continue;
        message = make(&shapes[i], p, text, TEXT_LEN, 0);
        r = read_own(message, &shapes[i], p, text, TEXT_LEN, buf_len(message));
        assert_intact(&r, &shapes[i], p, text, TEXT_LEN);
        reading_clear(&r);
        r = read_own(message, &shapes[i], p, text, TEXT_LEN, SPLIT_BYTES);
        assert_intact(&r, &shapes[i], p, text, TEXT_LEN);
        reading_clear(&r);
        buf_free(&message);
    }
}
END_TEST

START_TEST(every_split_point)
{
    struct person *p = person_of("ecdsa-sha256");
    const struct shape *shape = &shapes[_i];
    struct buf *message = make(shape, p, text, TEXT_LEN, 7);

    for (size_t split = 0; split <= buf_len(message); split++) {
        struct reading r = read_own(message, shape, p, text, TEXT_LEN, split);

        assert_intact(&r, shape, p, text, TEXT_LEN);
        reading_clear(&r);
    }
    buf_free(&message);
}
END_TEST

START_TEST(encoding_is_what_was_promised)
{
    struct person *rsa = person_of("rsa-pss-sha256"), *ec = person_of("ecdsa-sha384");
    const struct {
        const struct shape *shape;
        struct person *person;
        bool ber;
    } cases[] = {
        { &shapes[0], rsa, false }, { &shapes[0], ec, false }, { &shapes[1], rsa, false },
        { &shapes[1], ec, true },   { &shapes[2], rsa, true }, { &shapes[2], ec, true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf *m = make(cases[i].shape, cases[i].person, text, TEXT_LEN, 0);
        struct reading r = read_own(m, cases[i].shape, cases[i].person, text, TEXT_LEN,
                                    buf_len(m));

        assert_intact(&r, cases[i].shape, cases[i].person, text, TEXT_LEN);
        ck_assert_msg(r.result->is_ber == cases[i].ber, "%s", cases[i].shape->name);
        ck_assert(cms_reader_is_ber(r.reader) == cases[i].ber);
        reading_clear(&r);
        buf_free(&m);
    }
}
END_TEST

static void
libcrypto_verifies(const struct buf *message, const struct shape *shape, const struct person *p,
                   const void *content, size_t len)
{
    const uint8_t *at = buf_data(message);
    BIO *in = BIO_new_mem_buf(at, (int)buf_len(message)), *out = BIO_new(BIO_s_mem());
    BIO *detached = shape->detached ? BIO_new_mem_buf(content, (int)len) : NULL;
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    STACK_OF(X509) *certs = sk_X509_new_null();
    char *got;
    int rc;

    sk_X509_push(certs, p->cert);
    ck_assert_ptr_nonnull(cms);
    rc = CMS_verify(cms, certs, NULL, detached, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY);
    ck_assert_msg(rc == 1, "%s, %s: %s", shape->name, p->scheme,
                  ERR_reason_error_string(ERR_peek_last_error()));
    ck_assert_int_eq(BIO_get_mem_data(out, &got), (long)len);
    ck_assert(len == 0 || memcmp(got, content, len) == 0);
    sk_X509_free(certs);
    CMS_ContentInfo_free(cms);
    BIO_free(detached);
    BIO_free(out);
    BIO_free(in);
}

START_TEST(libcrypto_accepts)
{
    struct person *p = people((size_t)_i);

    for (size_t i = 0; i < SHAPES; i++) {
        struct buf *message;

        if (cannot(&shapes[i], p) || peer_cannot(p))
            continue;
        message = make(&shapes[i], p, text, TEXT_LEN, 0);
        libcrypto_verifies(message, &shapes[i], p, text, TEXT_LEN);
        buf_free(&message);
    }
}
END_TEST

START_TEST(openssl_program_accepts)
{
    struct person *p = people((size_t)_i);
    char *dir = scratch_make(), path[4096];

    snprintf(path, sizeof path, "%s/cert.pem", dir);
    pki_write_pem(path, p->cert, false);
    write_file(dir, "content", text, TEXT_LEN);
    for (size_t i = 0; i < SHAPES; i++) {
        struct buf *message;

        if (cannot(&shapes[i], p) || peer_cannot(p))
            continue;
        message = make(&shapes[i], p, text, TEXT_LEN, 0);
        write_file(dir, "message", buf_data(message), buf_len(message));
        ck_assert_int_eq(shell("cd '%s' && openssl cms -verify -binary -inform DER -in message "
                               "-noverify -certfile cert.pem -out out %s 2>log || "
                               "{ cat log; false; }", dir,
                               shapes[i].detached ? "-content content" : ""), 0);
        ck_assert_int_eq(shell("cmp -s '%s/content' '%s/out'", dir, dir), 0);
        buf_free(&message);
    }
    scratch_remove(dir);
}
END_TEST

/* Sizes around the segments, pieces of any size: what comes back is what went in. */
START_TEST(content_of_any_size)
{
    static const size_t sizes[] = { 0, 1, 127, 128, 65535, 65536, 65537, 200000 };
    static const size_t pieces[] = { 0, 1, 1000, 65536, 70000 };
    struct person *p = person_of("ecdsa-sha256");
    size_t len = sizes[_i];
    uint8_t *content = malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        content[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            struct buf *message = make(&shapes[s], p, content, len, pieces[i]);
            struct reading r = read_own(message, &shapes[s], p, content, len, 100);

            assert_intact(&r, &shapes[s], p, content, len);
            ck_assert_uint_eq(r.result->content_size, shapes[s].detached ? 0 : len);
            libcrypto_verifies(message, &shapes[s], p, content, len);
            reading_clear(&r);
            buf_free(&message);
        }
    free(content);
}
END_TEST

START_TEST(several_signers)
{
    struct cms_signer signers[] = {
        person_signer(person_of("rsa-pkcs1-sha256")), person_signer(person_of("ecdsa-sha384")),
        person_signer(person_of("ecdsa-sha512")), person_signer(person_of("rsa-pss-sha256")),
    };
    struct cms_sign_options options = { .signers = signers, .count = 4, .content_size = -1 };
    struct buf *message = sign_content(&options, text, TEXT_LEN, 10);
    struct reading r = read_message(buf_data(message), buf_len(message), 100, NULL, 0);

    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(r.result->count, 4);
    ck_assert_int_eq(sk_X509_num(r.result->certs), 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(r.result->signatures[i].state == CMS_INTACT, "%s",
                      r.result->signatures[i].reason);
    libcrypto_verifies(message, &shapes[2], person_of("ecdsa-sha512"), text, TEXT_LEN);
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

START_TEST(attributes_are_listed)
{
    static const char *const oids[] = {
        "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5",
        "1.2.840.113549.1.9.52", "1.2.840.113549.1.9.16.2.47",
    };
    const struct shape *shape = &shapes[1];
    struct buf *m = make(shape, person_of("ed25519"), text, TEXT_LEN, 0);
    struct reading r = read_message(buf_data(m), buf_len(m), 0, NULL, 0);
    const struct cms_signature *s = &r.result->signatures[0];

    ck_assert_uint_eq(s->attribute_count, sizeof oids / sizeof *oids);
    for (size_t i = 0; i < s->attribute_count; i++) {
        bool found = false;

        for (size_t j = 0; j < s->attribute_count; j++)
            found |= strcmp(s->attributes[j].oid, oids[i]) == 0;
        ck_assert_msg(found, "%s is missing", oids[i]);
        ck_assert(s->attributes[i].is_signed);
        ck_assert_uint_eq(s->attributes[i].der[0], 0x31);
        ck_assert_uint_gt(strlen(s->attributes[i].name), 0);
    }
    ck_assert_int_le(labs((long)(s->signing_time - time(NULL))), 60);
    reading_clear(&r);
    buf_free(&m);
}
END_TEST

START_TEST(certificates_alone)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_sign_options options = { .certs = certs };
    struct buf *message;
    struct reading r;

    sk_X509_push(certs, person_of("ed25519")->cert);
    sk_X509_push(certs, person_of("ecdsa-sha256")->cert);
    sk_X509_push(certs, person_of("ed25519")->cert);
    message = sign_content(&options, NULL, 0, 0);
    r = read_message(buf_data(message), buf_len(message), 20, NULL, 0);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_uint_eq(r.result->count, 0);
    ck_assert_int_eq(sk_X509_num(r.result->certs), 2);
    ck_assert(!r.result->is_ber);
    reading_clear(&r);
    buf_free(&message);
    sk_X509_free(certs);
}
END_TEST

static int
sign_garbage(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
             struct buf *out, struct err *err)
{
    static const uint8_t zeroes[257];

    (void)scheme, (void)data, (void)len, (void)err;
    return buf_put(out, zeroes, *(size_t *)arg);
}

static int
sign_refused(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
             struct buf *out, struct err *err)
{
    (void)arg, (void)scheme, (void)data, (void)len, (void)out;
    return err_set(err, E_PIN_CANCELLED, "PIN entry cancelled");
}

static int
try_finish(const struct cms_signer *signer, struct buf *out, struct err *err)
{
    struct cms_sign_options options = { .signers = signer, .count = 1, .detached = true };
    struct sink sink = gather_sink(out);
    struct cms_sign *s = NULL;
    int rc = cms_sign_new(&s, &options, &sink, err);

    if (rc == 0)
        rc = cms_sign_update(s, text, TEXT_LEN, err);
    if (rc == 0)
        rc = cms_sign_finish(s, err);
    cms_sign_free(&s);
    return rc;
}

START_TEST(a_bad_token_writes_nothing)
{
    size_t sizes[] = { 0, 255, 256, 257 };
    struct buf *out = buf_new();
    struct err err = { 0 };

    for (size_t i = 0; i < 4; i++) {
        struct cms_signer signer = person_signer(person_of("rsa-pkcs1-sha256"));

        signer.sign = sign_garbage;
        signer.arg = &sizes[i];
        ck_assert_int_eq(try_finish(&signer, out, &err), E_TOKEN);
        ck_assert_uint_eq(buf_len(out), 0);
        signer.sign = sign_refused;
        ck_assert_int_eq(try_finish(&signer, out, &err), E_PIN_CANCELLED);
        ck_assert_str_eq(err.text, "PIN entry cancelled");
        ck_assert_uint_eq(buf_len(out), 0);
        /* another person's key */
        signer = person_signer(person_of("ecdsa-sha256"));
        signer.cert = person_of("ecdsa-sha3-256")->cert;
        ck_assert_int_eq(try_finish(&signer, out, &err), E_TOKEN);
    }
    buf_free(&out);
}
END_TEST

START_TEST(wrong_and_weak_are_refused)
{
    struct person weak = { "rsa1024", "rsa-pkcs1-sha256", NULL, NULL };
    struct cms_signer signer = person_signer(&weak);
    struct buf *out = buf_new();
    struct err err = { 0 };

    ck_assert_int_eq(try_finish(&signer, out, &err), E_WEAK);
    signer = person_signer(person_of("rsa-pkcs1-sha256"));
    signer.scheme = alg_sig_by_name("rsa-pkcs1-sha1");
    ck_assert_int_eq(try_finish(&signer, out, &err), E_WEAK);
    signer.scheme = alg_sig_by_name("ecdsa-sha256");
    ck_assert_int_eq(try_finish(&signer, out, &err), E_USAGE);
    ck_assert_uint_eq(buf_len(out), 0);
    buf_free(&out);
    EVP_PKEY_free(weak.key);
    X509_free(weak.cert);
}
END_TEST

START_TEST(announced_size_is_held_to)
{
    struct cms_signer signer = person_signer(person_of("ed25519"));
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = 10 };
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_sign *s = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_sign_new(&s, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_sign_update(s, text, 9, &err), 0);
    ck_assert_int_eq(cms_sign_finish(s, &err), E_USAGE);
    cms_sign_free(&s);
    ck_assert_int_eq(cms_sign_new(&s, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_sign_update(s, text, 9, &err), 0);
    ck_assert_int_eq(cms_sign_update(s, text, 2, &err), E_USAGE);
    ck_assert_int_eq(cms_sign_update(s, text, 1, &err), E_USAGE);
    cms_sign_free(&s);
    cms_sign_free(&s);
    buf_free(&out);
}
END_TEST

static int
full_disk(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    size_t *left = arg;

    (void)data;
    if (len > *left)
        return err_set(err, E_OUTPUT, "no space");
    *left -= len;
    return 0;
}

START_TEST(a_full_disk_comes_back)
{
    struct cms_signer signer = person_signer(person_of("ed25519"));
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };

    for (size_t room = 0; room < 600; room++) {
        size_t left = room;
        struct sink sink = { .write = full_disk, .arg = &left };
        struct cms_sign *s = NULL;
        struct err err = { 0 };
        int rc = cms_sign_new(&s, &options, &sink, &err);

        ck_assert_int_eq(rc, 0);
        rc = cms_sign_update(s, text, TEXT_LEN, &err);
        if (rc == 0)
            rc = cms_sign_finish(s, &err);
        ck_assert_int_eq(rc, E_OUTPUT);
        ck_assert_str_eq(err.text, "no space");
        cms_sign_free(&s);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-sign");
    TCase *tc = tcase_create("sign");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, we_read_what_we_write, 0, (int)people_count());
    tcase_add_loop_test(tc, every_split_point, 0, (int)SHAPES);
    tcase_add_test(tc, encoding_is_what_was_promised);
    tcase_add_loop_test(tc, libcrypto_accepts, 0, (int)people_count());
    tcase_add_loop_test(tc, openssl_program_accepts, 0, (int)people_count());
    tcase_add_loop_test(tc, content_of_any_size, 0, 8);
    tcase_add_test(tc, several_signers);
    tcase_add_test(tc, attributes_are_listed);
    tcase_add_test(tc, certificates_alone);
    tcase_add_test(tc, a_bad_token_writes_nothing);
    tcase_add_test(tc, wrong_and_weak_are_refused);
    tcase_add_test(tc, announced_size_is_held_to);
    tcase_add_test(tc, a_full_disk_comes_back);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
