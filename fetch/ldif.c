/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/ldif.h"

#include <string.h>
#include <strings.h>

enum state {
    LINE_START,
    ENTRY_NAME,     /* "DN: ...", to its end */
    ATTRIBUTE,      /* its name, up to ':' */
    COLON,          /* behind the first */
    SPACE,          /* behind the second: a space, or nothing in an empty value */
    TEXT,
    BASE64,
};

/* Bytes given on at once. */
#define PIECE 4096

void
ldif_init(struct ldif *l, const struct url *url, struct answer *out)
{
    *l = (struct ldif){.url = url, .out = out, .state = LINE_START};
}

/* A name's length without ";binary" at its end. */
static size_t
stem(const char *name)
{
    static const char option[] = ";binary";
    size_t len = strlen(name), n = sizeof option - 1;
    return len > n && strcasecmp(name + len - n, option) == 0 ? len - n : len;
}

bool
ldif_wanted(const struct url *url, const char *name)
{
    size_t len = stem(name);
    for (size_t i = 0; i < url->attribute_count; i++) {
        const char *asked = url->attributes[i];
        if (stem(asked) == len && strncasecmp(asked, name, len) == 0)
            return true;
    }
    return false;
}

static int
begin_line(struct ldif *l, uint8_t c)
{
    l->name_len = 0;
    if (c == '\n')
        return 0;
    l->state = c == 'D' ? ENTRY_NAME : ATTRIBUTE;
    return c == 'D' || c == '\t' ? 0 : E_MALFORMED;
}

static int
attribute(struct ldif *l, uint8_t c)
{
    if (c == ':') {
        l->name[l->name_len] = '\0';
        l->wanted = l->name_len > 0 && ldif_wanted(l->url, l->name);
        l->state = COLON;
        return l->name_len > 0 ? 0 : E_MALFORMED;
    }
    if (c <= ' ' || c >= 0x7f || l->name_len == sizeof l->name - 1)
        return E_MALFORMED;
    l->name[l->name_len++] = (char)c;
    return 0;
}

static int
begin_value(struct ldif *l, enum state state)
{
    l->bits = 0;
    l->digits = l->padding = 0;
    l->state = state;
    return l->wanted ? answer_value(l->out) : 0;
}

static int
colon(struct ldif *l, uint8_t c)
{
    if (c == ' ')
        return begin_value(l, TEXT);
    l->state = c == ':' ? SPACE : LINE_START;
    /* Nothing at all: an attribute without values. */
    return c == ':' || c == '\n' ? 0 : E_MALFORMED;
}

static int
space(struct ldif *l, uint8_t c)
{
    return c == ' ' ? begin_value(l, BASE64) : E_MALFORMED;
}

static int
digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One character of base64 (RFC 4648 4); the bytes of a whole group go to out. */
static int
base64(struct ldif *l, uint8_t c, uint8_t *out, size_t *n)
{
    int value = c == '=' ? 0 : digit(c);
    if (value < 0 || (c != '=' && l->padding > 0) || (c == '=' && l->digits < 2))
        return E_MALFORMED;
    l->padding += c == '=';
    l->bits = l->bits << 6 | (uint32_t)value;
    if (++l->digits < 4)
        return 0;
    for (unsigned i = 0; i < 3 - l->padding; i++)
        out[(*n)++] = (uint8_t)(l->bits >> (16 - 8 * i));
    /* A group that is filled up ends the value; another would be one digit too many. */
    l->digits = l->padding > 0 ? 4 : 0;
    l->bits = 0;
    return 0;
}

/* Bytes of a value up to its end or the piece's; how many in *used. */
static int
value(struct ldif *l, const uint8_t *data, size_t len, size_t *used)
{
    uint8_t out[PIECE];
    size_t n = 0, i = 0;
    int rc = 0;
    for (; rc == 0 && i < len && data[i] != '\n' && n + 3 <= sizeof out; i++) {
        if (l->state == TEXT)
            out[n++] = data[i];
        else if (l->digits == 4)
            rc = E_MALFORMED;
        else
            rc = base64(l, data[i], out, &n);
    }
    if (rc == 0 && l->wanted)
        rc = answer_put(l->out, out, n);
    if (rc == 0 && i < len && data[i] == '\n') {
        if (l->state == BASE64 && l->digits % 4 != 0)
            rc = E_MALFORMED;
        l->state = LINE_START;
        i++;
    }
    *used = i;
    return rc;
}

static int
step(struct ldif *l, uint8_t c)
{
    switch ((enum state)l->state) {
    case LINE_START:
        return begin_line(l, c);
    case ENTRY_NAME:
        if (c == '\n')
            l->state = LINE_START;
        return 0;
    case ATTRIBUTE:
        return attribute(l, c);
    case COLON:
        return colon(l, c);
    default:
        return space(l, c);
    }
}

int
ldif_update(struct ldif *l, const void *data, size_t len)
{
    const uint8_t *p = data;
    int rc = 0;
    while (rc == 0 && len > 0) {
        size_t used = 1;
        if (l->state == TEXT || l->state == BASE64)
            rc = value(l, p, len, &used);
        else
            rc = step(l, *p);
        p += used;
        len -= used;
    }
    return rc;
}

int
ldif_finish(struct ldif *l)
{
    return l->state == LINE_START ? 0 : E_TRUNCATED;
}
