/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/measure.h"

#include <string.h>

/* One step of the wide loop; its counters are bytes, so ROUNDS steps at most. */
typedef uint8_t wide __attribute__((vector_size(16)));
#define ROUNDS 255u

void
measure_init(struct measure *m)
{
    memset(m, 0, sizeof *m);
}

/* RFC 3629 4, as bounds of the next byte. */
static void
check_utf8(struct measure *m, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len && !m->not_utf8; i++) {
        uint8_t c = p[i];

        if (m->utf8_left > 0) {
            m->not_utf8 = c < m->utf8_min || c > m->utf8_max;
            m->utf8_left--;
        } else if (c >= 0x80) {
            m->not_utf8 = c < 0xc2 || c > 0xf4;
            m->utf8_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            m->utf8_min = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            m->utf8_max = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
            continue;
        }
        m->utf8_min = 0x80;
        m->utf8_max = 0xbf;
    }
}

/* All bytes together, the CRs and whether there is a NUL. */
static uint8_t
look(struct measure *m, const uint8_t *p, size_t len)
{
    uint8_t all = 0, none = 0;

    while (len >= sizeof(wide)) {
        size_t n = len / sizeof(wide) < ROUNDS ? len / sizeof(wide) : ROUNDS;
        wide seen = {0}, zero = {0}, cr = {0}, v;

        for (size_t i = 0; i < n; i++) {
            memcpy(&v, p + i * sizeof v, sizeof v);
            seen |= v;
            zero |= (wide)(v == 0);
            cr -= (wide)(v == '\r');
        }
        for (size_t i = 0; i < sizeof(wide); i++) {
            all |= seen[i];
            none |= zero[i];
            m->cr += cr[i];
        }
        p += n * sizeof(wide);
        len -= n * sizeof(wide);
    }
    for (size_t i = 0; i < len; i++) {
        all |= p[i];
        none |= p[i] == 0;
        m->cr += p[i] == '\r';
    }
    m->nul |= none != 0;
    return all;
}

/* Goes on with the start of a line, of which `from` bytes came before. */
static void
match_from(struct measure *m, const uint8_t *p, const uint8_t *end)
{
    static const char from[] = "From ";

    while (m->from < strlen(from) && p < end) {
        if (*p++ != (uint8_t)from[m->from]) {
            m->from = sizeof from;
            return;
        }
        m->from++;
    }
    m->from_line |= m->from == strlen(from);
}

static void
count_lines(struct measure *m, const uint8_t *data, size_t len)
{
    const uint8_t *p = data, *end = data + len, *nl;

    match_from(m, p, end);
    while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        bool crlf = nl == data ? m->after_cr : nl[-1] == '\r';

        m->line += (uint64_t)(nl - p);
        m->long_line |= m->line - crlf > MEASURE_LINE_MAX;
        m->line = 0;
        if (m->lf++ == 0)
            m->first_crlf = crlf;
        m->crlf += crlf;
        p = nl + 1;
        m->from = 0;
        if (p < end)
            match_from(m, p, end);
    }
    m->line += (uint64_t)(end - p);
    /* One more may be the CR of a line end. */
    m->long_line |= m->line > MEASURE_LINE_MAX + 1;
    m->after_cr = end[-1] == '\r';
}

void
measure_update(struct measure *m, const uint8_t *data, size_t len)
{
    bool eight_bit;

    if (len == 0)
        return;
    m->size += len;
    eight_bit = look(m, data, len) >= 0x80;
    m->eight_bit |= eight_bit;
    if (eight_bit || m->utf8_left > 0)
        check_utf8(m, data, len);
    count_lines(m, data, len);
}

void
measure_finish(struct measure *m)
{
    m->long_line |= m->line > MEASURE_LINE_MAX;
    m->not_utf8 |= m->utf8_left > 0;
}

uint64_t
measure_canonical(const struct measure *m)
{
    return m->size + m->lf - m->crlf;
}

bool
measure_fragile(const struct measure *m)
{
    return m->eight_bit || m->nul || m->long_line || m->from_line || m->cr != m->crlf;
}
