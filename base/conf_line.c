/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/conf_line.h"

#include <string.h>

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static struct conf_span
trim(const char *text, size_t len)
{
    while (len > 0 && is_space(text[0]))
        text++, len--;
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return (struct conf_span){text, len};
}

/* A ';' behind white space begins a comment. */
static struct conf_span
without_comment(struct conf_span s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.text[i] == ';' && is_space(s.text[i - 1]))
            return trim(s.text, i);
    return s;
}

static struct conf_line
parse_section(struct conf_span s)
{
    struct conf_line line = {.type = CONF_LINE_FAULTY};
    s = without_comment(s);
    if (s.text[s.len - 1] != ']')
        return line;
    s = trim(s.text + 1, s.len - 2);
    size_t kind = 0;
    while (kind < s.len && !is_space(s.text[kind]))
        kind++;
    line.type = CONF_LINE_SECTION;
    line.kind = (struct conf_span){s.text, kind};
    line.name = trim(s.text + kind, s.len - kind);
    return line;
}

struct conf_line
conf_line_parse(const char *text, size_t len)
{
    struct conf_line line = {.type = CONF_LINE_BLANK};
    struct conf_span s = trim(text, len);
    if (s.len == 0 || s.text[0] == ';' || s.text[0] == '#')
        return line;
    if (s.text[0] == '[')
        return parse_section(s);
    const char *equals = memchr(s.text, '=', s.len);
    line.type = CONF_LINE_FAULTY;
    if (equals == NULL)
        return line;
    line.key = trim(s.text, (size_t)(equals - s.text));
    line.value = trim(equals + 1, s.len - (size_t)(equals + 1 - s.text));
    if (line.value.len > 0 && line.value.text[0] == ';')
        line.value.len = 0;
    line.value = without_comment(line.value);
    line.type = line.key.len > 0 ? CONF_LINE_KEY : CONF_LINE_FAULTY;
    return line;
}

bool
conf_span_is(struct conf_span s, const char *word)
{
    return strlen(word) == s.len && memcmp(s.text, word, s.len) == 0;
}
