/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the seeds with our own writer: make-seeds fuzz/seeds. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *scheme, *second;
    bool detached, known_size, no_attributes, ski, no_certs;
} seeds[] = {
    { "ec-ber", "ecdsa-sha256", NULL, false, false, false, false, false },
    { "ec-mixed", "ecdsa-sha256", NULL, false, true, false, false, false },
    { "ec-detached", "ecdsa-sha256", NULL, true, false, false, false, false },
    { "ed25519-der", "ed25519", NULL, false, true, false, false, false },
    { "ed25519-ski", "ed25519", NULL, true, false, false, true, false },
    { "ed448-ber", "ed448", NULL, false, false, false, false, true },
    { "ec-no-attributes", "ecdsa-sha384", NULL, false, false, true, false, false },
    { "rsa-pss", "rsa-pss-sha256", NULL, false, true, false, false, true },
    { "rsa", "rsa-pkcs1-sha256", NULL, true, false, false, false, false },
    { "two", "ecdsa-sha256", "ed25519", false, false, false, false, false },
};

static void
put(const char *folder, const char *name, const char *head, size_t head_len, const struct buf *b)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(head, 1, head_len, f) != head_len ||
        fwrite(buf_data(b), 1, buf_len(b), f) != buf_len(b) || fclose(f) != 0)
        abort();
}

static struct buf *
message(size_t i, const char *content)
{
    struct cms_signer signers[2] = { person_signer(person_of(seeds[i].scheme)) };
    struct cms_sign_options options = {
        .signers = signers, .count = 1, .detached = seeds[i].detached,
        .content_size = seeds[i].known_size ? (int64_t)strlen(content) : -1,
        .no_attributes = seeds[i].no_attributes, .no_certs = seeds[i].no_certs,
    };
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_sign *s = NULL;

    signers[0].ski = seeds[i].ski;
    if (seeds[i].second != NULL)
        signers[options.count++] = person_signer(person_of(seeds[i].second));
    if (cms_sign_new(&s, &options, &sink, NULL) != 0 ||
        cms_sign_update(s, content, strlen(content), NULL) != 0 ||
        cms_sign_finish(s, NULL) != 0)
        abort();
    cms_sign_free(&s);
    return out;
}

int
main(int argc, char **argv)
{
    char folder[4096];

    if (argc != 2)
        return 2;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct buf *m = message(i, "detached"), *text = buf_new();
        struct cms_armor_options options = { .label = i % 2 == 0 ? "CMS" : NULL };
        struct sink sink = gather_sink(text);
        struct cms_armor *a = NULL;
        char head[2] = { (char)(i % 2 == 0 ? CMS_FORM_AUTO : CMS_FORM_BASE64), 6 };

        snprintf(folder, sizeof folder, "%s/cms-reader", argv[1]);
        put(folder, seeds[i].name, "\x06", 1, m);
        if (i < 2) {
            if (cms_armor_new(&a, &options, &sink, NULL) != 0 ||
                cms_armor_update(a, buf_data(m), 200, NULL) != 0 ||
                cms_armor_finish(a, NULL) != 0)
                abort();
            cms_armor_free(&a);
            snprintf(folder, sizeof folder, "%s/cms-pem", argv[1]);
            put(folder, i == 0 ? "pem" : "base64", head, 2, text);
        }
        buf_free(&m);
        buf_free(&text);
    }
    return 0;
}
