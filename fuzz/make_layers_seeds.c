/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the seeds of fuzz_layers.c: make-layers-seeds fuzz/seeds/cms-layers. */
#include <stdio.h>

#include <openssl/objects.h>

#include "fuzz/kit.h"

#define CONTENT "some content of mine"

static struct buf *
sign(const struct buf *content, int type, bool ber)
{
    struct cms_signer signer = fuzz_signer(FUZZ_ED25519);
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_type = type,
                                        .signing_time = 1700000000,
                                        .content_size = ber ? -1 : (int64_t)buf_len(content) };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_sign *s = NULL;

    fuzz_assert(cms_sign_new(&s, &options, &sink, NULL) == 0);
    fuzz_assert(cms_sign_update(s, buf_data(content), buf_len(content), NULL) == 0);
    fuzz_assert(cms_sign_finish(s, NULL) == 0);
    cms_sign_free(&s);
    return out;
}

static struct buf *
encrypt_with(const struct cms_encrypt_options *options, const struct buf *content)
{
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_encrypt *e = NULL;

    fuzz_assert(cms_encrypt_new(&e, options, &sink, NULL) == 0);
    fuzz_assert(cms_encrypt_update(e, buf_data(content), buf_len(content), NULL) == 0);
    fuzz_assert(cms_encrypt_finish(e, NULL) == 0);
    cms_encrypt_free(&e);
    return out;
}

static struct cms_to
to_kek(void)
{
    static struct secret *kek;

    if (kek == NULL)
        kek = fuzz_secret('k', 32);
    return (struct cms_to){ .kek = kek, .kek_id = (const uint8_t *)"k", .kek_id_len = 1 };
}

static struct buf *
envelope(const struct buf *content, int type, bool ber)
{
    struct cms_to to = { .cert = fuzz_cert(FUZZ_P256) };
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes128-gcm"), .to = &to,
                                           .count = 1, .content_type = type,
                                           .content_size = ber ? -1 : (int64_t)buf_len(content) };

    return encrypt_with(&options, content);
}

static struct buf *
encrypt(const struct buf *content, int type, bool ber)
{
    struct secret *key = fuzz_secret('k', 16);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name("aes128-cbc"), .key = key,
                                           .content_type = type,
                                           .content_size = ber ? -1 : (int64_t)buf_len(content) };
    struct buf *out = encrypt_with(&options, content);

    secret_free(&key);
    return out;
}

static struct buf *
compress(const struct buf *content, int type, bool ber)
{
    struct cms_compress_options options = { .content_type = type, .level = ber ? 9 : 1 };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_compress *c = NULL;

    fuzz_assert(cms_compress_new(&c, &options, &sink, NULL) == 0);
    fuzz_assert(cms_compress_update(c, buf_data(content), buf_len(content), NULL) == 0);
    fuzz_assert(cms_compress_finish(c, NULL) == 0);
    cms_compress_free(&c);
    return out;
}

static struct buf *
digest(const struct buf *content, int type, bool ber)
{
    struct cms_digested_options options = { .content_type = type,
                                            .content_size = ber ? -1 : (int64_t)buf_len(content) };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_digested *d = NULL;

    fuzz_assert(cms_digested_new(&d, &options, &sink, NULL) == 0);
    fuzz_assert(cms_digested_update(d, buf_data(content), buf_len(content), NULL) == 0);
    fuzz_assert(cms_digested_finish(d, NULL) == 0);
    cms_digested_free(&d);
    return out;
}

static struct buf *
authenticate(const struct buf *content, int type, bool ber)
{
    struct cms_to to = to_kek();
    struct cms_authenticate_options options = {
        .to = &to, .count = 1, .content_type = type, .no_attributes = ber && type == 0,
        .content_size = ber ? -1 : (int64_t)buf_len(content) };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_authenticate *a = NULL;

    fuzz_assert(cms_authenticate_new(&a, &options, &sink, NULL) == 0);
    fuzz_assert(cms_authenticate_update(a, buf_data(content), buf_len(content), NULL) == 0);
    fuzz_assert(cms_authenticate_finish(a, NULL) == 0);
    cms_authenticate_free(&a);
    return out;
}

/* Layers from the innermost, each in the next one as a ContentInfo. */
static const struct {
    const char *name;
    struct {
        struct buf *(*make)(const struct buf *content, int type, bool ber);
        bool ber;
    } layers[4];
} seeds[] = {
    { "compressed", { { compress, true } } },
    { "digested", { { digest, false } } },
    { "digested-ber", { { digest, true } } },
    { "encrypted", { { encrypt, false } } },
    { "authenticated", { { authenticate, false } } },
    { "authenticated-plain", { { authenticate, true } } },
    { "compressed-signed", { { compress, false }, { sign, false } } },
    { "signed-enveloped", { { sign, true }, { envelope, false } } },
    { "signed-compressed-enveloped", { { sign, false }, { compress, false }, { envelope, true } } },
    { "four", { { digest, false }, { authenticate, true }, { encrypt, false }, { sign, true } } },
    { "bombs", { { compress, true }, { compress, true }, { compress, true } } },
};

static void
write_seed(const char *dir, const char *name, const struct buf *m)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    fuzz_assert(f != NULL && fputc(6, f) != EOF);
    fuzz_assert(fwrite(buf_data(m), 1, buf_len(m), f) == buf_len(m) && fclose(f) == 0);
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct buf *m = buf_new(), *outer;

        fuzz_assert(buf_put_str(m, CONTENT) == 0);
        for (size_t k = 0; k < 4 && seeds[i].layers[k].make != NULL; k++) {
            outer = seeds[i].layers[k].make(m, k == 0 ? 0 : NID_id_smime_ct_contentInfo,
                                            seeds[i].layers[k].ber);
            buf_free(&m);
            m = outer;
        }
        write_seed(argv[1], seeds[i].name, m);
        buf_free(&m);
    }
    return 0;
}
