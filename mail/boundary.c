/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/boundary.h"

#include <stdlib.h>
#include <string.h>

#include "mail/lines.h"

/* Line end, "--", boundary, "--", blanks, line end. */
#define HOLD_MAX (2 + 2 + BOUNDARY_MAX + 2 + BOUNDARY_PADDING_MAX + 2)

struct level {
    char text[BOUNDARY_MAX + 1];
    size_t len;
};

enum place { AT_START, IN_LINE, AFTER_CR };

struct boundary {
    struct boundary_sink sink;
    struct level levels[BOUNDARY_DEPTH_MAX];
    size_t depth;
    bool lines;
    enum place place;
    /* What is kept back: a line end, then the start of a line that may be a
     * delimiter. */
    uint8_t hold[HOLD_MAX];
    size_t hold_len, eol_len;
};

int
boundary_new(struct boundary **ret, const struct boundary_sink *sink)
{
    struct boundary *b = calloc(1, sizeof *b);

    if (b == NULL)
        return E_NOMEM;
    b->sink = *sink;
    *ret = b;
    return 0;
}

void
boundary_free(struct boundary **b)
{
    if (b == NULL)
        return;
    free(*b);
    *b = NULL;
}

int
boundary_push(struct boundary *b, const char *text)
{
    size_t len = strlen(text);

    if (len > BOUNDARY_MAX || b->depth == BOUNDARY_DEPTH_MAX)
        return E_LIMIT;
    if (len == 0 || text[len - 1] == ' ' || text[len - 1] == '\t')
        return E_MALFORMED;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return E_MALFORMED;
    memcpy(b->levels[b->depth].text, text, len + 1);
    b->levels[b->depth++].len = len;
    return 0;
}

void
boundary_pop(struct boundary *b, size_t n)
{
    if (n < b->depth)
        b->depth = n;
}

size_t
boundary_depth(const struct boundary *b)
{
    return b->depth;
}

void
boundary_lines(struct boundary *b, bool header_mode)
{
    b->lines = header_mode;
}

void
boundary_restart(struct boundary *b)
{
    b->place = AT_START;
    b->hold_len = b->eol_len = 0;
}

/* The level whose delimiter the line is, from "--" to its line end; or -1. */
static int
match(const struct boundary *b, const uint8_t *line, size_t len, bool *ret_closing)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r' ||
                       line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (len < 3 || line[0] != '-' || line[1] != '-')
        return -1;
    for (size_t i = b->depth; i-- > 0;) {
        const struct level *l = &b->levels[i];
        bool closing = len == l->len + 4;

        if ((closing && memcmp(line + len - 2, "--", 2) != 0) ||
            (!closing && len != l->len + 2) || memcmp(line + 2, l->text, l->len) != 0)
            continue;
        *ret_closing = closing;
        return (int)i;
    }
    return -1;
}

/* Text from b->hold, which may be used anew while the sink runs. */
static int
give_held(struct boundary *b, size_t len, struct err *err)
{
    uint8_t copy[HOLD_MAX];
    size_t used = len;
    int rc;

    if (len == 0)
        return 0;
    memcpy(copy, b->hold, len);
    b->hold_len -= len;
    b->eol_len = b->hold_len;
    memmove(b->hold, b->hold + len, b->hold_len);
    rc = b->sink.text(b->sink.arg, copy, len, &used, err);
    if (rc != 0 || used == len)
        return rc;
    return boundary_update(b, copy + used, len - used, err);
}

/* b->hold ends with a whole line that starts with "--". */
static int
end_candidate(struct boundary *b, struct err *err)
{
    bool closing;
    uint8_t copy[HOLD_MAX];
    size_t len = b->hold_len, keep = 0;
    int level = match(b, b->hold + b->eol_len, len - b->eol_len, &closing);

    b->place = AT_START;
    if (level >= 0) {
        memcpy(copy, b->hold, len);
        boundary_restart(b);
        return b->sink.found(b->sink.arg, (size_t)level, closing, copy, len, err);
    }
    if (!b->lines && b->hold[len - 1] == '\n')
        keep = b->hold[len - 2] == '\r' ? 2 : 1;
    return give_held(b, len - keep, err);
}

/* Nothing of the line is there yet, or "-", or the start of a candidate. */
static int
at_start(struct boundary *b, const uint8_t *data, size_t len, size_t *ret_used,
         struct err *err)
{
    const uint8_t *nl;
    size_t used = 0, n;

    while (b->hold_len - b->eol_len < 2 && used < len) {
        if (data[used] != '-') {
            b->place = IN_LINE;
            *ret_used = used;
            return give_held(b, b->hold_len, err);
        }
        b->hold[b->hold_len++] = data[used++];
    }
    n = len - used < HOLD_MAX - b->hold_len ? len - used : HOLD_MAX - b->hold_len;
    nl = memchr(data + used, '\n', n);
    if (nl != NULL)
        n = (size_t)(nl - data) - used + 1;
    memcpy(b->hold + b->hold_len, data + used, n);
    b->hold_len += n;
    *ret_used = used + n;
    if (nl != NULL)
        return end_candidate(b, err);
    if (b->hold_len < HOLD_MAX)
        return 0;
    /* Too long for a delimiter; its last byte may be the CR of a line end. */
    b->place = b->hold[HOLD_MAX - 1] == '\r' && !b->lines ? AFTER_CR : IN_LINE;
    return give_held(b, HOLD_MAX - (b->place == AFTER_CR), err);
}

static int
after_cr(struct boundary *b, const uint8_t *data, size_t *ret_used, struct err *err)
{
    *ret_used = data[0] == '\n';
    if (data[0] == '\n') {
        b->hold[b->hold_len++] = '\n';
        b->eol_len = b->hold_len;
        b->place = AT_START;
        return 0;
    }
    b->place = IN_LINE;
    return give_held(b, b->hold_len, err);
}

static int
header_line(struct boundary *b, const uint8_t *data, size_t len, size_t *ret_used,
            struct err *err)
{
    const uint8_t *nl = memchr(data, '\n', len);

    *ret_used = nl == NULL ? len : (size_t)(nl - data) + 1;
    b->place = nl == NULL ? IN_LINE : AT_START;
    return b->sink.text(b->sink.arg, data, *ret_used, ret_used, err);
}

/* The hot path: from within a line to the next one that may be a delimiter. */
static int
in_line(struct boundary *b, const uint8_t *data, size_t len, size_t *ret_used,
        struct err *err)
{
    const uint8_t *p = data, *end = data + len, *nl;
    size_t text = len;

    *ret_used = len;
    while (b->depth > 0 && (nl = lines_find_dash(p, (size_t)(end - p))) != NULL) {
        p = nl + 1;
        if (end - p >= 2 && p[1] != '-')
            continue;
        b->eol_len = b->hold_len = nl > data && nl[-1] == '\r' ? 2 : 1;
        memcpy(b->hold, p - b->eol_len, b->eol_len);
        b->place = AT_START;
        *ret_used = (size_t)(p - data);
        text = *ret_used - b->eol_len;
        return text == 0 ? 0 : b->sink.text(b->sink.arg, data, text, &text, err);
    }
    if (b->depth > 0 && end[-1] == '\r') {
        b->hold[0] = '\r';
        b->hold_len = 1;
        b->eol_len = 0;
        b->place = AFTER_CR;
        text--;
    }
    return text == 0 ? 0 : b->sink.text(b->sink.arg, data, text, &text, err);
}

int
boundary_update(struct boundary *b, const uint8_t *data, size_t len, struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t used = 0;

        if (b->place == AFTER_CR)
            rc = after_cr(b, data, &used, err);
        else if (b->place == AT_START)
            rc = at_start(b, data, len, &used, err);
        else if (b->lines)
            rc = header_line(b, data, len, &used, err);
        else
            rc = in_line(b, data, len, &used, err);
        data += used;
        len -= used;
    }
    return rc;
}

int
boundary_finish(struct boundary *b, struct err *err)
{
    int rc = 0;

    if (b->place == AT_START && b->hold_len > b->eol_len)
        rc = end_candidate(b, err);
    return rc != 0 ? rc : give_held(b, b->hold_len, err);
}
