/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/certs.h"

#include <stdlib.h>
#include <string.h>

#include "cms/pem.h"
#include "cms/sign.h"
#include "mail/inner.h"

struct mail_certs {
    const STACK_OF(X509) *certs;
    struct sink out;
    struct inner *inner;
    struct buf *outer;   /* what is written when the mail turned out to have no text */
    bool crlf, in_text;
};

static int
begin(void *arg, struct buf *outer, int64_t size, const char *n, struct err *err)
{
    struct mail_certs *m = arg;

    (void)size;
    m->crlf = n[0] == '\r';
    if (buf_put(m->outer, buf_data(outer), buf_len(outer)) != 0 ||
        buf_putf(m->outer,
                 "Content-Type: application/pkcs7-mime; smime-type=certs-only;%s"
                 " name=\"smime.p7c\"%s"
                 "Content-Transfer-Encoding: base64%s"
                 "Content-Disposition: attachment; filename=\"smime.p7c\"%s%s",
                 n, n, n, n, n) != 0)
        return err_set(err, E_NOMEM, "out of memory writing certificates into a mail");
    return 0;
}

/* The inner header first, which is of no use here; then the text, which must be blank. */
static int
content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_certs *m = arg;

    for (size_t i = 0; m->in_text && i < len; i++)
        if (strchr(" \t\r\n", data[i]) == NULL || data[i] == '\0')
            return err_set(err, E_USAGE, "a mail of certificates has no text, and this one's "
                           "would be lost; give a header and an empty line alone");
    m->in_text = true;
    return 0;
}

int
mail_certs_new(struct mail_certs **ret, const STACK_OF(X509) *certs, const struct sink *out,
               struct err *err)
{
    struct mail_certs *m;
    struct inner_options inner = {.verb = "put certificates into", .begin = begin,
                                  .content = content};
    int rc;

    if (certs == NULL || sk_X509_num(certs) == 0)
        return err_set(err, E_USAGE, "there are no certificates to send");
    m = calloc(1, sizeof *m);
    if (m == NULL || (m->outer = buf_new()) == NULL) {
        free(m);
        return err_set(err, E_NOMEM, "out of memory writing certificates into a mail");
    }
    m->certs = certs;
    m->out = *out;
    inner.arg = m;
    rc = inner_new(&m->inner, &inner, err);
    if (rc != 0)
        mail_certs_free(&m);
    else
        *ret = m;
    return rc;
}

void
mail_certs_free(struct mail_certs **m)
{
    if (m == NULL || *m == NULL)
        return;
    inner_free(&(*m)->inner);
    buf_free(&(*m)->outer);
    free(*m);
    *m = NULL;
}

int
mail_certs_update(struct mail_certs *m, const uint8_t *data, size_t len, struct err *err)
{
    return inner_update(m->inner, data, len, err);
}

static int
write_certs(struct mail_certs *m, struct err *err)
{
    autofree_cms_armor struct cms_armor *armor = NULL;
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct cms_armor_options lines = {.columns = 76, .crlf = m->crlf};
    struct cms_sign_options options = {.content_size = -1, .detached = true, .certs = m->certs};
    struct sink out;
    int rc = cms_armor_new(&armor, &lines, &m->out, err);

    if (rc != 0)
        return rc;
    out = cms_armor_sink(armor);
    rc = cms_sign_new(&sign, &options, &out, err);
    if (rc == 0)
        rc = cms_sign_finish(sign, err);
    return rc == 0 ? cms_armor_finish(armor, err) : rc;
}

int
mail_certs_finish(struct mail_certs *m, struct err *err)
{
    int rc = inner_finish(m->inner, err);

    if (rc == 0)
        rc = sink_write(&m->out, buf_data(m->outer), buf_len(m->outer), err);
    return rc == 0 ? write_certs(m, err) : rc;
}

static int
into(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_certs_update(arg, data, len, err);
}

struct sink
mail_certs_sink(struct mail_certs *m)
{
    return (struct sink){.write = into, .arg = m};
}
