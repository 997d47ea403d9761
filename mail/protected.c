/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/protected.h"

#include <string.h>

#include "mail/param.h"

/* RFC 9788 1.1.1, user-facing header fields, and what mail programs thread by. */
static const char *const shown[] = {
    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date",
    "Message-ID", "In-Reply-To", "References",
};

static const char *const words[] = {
    [PROTECTED_NOT] = "none",
    [PROTECTED_CLEAR] = "clear",
    [PROTECTED_CIPHER] = "cipher",
    [PROTECTED_MESSAGE] = "message",
};

const char *
protected_word(enum protected_form form)
{
    return words[form];
}

/* What the payload's Content-Type says; two of them say nothing. */
static enum protected_form
form_of(const struct media *m)
{
    const char *hp = media_param(m, "hp");

    if (media_is(m, "message", "rfc822"))
        return media_param_is(m, "forwarded", "yes") ? PROTECTED_NOT : PROTECTED_MESSAGE;
    if (hp == NULL || media_param_ambiguous(m, "hp"))
        return PROTECTED_NOT;
    if (strcmp(hp, "clear") == 0)
        return PROTECTED_CLEAR;
    return strcmp(hp, "cipher") == 0 ? PROTECTED_CIPHER : PROTECTED_NOT;
}

void
protected_find(struct protected_header *ret, const struct header *inner,
               const struct header *wrapped)
{
    struct header_field f, other;
    struct media *m = NULL;

    *ret = (struct protected_header){.form = PROTECTED_NOT};
    if (inner == NULL || !header_find(inner, "Content-Type", 0, &f) ||
        header_find(inner, "Content-Type", 1, &other) ||
        media_parse(&m, f.value, f.value_len) != 0)
        return;
    ret->form = form_of(m);
    media_free(&m);
    ret->header = ret->form == PROTECTED_MESSAGE ? wrapped : inner;
    if (ret->form == PROTECTED_NOT || ret->header == NULL)
        *ret = (struct protected_header){.form = PROTECTED_NOT};
}

/* A value as a stream of bytes: unfolded, blanks as one space, none at its ends. */
struct flat {
    const uint8_t *p, *end;
    bool blank;
};

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
next(struct flat *f)
{
    while (f->p < f->end && is_blank(*f->p)) {
        f->blank = true;
        f->p++;
    }
    if (f->p == f->end)
        return -1;
    if (f->blank) {
        f->blank = false;
        return ' ';
    }
    return *f->p++;
}

static struct flat
flat(const uint8_t *p, size_t len)
{
    struct flat f = {.p = p, .end = p + len};

    while (f.p < f.end && is_blank(*f.p))
        f.p++;
    return f;
}

static bool
same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    struct flat x = flat(a, a_len), y = flat(b, b_len);
    int c;

    do {
        c = next(&x);
        if (c != next(&y))
            return false;
    } while (c >= 0);
    return true;
}

/* The nth HP-Outer field that is about a field of that name: "Subject: [...]". */
static bool
find_outer(const struct header *h, const char *name, size_t nth, struct header_field *ret)
{
    size_t len = strlen(name);
    struct header_field f, about;

    for (size_t i = 0; header_find(h, "HP-Outer", i, &f); i++) {
        const uint8_t *colon = memchr(f.value, ':', f.value_len);

        if (colon == NULL)
            continue;
        about = f;
        while (about.value_len > 0 && is_blank(*about.value)) {
            about.value++;
            about.value_len--;
        }
        about.name = about.value;
        about.name_len = (size_t)(colon - about.name);
        about.value_len -= about.name_len + 1;
        about.value = colon + 1;
        if (about.name_len == len && header_field_is(&about, name) && nth-- == 0) {
            *ret = about;
            return true;
        }
    }
    return false;
}

/* Every field of that name outside is one that the sender put there. One that is
 * absent outside misleads nobody. */
static bool
differs(const struct protected_header *p, const struct header *outer, const char *name)
{
    struct header_field out, in;
    bool told = false;

    for (size_t i = 0; header_find(outer, name, i, &out); i++) {
        told = p->form == PROTECTED_CIPHER ? find_outer(p->header, name, i, &in)
                                           : header_find(p->header, name, i, &in);
        if (!told || !same(out.value, out.value_len, in.value, in.value_len))
            return true;
    }
    return false;
}

int
protected_put_differences(const struct protected_header *p, const struct header *outer,
                          struct buf *out)
{
    const char *before = "";
    int rc = 0;

    if (p->form == PROTECTED_NOT || outer == NULL)
        return 0;
    for (size_t i = 0; rc == 0 && i < sizeof shown / sizeof *shown; i++) {
        if (!differs(p, outer, shown[i]))
            continue;
        rc = buf_putf(out, "%s%s", before, shown[i]);
        before = ", ";
    }
    return rc;
}

bool
protected_legacy_display(const struct media *m)
{
    return m != NULL && media_param_is(m, "hp-legacy-display", "1") &&
           !media_param_ambiguous(m, "hp-legacy-display");
}
