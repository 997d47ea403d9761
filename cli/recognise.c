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

    if (is_binary(data, len))
        return true;
    while (len > 0 && (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n')) {
        data++;
        len--;
    }
    if (len >= sizeof begin - 1 && memcmp(data, begin, sizeof begin - 1) == 0)
        return true;
    return is_base64_line(data, len);
}
