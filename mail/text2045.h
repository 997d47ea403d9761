/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words that MIME fields are made of (RFC 2045 5.1, RFC 5322 3.2): a cursor
 * over a field's value that skips blanks, line ends and comments and takes
 * tokens and quoted strings. Pure functions on the caller's cursor; no limits
 * of their own, no recursion.
 */
#ifndef SIGNET_MAIL_TEXT2045_H
#define SIGNET_MAIL_TEXT2045_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the value; or a piece of it. */
struct span2045 {
    const uint8_t *p;
    size_t len;
};

/* Skips blanks, line ends and (nested) comments. */
void text2045_skip(struct span2045 *);
/* Takes that byte if it comes next. */
bool text2045_take(struct span2045 *, char);
/* Skips to the next such byte outside quoted strings and comments, or the end. */
void text2045_skip_to(struct span2045 *, char);
/* A token: no blanks, controls or specials. */
bool text2045_token(struct span2045 *, struct span2045 *ret);
/* A parameter's name: all up to '=', ';' or a blank. */
bool text2045_attribute(struct span2045 *, struct span2045 *ret);
/* A parameter's value, quoted or not, written to out (room for what is left);
 * unquoted it runs to the next ';' or blank, whatever it holds. */
struct span2045 text2045_value(struct span2045 *, char *out);

#endif
