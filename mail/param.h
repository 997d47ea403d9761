/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content-Type and Content-Disposition values (RFC 2045 5.1, RFC 2183) with
 * their parameters: comments, quoted strings, continuations and character sets
 * (RFC 2231), and what senders really write (unquoted specials, stray
 * semicolons).
 *
 * Life: media_parse on a field's value, the questions, media_free. Names are
 * asked in any case. A parameter that is given twice with different values, or both
 * plainly and in RFC 2231 form with different values, is ambiguous: parsers
 * differ in which they take, so nothing that a verdict rests on may use it.
 *
 * Limits: MEDIA_VALUE_MAX bytes, MEDIA_PARAMS_MAX parameters; beyond, and for
 * text without a type, media_parse fails. Not thread-safe; a struct media is
 * never changed after it was made.
 */
#ifndef SIGNET_MAIL_PARAM_H
#define SIGNET_MAIL_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MEDIA_VALUE_MAX  (64u * 1024)
#define MEDIA_PARAMS_MAX 64u

struct media;

/* E_MALFORMED (no type, a NUL), E_LIMIT, E_NOMEM. */
int media_parse(struct media **ret, const uint8_t *value, size_t len) must_check;
void media_free(struct media **);

/* Lower case; the subtype is "" where there is none, as in Content-Disposition. */
const char *media_type(const struct media *);
const char *media_subtype(const struct media *);
bool media_is(const struct media *, const char *type, const char *subtype);

/* The value, decoded; NULL when absent. */
const char *media_param(const struct media *, const char *name);
bool media_param_is(const struct media *, const char *name, const char *value);
bool media_param_ambiguous(const struct media *, const char *name);

#endif
