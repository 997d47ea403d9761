/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/mailboxes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/address.h"
#include "mail/text2045.h"

struct mailboxes {
    char **list;
    size_t count, room;
};

/* An address as it is put together. */
struct parts {
    char text[ADDRESS_MAX + 1];
    size_t len;
};

int
mailboxes_new(struct mailboxes **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret == NULL ? E_NOMEM : 0;
}

void
mailboxes_free(struct mailboxes **m)
{
    if (m == NULL || *m == NULL)
        return;
    for (size_t i = 0; i < (*m)->count; i++)
        free((*m)->list[i]);
    free((*m)->list);
    free(*m);
    *m = NULL;
}

size_t
mailboxes_count(const struct mailboxes *m)
{
    return m->count;
}

const char *
mailboxes_at(const struct mailboxes *m, size_t i)
{
    return i < m->count ? m->list[i] : NULL;
}

static int
keep(struct mailboxes *m, const struct parts *a, struct err *err)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->list[i], a->text) == 0)
            return 0;
    if (m->count == MAILBOXES_MAX)
        return err_set(err, E_LIMIT, "more than %u addresses; send the mail in several parts",
                       MAILBOXES_MAX);
    if (m->count == m->room) {
        size_t room = m->room == 0 ? 16 : 2 * m->room;
        char **grown = realloc(m->list, room * sizeof *grown);

        if (grown == NULL)
            return err_set(err, E_NOMEM, "out of memory reading addresses");
        m->list = grown;
        m->room = room;
    }
    m->list[m->count] = strdup(a->text);
    if (m->list[m->count] == NULL)
        return err_set(err, E_NOMEM, "out of memory reading addresses");
    m->count++;
    return 0;
}

static int
unreadable(const struct span2045 *at, struct err *err)
{
    int len = at->len > 40 ? 40 : (int)at->len;

    return err_set(err, E_MALFORMED, "no address can be read at \"%.*s\"; write it like "
                   "Name <name@example.org>", len, (const char *)at->p);
}

static bool
put(struct parts *a, uint8_t c)
{
    if (a->len == ADDRESS_MAX || c < ' ' || c == 0x7f)
        return false;
    a->text[a->len++] = (char)c;
    a->text[a->len] = '\0';
    return true;
}

static bool
is_atom(uint8_t c)
{
    return c > ' ' && c != 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL;
}

/* Atoms and dots, blanks and comments between them (4.4). */
static bool
take_atoms(struct span2045 *in, struct parts *a, bool lower)
{
    size_t before = a->len;

    while (in->len > 0 && is_atom(in->p[0])) {
        while (in->len > 0 && is_atom(in->p[0])) {
            uint8_t c = in->p[0];

            if (!put(a, lower && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c))
                return false;
            in->p++;
            in->len--;
        }
        text2045_skip(in);
        if (in->len == 0 || (in->p[0] != '.' && a->text[a->len - 1] != '.'))
            break;
    }
    return a->len > before;
}

/* A quoted local part; quotes that are not needed go. */
static bool
take_quoted(struct span2045 *in, struct parts *a)
{
    bool plain = true, dot = true;
    char raw[ADDRESS_MAX];
    size_t n = 0;

    for (in->p++, in->len--; in->len > 0 && in->p[0] != '"'; in->p++, in->len--) {
        if (in->p[0] == '\\' && in->len > 1) {
            in->p++;
            in->len--;
        }
        if (in->p[0] == '\r' || in->p[0] == '\n')
            continue;
        if (n == sizeof raw)
            return false;
        plain &= is_atom(in->p[0]) && !(dot && in->p[0] == '.');
        dot = in->p[0] == '.';
        raw[n++] = (char)in->p[0];
    }
    if (!text2045_take(in, '"'))
        return false;
    plain &= n > 0 && !dot;
    if (!plain && !put(a, '"'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!plain && (raw[i] == '"' || raw[i] == '\\') && !put(a, '\\'))
            return false;
        if (!put(a, (uint8_t)raw[i]))
            return false;
    }
    text2045_skip(in);
    return plain || put(a, '"');
}

static bool
take_domain(struct span2045 *in, struct parts *a)
{
    text2045_skip(in);
    if (in->len == 0 || in->p[0] != '[')
        return take_atoms(in, a, true);
    while (in->len > 0 && in->p[0] != ']') {
        if (!put(a, in->p[0]))
            return false;
        in->p++;
        in->len--;
    }
    if (!text2045_take(in, ']') || !put(a, ']'))
        return false;
    text2045_skip(in);
    return true;
}

static bool
take_addr_spec(struct span2045 *in, struct parts *a)
{
    bool local;

    *a = (struct parts){.len = 0};
    text2045_skip(in);
    if (in->len == 0)
        return false;
    local = in->p[0] == '"' ? take_quoted(in, a) : take_atoms(in, a, false);
    return local && text2045_take(in, '@') && put(a, '@') && take_domain(in, a);
}

/* Behind '<': an obsolete route, the address, '>'. */
static bool
take_angle(struct span2045 *in, struct parts *a)
{
    text2045_skip(in);
    if (in->len > 0 && in->p[0] == '@') {
        text2045_skip_to(in, ':');
        if (!text2045_take(in, ':'))
            return false;
    }
    return take_addr_spec(in, a) && text2045_take(in, '>');
}

/* Words of a display name or a group's; what follows them tells which. */
static void
skip_phrase(struct span2045 *in)
{
    while (in->len > 0 && (is_atom(in->p[0]) || in->p[0] == '"')) {
        if (in->p[0] == '"') {
            in->p++;
            in->len--;
            while (in->len > 0 && in->p[0] != '"') {
                size_t n = in->p[0] == '\\' && in->len > 1 ? 2 : 1;

                in->p += n;
                in->len -= n;
            }
            (void)text2045_take(in, '"');
        } else {
            in->p++;
            in->len--;
        }
        text2045_skip(in);
    }
}

static int
take_one(struct mailboxes *m, struct span2045 *in, bool *in_group, struct err *err)
{
    struct span2045 start = *in, phrase = *in;
    struct parts a;
    bool good;

    skip_phrase(&phrase);
    if (phrase.len > 0 && phrase.p[0] == ':' && !*in_group) {
        *in = phrase;
        *in_group = true;
        return text2045_take(in, ':') ? 0 : E_INTERNAL;
    }
    if (phrase.len > 0 && phrase.p[0] == '<') {
        *in = phrase;
        good = text2045_take(in, '<') && take_angle(in, &a);
    } else {
        good = take_addr_spec(in, &a);
    }
    text2045_skip(in);
    if (!good || (in->len > 0 && strchr(",;", in->p[0]) == NULL))
        return unreadable(&start, err);
    return keep(m, &a, err);
}

int
mailboxes_add(struct mailboxes *m, const uint8_t *value, size_t len, struct err *err)
{
    struct span2045 in = {.p = value, .len = len};
    bool in_group = false;
    int rc = 0;

    if (len > 0 && memchr(value, '\0', len) != NULL)
        return err_set(err, E_MALFORMED, "there is a NUL among the addresses; remove it");
    while (rc == 0) {
        text2045_skip(&in);
        if (in.len == 0)
            break;
        /* Empty members are obsolete, and no harm. */
        if (text2045_take(&in, ','))
            continue;
        if (text2045_take(&in, ';')) {
            if (!in_group)
                return unreadable(&in, err);
            in_group = false;
            continue;
        }
        rc = take_one(m, &in, &in_group, err);
    }
    return rc;
}

int
mailboxes_add_fields(struct mailboxes *m, const struct header *h, const char *name,
                     struct err *err)
{
    struct header_field f;
    int rc = 0;

    for (size_t i = 0; rc == 0 && header_find(h, name, i, &f); i++)
        rc = mailboxes_add(m, f.value, f.value_len, err);
    if (rc != 0 && rc != E_NOMEM)
        (void)err_prefix(err, "%s", name);
    return rc;
}
