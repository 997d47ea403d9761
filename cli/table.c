/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct table {
    size_t columns, rows;
    size_t width[TABLE_COLUMNS_MAX];
    struct buf *cells; /* all of them, each ended by a NUL */
};

/* Code points: good enough for columns of Latin, Greek and Cyrillic names. */
static size_t
display_width(const uint8_t *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xC0) != 0x80;
    return n;
}

static int
add_cell(struct table *t, size_t column, const char *text)
{
    size_t before = buf_len(t->cells), width;
    int rc = text_put_safe(t->cells, text, strlen(text));

    if (rc != 0)
        return rc;
    width = display_width(buf_data(t->cells) + before, buf_len(t->cells) - before);
    if (width > t->width[column])
        t->width[column] = width;
    return buf_put_byte(t->cells, '\0');
}

struct table *
table_new(const char *const *headings)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    while (t->columns < TABLE_COLUMNS_MAX && headings[t->columns])
        t->columns++;
    t->cells = buf_new();
    if (!t->cells || table_add(t, headings) != 0)
        table_free(&t);
    return t;
}

void
table_free(struct table **t)
{
    if (!t || !*t)
        return;
    buf_free(&(*t)->cells);
    free(*t);
    *t = NULL;
}

int
table_add(struct table *t, const char *const *cells)
{
    int rc = 0;

    for (size_t i = 0; i < t->columns && rc == 0; i++)
        rc = add_cell(t, i, cells[i] ? cells[i] : "");
    t->rows++;
    return rc;
}

static int
put_padded(struct buf *out, const char *text, size_t width, int last)
{
    size_t used = display_width((const uint8_t *)text, strlen(text));
    int rc = buf_put_str(out, text);

    for (; rc == 0 && !last && used < width + 2; used++)
        rc = buf_put_byte(out, ' ');
    return rc;
}

int
table_put(const struct table *t, struct buf *out)
{
    const char *cell = (const char *)buf_data(t->cells);
    int rc = 0;

    for (size_t row = 0; row < t->rows && rc == 0; row++) {
        for (size_t i = 0; i < t->columns && rc == 0; i++) {
            rc = put_padded(out, cell, t->width[i], i + 1 == t->columns);
            cell += strlen(cell) + 1;
        }
        if (rc == 0)
            rc = buf_put_byte(out, '\n');
    }
    return rc;
}
