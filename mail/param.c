/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/text2045.h"

#define SECTIONS_MAX 64

struct param {
    char *name; /* without RFC 2231 marks */
    char *value;
    int section;   /* -1: not split */
    bool extended; /* value is percent-encoded; the first section has a charset */
    bool assembled;
    bool used;     /* went into an assembled one, or is a repetition */
    bool ambiguous;
};

struct media {
    char *type, *subtype;
    struct param params[MEDIA_PARAMS_MAX];
    size_t count;
    char *arena; /* all the text above */
    size_t fill;
};

static char *
keep(struct media *m, const uint8_t *text, size_t len)
{
    char *p = m->arena + m->fill;

    memcpy(p, text, len);
    p[len] = '\0';
    m->fill += len + 1;
    return p;
}

static char *
keep_lower(struct media *m, const uint8_t *text, size_t len)
{
    char *p = keep(m, text, len);

    for (size_t i = 0; i < len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    return p;
}

/* name, name*, name*3, name*3* (RFC 2231 3 and 4) taken apart in place. */
static void
read_marks(struct param *p)
{
    size_t len = strlen(p->name);
    char *star, *end;
    long n;

    p->section = -1;
    if (len > 1 && p->name[len - 1] == '*') {
        p->extended = true;
        p->name[--len] = '\0';
    }
    star = strchr(p->name, '*');
    if (star == NULL || star[1] < '0' || star[1] > '9')
        return;
    n = strtol(star + 1, &end, 10);
    if (*end != '\0' || n >= SECTIONS_MAX || (star[1] == '0' && star[2] != '\0'))
        return;
    p->section = (int)n;
    *star = '\0';
}

static int
read_param(struct media *m, struct span2045 *in)
{
    struct param *p = &m->params[m->count];
    struct span2045 name, value;
    char *text;

    if (m->count == MEDIA_PARAMS_MAX)
        return E_LIMIT;
    if (!text2045_attribute(in, &name)) {
        text2045_skip_to(in, ';');
        return 0;
    }
    text2045_skip(in);
    if (!text2045_take(in, '=')) {
        text2045_skip_to(in, ';');
        return 0;
    }
    text2045_skip(in);
    *p = (struct param){.name = keep_lower(m, name.p, name.len)};
    text = m->arena + m->fill;
    value = text2045_value(in, text);
    text[value.len] = '\0';
    m->fill += value.len + 1;
    p->value = text;
    read_marks(p);
    m->count++;
    text2045_skip_to(in, ';');
    return 0;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Appends the section's text at the arena's end, percent escapes undone. */
static int
append_section(struct media *m, const struct param *p, bool first)
{
    const char *s = p->value;

    if (!p->extended) {
        size_t len = strlen(s);

        memcpy(m->arena + m->fill, s, len);
        m->fill += len;
        return 0;
    }
    if (first) {
        const char *lang = strchr(s, '\''), *text = lang ? strchr(lang + 1, '\'') : NULL;

        if (text != NULL)
            s = text + 1;
    }
    for (; *s != '\0'; s++) {
        int hi = *s == '%' ? hex_digit(s[1]) : -1;
        int lo = hi >= 0 ? hex_digit(s[2]) : -1;
        char c = lo >= 0 ? (char)(hi << 4 | lo) : *s;

        if (c == '\0')
            return E_MALFORMED;
        m->arena[m->fill++] = c;
        if (lo >= 0)
            s += 2;
    }
    return 0;
}

/* Joins the sections 0, 1, 2, ... of the parameter that starts at first. */
static int
assemble(struct media *m, struct param *first)
{
    size_t start = m->fill;
    int next = 0, rc;

    if (first->section == -1 && (rc = append_section(m, first, true)) != 0)
        return rc;
    for (size_t i = 0; first->section >= 0 && i < m->count; i++) {
        struct param *p = &m->params[i];

        if (p->used || p->section != next || strcmp(p->name, first->name) != 0)
            continue;
        if ((rc = append_section(m, p, next == 0)) != 0)
            return rc;
        p->used = true;
        next++;
        i = (size_t)-1;
    }
    for (size_t i = 0; first->section >= 0 && i < m->count; i++) {
        struct param *p = &m->params[i];

        /* A repeated or missing section. */
        if (!p->used && p->section >= 0 && strcmp(p->name, first->name) == 0) {
            first->ambiguous = true;
            p->used = true;
        }
    }
    m->arena[m->fill++] = '\0';
    first->value = m->arena + start;
    first->used = false;
    first->assembled = true;
    return 0;
}

/* Of several with one name the assembled one counts (RFC 2231), else the first. */
static void
mark_repetitions(struct media *m)
{
    for (size_t i = 0; i < m->count; i++) {
        for (size_t k = i + 1; k < m->count && !m->params[i].used; k++) {
            struct param *a = &m->params[i], *b = &m->params[k];

            if (b->used || strcmp(a->name, b->name) != 0)
                continue;
            if (strcmp(a->value, b->value) != 0)
                a->ambiguous = b->ambiguous = true;
            if (b->assembled && !a->assembled)
                a->used = true;
            else
                b->used = true;
        }
    }
}

static int
read_all(struct media *m, struct span2045 in)
{
    struct span2045 word;
    int rc = 0;

    text2045_skip(&in);
    if (!text2045_token(&in, &word))
        return E_MALFORMED;
    m->type = keep_lower(m, word.p, word.len);
    m->subtype = m->type + word.len;
    text2045_skip(&in);
    if (text2045_take(&in, '/')) {
        text2045_skip(&in);
        if (!text2045_token(&in, &word))
            return E_MALFORMED;
        m->subtype = keep_lower(m, word.p, word.len);
    }
    for (text2045_skip_to(&in, ';'); rc == 0 && text2045_take(&in, ';');) {
        text2045_skip(&in);
        rc = read_param(m, &in);
    }
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        struct param *p = &m->params[i];

        if (!p->used && !p->assembled && (p->section >= 0 || p->extended))
            rc = assemble(m, p);
    }
    mark_repetitions(m);
    return rc;
}

int
media_parse(struct media **ret, const uint8_t *value, size_t len)
{
    struct media *m;
    int rc;

    if (len > MEDIA_VALUE_MAX)
        return E_LIMIT;
    if (memchr(value, '\0', len) != NULL)
        return E_MALFORMED;
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return E_NOMEM;
    /* Each byte is kept at most twice, with a NUL behind each piece. */
    m->arena = malloc(2 * len + 4 * MEDIA_PARAMS_MAX + 16);
    rc = m->arena == NULL ? E_NOMEM
                          : read_all(m, (struct span2045){.p = value, .len = len});
    if (rc != 0) {
        media_free(&m);
        return rc;
    }
    *ret = m;
    return 0;
}

void
media_free(struct media **m)
{
    if (m == NULL || *m == NULL)
        return;
    free((*m)->arena);
    free(*m);
    *m = NULL;
}

const char *
media_type(const struct media *m)
{
    return m->type;
}

const char *
media_subtype(const struct media *m)
{
    return m->subtype;
}

bool
media_is(const struct media *m, const char *type, const char *subtype)
{
    return strcmp(m->type, type) == 0 && strcmp(m->subtype, subtype) == 0;
}

static const struct param *
find(const struct media *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->params[i].used && strcasecmp(m->params[i].name, name) == 0)
            return &m->params[i];
    return NULL;
}

const char *
media_param(const struct media *m, const char *name)
{
    const struct param *p = find(m, name);

    return p == NULL ? NULL : p->value;
}

bool
media_param_is(const struct media *m, const char *name, const char *value)
{
    const char *text = media_param(m, name);

    return text != NULL && strcasecmp(text, value) == 0;
}

bool
media_param_ambiguous(const struct media *m, const char *name)
{
    const struct param *p = find(m, name);

    return p != NULL && p->ambiguous;
}
