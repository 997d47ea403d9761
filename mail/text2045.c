/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/text2045.h"

#include <string.h>

static bool
blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
step(struct span2045 *in, size_t n)
{
    in->p += n;
    in->len -= n;
}

/* Nesting is counted, not recursed into. An open comment runs to the end. */
static void
skip_comment(struct span2045 *in)
{
    size_t depth = 0;

    while (in->len > 0) {
        uint8_t c = in->p[0];

        step(in, c == '\\' && in->len > 1 ? 2 : 1);
        if (c == '(')
            depth++;
        if (c == ')' && --depth == 0)
            return;
    }
}

static void
skip_quoted(struct span2045 *in)
{
    step(in, 1);
    while (in->len > 0) {
        uint8_t c = in->p[0];

        step(in, c == '\\' && in->len > 1 ? 2 : 1);
        if (c == '"')
            return;
    }
}

void
text2045_skip(struct span2045 *in)
{
    while (in->len > 0) {
        if (blank(in->p[0]))
            step(in, 1);
        else if (in->p[0] == '(')
            skip_comment(in);
        else
            return;
    }
}

bool
text2045_take(struct span2045 *in, char c)
{
    if (in->len == 0 || in->p[0] != (uint8_t)c)
        return false;
    step(in, 1);
    return true;
}

void
text2045_skip_to(struct span2045 *in, char c)
{
    while (in->len > 0 && in->p[0] != (uint8_t)c) {
        if (in->p[0] == '(')
            skip_comment(in);
        else if (in->p[0] == '"')
            skip_quoted(in);
        else
            step(in, 1);
    }
}

static bool
take_until(struct span2045 *in, const char *stop, struct span2045 *ret)
{
    size_t n = 0;

    while (n < in->len && in->p[n] > ' ' && in->p[n] != 0x7f &&
           strchr(stop, in->p[n]) == NULL)
        n++;
    *ret = (struct span2045){.p = in->p, .len = n};
    step(in, n);
    return n > 0;
}

bool
text2045_token(struct span2045 *in, struct span2045 *ret)
{
    return take_until(in, "()<>@,;:\\\"/[]?=", ret);
}

bool
text2045_attribute(struct span2045 *in, struct span2045 *ret)
{
    return take_until(in, "=;\"()", ret);
}

struct span2045
text2045_value(struct span2045 *in, char *out)
{
    struct span2045 word;
    size_t n = 0;

    if (!text2045_take(in, '"')) {
        take_until(in, ";\"", &word);
        memcpy(out, word.p, word.len);
        return (struct span2045){.p = (uint8_t *)out, .len = word.len};
    }
    while (in->len > 0 && in->p[0] != '"') {
        if (in->p[0] == '\\' && in->len > 1)
            step(in, 1);
        /* A fold inside a quoted string is its blank alone (RFC 5322 3.2.4). */
        if (in->p[0] != '\r' && in->p[0] != '\n')
            out[n++] = (char)in->p[0];
        step(in, 1);
    }
    text2045_take(in, '"');
    return (struct span2045){.p = (uint8_t *)out, .len = n};
}
