/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages read: nothing is written unless all of it held. */
#include "tests/interop/cms_tool.h"

#include <openssl/pem.h>

#include "base/io.h"

static int
to_reader(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(arg, data, len, err);
}

/* DER, BER or text around it. */
static int
feed(struct cms_reader *reader, const struct buf *in, struct err *err)
{
    autofree_cms_dearmor struct cms_dearmor *plain = NULL;
    struct sink sink = {.write = to_reader, .arg = reader};
    int rc = cms_dearmor_new(&plain, CMS_FORM_AUTO, &sink, err);

    if (rc == 0)
        rc = cms_dearmor_update(plain, buf_data(in), buf_len(in), err);
    if (rc == 0)
        rc = cms_dearmor_finish(plain, err);
    return rc == 0 ? cms_reader_finish(reader, err) : rc;
}

static int
hash_content(const char *path, struct cms_digests *all, struct err *err)
{
    autofree_buf struct buf *content = buf_new();
    const struct alg_digest *digest;
    int rc = io_read_file(path, BUF_MAX, content, err);

    for (size_t i = 0; rc == 0 && (digest = alg_digest_at(i)) != NULL; i++)
        rc = cms_digests_add(all, digest, err);
    return rc == 0 ? cms_digests_update(all, buf_data(content), buf_len(content), err) : rc;
}

static int
check_signatures(const struct tool *t, struct cms_reader *reader, struct err *err)
{
    autofree_cms_digests struct cms_digests *digests = NULL;
    struct cms_verify_options options = {.certs = t->certs};
    const struct cms_signed *verdict = NULL;
    int rc = t->content ? cms_digests_new(&digests, err) : 0;

    if (digests)
        rc = hash_content(t->content, digests, err);
    options.content = digests;
    if (rc == 0)
        rc = cms_verify(reader, &options, &verdict, err);
    if (rc == 0 && verdict->count == 0)
        rc = err_set(err, E_INPUT, "no signature");
    for (size_t i = 0; rc == 0 && i < verdict->count; i++)
        if (verdict->signatures[i].state != CMS_INTACT)
            rc = err_set(err, E_INPUT, "%s", verdict->signatures[i].reason);
        else if (verdict->signatures[i].weak && !t->weak)
            rc = err_set(err, E_WEAK, "weak-algorithm");
    return rc;
}

int
tool_open(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_reader struct cms_reader *reader = NULL;
    struct cms_decrypt_options decrypt = {
        .openers = t->openers, .opener_count = t->opener_count,
        .keks = t->keks, .kek_count = t->kek_count,
        .password = t->password, .content_key = t->secret_key,
        .allow_weak = t->weak,
    };
    struct cms_reader_options options = {.content = tool_sink(out), .decrypt = &decrypt};
    int rc = cms_reader_new(&reader, &options, err);

    if (rc == 0)
        rc = feed(reader, in, err);
    if (rc == 0 && cms_reader_type(reader) == NID_pkcs7_signed)
        rc = check_signatures(t, reader, err);
    return rc;
}

int
tool_certs(const struct tool *t, const struct buf *in, struct buf *out, struct err *err)
{
    autofree_cms_reader struct cms_reader *reader = NULL;
    struct cms_reader_options options = {.max_content = 0};
    const struct cms_signed *verdict = NULL;
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    int rc = cms_reader_new(&reader, &options, err);

    (void)t;
    if (rc == 0)
        rc = feed(reader, in, err);
    if (rc == 0)
        rc = cms_verify(reader, &(struct cms_verify_options){0}, &verdict, err);
    for (int i = 0; rc == 0 && i < sk_X509_num(verdict->certs); i++)
        if (PEM_write_bio_X509(pem, sk_X509_value(verdict->certs, i)) != 1)
            rc = err_set_ossl(err, E_CRYPTO, "a certificate cannot be written");
    if (rc == 0)
        rc = buf_put(out, text, (size_t)BIO_get_mem_data(pem, &text));
    BIO_free(pem);
    return rc;
}
