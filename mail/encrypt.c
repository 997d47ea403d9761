/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/encrypt.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cms/pem.h"
#include "mail/canonical.h"
#include "mail/inner.h"

struct mail_encrypt {
    struct mail_encrypt_options options;
    struct sink out;
    struct inner *inner;
    struct cms_encrypt *encrypt;
    struct cms_compress *compress;
    struct cms_armor *armor;
    struct canonical canonical;
};

/* What each kind is called (RFC 8551 3.2.1, 3.2.2). */
struct kind {
    const char *smime_type, *file;
};
static const struct kind enveloped = {"enveloped-data", "smime.p7m"},
                         auth_enveloped = {"authEnveloped-data", "smime.p7m"},
                         compressed = {"compressed-data", "smime.p7z"};

static const struct kind *
kind_of_mail(const struct mail_encrypt_options *o)
{
    if (o->compress)
        return &compressed;
    return o->cms.cipher->mode == CMS_MODE_CBC ? &enveloped : &auth_enveloped;
}

static int
into_cms(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_encrypt *m = arg;

    return m->compress != NULL ? cms_compress_update(m->compress, data, len, err)
                               : cms_encrypt_update(m->encrypt, data, len, err);
}

static int
content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_encrypt *m = arg;
    struct sink cms = {.write = into_cms, .arg = m};

    return canonical_update(&m->canonical, data, len, &cms, err);
}

static int
start_cms(struct mail_encrypt *m, int64_t size, bool crlf, struct err *err)
{
    struct cms_armor_options lines = {.columns = 76, .crlf = crlf};
    struct cms_compress_options compress = {.level = m->options.level};
    struct sink out;
    int rc = cms_armor_new(&m->armor, &lines, &m->out, err);

    if (rc != 0)
        return rc;
    out = cms_armor_sink(m->armor);
    if (m->options.compress)
        return cms_compress_new(&m->compress, &compress, &out, err);
    m->options.cms.content_size = size;
    m->options.cms.content_type = 0;
    return cms_encrypt_new(&m->encrypt, &m->options.cms, &out, err);
}

static int
put_type(const struct kind *kind, const char *n, struct buf *out)
{
    return buf_putf(out,
                    "Content-Type: application/pkcs7-mime; smime-type=%s;%s"
                    " name=\"%s\"%s"
                    "Content-Transfer-Encoding: base64%s"
                    "Content-Disposition: attachment; filename=\"%s\"%s%s",
                    kind->smime_type, n, kind->file, n, n, kind->file, n, n);
}

static int
begin(void *arg, struct buf *outer, int64_t size, const char *eol, struct err *err)
{
    struct mail_encrypt *m = arg;
    int rc = start_cms(m, size, eol[0] == '\r', err);

    if (rc != 0)
        return rc;
    if (put_type(kind_of_mail(&m->options), eol, outer) != 0)
        return err_set(err, E_NOMEM, "out of memory encrypting the mail");
    return sink_write(&m->out, buf_data(outer), buf_len(outer), err);
}

int
mail_encrypt_new(struct mail_encrypt **ret, const struct mail_encrypt_options *options,
                 const struct sink *out, struct err *err)
{
    struct mail_encrypt *m = calloc(1, sizeof *m);
    struct inner_options inner = {
        .scan = options->scan,
        .drop_bcc = true,
        .protection = options->protection,
        .verb = options->compress ? "compress" : "encrypt",
        .begin = begin,
        .content = content,
        .arg = m,
    };
    int rc;

    if (m == NULL)
        return err_set(err, E_NOMEM, "out of memory encrypting the mail");
    m->options = *options;
    m->out = *out;
    canonical_init(&m->canonical);
    rc = inner_new(&m->inner, &inner, err);
    if (rc != 0)
        mail_encrypt_free(&m);
    else
        *ret = m;
    return rc;
}

void
mail_encrypt_free(struct mail_encrypt **m)
{
    if (m == NULL || *m == NULL)
        return;
    inner_free(&(*m)->inner);
    cms_encrypt_free(&(*m)->encrypt);
    cms_compress_free(&(*m)->compress);
    cms_armor_free(&(*m)->armor);
    free(*m);
    *m = NULL;
}

int
mail_encrypt_update(struct mail_encrypt *m, const uint8_t *data, size_t len, struct err *err)
{
    return inner_update(m->inner, data, len, err);
}

int
mail_encrypt_finish(struct mail_encrypt *m, struct err *err)
{
    int rc = inner_finish(m->inner, err);

    if (rc == 0)
        rc = m->compress != NULL ? cms_compress_finish(m->compress, err)
                                 : cms_encrypt_finish(m->encrypt, err);
    return rc == 0 ? cms_armor_finish(m->armor, err) : rc;
}

static int
into(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_encrypt_update(arg, data, len, err);
}

struct sink
mail_encrypt_sink(struct mail_encrypt *m)
{
    return (struct sink){.write = into, .arg = m};
}
