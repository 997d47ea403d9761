/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/inner.h"

#include <stdlib.h>
#include <string.h>

#include "mail/entity.h"
#include "mail/kind.h"
#include "mail/legacy.h"
#include "mail/rewrite.h"

struct inner {
    struct inner_options options;
    struct entity_reader *reader;
    struct rewrite *rewrite;    /* of the leaf being read, when it is changed */
    struct buf *plain, *html;   /* legacy display elements; empty when there is none */
    const char *eol;
    uint64_t entities;
};

static int
out_of_memory(const struct inner *in, struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while reading a mail to %s it",
                   in->options.verb);
}

static int
content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct inner *in = arg;

    return len == 0 ? 0 : in->options.content(in->options.arg, data, len, err);
}

static int
refuse(const struct inner *in, const struct header *h, struct err *err)
{
    const char *verb = in->options.verb;
    struct header_field f;
    size_t len;

    header_bytes_view(h, &len);
    if (in->options.scan != NULL ? scan_size(in->options.scan) == 0
                                 : len == 0 && !header_absent(h))
        return err_set(err, E_MALFORMED, "the mail is empty; there is nothing to %s", verb);
    if (header_absent(h) || header_count(h) == 0)
        return err_set(err, E_MALFORMED,
                       "the mail has no header; a mail starts with fields such as "
                       "\"Subject: ...\" and an empty line (use --cms to %s any file)", verb);
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

/* As the first line of the header ends. */
static const char *
line_end(const struct header *h)
{
    size_t len;
    const uint8_t *p = header_bytes_view(h, &len), *nl = len == 0 ? NULL : memchr(p, '\n', len);

    return nl != NULL && nl > p && nl[-1] == '\r' ? "\r\n" : "\n";
}

static size_t
longest_line(const struct header *h)
{
    size_t len, longest = 0;
    const uint8_t *p = header_bytes_view(h, &len), *end = p + len, *nl;

    while (p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if ((size_t)(nl - p) > longest)
            longest = (size_t)(nl - p);
        p = nl + 1;
    }
    return longest;
}

/* A mail that is signed or encrypted already has its payload, and what protects it,
 * deeper. A header that no reader takes as a part's, or that a relay would break, stays
 * outside; but what was to be hidden is not left there in silence. */
static int
settle_protection(struct inner *in, const struct entity *e, struct err *err)
{
    struct mail_protection *p = &in->options.protection;
    enum mail_kind kind = KIND_OTHER;
    size_t len, line = longest_line(e->header);

    if (p->mode == PROTECT_NONE)
        return 0;
    if (kind_of(e->media, e->header, &kind) != 0)
        return out_of_memory(in, err);
    header_bytes_view(e->header, &len);
    if (kind != KIND_OTHER || e->broken ||
        (e->media != NULL && media_is(e->media, "multipart", "encrypted"))) {
        p->mode = PROTECT_NONE;
        return 0;
    }
    if (len < HEADER_PART_MAX / 4 && (line <= 990 || p->mode == PROTECT_CIPHER))
        return 0;
    if (p->mode == PROTECT_CIPHER && p->policy != PROTECT_OPEN)
        return err_set(err, E_LIMIT, "the mail's header has %zu bytes, too many to be protected; "
                       "make it smaller, or leave it as it is with --no-protect-headers", len);
    p->mode = PROTECT_NONE;
    return 0;
}

static bool
is_ascii(const struct buf *text)
{
    const uint8_t *p = buf_data(text);

    for (size_t i = 0; i < buf_len(text); i++)
        if (p[i] >= 0x80)
            return false;
    return true;
}

static int
make_legacy(struct inner *in, const struct header *h)
{
    const struct mail_protection *p = &in->options.protection;
    int rc = 0;

    if (p->mode != PROTECT_CIPHER || !p->legacy_display)
        return 0;
    rc = protect_put_legacy(in->plain, h, p->policy, false, in->eol);
    return rc == 0 ? protect_put_legacy(in->html, h, p->policy, true, in->eol) : rc;
}

/* Whether something in the body may be changed. */
static bool
changes(const struct inner *in)
{
    return (in->options.reencode && scan_changes(in->options.scan)) || buf_len(in->plain) > 0;
}

static int
begin_mail(struct inner *in, const struct entity *e, const struct rewrite_wish *wish,
           struct err *err)
{
    autofree_buf struct buf *outer = buf_new(), *inner = buf_new();
    int64_t size = -1;
    int rc;

    if (outer == NULL || inner == NULL || rewrite_split(e, wish, outer, inner) != 0)
        return out_of_memory(in, err);
    if (in->options.scan != NULL && !changes(in))
        size = (int64_t)(rewrite_canonical_size(inner) + scan_body_canonical(in->options.scan));
    rc = in->options.begin(in->options.arg, outer, size, in->eol, err);
    return rc == 0 ? content(in, buf_data(inner), buf_len(inner), err) : rc;
}

static int
begin_part(struct inner *in, const struct entity *e, const struct rewrite_wish *wish,
           struct err *err)
{
    autofree_buf struct buf *header = buf_new();

    if (header == NULL || rewrite_header(e->header, wish, header) != 0)
        return out_of_memory(in, err);
    return content(in, buf_data(header), buf_len(header), err);
}

static int
begin_leaf(struct inner *in, const struct entity *e, const struct rewrite_wish *wish, bool html,
           struct err *err)
{
    struct rewrite_body_options body = {
        .from = e->transfer,
        .to = rewrite_transfer(wish->plan, e->transfer),
        .crlf = in->eol[0] == '\r',
        .legacy = !wish->legacy_display ? NULL : html ? in->html : in->plain,
        .html = html,
    };
    struct sink out = {.write = content, .arg = in};

    if (wish->plan == SCAN_KEEP && !wish->legacy_display)
        return 0;
    return rewrite_body_new(&in->rewrite, &body, &out, err);
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct inner *in = arg;
    struct rewrite_wish wish = {.scan = in->options.scan};
    bool html = false;
    int rc = 0;

    if (e->depth == 0) {
        rc = refuse(in, e->header, err);
        in->eol = line_end(e->header);
        if (rc == 0)
            rc = settle_protection(in, e, err);
        if (rc == 0 && make_legacy(in, e->header) != 0)
            rc = out_of_memory(in, err);
    }
    if (rc != 0)
        return rc;
    wish.eol = in->eol;
    wish.drop_bcc = in->options.drop_bcc;
    wish.protection = in->options.protection;
    if (in->options.reencode)
        wish.plan = scan_plan(in->options.scan, in->entities);
    in->entities++;
    wish.legacy_display = buf_len(in->plain) > 0 && legacy_fits(e, is_ascii(in->plain), &html);
    rc = e->depth == 0 ? begin_mail(in, e, &wish, err) : begin_part(in, e, &wish, err);
    /* Nothing to change below: no need to look for boundaries. */
    if (!changes(in))
        e->kind = ENTITY_LEAF;
    return rc == 0 && e->kind == ENTITY_LEAF ? begin_leaf(in, e, &wish, html, err) : rc;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct inner *in = arg;

    (void)e;
    if (in->rewrite != NULL)
        return rewrite_body_update(in->rewrite, data, len, err);
    return content(in, data, len, err);
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
    struct inner *in = arg;
    int rc = 0;

    (void)e;
    if (in->rewrite != NULL)
        rc = rewrite_body_finish(in->rewrite, err);
    rewrite_body_free(&in->rewrite);
    return rc;
}

int
inner_new(struct inner **ret, const struct inner_options *options, struct err *err)
{
    struct inner *in = calloc(1, sizeof *in);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = in,
    };

    if (in == NULL)
        return err_set(err, E_NOMEM, "out of memory while reading a mail");
    in->options = *options;
    in->options.reencode &= options->scan != NULL;
    in->plain = buf_new();
    in->html = buf_new();
    if (in->plain == NULL || in->html == NULL ||
        entity_reader_new(&in->reader, &handler, true) != 0) {
        int rc = out_of_memory(in, err);

        inner_free(&in);
        return rc;
    }
    *ret = in;
    return 0;
}

void
inner_free(struct inner **in)
{
    if (in == NULL || *in == NULL)
        return;
    rewrite_body_free(&(*in)->rewrite);
    entity_reader_free(&(*in)->reader);
    buf_free(&(*in)->plain);
    buf_free(&(*in)->html);
    free(*in);
    *in = NULL;
}

int
inner_update(struct inner *in, const uint8_t *data, size_t len, struct err *err)
{
    return entity_reader_update(in->reader, data, len, err);
}

int
inner_finish(struct inner *in, struct err *err)
{
    return entity_reader_finish(in->reader, err);
}
