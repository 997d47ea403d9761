/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/words.h"

#include <string.h>
#include <strings.h>

#define FLAT_MAX 4096u

/* Character sets in which ASCII bytes are ASCII, by how their names start. */
static const char *const charsets[] = {
    "utf-8", "us-ascii", "ascii", "iso-8859-", "windows-12", "cp12", "koi8-", "gb2312",
    "gbk", "gb18030", "big5", "euc-", "shift_jis", "iso-2022-jp", "iso-2022-kr",
    "ks_c_5601", "tis-620", "macintosh",
};

/* U+FF20 and U+FE6B, which look like "@"; U+202A to U+202E and U+2066 to U+2069,
 * which change the direction of what is shown. */
static const char deceptive[][4] = {
    "\xef\xbc\xa0", "\xef\xb9\xab", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
    "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8",
    "\xe2\x81\xa9",
};

struct flat {
    uint8_t text[FLAT_MAX];
    size_t len;
};

/* RFC 3629 4. The length of the character at p, 0 when there is none. */
static size_t
utf8_len(const uint8_t *p, size_t len)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (n == 0 || p[0] > 0xf4 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

bool
words_clean(const uint8_t *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_len(text + i, len - i);
        if (n == 0 || (text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return false;
        /* C1 controls. */
        if (text[i] == 0xc2 && text[i + 1] < 0xa0)
            return false;
    }
    return true;
}

bool
words_encoded(const uint8_t *text, size_t len)
{
    return len > 1 && memmem(text, len, "=?", 2) != NULL;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
decode_q(const uint8_t *p, size_t len, struct flat *out)
{
    for (size_t i = 0; i < len; i++) {
        int hi = p[i] == '=' && len - i > 2 ? hex_digit(p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(p[i + 2]) : -1;

        out->text[out->len++] = lo >= 0 ? (uint8_t)(hi << 4 | lo) : p[i] == '_' ? ' ' : p[i];
        if (lo >= 0)
            i += 2;
    }
}

static void
decode_b(const uint8_t *p, size_t len, struct flat *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, have = 0;

    for (size_t i = 0; i < len; i++) {
        const char *d = p[i] == '\0' ? NULL : strchr(digits, p[i]);

        if (d == NULL)
            continue;
        bits = (bits << 6 | (unsigned)(d - digits)) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out->text[out->len++] = (uint8_t)(bits >> have);
        }
    }
}

static bool
known_charset(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
        size_t n = strlen(charsets[i]);

        if (len >= n && strncasecmp((const char *)p, charsets[i], n) == 0)
            return true;
    }
    return false;
}

/* An encoded word at p: appends its text and gives its length; 0 when it cannot
 * be read. */
static size_t
decode_word(const uint8_t *p, size_t len, struct flat *out)
{
    const uint8_t *end = p + len, *charset = p + 2, *mark, *text, *stop;

    mark = memchr(charset, '?', (size_t)(end - charset));
    if (mark == NULL || end - mark < 3 || mark[2] != '?' ||
        !known_charset(charset, (size_t)(mark - charset)))
        return 0;
    text = mark + 3;
    stop = memmem(text, (size_t)(end - text), "?=", 2);
    if (stop == NULL)
        return 0;
    if (mark[1] == 'q' || mark[1] == 'Q')
        decode_q(text, (size_t)(stop - text), out);
    else if (mark[1] == 'b' || mark[1] == 'B')
        decode_b(text, (size_t)(stop - text), out);
    else
        return 0;
    return (size_t)(stop + 2 - p);
}

/* The text as it would be shown; false when that cannot be told. */
static bool
flatten(const uint8_t *p, size_t len, struct flat *out)
{
    size_t blanks = 0; /* those since an encoded word, not shown before another */
    bool after_word = false;

    out->len = 0;
    if (len > FLAT_MAX)
        return false;
    while (len > 0) {
        size_t n = 1, at;

        if (p[0] == '=' && len > 1 && p[1] == '?') {
            if (after_word)
                out->len -= blanks;
            at = out->len;
            n = decode_word(p, len, out);
            if (n == 0)
                return false;
            for (; at < out->len; at++)
                if (out->text[at] < ' ' && out->text[at] != 0x1b && out->text[at] != '\t')
                    return false;
            after_word = true;
            blanks = 0;
        } else {
            bool blank;

            /* Quoted pairs are shown without their backslash. */
            if (p[0] == '\\' && len > 1) {
                p++;
                len--;
            }
            blank = p[0] == ' ' || p[0] == '\t' || p[0] == '\r' || p[0] == '\n';

            out->text[out->len++] = p[0];
            after_word = after_word && blank;
            blanks = after_word ? blanks + 1 : 0;
        }
        p += n;
        len -= n;
    }
    return true;
}

static bool
address_byte(uint8_t c, bool utf8)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("._+-%\"'=[()", c) != NULL) || (utf8 && c >= 0x80);
}

/* Whether the address stands at text[at], not as part of a longer one. */
static bool
stands(const struct flat *f, size_t at, const char *address, bool utf8)
{
    size_t n = strlen(address);

    if (n == 0 || n > f->len - at || strncasecmp((const char *)f->text + at, address, n) != 0)
        return false;
    if (at > 0 && address_byte(f->text[at - 1], utf8) &&
        f->text[at - 1] != '"' && f->text[at - 1] != '\'')
        return false;
    return at + n == f->len || f->text[at + n] == '"' || f->text[at + n] == '\'' ||
           (!address_byte(f->text[at + n], utf8) && f->text[at + n] != '@');
}

bool
words_show_address(const uint8_t *text, size_t len, const char *spared)
{
    struct flat f;
    bool utf8;

    if (!flatten(text, len, &f))
        return true;
    for (size_t i = 0; i < sizeof deceptive / sizeof *deceptive; i++)
        if (memmem(f.text, f.len, deceptive[i], 3) != NULL)
            return true;
    utf8 = words_clean(f.text, f.len);
    for (size_t i = 0; i < f.len; i++) {
        if (stands(&f, i, spared, utf8)) {
            i += strlen(spared) - 1;
            continue;
        }
        if (f.text[i] == '<' || f.text[i] == '>')
            return true;
        if (f.text[i] == '@' && i > 0 && i + 1 < f.len && address_byte(f.text[i - 1], utf8) &&
            address_byte(f.text[i + 1], utf8))
            return true;
    }
    return false;
}
