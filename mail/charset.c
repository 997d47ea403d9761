/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cms/base64.h"

#define NAME_MAX_LEN 40u
/* Longest sequence for one character in any set, shifts included. */
#define PENDING_MAX 64u
#define PIECE 4096u

static const char replacement[] = "\xef\xbf\xbd";

struct charset {
    struct sink out;
    iconv_t iconv;
    bool passes;                  /* no conversion */
    uint8_t pending[PENDING_MAX]; /* a character's first bytes */
    size_t pending_len;
};

/* iconv takes more than names: "//IGNORE", and paths in some. */
static bool
is_name(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");

    return n > 0 && n <= NAME_MAX_LEN && s[n] == '\0';
}

int
charset_new(struct charset **ret, const char *name, const struct sink *out, struct err *err)
{
    struct charset *c = calloc(1, sizeof *c);

    if (c == NULL)
        return err_set(err, E_NOMEM, "out of memory reading the mail");
    c->out = *out;
    c->passes = true;
    if (name != NULL && is_name(name) && strcasecmp(name, "utf-8") != 0 &&
        strcasecmp(name, "us-ascii") != 0) {
        c->iconv = iconv_open("UTF-8", name);
        c->passes = c->iconv == (iconv_t)-1;
    }
    *ret = c;
    return 0;
}

void
charset_free(struct charset **c)
{
    if (c == NULL || *c == NULL)
        return;
    if (!(*c)->passes)
        iconv_close((*c)->iconv);
    free(*c);
    *c = NULL;
}

/* Converts what can be; *ret_left bytes are a character that is not whole. */
static int
convert(struct charset *c, const uint8_t *data, size_t len, size_t *ret_left, struct err *err)
{
    char copy[PIECE], out[4 * PIECE], *in = copy;
    size_t left = len;
    int rc = 0;

    memcpy(copy, data, len);
    while (rc == 0 && left > 0) {
        char *to = out;
        size_t room = sizeof out - sizeof replacement;
        size_t n = iconv(c->iconv, &in, &left, &to, &room);
        int why = n == (size_t)-1 ? errno : 0;

        if (why == EILSEQ || (why == EINVAL && left > PENDING_MAX / 2)) {
            memcpy(to, replacement, sizeof replacement - 1);
            to += sizeof replacement - 1;
            in++;
            left--;
        }
        rc = sink_write(&c->out, (const uint8_t *)out, (size_t)(to - out), err);
        if (why == EINVAL && left <= PENDING_MAX / 2)
            break;
    }
    *ret_left = left;
    return rc;
}

int
charset_update(struct charset *c, const uint8_t *data, size_t len, struct err *err)
{
    uint8_t piece[PIECE];
    int rc = 0;

    if (c->passes)
        return sink_write(&c->out, data, len, err);
    while (rc == 0 && len > 0) {
        size_t n = sizeof piece - c->pending_len, left;

        n = n < len ? n : len;
        memcpy(piece, c->pending, c->pending_len);
        memcpy(piece + c->pending_len, data, n);
        n += c->pending_len;
        rc = convert(c, piece, n, &left, err);
        data += n - c->pending_len;
        len -= n - c->pending_len;
        memcpy(c->pending, piece + n - left, left);
        c->pending_len = left;
    }
    return rc;
}

int
charset_finish(struct charset *c, struct err *err)
{
    size_t left = c->pending_len;

    c->pending_len = 0;
    return left == 0 ? 0
                     : sink_write(&c->out, (const uint8_t *)replacement, sizeof replacement - 1,
                                  err);
}

/* An encoded word: "=?" charset "?" encoding "?" text "?=". */
struct word {
    char charset[NAME_MAX_LEN + 1];
    char encoding;
    const uint8_t *text, *end; /* end: behind "?=" */
    size_t len;
};

static bool
find_word(const uint8_t *p, const uint8_t *end, struct word *ret)
{
    const uint8_t *q, *stop;
    size_t n;

    if (end - p < 8 || p[0] != '=' || p[1] != '?' ||
        (q = memchr(p + 2, '?', (size_t)(end - p - 2))) == NULL || end - q < 4 || q[2] != '?')
        return false;
    n = (size_t)(q - p - 2);
    for (size_t i = 0; i < n; i++)
        if (p[2 + i] == '*')
            n = i;
    if (n == 0 || n > NAME_MAX_LEN)
        return false;
    memcpy(ret->charset, p + 2, n);
    ret->charset[n] = '\0';
    ret->encoding = (char)(q[1] | 0x20);
    ret->text = q + 3;
    stop = memmem(ret->text, (size_t)(end - ret->text), "?=", 2);
    if (stop == NULL || (ret->encoding != 'q' && ret->encoding != 'b'))
        return false;
    ret->len = (size_t)(stop - ret->text);
    ret->end = stop + 2;
    return memchr(ret->text, ' ', ret->len) == NULL;
}

static int
hex_value(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

    return at == NULL ? -1 : (int)(at - digits);
}

static size_t
decode_q(const struct word *w, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < w->len; i++) {
        uint8_t c = w->text[i];
        int high = -1, low = -1;

        if (c == '=' && i + 2 < w->len) {
            high = hex_value(w->text[i + 1]);
            low = hex_value(w->text[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '_') {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

static size_t
decode_b(const struct word *w, uint8_t *out)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t n = 0;

    for (size_t i = 0; i < w->len; i++) {
        uint8_t v = base64_value(w->text[i]);

        if (v == BASE64_NONE)
            continue;
        bits = bits << 6 | v;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[n++] = (uint8_t)(bits >> count);
        }
    }
    return n;
}

static int
into_buf(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    return buf_put(arg, data, len);
}

static int
put_word(struct buf *out, const struct word *w)
{
    uint8_t bytes[CHARSET_HEADER_MAX];
    struct sink sink = {.write = into_buf, .arg = out};
    size_t n = w->encoding == 'q' ? decode_q(w, bytes) : decode_b(w, bytes);
    struct charset *c = NULL;
    int rc = charset_new(&c, w->charset, &sink, NULL);

    if (c == NULL)
        return rc;
    rc = charset_update(c, bytes, n, NULL);
    if (rc == 0)
        rc = charset_finish(c, NULL);
    charset_free(&c);
    return rc;
}

/* Unfolds: a line end goes, with what it leaves at the ends. */
static size_t
unfold(const uint8_t *value, size_t len, uint8_t out[CHARSET_HEADER_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < CHARSET_HEADER_MAX; i++)
        if (value[i] != '\r' && value[i] != '\n' && (n > 0 || (value[i] != ' ' && value[i] != '\t')))
            out[n++] = value[i] == '\t' ? ' ' : value[i];
    while (n > 0 && out[n - 1] == ' ')
        n--;
    return n;
}

int
charset_put_header(struct buf *out, const uint8_t *value, size_t len)
{
    uint8_t flat[CHARSET_HEADER_MAX];
    const uint8_t *p = flat, *end = flat + unfold(value, len, flat);
    const uint8_t *blanks = NULL; /* behind an encoded word: dropped before another one */
    struct word w;
    int rc = 0;

    while (rc == 0 && p < end) {
        const uint8_t *at = p;

        while (blanks != NULL && at < end && *at == ' ')
            at++;
        if (find_word(at, end, &w)) {
            rc = put_word(out, &w);
            p = blanks = w.end;
            continue;
        }
        blanks = NULL;
        rc = buf_put(out, p, 1);
        p++;
    }
    return rc;
}
