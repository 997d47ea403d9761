/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/legacy.h"
#include "mail/measure.h"

#define ENCODING "Content-Transfer-Encoding"

static const char *const labels[] = {
    [SCAN_QP] = "quoted-printable",
    [SCAN_BASE64] = "base64",
    [SCAN_LABEL] = "7bit",
};

struct rewrite {
    struct transfer_stream *decoder, *encoder;
    struct legacy *legacy;
};

static int
put_field(struct buf *out, const struct header_field *f, const char *eol)
{
    int rc = buf_put(out, f->raw, f->raw_len);

    if (rc == 0 && f->raw_len > 0 && f->raw[f->raw_len - 1] != '\n')
        rc = buf_put_str(out, eol);
    return rc;
}

/* A Content-* field, or what the wish puts in its place. */
static int
put_content_field(struct buf *out, const struct header_field *f, const struct rewrite_wish *w,
                  enum protect_mode mode, bool *labelled)
{
    if ((mode != PROTECT_NONE || w->legacy_display) && header_field_is(f, "Content-Type"))
        return protect_put_type(out, f, mode, w->legacy_display, w->eol);
    if (w->plan == SCAN_KEEP || !header_field_is(f, ENCODING))
        return put_field(out, f, w->eol);
    if (*labelled)
        return 0;
    *labelled = true;
    return buf_putf(out, ENCODING ": %s%s", labels[w->plan], w->eol);
}

static int
put_label(struct buf *out, const struct rewrite_wish *w, bool labelled)
{
    if (w->plan == SCAN_KEEP || labelled)
        return 0;
    return buf_putf(out, ENCODING ": %s%s", labels[w->plan], w->eol);
}

/* The empty line, as it was. */
static int
put_blank(struct buf *out, const struct header *h, const char *eol)
{
    size_t len, blank = header_blank_len(h);
    const uint8_t *bytes = header_bytes_view(h, &len);

    return blank > 0 ? buf_put(out, bytes + len - blank, blank) : buf_put_str(out, eol);
}

/* RFC 2045 5.2: what an entity without Content-Type is, said. */
static int
put_plain_type(struct buf *out, const char *charset, enum protect_mode mode,
               const struct rewrite_wish *w)
{
    struct header_field type = {.name = (const uint8_t *)"Content-Type", .name_len = 12};
    char value[64];

    if (mode == PROTECT_NONE && !w->legacy_display)
        return buf_putf(out, "Content-Type: text/plain; charset=%s%s", charset, w->eol);
    type.value_len = (size_t)snprintf(value, sizeof value, " text/plain; charset=%s", charset);
    type.value = (const uint8_t *)value;
    return protect_put_type(out, &type, mode, w->legacy_display, w->eol);
}

/* What there is no Content-Type to tell. */
static const char *
charset_of(const struct scan *scan, enum transfer transfer)
{
    if (transfer >= TRANSFER_QP || (scan != NULL && !scan_eight_bit(scan)))
        return "us-ascii";
    return scan == NULL || scan_utf8(scan) ? "utf-8" : "unknown-8bit";
}

static int
put_missing_type(struct buf *out, const struct entity *e, const struct rewrite_wish *w)
{
    enum protect_mode mode = w->protection.mode;
    struct header_field f;

    if (header_find(e->header, "Content-Type", 0, &f) ||
        (e->transfer >= TRANSFER_QP && mode == PROTECT_NONE && !w->legacy_display))
        return 0;
    return put_plain_type(out, charset_of(w->scan, e->transfer), mode, w);
}

static int
put_outer(const struct header *h, const struct rewrite_wish *w, struct buf *out)
{
    bool hide = w->protection.mode == PROTECT_CIPHER, versioned = false;
    struct header_field f;
    int rc = 0;

    for (size_t i = 0; rc == 0 && header_at(h, i, &f); i++) {
        bool version = header_field_is(&f, "MIME-Version");

        if (header_field_starts(&f, "Content-") || (version && versioned) ||
            (w->drop_bcc && header_field_is(&f, "Bcc")))
            continue;
        versioned |= version;
        rc = hide && !version && !protect_transit(&f)
                 ? protect_put_outer(out, &f, w->protection.policy, w->eol)
                 : put_field(out, &f, w->eol);
    }
    return rc == 0 && !versioned ? buf_putf(out, "MIME-Version: 1.0%s", w->eol) : rc;
}

/* RFC 9788 5.2.1: the mail's fields in the payload. */
static int
put_protected(const struct header *h, const struct rewrite_wish *w, struct buf *out)
{
    struct header_field f;
    int rc = 0;

    if (w->protection.mode == PROTECT_NONE)
        return 0;
    for (size_t i = 0; rc == 0 && header_at(h, i, &f); i++)
        if (!protect_structural(&f) && !protect_transit(&f))
            rc = put_field(out, &f, w->eol);
    return rc;
}

static int
put_hp_outer(const struct header *h, const struct rewrite_wish *w, struct buf *out)
{
    struct header_field f;
    int rc = 0;

    if (w->protection.mode != PROTECT_CIPHER)
        return 0;
    for (size_t i = 0; rc == 0 && header_at(h, i, &f); i++)
        if (!protect_structural(&f) && !protect_transit(&f))
            rc = protect_put_hp_outer(out, &f, w->protection.policy, w->eol);
    return rc;
}

int
rewrite_split(const struct entity *e, const struct rewrite_wish *w, struct buf *outer,
              struct buf *inner)
{
    bool labelled = false;
    struct header_field f;
    int rc = put_outer(e->header, w, outer);

    if (rc == 0)
        rc = put_protected(e->header, w, inner);
    if (rc == 0)
        rc = put_missing_type(inner, e, w);
    for (size_t i = 0; rc == 0 && header_at(e->header, i, &f); i++)
        if (header_field_starts(&f, "Content-"))
            rc = put_content_field(inner, &f, w, w->protection.mode, &labelled);
    if (rc == 0)
        rc = put_label(inner, w, labelled);
    if (rc == 0)
        rc = put_hp_outer(e->header, w, inner);
    return rc == 0 ? put_blank(inner, e->header, w->eol) : rc;
}

int
rewrite_header(const struct header *h, const struct rewrite_wish *w, struct buf *out)
{
    bool labelled = false;
    struct header_field f;
    const uint8_t *bytes;
    size_t len;
    int rc = 0;

    if (w->plan == SCAN_KEEP && !w->legacy_display) {
        bytes = header_bytes_view(h, &len);
        return buf_put(out, bytes, len);
    }
    if (w->legacy_display && !header_find(h, "Content-Type", 0, &f))
        rc = put_plain_type(out, "us-ascii", PROTECT_NONE, w);
    for (size_t i = 0; rc == 0 && header_at(h, i, &f); i++)
        rc = put_content_field(out, &f, w, PROTECT_NONE, &labelled);
    if (rc == 0)
        rc = put_label(out, w, labelled);
    return rc != 0 ? rc : put_blank(out, h, w->eol);
}

uint64_t
rewrite_canonical_size(const struct buf *text)
{
    struct measure m;

    measure_init(&m);
    measure_update(&m, buf_data(text), buf_len(text));
    return measure_canonical(&m);
}

enum transfer
rewrite_transfer(enum scan_plan plan, enum transfer from)
{
    return plan == SCAN_QP ? TRANSFER_QP : plan == SCAN_BASE64 ? TRANSFER_BASE64 : from;
}

int
rewrite_body_new(struct rewrite **ret, const struct rewrite_body_options *o,
                 const struct sink *out, struct err *err)
{
    struct rewrite *r = calloc(1, sizeof *r);
    struct sink next;
    int rc;

    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory rewriting the mail");
    rc = transfer_encoder_new(&r->encoder, o->to, o->crlf, out, err);
    if (rc == 0)
        next = transfer_sink(r->encoder);
    if (rc == 0 && o->legacy != NULL) {
        rc = legacy_new(&r->legacy, o->legacy, o->html, &next);
        if (rc != 0)
            (void)err_set(err, rc, "out of memory rewriting the mail");
        else
            next = legacy_sink(r->legacy);
    }
    if (rc == 0)
        rc = transfer_decoder_new(&r->decoder, o->from, &next, err);
    if (rc != 0)
        rewrite_body_free(&r);
    else
        *ret = r;
    return rc;
}

int
rewrite_body_update(struct rewrite *r, const uint8_t *data, size_t len, struct err *err)
{
    return transfer_update(r->decoder, data, len, err);
}

int
rewrite_body_finish(struct rewrite *r, struct err *err)
{
    int rc = transfer_finish(r->decoder, err);

    if (rc == 0 && r->legacy != NULL)
        rc = legacy_finish(r->legacy, err);
    return rc != 0 ? rc : transfer_finish(r->encoder, err);
}

void
rewrite_body_free(struct rewrite **r)
{
    if (r == NULL || *r == NULL)
        return;
    transfer_free(&(*r)->decoder);
    transfer_free(&(*r)->encoder);
    legacy_free(&(*r)->legacy);
    free(*r);
    *r = NULL;
}
