/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/address.h"

#include <stdbool.h>
#include <string.h>

#include "mail/text2045.h"
#include "mail/words.h"

static void
ambiguous(struct address *a, const char *reason)
{
    a->state = ADDRESS_AMBIGUOUS;
    a->reason = reason;
    a->text[0] = '\0';
}

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

/* Control characters, bare CRs and invalid UTF-8 have no place here; a line end
 * only before a blank. */
static bool
clean(const uint8_t *p, size_t len)
{
    size_t start = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] != '\n')
            continue;
        if (!words_clean(p + start, i - start - (i > start && p[i - 1] == '\r')) ||
            i + 1 == len || (p[i + 1] != ' ' && p[i + 1] != '\t'))
            return false;
        start = i + 1;
    }
    return words_clean(p + start, len - start);
}

/* The length of the quoted string or comment at p; 0 when it has no end. */
static size_t
enclosed(const uint8_t *p, size_t len)
{
    size_t depth = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\')
            i++;
        else if (p[0] == '"' && p[i] == '"' && i > 0)
            return i + 1;
        else if (p[0] == '(' && p[i] == '(')
            depth++;
        else if (p[0] == '(' && p[i] == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Takes the next mailbox, up to a comma outside quotes, comments and brackets.
 * *ret_angle is where "<" is in it, or its length. NULL, or what is wrong. */
static const char *
next_mailbox(struct span2045 *in, struct span2045 *ret, size_t *ret_angle)
{
    const uint8_t *p = in->p;
    size_t i = 0, angle = SIZE_MAX;
    bool inside = false;

    for (size_t n; i < in->len && (inside || p[i] != ','); i += n) {
        n = 1;
        if (p[i] == '"' || p[i] == '(')
            n = enclosed(p + i, in->len - i);
        if (n == 0)
            return "a quote or comment has no end";
        if (!inside && (p[i] == ':' || p[i] == ';'))
            return "it is a group";
        if (p[i] == '<' && angle != SIZE_MAX)
            return "it has more than one address in angle brackets";
        if (p[i] == '<')
            angle = i;
        inside = p[i] == '<' || (inside && p[i] != '>');
    }
    *ret = (struct span2045){.p = p, .len = i};
    *ret_angle = angle == SIZE_MAX ? i : angle;
    step(in, i);
    return NULL;
}

static bool
atom_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* The length of the dot-atom at p, 0 for none or misplaced dots. */
static size_t
dot_atom(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && (atom_byte(p[n]) || p[n] == '.')) {
        if (p[n] == '.' && (n == 0 || p[n - 1] == '.'))
            return 0;
        n++;
    }
    return n > 0 && p[n - 1] == '.' ? 0 : n;
}

/* Writes the quoted local part, without quotes where it needs none. */
static size_t
put_quoted_local(const uint8_t *p, size_t len, char *out)
{
    uint8_t plain[ADDRESS_MAX];
    size_t n = 0, k = 0;

    for (size_t i = 1; i + 1 < len; i++) {
        if (p[i] == '\\')
            i++;
        plain[n++] = p[i];
    }
    if (n > 0 && dot_atom(plain, n) == n) {
        memcpy(out, plain, n);
        return n;
    }
    out[k++] = '"';
    for (size_t i = 0; i < n; i++) {
        if (plain[i] == '"' || plain[i] == '\\')
            out[k++] = '\\';
        out[k++] = (char)plain[i];
    }
    out[k++] = '"';
    return k;
}

static size_t
local_len(const struct span2045 *in)
{
    if (in->len > 0 && in->p[0] == '"')
        return enclosed(in->p, in->len);
    return dot_atom(in->p, in->len);
}

static size_t
domain_len(const struct span2045 *in)
{
    size_t n = 1;

    if (in->len == 0 || in->p[0] != '[')
        return dot_atom(in->p, in->len);
    while (n < in->len && in->p[n] > ' ' && in->p[n] < 0x7f &&
           strchr("[]\\<>()", in->p[n]) == NULL)
        n++;
    return n < in->len && in->p[n] == ']' ? n + 1 : 0;
}

/* An addr-spec without blanks or comments (RFC 5322 3.4.1), and nothing else up
 * to `last`, which is ">" or 0 for the end. */
static const char *
take_address(struct span2045 *in, char last, char out[ADDRESS_MAX + 1])
{
    struct span2045 at = *in;
    size_t n = local_len(&at), k;

    if (n > ADDRESS_MAX / 2)
        return "its address is too long";
    if (n == 0 || n == at.len || at.p[n] != '@')
        return "its address has an unusual form";
    if (words_encoded(at.p, n) || memchr(at.p, '\n', n) != NULL)
        return "its address is folded or has encoded words";
    k = at.p[0] == '"' ? put_quoted_local(at.p, n, out) : n;
    if (at.p[0] != '"')
        memcpy(out, at.p, n);
    /* Without its backslashes it may be one, to whoever reads it next. */
    if (words_encoded((const uint8_t *)out, k))
        return "its address is folded or has encoded words";
    out[k++] = '@';
    step(&at, n + 1);
    n = domain_len(&at);
    if (n == 0 || n > ADDRESS_MAX - k || words_encoded(at.p, n))
        return "its address has an unusual form";
    for (size_t i = 0; i < n; i++)
        out[k++] = (char)(at.p[i] >= 'A' && at.p[i] <= 'Z' ? at.p[i] + 32 : at.p[i]);
    out[k] = '\0';
    step(&at, n);
    if (last != '\0' && !text2045_take(&at, last))
        return "its address has an unusual form";
    *in = at;
    return NULL;
}

/* `a@b`, comments around it at most. */
static const char *
bare(struct span2045 box, char out[ADDRESS_MAX + 1])
{
    struct span2045 in = box, before = box, behind;
    const char *wrong;

    text2045_skip(&in);
    before.len -= in.len;
    if ((wrong = take_address(&in, '\0', out)) != NULL)
        return wrong;
    behind = in;
    text2045_skip(&in);
    if (in.len > 0)
        return "it has text behind the address";
    if (words_show_address(before.p, before.len, out) ||
        words_show_address(behind.p, behind.len, out))
        return "a comment shows another address";
    return NULL;
}

/* `Name <a@b>`. */
static const char *
named(struct span2045 box, size_t angle, char out[ADDRESS_MAX + 1])
{
    struct span2045 in = box, behind;
    const char *wrong;

    step(&in, angle + 1);
    if ((wrong = take_address(&in, '>', out)) != NULL)
        return wrong;
    behind = in;
    text2045_skip(&in);
    if (in.len > 0)
        return "it has text behind the address";
    if (words_show_address(box.p, angle, out) ||
        words_show_address(behind.p, behind.len, out))
        return "the name or a comment shows another address, or cannot be read";
    return NULL;
}

void
address_read(struct address *a, const uint8_t *value, size_t len)
{
    struct span2045 in = {.p = value, .len = len}, box;
    char text[ADDRESS_MAX + 1];
    const char *wrong = NULL;
    size_t angle, count = 0;

    *a = (struct address){.state = ADDRESS_AMBIGUOUS, .reason = "it is empty"};
    if (len > ADDRESS_VALUE_MAX) {
        ambiguous(a, "it is too long");
        return;
    }
    while (in.len > 0 && blank(in.p[in.len - 1]))
        in.len--;
    while (in.len > 0 && blank(in.p[0]))
        step(&in, 1);
    if (in.len == 0)
        return;
    if (!clean(in.p, in.len))
        wrong = "it has control characters or invalid UTF-8";
    for (bool more = true; more && wrong == NULL; count++) {
        wrong = next_mailbox(&in, &box, &angle);
        more = text2045_take(&in, ',');
        if (wrong == NULL)
            wrong = angle < box.len ? named(box, angle, text) : bare(box, text);
        if (wrong == NULL && count == 0)
            memcpy(a->text, text, strlen(text) + 1);
    }
    if (wrong != NULL) {
        ambiguous(a, wrong);
        return;
    }
    a->state = count == 1 ? ADDRESS_ONE : ADDRESS_SEVERAL;
    a->reason = count == 1 ? NULL : "it has more than one address";
}

void
address_from_header(struct address *a, const struct header *h, const char *field)
{
    struct header_field f, other;

    *a = (struct address){.state = ADDRESS_NONE, .reason = "it is missing"};
    if (header_doubtful(h))
        ambiguous(a, "the mail's header has lines or bytes that programs read differently");
    else if (!header_find(h, field, 0, &f))
        return;
    else if (header_find(h, field, 1, &other))
        ambiguous(a, "it is there more than once");
    else
        address_read(a, f.value, f.value_len);
}
