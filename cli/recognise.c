/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recognise.h"

#include <string.h>

/* A first line of base64 that is shorter may be a word of text. */
#define BASE64_LINE_MIN 40

#define TAG_SEQUENCE 0x30
#define TAG_OID 0x06

/* ContentInfo (RFC 5652, 3): a SEQUENCE, whose length takes more than a byte or is
 * indefinite, or which has an OID behind the length. '0' and a digit it is not. */
static bool
is_binary(const uint8_t *data, size_t len)
{
    return len >= 2 && data[0] == TAG_SEQUENCE &&
           ((data[1] & 0x80) != 0 || (len >= 3 && data[2] == TAG_OID));
}

/* A SEQUENCE with the length of the whole input, which no text has by chance. */
static bool
is_short_binary(const uint8_t *data, size_t len)
{
    return len >= 2 && len < 0x80 && data[0] == TAG_SEQUENCE && data[1] == len - 2;
}

static bool
is_base64_line(const uint8_t *data, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    size_t n = 0;

    while (n < len && data[n] && strchr(digits, data[n]))
        n++;
    return n >= BASE64_LINE_MIN && data[0] == 'M' &&
           (n == len || data[n] == '\n' || data[n] == '\r');
}

bool
recognise_cms(const uint8_t *data, size_t len)
{
    static const char begin[] = "-----BEGIN ";

    if (is_binary(data, len) || is_short_binary(data, len))
        return true;
    while (len > 0 && (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n')) {
        data++;
        len--;
    }
    if (len >= sizeof begin - 1 && memcmp(data, begin, sizeof begin - 1) == 0)
        return true;
    return is_base64_line(data, len);
}

/* "Name:" as a mail's header begins. */
static bool
is_field(const uint8_t *line, size_t len)
{
    size_t n = 0;

    while (n < len && line[n] > ' ' && line[n] < 0x7f && line[n] != ':')
        n++;
    return n > 0 && n < len && line[n] == ':';
}

static bool
take_label(const uint8_t *line, size_t len, char label[RECOGNISE_LABEL_MAX])
{
    const char *begin = "-----BEGIN ", *end = "-----";
    size_t first = strlen(begin), last = strlen(end);

    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    if (len <= first + last || len - first - last >= RECOGNISE_LABEL_MAX ||
        memcmp(line, begin, first) != 0 || memcmp(line + len - last, end, last) != 0)
        return false;
    memcpy(label, line + first, len - first - last);
    label[len - first - last] = '\0';
    return true;
}

bool
recognise_pem(const uint8_t *data, size_t len, char label[RECOGNISE_LABEL_MAX])
{
    bool header = is_field(data, len);

    while (len > 0) {
        const uint8_t *lf = memchr(data, '\n', len);
        size_t line = lf == NULL ? len : (size_t)(lf - data);

        if (take_label(data, line, label))
            return true;
        if (lf == NULL || (header && (line == 0 || (line == 1 && data[0] == '\r'))))
            return false;
        data += line + 1;
        len -= line + 1;
    }
    return false;
}
