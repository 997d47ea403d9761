/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define NAME_MAX_LEN 998u /* RFC 5322 2.1.1: no line, so no name, is longer */
#define MBOX_MIN_LEN 20u

struct span {
    uint32_t off, len, name_len, value_off;
};

struct header {
    struct buf *bytes;
    size_t max;
    size_t line;       /* where the unfinished line starts */
    size_t blank;      /* length of the empty line that ended it */
    size_t lines, bad; /* counted from 1 */
    struct span *spans;
    size_t count, room;
    bool done, absent;
};

/* What the start of a line is. */
enum shape { SHAPE_FIELD, SHAPE_FOLD, SHAPE_BLANK, SHAPE_OTHER, SHAPE_UNSURE };

int
header_new(struct header **ret, size_t max)
{
    struct header *h = calloc(1, sizeof *h);

    if (h == NULL)
        return E_NOMEM;
    h->bytes = buf_new();
    if (h->bytes == NULL) {
        free(h);
        return E_NOMEM;
    }
    h->max = max;
    *ret = h;
    return 0;
}

void
header_free(struct header **h)
{
    if (h == NULL || *h == NULL)
        return;
    buf_free(&(*h)->bytes);
    free((*h)->spans);
    free(*h);
    *h = NULL;
}

void
header_reset(struct header *h)
{
    buf_reset(h->bytes);
    h->line = h->blank = h->lines = h->bad = h->count = 0;
    h->done = h->absent = false;
}

static bool
name_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != ':';
}

/* Length of the field name if the line starts with name, blanks, colon. */
static enum shape
line_shape(const uint8_t *p, size_t len, bool whole, size_t *ret_name, size_t *ret_value)
{
    size_t name = 0, i;

    if (len > 0 && (p[0] == ' ' || p[0] == '\t'))
        return SHAPE_FOLD;
    if (len > 0 && (p[0] == '\n' || (p[0] == '\r' && len > 1 && p[1] == '\n')))
        return SHAPE_BLANK;
    if (len == 1 && p[0] == '\r' && !whole)
        return SHAPE_UNSURE;
    while (name < len && name_byte(p[name]))
        name++;
    for (i = name; i < len && (p[i] == ' ' || p[i] == '\t'); i++)
        ;
    if (i == len && !whole)
        return i > NAME_MAX_LEN ? SHAPE_OTHER : SHAPE_UNSURE;
    if (i == len || p[i] != ':' || name == 0 || i > NAME_MAX_LEN)
        return SHAPE_OTHER;
    *ret_name = name;
    *ret_value = i + 1;
    return SHAPE_FIELD;
}

/* "From alice@example.org Mon Nov 23 15:28:00 2026", as mbox files start. */
static bool
mbox_line(const uint8_t *p, size_t len)
{
    while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
        len--;
    if (len < MBOX_MIN_LEN || memcmp(p, "From ", 5) != 0)
        return false;
    for (size_t i = len - 4; i < len; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return memchr(p, ':', len) != NULL;
}

static int
add_span(struct header *h, struct span s, struct err *err)
{
    if (h->count == HEADER_FIELDS_MAX)
        return err_set(err, E_LIMIT, "the mail's header has more than %u fields",
                       HEADER_FIELDS_MAX);
    if (h->count == h->room) {
        size_t room = h->room == 0 ? 32 : 2 * h->room;
        struct span *grown = realloc(h->spans, room * sizeof *grown);

        if (grown == NULL)
            return err_set(err, E_NOMEM, "out of memory reading a header");
        h->spans = grown;
        h->room = room;
    }
    h->spans[h->count++] = s;
    return 0;
}

/* The line from h->line to the end of bytes is whole (or the input is). */
static int
end_line(struct header *h, struct err *err)
{
    const uint8_t *p = buf_data(h->bytes) + h->line;
    size_t len = buf_len(h->bytes) - h->line;
    struct span s = {.off = (uint32_t)h->line, .len = (uint32_t)len};
    size_t name = 0, value = 0;
    enum shape shape = line_shape(p, len, true, &name, &value);

    h->lines++;
    h->line += len;
    if (shape == SHAPE_BLANK) {
        h->blank = len;
        h->done = true;
        return 0;
    }
    if (shape == SHAPE_FOLD && h->count > 0) {
        h->spans[h->count - 1].len += (uint32_t)len;
        return 0;
    }
    if (shape == SHAPE_FIELD) {
        s.name_len = (uint32_t)name;
        s.value_off = (uint32_t)value;
        return add_span(h, s, err);
    }
    if (h->lines == 1 && !mbox_line(p, len)) {
        h->done = h->absent = true;
        return 0;
    }
    if (h->lines > 1 && h->bad == 0)
        h->bad = h->lines;
    return add_span(h, s, err);
}

/* Tells early that an unfinished first line cannot start a header. */
static void
judge_first(struct header *h)
{
    const uint8_t *p = buf_data(h->bytes);
    size_t len = buf_len(h->bytes), name, value;
    enum shape shape = line_shape(p, len, false, &name, &value);

    if (shape == SHAPE_FOLD)
        h->done = h->absent = true;
    if (shape == SHAPE_OTHER &&
        (len > NAME_MAX_LEN || memcmp(p, "From ", len < 5 ? len : 5) != 0))
        h->done = h->absent = true;
}

int
header_update(struct header *h, const uint8_t *data, size_t len, size_t *ret_used,
              struct err *err)
{
    size_t used = 0;
    int rc = 0;

    while (rc == 0 && !h->done && used < len) {
        const uint8_t *nl = memchr(data + used, '\n', len - used);
        size_t n = nl == NULL ? len - used : (size_t)(nl - data) - used + 1;

        /* Small steps until it is clear that there is a header. */
        if (h->lines == 0 && buf_len(h->bytes) <= NAME_MAX_LEN &&
            n > NAME_MAX_LEN + 1 - buf_len(h->bytes))
            n = NAME_MAX_LEN + 1 - buf_len(h->bytes);
        if (n > h->max - buf_len(h->bytes))
            return err_set(err, E_LIMIT, "the mail's header is larger than %zu bytes", h->max);
        if ((rc = buf_put(h->bytes, data + used, n)) != 0)
            return err_set(err, rc, "out of memory reading a header");
        used += n;
        if (h->lines == 0)
            judge_first(h);
        if (!h->done && nl != NULL && used == (size_t)(nl - data) + 1)
            rc = end_line(h, err);
    }
    *ret_used = used;
    return rc;
}

int
header_finish(struct header *h, struct err *err)
{
    int rc = 0;

    if (!h->done && buf_len(h->bytes) > h->line)
        rc = end_line(h, err);
    h->done = true;
    return rc;
}

bool
header_done(const struct header *h)
{
    return h->done;
}

bool
header_absent(const struct header *h)
{
    return h->absent;
}

bool
header_malformed(const struct header *h)
{
    return h->bad != 0;
}

size_t
header_bad_line(const struct header *h)
{
    return h->bad;
}

bool
header_doubtful(const struct header *h)
{
    const uint8_t *p = buf_data(h->bytes), *end = p + buf_len(h->bytes), *cr = p;

    /* Absent: its first line is no field to us, but may be one to others. */
    if (h->absent || h->bad != 0)
        return true;
    if (p == end)
        return false;
    while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL && cr + 1 < end && cr[1] == '\n')
        cr++;
    return cr != NULL || memchr(p, '\0', (size_t)(end - p)) != NULL;
}

const uint8_t *
header_bytes_view(const struct header *h, size_t *ret_len)
{
    *ret_len = h->absent ? 0 : buf_len(h->bytes);
    return buf_data(h->bytes);
}

size_t
header_blank_len(const struct header *h)
{
    return h->blank;
}

const uint8_t *
header_rest_view(const struct header *h, size_t *ret_len)
{
    *ret_len = h->absent ? buf_len(h->bytes) : 0;
    return buf_data(h->bytes);
}

size_t
header_count(const struct header *h)
{
    return h->count;
}

bool
header_at(const struct header *h, size_t i, struct header_field *ret)
{
    const struct span *s;
    const uint8_t *p;
    size_t end;

    if (i >= h->count)
        return false;
    s = &h->spans[i];
    p = buf_data(h->bytes) + s->off;
    end = s->len;
    if (end > s->value_off && p[end - 1] == '\n')
        end--;
    if (end > s->value_off && p[end - 1] == '\r')
        end--;
    *ret = (struct header_field){
        .raw = p, .raw_len = s->len, .name = p, .name_len = s->name_len,
        .value = p + s->value_off, .value_len = end - s->value_off,
    };
    return true;
}

bool
header_find(const struct header *h, const char *name, size_t nth, struct header_field *ret)
{
    struct header_field f;

    for (size_t i = 0; header_at(h, i, &f); i++) {
        if (header_field_is(&f, name) && nth-- == 0) {
            *ret = f;
            return true;
        }
    }
    return false;
}

bool
header_field_is(const struct header_field *f, const char *name)
{
    return f->name_len == strlen(name) && header_field_starts(f, name);
}

bool
header_field_starts(const struct header_field *f, const char *prefix)
{
    size_t len = strlen(prefix);

    return f->name_len >= len && strncasecmp((const char *)f->name, prefix, len) == 0;
}
