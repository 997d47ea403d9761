/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the seeds of fuzz_env.c with our own writer: make-env-seeds fuzz/seeds/cms-env. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word, *cipher;
    bool ber, attributes;
    char key;       /* fuzz_env.c's choice */
} seeds[] = {
    { "kek128", "aes128-gcm", false, true, 0 },  { "kek192", "aes192-ccm", false, true, 0 },
    { "kek256", "aes256-cbc", true, false, 0 },  { "kek256", "chacha20-poly1305", true, true, 0 },
    { "rsa2048", "aes256-gcm", true, false, 0 }, { "rsa2048-pkcs1", "aes128-cbc", false, false, 0 },
    { "p256", "aes256-gcm", false, false, 1 },   { "x25519", "aes128-cbc", false, false, 2 },
    { "x448-ski", "aes256-ccm", false, false, 3 }, { "password", "aes256-cbc", false, false, 4 },
};

static struct buf *
message(size_t i)
{
    struct secret *kek = secret_new(32);
    struct cms_to to = to_of(seeds[i].word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(seeds[i].cipher),
                                           .to = &to, .count = 1,
                                           .content_size = seeds[i].ber ? -1 : 20 };
    STACK_OF(X509_ATTRIBUTE) *attrs = NULL;
    struct buf *m;

    if (to.kek != NULL) {
        memset(secret_mutable(kek), 'k', secret_len(to.kek));
        secret_set_len(kek, secret_len(to.kek));
        to.kek = kek;
    }
    if (seeds[i].attributes)
        X509at_add1_attr_by_txt(&attrs, "1.2.3.4", V_ASN1_UTF8STRING,
                                (const unsigned char *)"text", 4);
    options.attributes = attrs;
    m = try_encrypt(&options, "some content of mine", 20, 0, NULL);
    if (m == NULL)
        abort();
    sk_X509_ATTRIBUTE_pop_free(attrs, X509_ATTRIBUTE_free);
    secret_free(&kek);
    return m;
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct buf *m = message(i);
        char path[4096];
        FILE *f;

        snprintf(path, sizeof path, "%s/%s-%s", argv[1], seeds[i].word, seeds[i].cipher);
        f = fopen(path, "wb");
        if (f == NULL || fputc(6, f) == EOF || fputc(seeds[i].key, f) == EOF ||
            fwrite(buf_data(m), 1, buf_len(m), f) != buf_len(m) || fclose(f) != 0)
            abort();
        buf_free(&m);
    }
    return 0;
}
