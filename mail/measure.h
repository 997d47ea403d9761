/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a stretch of a mail is made of: whether a relay would change it, and how
 * long it is in canonical form. At memory speed.
 *
 * Life: measure_init, measure_update with pieces of any size, measure_finish,
 * then read the fields. Nothing fails. Not thread-safe.
 */
#ifndef SIGNET_MAIL_MEASURE_H
#define SIGNET_MAIL_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 5322 2.1.1, without the line end. */
#define MEASURE_LINE_MAX 998u

struct measure {
    uint64_t size;       /* bytes */
    uint64_t lf, crlf;   /* line feeds, and those behind a CR */
    uint64_t cr;         /* all CRs */
    uint64_t line;       /* length of the line that is open */
    bool eight_bit, nul, long_line;
    bool from_line;      /* a line starts with "From ", which mailboxes make ">From " */
    unsigned from;       /* how much of that the open line starts with; over 5: it does not */
    bool after_cr;
    bool first_crlf;     /* the first line end is CRLF */
    bool not_utf8;       /* valid after finish */
    unsigned utf8_left;  /* continuation bytes that must come */
    uint8_t utf8_min, utf8_max; /* bounds of the next one */
};

void measure_init(struct measure *);
void measure_update(struct measure *, const uint8_t *data, size_t len);
void measure_finish(struct measure *);

/* Size with every bare LF as CRLF (mail/canonical.h). */
uint64_t measure_canonical(const struct measure *);
/* Whether a 7-bit relay may change it: 8-bit bytes, NUL, bare CR, long lines; or whoever
 * puts it into a mailbox: lines that start with "From ". */
bool measure_fragile(const struct measure *);

#endif
