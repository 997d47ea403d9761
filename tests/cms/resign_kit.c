/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/resign_kit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "cms/ber.h"

struct buf *
resign_message(enum resign_form form, struct person *p, const void *content, size_t len)
{
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = {
        .signers = &signer, .count = 1, .detached = form == RESIGN_DETACHED,
        .content_size = form == RESIGN_DER ? (int64_t)len : -1, .signing_time = RESIGN_TIME,
    };

    return sign_content(&options, content, len, 0);
}

static size_t
piece_at(size_t at, size_t len, size_t split)
{
    return split == SPLIT_BYTES ? 1 : at < split && split < len ? split - at : len - at;
}

int
countersign_try(const struct cms_countersign_options *options, const void *data, size_t len,
                size_t split, struct buf *out, struct err *err)
{
    struct sink sink = gather_sink(out);
    struct cms_countersign *c = NULL;
    int rc = cms_countersign_new(&c, options, &sink, err);

    for (size_t at = 0, n; rc == 0 && at < len; at += n) {
        n = piece_at(at, len, split);
        rc = cms_countersign_update(c, (const uint8_t *)data + at, n, err);
    }
    if (rc == 0)
        rc = cms_countersign_finish(c, err);
    cms_countersign_free(&c);
    cms_countersign_free(&c);
    return rc;
}

int
addsign_try(const struct cms_addsign_options *options, const void *data, size_t len, size_t split,
            struct buf *out, struct err *err)
{
    struct sink sink = gather_sink(out);
    struct cms_addsign *a = NULL;
    int rc = cms_addsign_new(&a, options, &sink, err);

    for (size_t at = 0, n; rc == 0 && at < len; at += n) {
        n = piece_at(at, len, split);
        rc = cms_addsign_update(a, (const uint8_t *)data + at, n, err);
    }
    if (rc == 0)
        rc = cms_addsign_finish(a, err);
    cms_addsign_free(&a);
    cms_addsign_free(&a);
    return rc;
}

struct buf *
countersign(const struct buf *message, struct person *p, size_t index, size_t split)
{
    struct cms_signer signer = person_signer(p);
    struct cms_countersign_options options = { .signer = &signer, .index = index,
                                               .signing_time = RESIGN_TIME };
    struct buf *out = buf_new();
    struct err err = { 0 };

    ck_assert_msg(countersign_try(&options, buf_data(message), buf_len(message), split, out,
                                  &err) == 0, "%s", err_text(&err));
    return out;
}

struct buf *
addsign(const struct buf *message, struct person *p, const struct cms_digests *content,
        size_t split)
{
    struct cms_signer signer = person_signer(p);
    struct cms_addsign_options options = { .signers = &signer, .count = 1, .content = content,
                                           .signing_time = RESIGN_TIME };
    struct buf *out = buf_new();
    struct err err = { 0 };

    ck_assert_msg(addsign_try(&options, buf_data(message), buf_len(message), split, out,
                              &err) == 0, "%s", err_text(&err));
    return out;
}

/* The first SET that reaches the message's end, or the three ends of its outer lengths. */
const uint8_t *
signer_infos_view(const struct buf *message, size_t *ret_len)
{
    const uint8_t *data = buf_data(message);
    size_t len = buf_len(message);

    for (size_t at = 0; at < len; at++) {
        struct ber_header h;
        size_t end;

        if (data[at] != 0x31 || ber_read_header(data + at, len - at, &h) != 1 || h.length < 0)
            continue;
        end = at + h.size + (size_t)h.length;
        if (end != len && (end + 6 != len || memcmp(data + end, "\0\0\0\0\0\0", 6) != 0))
            continue;
        *ret_len = (size_t)h.length;
        return data + at + h.size;
    }
    ck_abort_msg("no signerInfos");
    return NULL;
}

void
resign_libcrypto_accepts(const struct buf *message, bool detached, const void *content, size_t len)
{
    BIO *in = BIO_new_mem_buf(buf_data(message), (int)buf_len(message));
    BIO *out = BIO_new(BIO_s_mem());
    BIO *given = detached ? BIO_new_mem_buf(content, (int)len) : NULL;
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    char *got;

    ck_assert_ptr_nonnull(cms);
    ck_assert_msg(CMS_verify(cms, NULL, NULL, given, out,
                             CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1, "%s",
                  ERR_reason_error_string(ERR_peek_last_error()));
    ck_assert_int_eq(BIO_get_mem_data(out, &got), (long)len);
    ck_assert(len == 0 || memcmp(got, content, len) == 0);
    CMS_ContentInfo_free(cms);
    BIO_free(given);
    BIO_free(out);
    BIO_free(in);
}
