/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/hex.h"

void
hex_encode(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = data;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

static int
value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int
hex_decode(const char *digits, size_t len, uint8_t *out, size_t max, size_t *ret_len)
{
    if (len % 2 != 0)
        return E_MALFORMED;
    if (len / 2 > max)
        return E_LIMIT;
    for (size_t i = 0; i < len; i++)
        if (value(digits[i]) < 0)
            return E_MALFORMED;
    for (size_t i = 0; i < len; i += 2)
        out[i / 2] = (uint8_t)(value(digits[i]) << 4 | value(digits[i + 1]));
    *ret_len = len / 2;
    return 0;
}
