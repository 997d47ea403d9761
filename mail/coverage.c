/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/coverage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Without blanks and full stops. */
static const char *const known[] = {
    "ThisisanS/MIMEsignedmessage",                       /* OpenSSL */
    "ThisisacryptographicallysignedmessageinMIMEformat", /* Mozilla */
    "ThisisamultipartmessageinMIMEformat",               /* Outlook, and many */
    "Thisisamulti-partmessageinMIMEformat",
    "ThisisaMIME-formattedmessage",
    "ThisisaMIMEmessage",
};

void
coverage_init(struct coverage *c)
{
    memset(c, 0, sizeof *c);
}

static bool
blank(uint8_t b)
{
    return b == ' ' || b == '\t' || b == '\r' || b == '\n';
}

static bool
is_known(const struct coverage *c)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (c->size == strlen(known[i]) && memcmp(c->text, known[i], (size_t)c->size) == 0)
            return true;
    return false;
}

static void
end_preamble(struct coverage *c)
{
    while (c->size > 0 && c->size <= COVERAGE_KNOWN_MAX && c->text[c->size - 1] == '.')
        c->size--;
    if (!is_known(c))
        c->seen.preamble += c->size;
    c->size = 0;
}

void
coverage_gap(struct coverage *c, enum entity_gap gap, const uint8_t *data, size_t len)
{
    if (gap == ENTITY_DELIMITER) {
        end_preamble(c);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (blank(data[i]))
            continue;
        if (gap == ENTITY_EPILOGUE)
            c->seen.epilogue++;
        else if (c->size++ < COVERAGE_KNOWN_MAX)
            c->text[c->size - 1] = (char)data[i];
    }
}

/* "2.1 (text/html)"; the mail's own body is "the body". */
static void
name_part(const struct entity *e, char out[COVERAGE_NAME_MAX])
{
    const struct entity *path[ENTITY_DEPTH_MAX + 1] = { NULL };
    size_t depth = 0, n = 0;

    for (const struct entity *at = e; at->parent != NULL && depth <= ENTITY_DEPTH_MAX;
         at = at->parent)
        path[depth++] = at;
    n += (size_t)snprintf(out, COVERAGE_NAME_MAX, "%s", depth == 0 ? "the body" : "");
    while (depth-- > 0 && n < COVERAGE_NAME_MAX)
        n += (size_t)snprintf(out + n, COVERAGE_NAME_MAX - n, "%s%" PRIu64, n > 0 ? "." : "",
                              path[depth]->index + 1);
    if (e->media != NULL && n < COVERAGE_NAME_MAX)
        snprintf(out + n, COVERAGE_NAME_MAX - n, " (%.20s/%.40s)", media_type(e->media),
                 media_subtype(e->media));
}

void
coverage_part(struct coverage *c, const struct entity *e)
{
    c->seen.parts++;
    if (c->names < COVERAGE_NAMED_MAX)
        name_part(e, c->named[c->names++]);
}

void
coverage_extra(struct coverage *c, const struct entity *e)
{
    c->seen.extra++;
    if (c->names < COVERAGE_NAMED_MAX)
        name_part(e, c->named[c->names++]);
}

void
coverage_finish(struct coverage *c)
{
    end_preamble(c);
}

bool
coverage_partial(const struct coverage *c)
{
    const struct mail_coverage *s = &c->seen;

    return s->preamble > 0 || s->epilogue > 0 || s->parts > 0 || s->extra > 0;
}

/* Which parts: ": 1 (text/plain), 3 (text/html) and more". */
static int
put_names(const struct coverage *c, struct buf *out)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->names; i++) {
        rc = buf_put_str(out, i == 0 ? ": " : ", ");
        if (rc == 0)
            rc = text_put_safe(out, c->named[i], strlen(c->named[i]));
    }
    if (rc == 0 && c->names > 0 && c->seen.parts + c->seen.extra > c->names)
        rc = buf_put_str(out, " and more");
    return rc;
}

int
coverage_put_outside(const struct coverage *c, struct buf *out)
{
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {
        {c->seen.parts, "part(s) of the mail beside it"},
        {c->seen.extra, "part(s) behind the signature"},
        {c->seen.preamble, "byte(s) of text before the first part"},
        {c->seen.epilogue, "byte(s) of text behind the last part"},
    };
    const char *before = "";
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].count == 0)
            continue;
        rc = buf_putf(out, "%s%" PRIu64 " %s", before, rows[i].count, rows[i].what);
        before = ", ";
    }
    return rc == 0 ? put_names(c, out) : rc;
}

int
coverage_put(const struct coverage *c, struct buf *out)
{
    int rc = coverage_partial(c) ? buf_put_str(out, "the signature does not cover ") : 0;

    return rc == 0 ? coverage_put_outside(c, out) : rc;
}
