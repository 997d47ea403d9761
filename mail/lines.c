/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/lines.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

#define BLOCK 16

static inline __m128i
load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* A bit for each byte that is c. */
static inline unsigned
which(const uint8_t *p, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load(p), _mm_set1_epi8(c)));
}

/* An LF in p[0..BLOCK) that "-" follows, the same without a CR before; NULL if there is
 * none. Reads a byte behind, or before, the block. */
static inline const uint8_t *
dash_in(const uint8_t *p)
{
    unsigned m = which(p, '\n') & which(p + 1, '-');

    return m == 0 ? NULL : p + __builtin_ctz(m);
}

static inline const uint8_t *
bare_in(const uint8_t *p)
{
    unsigned m = which(p, '\n') & ~which(p - 1, '\r');

    return m == 0 ? NULL : p + __builtin_ctz(m);
}

/* Copies p[0..BLOCK) up to the first LF; how many bytes that is. */
static inline size_t
copy_line(const uint8_t *p, uint8_t *out)
{
    unsigned m = which(p, '\n');

    _mm_storeu_si128((__m128i *)(void *)out, load(p));
    return m == 0 ? BLOCK : (size_t)__builtin_ctz(m);
}
#else
/* As much as earns a call of memchr. */
#define BLOCK 256

static const uint8_t *
dash_in(const uint8_t *p)
{
    const uint8_t *end = p + BLOCK;

    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && p[1] != '-')
        p++;
    return p;
}

static const uint8_t *
bare_in(const uint8_t *p)
{
    const uint8_t *end = p + BLOCK;

    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && p[-1] == '\r')
        p++;
    return p;
}

static size_t
copy_line(const uint8_t *p, uint8_t *out)
{
    const uint8_t *nl = memchr(p, '\n', BLOCK);
    size_t len = nl == NULL ? BLOCK : (size_t)(nl - p);

    memcpy(out, p, len);
    return len;
}
#endif

const uint8_t *
lines_find_dash(const uint8_t *data, size_t len)
{
    const uint8_t *p = data, *end = data + len, *hit;

    for (; end - p > BLOCK; p += BLOCK)
        if ((hit = dash_in(p)) != NULL)
            return hit;
    for (; p < end; p++)
        if (*p == '\n' && (p + 1 == end || p[1] == '-'))
            return p;
    return NULL;
}

const uint8_t *
lines_find_bare(const uint8_t *data, size_t len, bool after_cr)
{
    const uint8_t *p = data, *end = data + len, *hit;

    if (len == 0 || (*p == '\n' && !after_cr))
        return len == 0 ? NULL : p;
    for (p++; end - p >= BLOCK; p += BLOCK)
        if ((hit = bare_in(p)) != NULL)
            return hit;
    for (; p < end; p++)
        if (*p == '\n' && p[-1] != '\r')
            return p;
    return NULL;
}

size_t
lines_to_crlf(const uint8_t *data, size_t len, bool after_cr, uint8_t *out)
{
    const uint8_t *p = data, *end = data + len;
    uint8_t *o = out;

    while (p < end) {
        while (end - p >= BLOCK) {
            size_t n = copy_line(p, o);

            p += n;
            o += n;
            if (n < BLOCK)
                break;
        }
        while (p < end && *p != '\n' && end - p < BLOCK)
            *o++ = *p++;
        if (p == end || *p != '\n')
            continue;
        if (p == data ? !after_cr : p[-1] != '\r')
            *o++ = '\r';
        *o++ = '\n';
        p++;
    }
    return (size_t)(o - out);
}
