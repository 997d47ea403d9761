/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the library's own making. */
#include "tests/interop/cms_tool.h"

int
tool_sign(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct sink sink = tool_sink(out);
    struct cms_sign_options options = {
        .signers = t->signers,
        .count = t->signer_count,
        .detached = t->detached,
        .content_size = t->der ? (int64_t)buf_len(in) : -1,
        .no_attributes = t->no_attributes,
        .no_certs = t->no_certs,
        .certs = t->certs,
    };
    int rc = cms_sign_new(&sign, &options, &sink, err);

    if (rc == 0 && t->signer_count > 0)
        rc = cms_sign_update(sign, buf_data(in), buf_len(in), err);
    return rc == 0 ? cms_sign_finish(sign, err) : rc;
}

int
tool_encrypt(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_encrypt struct cms_encrypt *encrypt = NULL;
    struct sink sink = tool_sink(out);
    struct cms_encrypt_options options = {
        .cipher = t->cipher,
        .to = t->to,
        .count = t->to_count,
        .key = t->secret_key,
        .content_size = t->der ? (int64_t)buf_len(in) : -1,
    };
    int rc = cms_encrypt_new(&encrypt, &options, &sink, err);

    if (rc == 0)
        rc = cms_encrypt_update(encrypt, buf_data(in), buf_len(in), err);
    return rc == 0 ? cms_encrypt_finish(encrypt, err) : rc;
}

int
tool_authenticate(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_authenticate struct cms_authenticate *authenticate = NULL;
    struct sink sink = tool_sink(out);
    struct cms_authenticate_options options = {
        .to = t->to,
        .count = t->to_count,
        .content_size = t->der ? (int64_t)buf_len(in) : -1,
        .no_attributes = t->no_attributes,
    };
    int rc = cms_authenticate_new(&authenticate, &options, &sink, err);

    if (rc == 0)
        rc = cms_authenticate_update(authenticate, buf_data(in), buf_len(in), err);
    return rc == 0 ? cms_authenticate_finish(authenticate, err) : rc;
}

int
tool_digest(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_digested struct cms_digested *digested = NULL;
    struct sink sink = tool_sink(out);
    struct cms_digested_options options = {
        .digest = t->digest,
        .content_size = t->der ? (int64_t)buf_len(in) : -1,
    };
    int rc = cms_digested_new(&digested, &options, &sink, err);

    if (rc == 0)
        rc = cms_digested_update(digested, buf_data(in), buf_len(in), err);
    return rc == 0 ? cms_digested_finish(digested, err) : rc;
}

int
tool_compress(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_compress struct cms_compress *compress = NULL;
    struct sink sink = tool_sink(out);
    struct cms_compress_options options = {.level = 0};
    int rc = cms_compress_new(&compress, &options, &sink, err);

    (void)t;
    if (rc == 0)
        rc = cms_compress_update(compress, buf_data(in), buf_len(in), err);
    return rc == 0 ? cms_compress_finish(compress, err) : rc;
}
