/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes the seeds of the targets for parts of messages, with the kit's people, and the
 * messages that the rewriters get: make-part-seeds fuzz/seeds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/addsign.h"
#include "cms/ber.h"
#include "cms/countersign.h"
#include "cms/ess.h"
#include "cms/recipient.h"
#include "fuzz/kit.h"

#define TIME 1700000000
#define CONTENT "detached"

static void
put(const char *root, const char *target, const char *name, uint8_t flags, const uint8_t *data,
    size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/cms-%s/%s", root, target, name);
    f = fopen(path, "wb");
    fuzz_assert(f != NULL && fputc(flags, f) != EOF && fwrite(data, 1, len, f) == len &&
                fclose(f) == 0);
}

static struct buf *
sign(const struct cms_signer *signers, size_t count, bool detached, int64_t size, bool bare)
{
    struct cms_sign_options options = { .signers = signers, .count = count,
                                        .detached = detached, .content_size = size,
                                        .signing_time = TIME, .no_attributes = bare };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_sign *s = NULL;

    fuzz_assert(cms_sign_new(&s, &options, &sink, NULL) == 0 &&
                cms_sign_update(s, CONTENT, sizeof CONTENT - 1, NULL) == 0 &&
                cms_sign_finish(s, NULL) == 0);
    cms_sign_free(&s);
    return out;
}

static struct buf *
countersign(const struct buf *m)
{
    struct cms_signer signer = fuzz_signer(FUZZ_P256);
    struct cms_countersign_options options = { .signer = &signer, .signing_time = TIME };
    struct buf *out = buf_new();
    struct sink sink = fuzz_gather(out);
    struct cms_countersign *c = NULL;

    fuzz_assert(cms_countersign_new(&c, &options, &sink, NULL) == 0 &&
                cms_countersign_update(c, buf_data(m), buf_len(m), NULL) == 0 &&
                cms_countersign_finish(c, NULL) == 0);
    cms_countersign_free(&c);
    return out;
}

/* The contents of the last SET of a detached message in DER. */
static struct buf *
signer_info(const struct buf *m)
{
    const uint8_t *data = buf_data(m);
    struct buf *out = buf_new();

    for (size_t at = 0; at + 2 < buf_len(m) && buf_len(out) == 0; at++) {
        struct ber_header h;

        if (data[at] == 0x31 && ber_read_header(data + at, buf_len(m) - at, &h) == 1 &&
            h.length > 100 && at + h.size + (size_t)h.length == buf_len(m))
            fuzz_assert(buf_put(out, data + at + h.size, (size_t)h.length) == 0);
    }
    fuzz_assert(buf_len(out) > 0);
    return out;
}

static void
signer_seed(const char *root, const char *name, uint8_t flags, struct cms_signer signer, bool bare,
            bool counter)
{
    struct buf *m = sign(&signer, 1, true, -1, bare), *info, *again;

    if (counter) {
        again = countersign(m);
        buf_free(&m);
        m = again;
    }
    info = signer_info(m);
    put(root, "signer", name, flags, buf_data(info), buf_len(info));
    buf_free(&info);
    buf_free(&m);
}

/* A security label and a request for a receipt. */
static void
ess_seed(const char *root)
{
    struct cms_label label = { .policy = "1.2.3", .classification = 3, .mark = "for us" };
    struct cms_receipt_request request = { .id = "id", .id_len = 2, .from = CMS_RECEIPTS_LISTED,
                                           .listed = { "a@x" }, .listed_count = 1,
                                           .to = { "b@x" }, .to_count = 1 };
    struct cms_signer signer = fuzz_signer(FUZZ_ED25519);
    struct buf *first = buf_new(), *second = buf_new();
    struct cms_new_attribute attributes[2];

    fuzz_assert(cms_label_put(first, &label) == 0 &&
                cms_receipt_request_put(second, &request) == 0);
    attributes[0] = (struct cms_new_attribute){ CMS_OID_LABEL, buf_data(first), buf_len(first) };
    attributes[1] = (struct cms_new_attribute){ CMS_OID_RECEIPT_REQUEST, buf_data(second),
                                                buf_len(second) };
    signer.attributes = attributes;
    signer.attribute_count = 2;
    signer_seed(root, "ess-again", 5, signer, false, false);
    buf_free(&first);
    buf_free(&second);
}

static void
signers(const char *root)
{
    static const char *const capabilities[] = { "2.16.840.1.101.3.4.1.46", "1.2.3", NULL };
    static const uint8_t utf8[] = { 12, 2, 'h', 'i' };
    struct cms_new_attribute more = { "1.2.3.4", utf8, sizeof utf8 };
    struct cms_signer ed = fuzz_signer(FUZZ_ED25519), ec = fuzz_signer(FUZZ_P256);

    signer_seed(root, "ed25519", 4, ed, false, false);
    signer_seed(root, "ed25519-again", 5, ed, false, false);
    signer_seed(root, "ec-no-attributes", 4, ec, true, false);
    signer_seed(root, "countersigned", 4, ec, false, true);
    ec.ski = true;
    signer_seed(root, "ec-ski", 4, ec, false, false);
    ed.capabilities = capabilities;
    ed.preferred = fuzz_cert(FUZZ_P256);
    ed.attributes = &more;
    ed.attribute_count = 1;
    signer_seed(root, "attributes-again", 5, ed, false, false);
    ess_seed(root);
}

static void
recipient_seed(const char *root, const char *name, uint8_t flags, const struct cms_to *to)
{
    struct secret *key = fuzz_secret('k', 16);
    SN_RECIPIENT *info = NULL;
    uint8_t *der = NULL;
    int len, rc;

    rc = to->kek != NULL        ? kek_make(to, key, &info, NULL)
         : to->password != NULL ? password_make(to, key, &info, NULL)
                                : agree_make(to, key, &info, NULL);
    fuzz_assert(rc == 0);
    len = i2d_SN_RECIPIENT(info, &der);
    fuzz_assert(len > 0);
    put(root, "recipient", name, flags, der, (size_t)len);
    OPENSSL_free(der);
    SN_RECIPIENT_free(info);
    secret_free(&key);
}

/* RSA as v1.5 and as OAEP: the openers answer anything for the certificate's name. */
static void
recipients(const char *root)
{
    struct secret *kek = fuzz_secret('k', 24), *password = fuzz_secret('p', 8);
    const struct cms_to tos[] = {
        { .cert = fuzz_cert(FUZZ_P256) },
        { .cert = fuzz_cert(FUZZ_X25519), .ski = true },
        { .kek = kek, .kek_id = (const uint8_t *)"id", .kek_id_len = 2 },
        { .password = password, .iterations = 1000 },
    };
    static const char *const names[] = { "p256", "x25519", "kek", "password" };
    static const uint8_t drawn[] = { 2, 3, 0, 7, 4, 1, 5, 0, 1, 9, 1, 'c', 'o', 'n', 't', 'e' };

    for (size_t i = 0; i < 4; i++) {
        recipient_seed(root, names[i], 5, &tos[i]);
        recipient_seed(root, i % 2 == 0 ? "cbc-0" : "cbc-1", 4, &tos[i]);
    }
    put(root, "recipient", "drawn", 0x80, drawn, sizeof drawn);
    secret_free(&kek);
    secret_free(&password);
}

static void
edits(const char *root)
{
    struct cms_signer both[] = { fuzz_signer(FUZZ_P256), fuzz_signer(FUZZ_ED25519) };
    const struct {
        const char *name;
        uint8_t flags;
        size_t count;
        bool detached;
        int64_t size;
    } seeds[] = {
        { "der", 6, 1, false, sizeof CONTENT - 1 }, { "ber", 6, 1, false, -1 },
        { "detached", 6, 1, true, -1 },             { "two-counter", 0x86, 2, false, -1 },
        { "detached-counter", 0x86, 1, true, -1 },  { "certificates", 6, 0, true, -1 },
    };

    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct buf *m = seeds[i].count > 0
                            ? sign(both, seeds[i].count, seeds[i].detached, seeds[i].size, false)
                            : NULL;

        if (m == NULL)
            continue;
        put(root, "edit", seeds[i].name, seeds[i].flags, buf_data(m), buf_len(m));
        buf_free(&m);
    }
}

static void
texts(const char *root)
{
    static const char line[] = "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4=\r\n";
    static const char lines[] = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\n"
                                "dHV2d3h5ejAxMjM0NTY3ODkrLw\n";

    put(root, "base64", "line", 'A', (const uint8_t *)line, sizeof line - 1);
    put(root, "base64", "lines", 'B', (const uint8_t *)lines, sizeof lines - 1);
    put(root, "base64", "binary", 0, (const uint8_t *)"\0\1\2\376\377+/", 7);
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    signers(argv[1]);
    recipients(argv[1]);
    edits(argv[1]);
    texts(argv[1]);
    return 0;
}
