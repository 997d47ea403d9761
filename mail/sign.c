/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/hex.h"
#include "cms/pem.h"
#include "mail/canonical.h"
#include "mail/inner.h"

#define BOUNDARY_RANDOM 20 /* bytes */

struct mail_sign {
    struct mail_sign_options options;
    struct sink out;
    const char *eol;
    struct inner *inner;
    struct cms_sign *cms;
    struct cms_armor *armor;
    struct canonical canonical;
    char boundary[2 * BOUNDARY_RANDOM + 16];
};

static int
hash(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_sign *s = arg;

    return cms_sign_update(s->cms, data, len, err);
}

/* The signed entity, to be hashed, and written when it is in the clear. */
static int
content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_sign *s = arg;
    struct sink canonical = {.write = hash, .arg = s};
    int rc = s->options.opaque ? 0 : sink_write(&s->out, data, len, err);

    return rc != 0 ? rc : canonical_update(&s->canonical, data, len, &canonical, err);
}

static int
write_text(struct mail_sign *s, struct buf *text, struct err *err)
{
    return sink_write(&s->out, buf_data(text), buf_len(text), err);
}

static int
out_of_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory signing the mail");
}

static int
make_boundary(struct mail_sign *s, struct err *err)
{
    uint8_t random[BOUNDARY_RANDOM];

    /* The kernel's: to set up libcrypto's generator costs half a millisecond. */
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_sys(err, E_SYSTEM, errno, "no random numbers for the mail's boundary");
    /* "=_" occurs neither in quoted-printable nor in base64 (RFC 2045 6.7). */
    memcpy(s->boundary, "=_signet_", 9);
    hex_encode(random, sizeof random, s->boundary + 9);
    return 0;
}

/* RFC 8551 3.5.3.2: each digest once, for all signers. */
static int
put_micalg(struct mail_sign *s, struct buf *out)
{
    for (size_t i = 0; i < s->options.cms.count; i++) {
        const struct alg_digest *d = cms_sign_digest(s->cms, i);
        bool seen = false;
        int rc;

        for (size_t k = 0; k < i; k++)
            seen |= cms_sign_digest(s->cms, k) == d;
        if (!seen && (rc = buf_putf(out, "%s%s", i == 0 ? "" : ",", d->micalg)) != 0)
            return rc;
    }
    return 0;
}

static int
put_type(struct mail_sign *s, struct buf *out)
{
    const char *n = s->eol;
    int rc;

    if (s->options.opaque)
        return buf_putf(out,
                        "Content-Type: application/pkcs7-mime; smime-type=signed-data;%s"
                        " name=\"smime.p7m\"%s"
                        "Content-Transfer-Encoding: base64%s"
                        "Content-Disposition: attachment; filename=\"smime.p7m\"%s%s",
                        n, n, n, n, n);
    rc = buf_putf(out,
                  "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";%s"
                  " micalg=\"", n);
    if (rc == 0)
        rc = put_micalg(s, out);
    if (rc == 0)
        rc = buf_putf(out, "\";%s boundary=\"%s\"%s%s--%s%s", n, s->boundary, n, n,
                      s->boundary, n);
    return rc;
}

static int
start_cms(struct mail_sign *s, int64_t size, struct err *err)
{
    struct cms_sign_options *o = &s->options.cms;
    struct cms_armor_options lines = {.columns = 76, .crlf = s->eol[0] == '\r'};
    struct sink out;
    int rc = cms_armor_new(&s->armor, &lines, &s->out, err);

    if (rc != 0)
        return rc;
    o->detached = !s->options.opaque;
    o->content_type = 0;
    o->content_size = size;
    out = cms_armor_sink(s->armor);
    return cms_sign_new(&s->cms, o, &out, err);
}

/* The mail's own header is there: outside first. */
static int
begin(void *arg, struct buf *outer, int64_t size, const char *eol, struct err *err)
{
    struct mail_sign *s = arg;
    int rc;

    s->eol = eol;
    if ((rc = start_cms(s, size, err)) != 0 || (rc = make_boundary(s, err)) != 0)
        return rc;
    if (put_type(s, outer) != 0)
        return out_of_memory(err);
    return write_text(s, outer, err);
}

int
mail_sign_new(struct mail_sign **ret, const struct mail_sign_options *options,
              const struct sink *out, struct err *err)
{
    struct mail_sign *s = calloc(1, sizeof *s);
    struct inner_options inner = {
        .scan = options->scan,
        .reencode = true,
        .protection = options->protection,
        .verb = "sign",
        .begin = begin,
        .content = content,
        .arg = s,
    };
    int rc;

    if (s == NULL)
        return out_of_memory(err);
    s->options = *options;
    s->out = *out;
    canonical_init(&s->canonical);
    rc = inner_new(&s->inner, &inner, err);
    if (rc != 0)
        mail_sign_free(&s);
    else
        *ret = s;
    return rc;
}

void
mail_sign_free(struct mail_sign **s)
{
    if (s == NULL || *s == NULL)
        return;
    cms_sign_free(&(*s)->cms);
    cms_armor_free(&(*s)->armor);
    inner_free(&(*s)->inner);
    free(*s);
    *s = NULL;
}

int
mail_sign_update(struct mail_sign *s, const uint8_t *data, size_t len, struct err *err)
{
    return inner_update(s->inner, data, len, err);
}

static int
into(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_sign_update(arg, data, len, err);
}

struct sink
mail_sign_sink(struct mail_sign *s)
{
    return (struct sink){.write = into, .arg = s};
}

static int
write_signature_head(struct mail_sign *s, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    const char *n = s->eol;

    if (text == NULL ||
        buf_putf(text,
                 "%s--%s%s"
                 "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"%s"
                 "Content-Transfer-Encoding: base64%s"
                 "Content-Disposition: attachment; filename=\"smime.p7s\"%s%s",
                 n, s->boundary, n, n, n, n, n) != 0)
        return out_of_memory(err);
    return write_text(s, text, err);
}

static int
write_signature_tail(struct mail_sign *s, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (text == NULL ||
        buf_putf(text, "%s--%s--%s", s->eol, s->boundary, s->eol) != 0)
        return out_of_memory(err);
    return write_text(s, text, err);
}

int
mail_sign_finish(struct mail_sign *s, struct err *err)
{
    int rc = inner_finish(s->inner, err);

    if (rc == 0 && !s->options.opaque)
        rc = write_signature_head(s, err);
    if (rc == 0)
        rc = cms_sign_finish(s->cms, err);
    if (rc == 0)
        rc = cms_armor_finish(s->armor, err);
    if (rc == 0 && !s->options.opaque)
        rc = write_signature_tail(s, err);
    return rc;
}
