/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/io.h"

static struct person everybody[] = {
    { "rsa2048", "rsa-pkcs1-sha256", NULL, NULL },
    { "rsa2048", "rsa-pkcs1-sha512", NULL, NULL },
    { "rsa2048", "rsa-pss-sha256", NULL, NULL },
    { "rsa2048", "rsa-pss-sha384", NULL, NULL },
    { "rsa2048", "rsa-pkcs1-sha3-256", NULL, NULL },
    { "p256", "ecdsa-sha256", NULL, NULL },
    { "p384", "ecdsa-sha384", NULL, NULL },
    { "p521", "ecdsa-sha512", NULL, NULL },
    { "p256", "ecdsa-sha3-256", NULL, NULL },
    { "ed25519", "ed25519", NULL, NULL },
    { "ed448", "ed448", NULL, NULL },
};

size_t
people_count(void)
{
    return sizeof everybody / sizeof *everybody;
}

void
person_make(struct person *p)
{
    struct pki_request request = { .cn = p->scheme, .email = "person@example.org" };

    if (p->key != NULL)
        return;
    /* RSA keys take long: all share one */
    if (p != &everybody[0] && strcmp(p->key_type, everybody[0].key_type) == 0) {
        person_make(&everybody[0]);
        p->key = everybody[0].key;
        EVP_PKEY_up_ref(p->key);
    } else {
        p->key = pki_key(p->key_type);
    }
    p->cert = pki_cert(&request, p->key, NULL, NULL);
}

struct person *
people(size_t i)
{
    person_make(&everybody[i]);
    return &everybody[i];
}

struct person *
person_of(const char *scheme)
{
    for (size_t i = 0; i < people_count(); i++)
        if (strcmp(everybody[i].scheme, scheme) == 0)
            return people(i);
    abort();
}

static int
sign_with_key(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
              struct buf *out, struct err *err)
{
    EVP_PKEY *key = arg;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX *md_ctx = NULL;
    uint8_t sig[1024];
    size_t sig_len = sizeof sig;
    int ok;

    if (scheme->digest == NULL) {
        md_ctx = EVP_MD_CTX_new();
        ok = EVP_DigestSignInit(md_ctx, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(md_ctx, sig, &sig_len, data, len) == 1;
    } else {
        const EVP_MD *md = EVP_get_digestbyname(scheme->digest->ossl);

        if (md == NULL)
            md = EVP_get_digestbynid(scheme->digest->nid);
        ctx = EVP_PKEY_CTX_new(key, NULL);
        ok = EVP_PKEY_sign_init(ctx) == 1;
        if (ok && scheme->padding == ALG_PAD_PSS)
            ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
        ok = ok && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
             EVP_PKEY_sign(ctx, sig, &sig_len, data, len) == 1;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_MD_CTX_free(md_ctx);
    if (!ok)
        return err_set_ossl(err, E_TOKEN, "test key failed");
    return buf_put(out, sig, sig_len);
}

struct cms_signer
person_signer(struct person *p)
{
    person_make(p);
    return (struct cms_signer){ .cert = p->cert, .scheme = alg_sig_by_name(p->scheme),
                                .sign = sign_with_key, .arg = p->key };
}

static int
gather(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    return buf_put(arg, data, len);
}

struct sink
gather_sink(struct buf *b)
{
    return (struct sink){ .write = gather, .arg = b };
}

struct buf *
sign_content(const struct cms_sign_options *options, const void *content, size_t len,
             size_t piece)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_sign *sign = NULL;
    struct err err = { 0 };
    const uint8_t *at = content;

    ck_assert_msg(cms_sign_new(&sign, options, &sink, &err) == 0, "%s", err_text(&err));
    for (size_t left = len; left > 0;) {
        size_t n = piece == 0 || piece > left ? left : piece;

        ck_assert_msg(cms_sign_update(sign, at, n, &err) == 0, "%s", err_text(&err));
        at += n;
        left -= n;
    }
    ck_assert_msg(cms_sign_finish(sign, &err) == 0, "%s", err_text(&err));
    cms_sign_free(&sign);
    return out;
}

static int
feed(struct cms_reader *r, const uint8_t *data, size_t len, size_t split, struct err *err)
{
    int rc = 0;

    /* pieces are copied to exact allocations so that ASan sees any overrun */
    for (size_t at = 0; rc == 0 && at < len;) {
        size_t n = split == SPLIT_BYTES ? 1 : at < split && split < len ? split - at : len - at;
        uint8_t *piece = malloc(n);

        memcpy(piece, data + at, n);
        rc = cms_reader_update(r, piece, n, err);
        free(piece);
        at += n;
    }
    return rc;
}

struct reading
read_with(const void *data, size_t len, size_t split, const struct cms_digests *digests,
          const STACK_OF(X509) *certs, const struct cms_reader_options *given)
{
    struct reading r = { .content = buf_new() };
    struct cms_reader_options options = { 0 };
    struct cms_verify_options verify = { .content = digests, .certs = certs };

    if (given != NULL)
        options = *given;
    options.content = gather_sink(r.content);
    r.rc = cms_reader_new(&r.reader, &options, &r.err);
    if (r.rc == 0)
        r.rc = feed(r.reader, data, len, split, &r.err);
    if (r.rc == 0)
        r.rc = cms_reader_finish(r.reader, &r.err);
    if (r.rc == 0)
        r.rc = cms_verify(r.reader, &verify, &r.result, &r.err);
    return r;
}

struct reading
read_message(const void *data, size_t len, size_t split, const void *detached,
             size_t detached_len)
{
    struct cms_digests *digests = detached == NULL ? NULL : digests_of(detached, detached_len);
    struct reading r = read_with(data, len, split, digests, NULL, NULL);

    cms_digests_free(&digests);
    return r;
}

void
reading_clear(struct reading *r)
{
    cms_reader_free(&r->reader);
    buf_free(&r->content);
    r->result = NULL;
}

struct cms_digests *
digests_of(const void *content, size_t len)
{
    struct cms_digests *digests = NULL;

    ck_assert_int_eq(cms_digests_new(&digests, NULL), 0);
    for (size_t i = 0; alg_digest_at(i) != NULL; i++)
        ck_assert_int_eq(cms_digests_add(digests, alg_digest_at(i), NULL), 0);
    ck_assert_int_eq(cms_digests_add(digests, cms_digest_by_nid(NID_shake256), NULL), 0);
    ck_assert_int_eq(cms_digests_update(digests, content, len, NULL), 0);
    return digests;
}

void
fill_pairs(uint8_t *out, size_t len, uint8_t a, uint8_t b)
{
    for (size_t i = 0; i < len; i += 2) {
        out[i] = a;
        out[i + 1] = b;
    }
}

int
shell(const char *fmt, ...)
{
    char command[4096];
    va_list ap;
    int status;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *
scratch_make(void)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = NULL;

    ck_assert_int_gt(asprintf(&dir, "%s/cms-XXXXXX", tmp == NULL ? "/tmp" : tmp), 0);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    return dir;
}

void
scratch_remove(char *dir)
{
    ck_assert_int_eq(shell("rm -rf '%s'", dir), 0);
    free(dir);
}

void
write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

struct buf *
read_file(const char *path)
{
    struct buf *b = buf_new();
    struct err err = { 0 };

    ck_assert_msg(io_read_file(path, BUF_MAX, b, &err) == 0, "%s", err_text(&err));
    return b;
}

char *
vector_path(const char *name)
{
    const char *base = getenv("SIGNET_VECTORS");
    char *path = NULL;

    if (base == NULL || *base == '\0')
        base = SIGNET_SOURCE_ROOT "/../shared/vectors";
    if (asprintf(&path, "%s/%s", base, name) < 0)
        abort();
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

int
run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
