/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a piece of a header field would look like to a person: whether a name or
 * a comment shows an address (mail/address.h refuses those), encoded words
 * (RFC 2047) decoded. Pure functions, no limits of their own.
 */
#ifndef SIGNET_MAIL_WORDS_H
#define SIGNET_MAIL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds something that looks like an encoded word: "=?". */
bool words_encoded(const uint8_t *text, size_t len);
/* Shows an "@" (or its wide and small forms, U+FF20, U+FE6B) between other
 * characters, or an angle bracket, plainly or in an encoded word; or has an encoded word
 * that cannot be read, or in a character set that hides ASCII (UTF-7, UTF-16).
 * The text's own "@" before `spared` bytes equal to that address are passed over:
 * "alice@example.org" <alice@example.org> misleads nobody. */
bool words_show_address(const uint8_t *text, size_t len, const char *spared);
/* Well-formed UTF-8 without control characters (blanks are none). */
bool words_clean(const uint8_t *text, size_t len);

#endif
