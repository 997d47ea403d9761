/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "mail/measure.h"

#define ENCODING "Content-Transfer-Encoding"

static const char *const labels[] = {
    [SCAN_QP] = "quoted-printable",
    [SCAN_BASE64] = "base64",
    [SCAN_LABEL] = "7bit",
};

struct rewrite {
    struct transfer_stream *decoder, *encoder;
};

static int
put_field(struct buf *out, const struct header_field *f, const char *eol)
{
    int rc = buf_put(out, f->raw, f->raw_len);

    if (rc == 0 && f->raw_len > 0 && f->raw[f->raw_len - 1] != '\n')
        rc = buf_put_str(out, eol);
    return rc;
}

/* A Content-* field, or what the plan puts in its place. */
static int
put_content_field(struct buf *out, const struct header_field *f, enum scan_plan plan,
                  const char *eol, bool *labelled)
{
    if (plan == SCAN_KEEP || !header_field_is(f, ENCODING))
        return put_field(out, f, eol);
    if (*labelled)
        return 0;
    *labelled = true;
    return buf_putf(out, ENCODING ": %s%s", labels[plan], eol);
}

static int
put_label(struct buf *out, enum scan_plan plan, const char *eol, bool labelled)
{
    if (plan == SCAN_KEEP || labelled)
        return 0;
    return buf_putf(out, ENCODING ": %s%s", labels[plan], eol);
}

/* The empty line, as it was. */
static int
put_blank(struct buf *out, const struct header *h, const char *eol)
{
    size_t len, blank = header_blank_len(h);
    const uint8_t *bytes = header_bytes_view(h, &len);

    return blank > 0 ? buf_put(out, bytes + len - blank, blank) : buf_put_str(out, eol);
}

/* RFC 2045 5.2: what a mail without Content-Type is, said. */
static int
put_plain_type(struct buf *out, const struct entity *e, const struct scan *scan,
               const char *eol)
{
    struct header_field f;
    const char *charset = !scan_eight_bit(scan) ? "us-ascii"
                          : scan_utf8(scan)     ? "utf-8"
                                                : "unknown-8bit";

    if (header_find(e->header, "Content-Type", 0, &f) || e->transfer >= TRANSFER_QP)
        return 0;
    return buf_putf(out, "Content-Type: text/plain; charset=%s%s", charset, eol);
}

int
rewrite_split(const struct entity *e, const struct scan *scan, enum scan_plan plan,
              const char *eol, struct buf *outer, struct buf *inner)
{
    bool versioned = false, labelled = false;
    struct header_field f;
    int rc = put_plain_type(inner, e, scan, eol);

    for (size_t i = 0; rc == 0 && header_at(e->header, i, &f); i++) {
        if (header_field_starts(&f, "Content-")) {
            rc = put_content_field(inner, &f, plan, eol, &labelled);
        } else if (!header_field_is(&f, "MIME-Version")) {
            rc = put_field(outer, &f, eol);
        } else if (!versioned) {
            rc = put_field(outer, &f, eol);
            versioned = true;
        }
    }
    if (rc == 0)
        rc = put_label(inner, plan, eol, labelled);
    if (rc == 0)
        rc = put_blank(inner, e->header, eol);
    if (rc == 0 && !versioned)
        rc = buf_putf(outer, "MIME-Version: 1.0%s", eol);
    return rc;
}

int
rewrite_header(const struct header *h, enum scan_plan plan, const char *eol, struct buf *out)
{
    bool labelled = false;
    struct header_field f;
    const uint8_t *bytes;
    size_t len;
    int rc = 0;

    if (plan == SCAN_KEEP) {
        bytes = header_bytes_view(h, &len);
        return buf_put(out, bytes, len);
    }
    for (size_t i = 0; rc == 0 && header_at(h, i, &f); i++)
        rc = put_content_field(out, &f, plan, eol, &labelled);
    if (rc == 0)
        rc = put_label(out, plan, eol, labelled);
    return rc != 0 ? rc : put_blank(out, h, eol);
}

uint64_t
rewrite_canonical_size(const struct buf *text)
{
    struct measure m;

    measure_init(&m);
    measure_update(&m, buf_data(text), buf_len(text));
    return measure_canonical(&m);
}

int
rewrite_body_new(struct rewrite **ret, enum transfer from, enum scan_plan plan, bool crlf,
                 const struct sink *out, struct err *err)
{
    struct rewrite *r = calloc(1, sizeof *r);
    enum transfer to = plan == SCAN_QP ? TRANSFER_QP : TRANSFER_BASE64;
    struct sink encode;
    int rc;

    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory signing the mail");
    rc = transfer_encoder_new(&r->encoder, to, crlf, out, err);
    if (rc == 0) {
        encode = transfer_sink(r->encoder);
        rc = transfer_decoder_new(&r->decoder, from, &encode, err);
    }
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

    return rc != 0 ? rc : transfer_finish(r->encoder, err);
}

void
rewrite_body_free(struct rewrite **r)
{
    if (r == NULL || *r == NULL)
        return;
    transfer_free(&(*r)->decoder);
    transfer_free(&(*r)->encoder);
    free(*r);
    *r = NULL;
}
