/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/show.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "mail/charset.h"
#include "mail/entity.h"
#include "mail/protected.h"

/* A longer line is safe in pieces of this size. */
#define LINE_PIECE 4096u
/* Longest character in UTF-8. */
#define UTF8_MAX 4u

struct show {
    struct sink out;
    struct entity_reader *reader;
    struct buf *line, *safe;
    const struct entity *part;            /* the one that is shown */
    struct transfer_stream *transfer;
    struct charset *charset;
    const struct entity *alternative;     /* whose plain form was shown */
    bool hp;                              /* the content has hp="..." */
    bool skipping, legacy;                /* inside such an element; there was one */
    bool failed;                          /* the part could not be decoded */
    bool any;                             /* something was written */
};

static int
out_of_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory showing the mail");
}

static int
flush(struct show *s, struct err *err)
{
    int rc = sink_write(&s->out, buf_data(s->safe), buf_len(s->safe), err);

    buf_reset(s->safe);
    return rc;
}

/* Text and its tabs, safe. */
static int
put_safe(struct show *s, const uint8_t *p, size_t len, struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        const uint8_t *tab = memchr(p, '\t', len);
        size_t n = tab == NULL ? len : (size_t)(tab - p);

        rc = text_put_safe(s->safe, p, n);
        if (rc == 0 && tab != NULL)
            rc = buf_put_byte(s->safe, '\t');
        n += tab != NULL;
        p += n;
        len -= n;
    }
    return rc != 0 ? out_of_memory(err) : 0;
}

static int
end_line(struct show *s, struct err *err)
{
    size_t len = buf_len(s->line);
    int rc = 0;

    if (len > 0 && buf_data(s->line)[len - 1] == '\r')
        len--;
    if (s->skipping) {
        s->skipping = len > 0;
    } else {
        rc = put_safe(s, buf_data(s->line), len, err);
        if (rc == 0)
            rc = buf_put_byte(s->safe, '\n') != 0 ? out_of_memory(err) : flush(s, err);
    }
    buf_reset(s->line);
    return rc;
}

/* A line that is too long to be kept: all but its last character, which may not be whole. */
static int
end_piece(struct show *s, struct err *err)
{
    const uint8_t *p = buf_data(s->line);
    size_t len = buf_len(s->line), keep = 1;
    int rc = 0;

    while (keep < UTF8_MAX && (p[len - keep] & 0xc0) == 0x80)
        keep++;
    if (!s->skipping)
        rc = put_safe(s, p, len - keep, err);
    if (rc == 0)
        rc = flush(s, err);
    buf_consume(s->line, len - keep);
    return rc;
}

/* UTF-8 of a text part. */
static int
on_text(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct show *s = arg;
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t n = LINE_PIECE - buf_len(s->line);
        const uint8_t *nl;

        n = n < len ? n : len;
        nl = memchr(data, '\n', n);
        n = nl == NULL ? n : (size_t)(nl - data);
        if (buf_put(s->line, data, n) != 0)
            return out_of_memory(err);
        n += nl != NULL;
        data += n;
        len -= n;
        if (nl != NULL)
            rc = end_line(s, err);
        else if (buf_len(s->line) == LINE_PIECE)
            rc = end_piece(s, err);
    }
    return rc;
}

static int
on_decoded(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct show *s = arg;

    return charset_update(s->charset, data, len, err);
}

static bool
is_attachment(const struct header *h)
{
    struct header_field f;
    struct media *m = NULL;
    bool attached;

    if (!header_find(h, "Content-Disposition", 0, &f) ||
        media_parse(&m, f.value, f.value_len) != 0)
        return false;
    attached = strcmp(media_type(m), "inline") != 0;
    media_free(&m);
    return attached;
}

/* The file's name, from whichever field has one. */
static int
put_name(struct buf *out, const struct entity *e)
{
    const char *name = e->media == NULL ? NULL : media_param(e->media, "name");
    struct header_field f;
    struct media *m = NULL;
    int rc = 0;

    if (header_find(e->header, "Content-Disposition", 0, &f) &&
        media_parse(&m, f.value, f.value_len) == 0 && media_param(m, "filename") != NULL)
        name = media_param(m, "filename");
    if (name != NULL)
        rc = buf_put_str(out, " \"");
    if (rc == 0 && name != NULL)
        rc = text_put_safe(out, name, strlen(name));
    if (rc == 0 && name != NULL)
        rc = buf_put_str(out, "\"");
    media_free(&m);
    return rc;
}

/* "[attachment "offer.pdf" (application/pdf)]" */
static int
put_named(struct show *s, const char *what, const struct entity *e, struct err *err)
{
    int rc = buf_putf(s->safe, "%s[%s", s->any ? "\n" : "", what);

    if (rc == 0)
        rc = put_name(s->safe, e);
    if (rc == 0 && e->media != NULL)
        rc = buf_put_str(s->safe, " (");
    if (rc == 0 && e->media != NULL)
        rc = text_put_safe(s->safe, media_type(e->media), strlen(media_type(e->media)));
    if (rc == 0 && e->media != NULL)
        rc = buf_put_str(s->safe, "/");
    if (rc == 0 && e->media != NULL)
        rc = text_put_safe(s->safe, media_subtype(e->media), strlen(media_subtype(e->media)));
    if (rc == 0)
        rc = buf_put_str(s->safe, e->media != NULL ? ")]\n" : "]\n");
    s->any = true;
    return rc != 0 ? out_of_memory(err) : flush(s, err);
}

static bool
is_plain(const struct entity *e)
{
    return e->media == NULL ? !e->broken : media_is(e->media, "text", "plain");
}

static int
begin_text(struct show *s, const struct entity *e, struct err *err)
{
    struct sink text = {.write = on_text, .arg = s}, bytes = {.write = on_decoded, .arg = s};
    const char *set = e->media == NULL ? NULL : media_param(e->media, "charset");
    int rc = 0;

    if (s->any)
        rc = sink_write(&s->out, (const uint8_t *)"\n", 1, err);
    s->any = true;
    s->part = e;
    s->failed = false;
    s->skipping = s->hp && protected_legacy_display(e->media);
    s->legacy |= s->skipping;
    if (rc == 0)
        rc = charset_new(&s->charset, set, &text, err);
    return rc != 0 ? rc : transfer_decoder_new(&s->transfer, e->transfer, &bytes, err);
}

static bool
in_alternative(const struct entity *e)
{
    return e->parent != NULL && e->parent->media != NULL &&
           media_is(e->parent->media, "multipart", "alternative");
}

static int
begin_leaf(struct show *s, const struct entity *e, struct err *err)
{
    if (in_alternative(e) && s->alternative == e->parent)
        return 0;
    if (is_attachment(e->header) || e->broken || e->transfer == TRANSFER_UNKNOWN)
        return put_named(s, e->broken ? "unreadable part" : "attachment", e, err);
    if (is_plain(e)) {
        s->alternative = in_alternative(e) ? e->parent : s->alternative;
        return begin_text(s, e, err);
    }
    return put_named(s, "part that is not shown", e, err);
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct show *s = arg;

    if (e->depth == 0)
        s->hp = e->media != NULL && media_param(e->media, "hp") != NULL;
    if (e->kind == ENTITY_MESSAGE && (e->depth > 0 || media_param_is(e->media, "forwarded", "yes")))
        e->kind = ENTITY_LEAF;
    if (e->kind != ENTITY_LEAF)
        return 0;
    if (e->media != NULL && media_is(e->media, "message", "rfc822"))
        return put_named(s, "attached message, for whose header nothing vouches", e, err);
    return begin_leaf(s, e, err);
}

/* What the decoder refuses is the part's fault; what the sink does is not. */
static int
excuse(struct show *s, int rc, struct err *err)
{
    static const char text[] = "\n[the rest of this part cannot be decoded]\n";
    size_t skip = buf_len(s->line) == 0; /* a line end that is there already */

    if (rc != E_MALFORMED && rc != E_TRUNCATED)
        return rc;
    s->failed = true;
    err_clear(err);
    return on_text(s, (const uint8_t *)text + skip, sizeof text - 1 - skip, err);
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct show *s = arg;

    if (e != s->part || s->failed)
        return 0;
    return excuse(s, transfer_update(s->transfer, data, len, err), err);
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    (void)arg;
    (void)e;
    (void)gap;
    (void)data;
    (void)len;
    (void)err;
    return 0;
}

static int
end_text(struct show *s, struct err *err)
{
    int rc = s->failed ? 0 : excuse(s, transfer_finish(s->transfer, err), err);

    if (rc == 0)
        rc = charset_finish(s->charset, err);
    if (rc == 0 && buf_len(s->line) > 0)
        rc = end_line(s, err);
    s->part = NULL;
    transfer_free(&s->transfer);
    charset_free(&s->charset);
    return rc;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct show *s = arg;

    if (e == s->alternative)
        s->alternative = NULL;
    return e == s->part ? end_text(s, err) : 0;
}

int
show_new(struct show **ret, const struct sink *out, struct err *err)
{
    struct show *s = calloc(1, sizeof *s);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = s,
    };

    if (s == NULL)
        return out_of_memory(err);
    s->out = *out;
    s->line = buf_new();
    s->safe = buf_new();
    if (s->line == NULL || s->safe == NULL ||
        entity_reader_new(&s->reader, &handler, true) != 0) {
        show_free(&s);
        return out_of_memory(err);
    }
    *ret = s;
    return 0;
}

void
show_free(struct show **s)
{
    if (s == NULL || *s == NULL)
        return;
    entity_reader_free(&(*s)->reader);
    transfer_free(&(*s)->transfer);
    charset_free(&(*s)->charset);
    buf_free(&(*s)->line);
    buf_free(&(*s)->safe);
    free(*s);
    *s = NULL;
}

int
show_update(struct show *s, const uint8_t *data, size_t len, struct err *err)
{
    return entity_reader_update(s->reader, data, len, err);
}

int
show_finish(struct show *s, struct err *err)
{
    return entity_reader_finish(s->reader, err);
}

bool
show_legacy(const struct show *s)
{
    return s->legacy;
}
