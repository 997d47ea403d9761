/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/legacy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct legacy {
    struct sink out;
    struct buf *element;
    struct buf *held;   /* HTML whose <body> has not come */
    bool html, done;
};

/* Character sets in which ASCII is ASCII, by how their names start; the first is
 * that of the element. */
static const char *const charsets[] = {"utf-8", "us-ascii", "iso-8859-", "windows-125"};

static bool
fits_charset(const struct media *m, bool only_ascii)
{
    const char *charset = m == NULL ? NULL : media_param(m, "charset");

    if (charset == NULL)
        return only_ascii;
    for (size_t i = 0; i < (only_ascii ? sizeof charsets / sizeof *charsets : 1); i++)
        if (strncasecmp(charset, charsets[i], strlen(charsets[i])) == 0)
            return true;
    return false;
}

static bool
attached(const struct header *h)
{
    struct header_field f;
    struct media *m = NULL;
    bool yes;

    if (h == NULL || !header_find(h, "Content-Disposition", 0, &f))
        return false;
    yes = media_parse(&m, f.value, f.value_len) != 0 || strcmp(media_type(m), "inline") != 0;
    media_free(&m);
    return yes;
}

/* The first part of each multipart above, any of an alternative. */
static bool
is_main(const struct entity *e)
{
    for (; e->parent != NULL; e = e->parent) {
        const struct media *m = e->parent->media;

        if (e->parent->kind != ENTITY_MULTIPART || m == NULL ||
            media_is(m, "multipart", "signed") || media_is(m, "multipart", "encrypted"))
            return false;
        if (e->index > 0 && !media_is(m, "multipart", "alternative"))
            return false;
    }
    return true;
}

bool
legacy_fits(const struct entity *e, bool only_ascii, bool *ret_html)
{
    if (e->kind != ENTITY_LEAF || e->broken || e->transfer == TRANSFER_UNKNOWN)
        return false;
    *ret_html = e->media != NULL && media_is(e->media, "text", "html");
    if (e->media != NULL && !*ret_html && !media_is(e->media, "text", "plain"))
        return false;
    return fits_charset(e->media, only_ascii) && !attached(e->header) && is_main(e);
}

int
legacy_new(struct legacy **ret, const struct buf *element, bool html, const struct sink *out)
{
    struct legacy *l = calloc(1, sizeof *l);

    if (l == NULL)
        return E_NOMEM;
    l->out = *out;
    l->html = html;
    l->element = buf_new();
    l->held = buf_new();
    if (l->element == NULL || l->held == NULL ||
        buf_put(l->element, buf_data(element), buf_len(element)) != 0) {
        legacy_free(&l);
        return E_NOMEM;
    }
    *ret = l;
    return 0;
}

void
legacy_free(struct legacy **l)
{
    if (l == NULL || *l == NULL)
        return;
    buf_free(&(*l)->element);
    buf_free(&(*l)->held);
    free(*l);
    *l = NULL;
}

/* Bytes up to the end of the <body> tag; 0 while there is none. */
static size_t
behind_body(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 5 < len; i++) {
        const uint8_t *end;

        if (p[i] != '<' || strncasecmp((const char *)p + i, "<body", 5) != 0 ||
            strchr(" \t\r\n>/", p[i + 5]) == NULL)
            continue;
        end = memchr(p + i, '>', len - i);
        return end == NULL ? 0 : (size_t)(end + 1 - p);
    }
    return 0;
}

/* What is held, with the element behind its first `at` bytes. */
static int
give(struct legacy *l, size_t at, struct err *err)
{
    const uint8_t *held = buf_data(l->held);
    size_t len = buf_len(l->held);
    int rc = sink_write(&l->out, held, at, err);

    l->done = true;
    if (rc == 0)
        rc = sink_write(&l->out, buf_data(l->element), buf_len(l->element), err);
    if (rc == 0)
        rc = sink_write(&l->out, held + at, len - at, err);
    return rc;
}

int
legacy_update(struct legacy *l, const uint8_t *data, size_t len, struct err *err)
{
    size_t room = LEGACY_SEEK_MAX - buf_len(l->held), at, n;
    int rc = 0;

    if (l->done)
        return sink_write(&l->out, data, len, err);
    if (!l->html) {
        rc = give(l, 0, err);
        return rc == 0 ? sink_write(&l->out, data, len, err) : rc;
    }
    n = len < room ? len : room;
    if (buf_put(l->held, data, n) != 0)
        return err_set(err, E_NOMEM, "out of memory protecting the header");
    at = behind_body(buf_data(l->held), buf_len(l->held));
    if (at == 0 && buf_len(l->held) < LEGACY_SEEK_MAX)
        return 0;
    rc = give(l, at, err);
    return rc == 0 ? sink_write(&l->out, data + n, len - n, err) : rc;
}

int
legacy_finish(struct legacy *l, struct err *err)
{
    return l->done ? 0 : give(l, 0, err);
}

static int
into(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return legacy_update(arg, data, len, err);
}

struct sink
legacy_sink(struct legacy *l)
{
    return (struct sink){.write = into, .arg = l};
}
