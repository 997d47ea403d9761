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
#include "mail/entity.h"
#include "mail/rewrite.h"

#define BOUNDARY_RANDOM 20 /* bytes */

struct mail_sign {
    struct mail_sign_options options;
    struct sink out;
    const char *eol;
    struct entity_reader *reader;
    struct cms_sign *cms;
    struct cms_armor *armor;
    struct canonical canonical;
    struct rewrite *rewrite;     /* of the leaf being read, when it is encoded */
    uint64_t entities;
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
refuse(const struct header *h, const struct scan *scan, struct err *err)
{
    struct header_field f;

    if (scan_size(scan) == 0)
        return err_set(err, E_MALFORMED, "the mail is empty; there is nothing to sign");
    if (header_absent(h) || header_count(h) == 0)
        return err_set(err, E_MALFORMED,
                       "the mail has no header; a mail starts with fields such as "
                       "\"Subject: ...\" and an empty line (use --cms to sign any file)");
    if (header_malformed(h))
        return err_set(err, E_MALFORMED,
                       "line %zu of the mail's header is no field; put an empty line "
                       "between header and text", header_bad_line(h));
    if (header_doubtful(h))
        return err_set(err, E_MALFORMED,
                       "the mail's header has a NUL or a CR that ends no line, which programs "
                       "read differently; remove it");
    if (header_find(h, "Content-Type", 1, &f) ||
        header_find(h, "Content-Transfer-Encoding", 1, &f))
        return err_set(err, E_MALFORMED,
                       "the mail has two %.*s fields; remove one of them",
                       (int)f.name_len, (const char *)f.name);
    return 0;
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
start_cms(struct mail_sign *s, struct buf *inner, struct err *err)
{
    struct cms_sign_options *o = &s->options.cms;
    struct cms_armor_options lines = {.columns = 76, .crlf = s->eol[0] == '\r'};
    struct sink out;
    int rc = cms_armor_new(&s->armor, &lines, &s->out, err);

    if (rc != 0)
        return rc;
    o->detached = !s->options.opaque;
    o->content_type = 0;
    o->content_size = -1;
    if (!scan_changes(s->options.scan))
        o->content_size = (int64_t)(rewrite_canonical_size(inner) +
                                    scan_body_canonical(s->options.scan));
    out = cms_armor_sink(s->armor);
    return cms_sign_new(&s->cms, o, &out, err);
}

/* The mail's own header: parts it into outside and inside, and writes both. */
static int
begin_mail(struct mail_sign *s, const struct entity *e, enum scan_plan plan, struct err *err)
{
    autofree_buf struct buf *outer = buf_new(), *inner = buf_new();
    int rc = refuse(e->header, s->options.scan, err);

    if (rc != 0)
        return rc;
    if (outer == NULL || inner == NULL ||
        rewrite_split(e, s->options.scan, plan, s->eol, outer, inner) != 0)
        return out_of_memory(err);
    if ((rc = start_cms(s, inner, err)) != 0 || (rc = make_boundary(s, err)) != 0)
        return rc;
    if (put_type(s, outer) != 0)
        return out_of_memory(err);
    if ((rc = write_text(s, outer, err)) != 0)
        return rc;
    return content(s, buf_data(inner), buf_len(inner), err);
}

static int
begin_part(struct mail_sign *s, const struct entity *e, enum scan_plan plan, struct err *err)
{
    autofree_buf struct buf *header = buf_new();

    if (header == NULL || rewrite_header(e->header, plan, s->eol, header) != 0)
        return out_of_memory(err);
    return content(s, buf_data(header), buf_len(header), err);
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct mail_sign *s = arg;
    struct sink out = {.write = content, .arg = s};
    enum scan_plan plan = scan_plan(s->options.scan, s->entities++);
    int rc = e->depth == 0 ? begin_mail(s, e, plan, err) : begin_part(s, e, plan, err);

    if (rc != 0)
        return rc;
    /* Nothing to change below: no need to look for boundaries. */
    if (!scan_changes(s->options.scan))
        e->kind = ENTITY_LEAF;
    if (e->kind == ENTITY_LEAF && plan != SCAN_KEEP)
        rc = rewrite_body_new(&s->rewrite, e->transfer, plan, s->eol[0] == '\r', &out, err);
    return rc;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_sign *s = arg;

    (void)e;
    if (s->rewrite != NULL)
        return rewrite_body_update(s->rewrite, data, len, err);
    return content(s, data, len, err);
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    (void)e;
    (void)gap;
    return content(arg, data, len, err);
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct mail_sign *s = arg;
    int rc = 0;

    (void)e;
    if (s->rewrite != NULL)
        rc = rewrite_body_finish(s->rewrite, err);
    rewrite_body_free(&s->rewrite);
    return rc;
}

int
mail_sign_new(struct mail_sign **ret, const struct mail_sign_options *options,
              const struct sink *out, struct err *err)
{
    struct mail_sign *s = calloc(1, sizeof *s);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = s,
    };

    if (s == NULL)
        return out_of_memory(err);
    s->options = *options;
    s->out = *out;
    s->eol = scan_crlf(options->scan) ? "\r\n" : "\n";
    canonical_init(&s->canonical);
    if (entity_reader_new(&s->reader, &handler, true) != 0) {
        mail_sign_free(&s);
        return out_of_memory(err);
    }
    *ret = s;
    return 0;
}

void
mail_sign_free(struct mail_sign **s)
{
    if (s == NULL || *s == NULL)
        return;
    rewrite_body_free(&(*s)->rewrite);
    cms_sign_free(&(*s)->cms);
    cms_armor_free(&(*s)->armor);
    entity_reader_free(&(*s)->reader);
    free(*s);
    *s = NULL;
}

int
mail_sign_update(struct mail_sign *s, const uint8_t *data, size_t len, struct err *err)
{
    return entity_reader_update(s->reader, data, len, err);
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
    int rc = entity_reader_finish(s->reader, err);

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
