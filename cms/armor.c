/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/base64.h"

#define COLUMNS_DEFAULT 64
#define COLUMNS_MAX 76
/* Lines that are gathered before the sink is called. */
#define OUT_SIZE (64u * 1024)
/* Whole lines encoded at once, without their ends. */
#define LINES_MAX 32u

struct cms_armor {
    struct sink out;
    char label[CMS_PEM_LABEL_MAX + 1];
    bool pem, begun;
    const char *eol;
    size_t eol_len;
    size_t line_bytes;                       /* that make one full line */
    uint8_t line[COLUMNS_MAX / 4 * 3 + 4];   /* input of a line that is not full */
    size_t line_len;
    uint8_t text[OUT_SIZE + LINES_MAX * (COLUMNS_MAX + 2) + BASE64_SLACK];
    size_t text_len;
};

int
cms_armor_new(struct cms_armor **ret, const struct cms_armor_options *o,
              const struct sink *out, struct err *err)
{
    unsigned columns = o->columns == 0 ? COLUMNS_DEFAULT : o->columns;
    struct cms_armor *a;

    if (columns % 4 != 0 || columns > COLUMNS_MAX)
        return err_set(err, E_USAGE, "base64: lines of %u characters; take a multiple of 4 up "
                       "to %d", columns, COLUMNS_MAX);
    if (o->label != NULL && strlen(o->label) > CMS_PEM_LABEL_MAX)
        return err_set(err, E_USAGE, "PEM: label is longer than %d characters",
                       CMS_PEM_LABEL_MAX);
    a = malloc(sizeof *a);
    if (a == NULL)
        return err_set(err, E_NOMEM, "base64: out of memory");
    memset(a, 0, offsetof(struct cms_armor, text));
    a->text_len = 0;
    a->out = *out;
    a->pem = o->label != NULL;
    if (a->pem)
        snprintf(a->label, sizeof a->label, "%s", o->label);
    a->eol = o->crlf ? "\r\n" : "\n";
    a->eol_len = strlen(a->eol);
    a->line_bytes = columns / 4 * 3;
    *ret = a;
    return 0;
}

void
cms_armor_free(struct cms_armor **pa)
{
    if (pa == NULL)
        return;
    free(*pa);
    *pa = NULL;
}

static int
flush(struct cms_armor *a, struct err *err)
{
    size_t len = a->text_len;

    a->text_len = 0;
    return sink_write(&a->out, a->text, len, err);
}

static int
put_marker(struct cms_armor *a, const char *word, struct err *err)
{
    char text[CMS_PEM_LABEL_MAX + 32];
    int n = snprintf(text, sizeof text, "-----%s %s-----%s", word, a->label, a->eol);

    return a->pem ? sink_write(&a->out, (const uint8_t *)text, (size_t)n, err) : 0;
}

static int
begin(struct cms_armor *a, struct err *err)
{
    if (a->begun)
        return 0;
    a->begun = true;
    return put_marker(a, "BEGIN", err);
}

static void
add_line(struct cms_armor *a, const uint8_t *data, size_t len)
{
    base64_encode(data, len, a->text + a->text_len);
    a->text_len += len / 3 * 4;
    memcpy(a->text + a->text_len, a->eol, a->eol_len);
    a->text_len += a->eol_len;
}

/* The line that was gathered. */
static int
put_line(struct cms_armor *a, struct err *err)
{
    a->line_len = 0;
    add_line(a, a->line, a->line_bytes);
    return a->text_len >= OUT_SIZE ? flush(a, err) : 0;
}

/* Up to LINES_MAX whole lines. */
static int
put_lines(struct cms_armor *a, const uint8_t *data, size_t count, struct err *err)
{
    uint8_t flat[LINES_MAX * COLUMNS_MAX + BASE64_SLACK], *to = a->text + a->text_len;
    size_t columns = a->line_bytes / 3 * 4;

    base64_encode(data, count * a->line_bytes, flat);
    for (size_t i = 0; i < count; i++) {
        memcpy(to, flat + i * columns, columns);
        memcpy(to + columns, a->eol, a->eol_len);
        to += columns + a->eol_len;
    }
    a->text_len = (size_t)(to - a->text);
    return a->text_len >= OUT_SIZE ? flush(a, err) : 0;
}

int
cms_armor_update(struct cms_armor *a, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    int rc = begin(a, err);

    base64_expect(len);
    while (rc == 0 && len > 0) {
        size_t room = a->line_bytes - a->line_len, n = len < room ? len : room;

        if (a->line_len == 0 && len >= a->line_bytes) {
            size_t lines = len / a->line_bytes < LINES_MAX ? len / a->line_bytes : LINES_MAX;

            n = lines * a->line_bytes;
            rc = put_lines(a, at, lines, err);
        } else {
            memcpy(a->line + a->line_len, at, n);
            a->line_len += n;
            if (a->line_len == a->line_bytes)
                rc = put_line(a, err);
        }
        at += n;
        len -= n;
    }
    return rc;
}

int
cms_armor_finish(struct cms_armor *a, struct err *err)
{
    size_t pad = (3 - a->line_len % 3) % 3;
    int rc = begin(a, err);

    if (rc == 0 && a->line_len > 0) {
        memset(a->line + a->line_len, 0, pad);
        add_line(a, a->line, a->line_len + pad);
        memset(a->text + a->text_len - a->eol_len - pad, '=', pad);
        a->line_len = 0;
    }
    if (rc == 0)
        rc = flush(a, err);
    return rc != 0 ? rc : put_marker(a, "END", err);
}

static int
write_armor(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_armor_update(arg, data, len, err);
}

struct sink
cms_armor_sink(struct cms_armor *a)
{
    return (struct sink){ .write = write_armor, .arg = a };
}
