/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/base64.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
    'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

#define X BASE64_NONE
static const uint8_t values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  X,  X,  63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,
    X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  X,
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
};
#undef X

uint8_t
base64_value(uint8_t character)
{
    return values[character];
}

void
base64_encode_portable(const uint8_t *data, size_t len, uint8_t *out)
{
    for (; len >= 3; data += 3, len -= 3, out += 4) {
        uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];

        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = alphabet[bits >> 6 & 63];
        out[3] = alphabet[bits & 63];
    }
}

size_t
base64_decode_portable(const uint8_t *text, size_t len, uint8_t *out)
{
    size_t at = 0;

    for (; len - at >= 4; at += 4, out += 3) {
        uint32_t a = values[text[at]], b = values[text[at + 1]];
        uint32_t c = values[text[at + 2]], d = values[text[at + 3]];

        if ((a | b | c | d) & 0xc0)
            break;
        a = a << 18 | b << 12 | c << 6 | d;
        out[0] = (uint8_t)(a >> 16);
        out[1] = (uint8_t)(a >> 8);
        out[2] = (uint8_t)a;
    }
    return at;
}

/* Octets of the line end that text begins with. */
static inline size_t
line_end(const uint8_t *text, size_t len)
{
    if (len > 0 && text[0] == '\n')
        return 1;
    return len > 1 && text[0] == '\r' && text[1] == '\n' ? 2 : 0;
}

size_t
base64_decode_lines_portable(const uint8_t *text, size_t len, uint8_t *out, size_t *ret_len)
{
    size_t at = 0, done = 0, n;

    do {
        n = base64_decode_portable(text + at, len - at, out + done);
        done += n / 4 * 3;
        at += n;
        n = line_end(text + at, len - at);
        at += n;
    } while (n > 0);
    *ret_len = done;
    return at;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define AVX2 __attribute__((target("avx2")))
/* Characters and bytes of one step. */
#define STEP_TEXT 32
#define STEP_DATA 24

/* low <= v <= high, of characters below 128. */
AVX2 static inline __m256i
in_range(__m256i v, char low, char high)
{
    return _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8((char)(low - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(high + 1)), v));
}

AVX2 static inline __m256i
masked(__m256i mask, int value)
{
    return _mm256_and_si256(mask, _mm256_set1_epi8((char)value));
}

#define TWICE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* 32 characters to 32 times six bits; *valid is all ones when all are in the
 * alphabet. A character's high four bits select a row of the alphabet: which low
 * ones belong to it (a bit of each table says no), and what is to be added; "/" has
 * a row of its own. */
AVX2 static inline __m256i
to_sextets(__m256i text, int *valid)
{
    const __m256i bad_low = TWICE(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                  0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m256i bad_high = TWICE(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                   0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    const __m256i add = TWICE(0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 0 - 'A', 26 - 'a',
                              26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    __m256i high = _mm256_and_si256(_mm256_srli_epi32(text, 4), nibble);
    __m256i low = _mm256_and_si256(text, nibble);
    __m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));
    __m256i bad = _mm256_and_si256(_mm256_shuffle_epi8(bad_low, low),
                                   _mm256_shuffle_epi8(bad_high, high));

    *valid = _mm256_movemask_epi8(_mm256_cmpeq_epi8(bad, _mm256_setzero_si256()));
    return _mm256_add_epi8(text, _mm256_shuffle_epi8(add, _mm256_add_epi8(high, slash)));
}

/* Four times six bits in 32 become three bytes; 24 bytes are put together. */
AVX2 static inline void
store_sextets(__m256i v, uint8_t *out)
{
    const __m256i order = _mm256_setr_epi8(
        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,
        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);

    v = _mm256_maddubs_epi16(v, _mm256_set1_epi32(0x01400140));
    v = _mm256_madd_epi16(v, _mm256_set1_epi32(0x00011000));
    v = _mm256_shuffle_epi8(v, order);
    v = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)out, v);
}

/* Groups are independent of each other, so that those before the first foreign
 * character are right whatever follows: a line's end costs no slow path. Where it is
 * expected it is looked for before a vector is spent on it. */
AVX2 static inline size_t
decode_avx2(const uint8_t *text, size_t len, uint8_t *out, bool lines, size_t *ret_len)
{
    uint8_t *start = out;
    size_t at = 0, last = 0, n;

    while (len - at >= STEP_TEXT) {
        int valid;
        __m256i v = to_sextets(_mm256_loadu_si256((const __m256i *)(const void *)(text + at)),
                               &valid);

        store_sextets(v, out);
        n = STEP_TEXT;
        if (valid != -1) {
            n = (unsigned)__builtin_ctz(~(unsigned)valid) & ~3u;
            /* lines are alike: where the next vector is, is guessed by the branch, so
             * that loading it does not wait for this one */
            if (n == last)
                __asm__("" : "=r"(n) : "0"(last));
            last = n;
        }
        at += n;
        out += n / 4 * 3;
        if (lines && len - at > 1 && text[at] < '+') {
            size_t end = line_end(text + at, len - at);

            at += end;
            if (end == 0)
                break;
        } else if (n < STEP_TEXT) {
            break;
        }
    }
    if (lines) {
        n = base64_decode_lines_portable(text + at, len - at, out, ret_len);
        *ret_len += (size_t)(out - start);
        return at + n;
    }
    return at + base64_decode_portable(text + at, len - at, out);
}

AVX2 static size_t
decode_groups_avx2(const uint8_t *text, size_t len, uint8_t *out)
{
    return decode_avx2(text, len, out, false, NULL);
}

AVX2 static size_t
decode_lines_avx2(const uint8_t *text, size_t len, uint8_t *out, size_t *ret_len)
{
    return decode_avx2(text, len, out, true, ret_len);
}

/* Each three bytes to four sextets in a 32-bit lane. */
AVX2 static inline __m256i
split(__m256i v)
{
    const __m256i order = _mm256_setr_epi8(
        1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
        1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    __m256i odd, even;

    v = _mm256_shuffle_epi8(v, order);
    even = _mm256_mulhi_epu16(_mm256_and_si256(v, _mm256_set1_epi32(0x0fc0fc00)),
                              _mm256_set1_epi32(0x04000040));
    odd = _mm256_mullo_epi16(_mm256_and_si256(v, _mm256_set1_epi32(0x003f03f0)),
                             _mm256_set1_epi32(0x01000010));
    return _mm256_or_si256(even, odd);
}

AVX2 static inline __m256i
to_text(__m256i v)
{
    __m256i lower = in_range(v, 26, 51), digit = in_range(v, 52, 61);
    __m256i plus = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(62));
    __m256i slash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(63));
    __m256i add = _mm256_set1_epi8('A');

    add = _mm256_add_epi8(add, masked(lower, 'a' - 26 - 'A'));
    add = _mm256_add_epi8(add, masked(digit, '0' - 52 - 'A'));
    add = _mm256_add_epi8(add, masked(plus, '+' - 62 - 'A'));
    add = _mm256_add_epi8(add, masked(slash, '/' - 63 - 'A'));
    return _mm256_add_epi8(v, add);
}

AVX2 static void
encode_avx2(const uint8_t *data, size_t len, uint8_t *out)
{
    /* 12 bytes for each half; the second load reads 4 more */
    while (len >= STEP_DATA + 4) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)data);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(data + 12));

        _mm256_storeu_si256((__m256i *)(void *)out,
                            to_text(split(_mm256_set_m128i(high, low))));
        data += STEP_DATA;
        len -= STEP_DATA;
        out += STEP_TEXT;
    }
    base64_encode_portable(data, len, out);
}

/* libgcc's __builtin_cpu_supports asks in every process that links it, at its start. */
static bool
ask_processor(void)
{
    unsigned a, b, c, d, low, high;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0 || (c & bit_AVX) == 0)
        return false;
    /* the system keeps the upper halves of registers */
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
        return false;
    return (b & bit_AVX2) != 0;
}

enum { NOT_ASKED, WITHOUT, WITH };
static atomic_int avx2;

void
base64_expect(size_t len)
{
    if (len >= BASE64_LONG && atomic_load_explicit(&avx2, memory_order_relaxed) == NOT_ASKED)
        atomic_store_explicit(&avx2, ask_processor() ? WITH : WITHOUT, memory_order_relaxed);
}

static inline bool
has_avx2(void)
{
    return atomic_load_explicit(&avx2, memory_order_relaxed) == WITH;
}

void
base64_encode(const uint8_t *data, size_t len, uint8_t *out)
{
    if (has_avx2())
        encode_avx2(data, len, out);
    else
        base64_encode_portable(data, len, out);
}

size_t
base64_decode(const uint8_t *text, size_t len, uint8_t *out)
{
    return has_avx2() ? decode_groups_avx2(text, len, out)
                      : base64_decode_portable(text, len, out);
}

size_t
base64_decode_lines(const uint8_t *text, size_t len, uint8_t *out, size_t *ret_len)
{
    return has_avx2() ? decode_lines_avx2(text, len, out, ret_len)
                      : base64_decode_lines_portable(text, len, out, ret_len);
}

#else

void
base64_expect(size_t len)
{
    (void)len;
}

size_t
base64_decode_lines(const uint8_t *text, size_t len, uint8_t *out, size_t *ret_len)
{
    return base64_decode_lines_portable(text, len, out, ret_len);
}

void
base64_encode(const uint8_t *data, size_t len, uint8_t *out)
{
    base64_encode_portable(data, len, out);
}

size_t
base64_decode(const uint8_t *text, size_t len, uint8_t *out)
{
    return base64_decode_portable(text, len, out);
}

#endif
