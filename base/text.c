/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

/* Reads one UTF-8 character (RFC 3629 section 4) from s[0..len): its bytes, or 0
 * when there is none. */
static size_t
utf8_next(const uint8_t *s, size_t len, uint32_t *ret)
{
    static const struct {
        uint8_t mask, lead, count;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if ((s[0] & forms[f].mask) != forms[f].lead)
            continue;
        uint32_t c = s[0] & (uint8_t)~forms[f].mask;
        if (len < forms[f].count)
            return 0;
        for (size_t i = 1; i < forms[f].count; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (s[i] & 0x3f);
        }
        if (c < forms[f].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return 0;
        *ret = c;
        return forms[f].count;
    }
    return 0;
}

/* Characters that show as nothing, move the cursor, or turn the line around. */
static bool
is_unsafe(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200b, 0x200b},
        {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

int
text_put_safe(struct buf *out, const void *text, size_t len)
{
    const uint8_t *s = text;
    int rc = 0;
    while (len > 0 && rc == 0) {
        uint32_t c = 0;
        size_t n = utf8_next(s, len, &c);
        if (n == 0)
            rc = buf_putf(out, "\\x%02x", s[0]);
        else if (!is_unsafe(c))
            rc = buf_put(out, s, n);
        else if (c < 0x80)
            rc = buf_putf(out, "\\x%02x", (unsigned)c);
        else
            rc = buf_putf(out, "\\u{%04x}", (unsigned)c);
        if (n == 0)
            n = 1;
        s += n;
        len -= n;
    }
    return rc;
}

int
text_put_escaped(struct buf *out, const void *text, size_t len)
{
    const uint8_t *s = text;
    int rc = 0;
    for (size_t i = 0; i < len && rc == 0; i++) {
        if (s[i] == ' ')
            rc = buf_put_byte(out, '+');
        else if (s[i] < 0x20 || s[i] == 0x7f || s[i] == '%' || s[i] == '+')
            rc = buf_putf(out, "%%%02X", s[i]);
        else
            rc = buf_put_byte(out, s[i]);
    }
    return rc;
}

size_t
text_unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        uint8_t byte;
        size_t n;
        if (*in == '+') {
            *out++ = ' ';
        } else if (*in == '%' && in[1] != '\0' && hex_decode(in + 1, 2, &byte, 1, &n) == 0) {
            *out++ = (char)byte;
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}
