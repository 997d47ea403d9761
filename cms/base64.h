/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inner loops of base64 (RFC 4648, section 4): whole groups only, no lines, no
 * padding. With AVX2 where the processor has it, chosen at run time, else
 * portable C; both give the same. Pure functions.
 */
#ifndef SIGNET_CMS_BASE64_H
#define SIGNET_CMS_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that both functions may write behind their result, whatever is there. */
#define BASE64_SLACK 32

/* What base64_value gives for what is not in the alphabet. */
#define BASE64_NONE 0xff

/* Encodes len bytes, a multiple of 3, to len / 3 * 4 characters. */
void base64_encode(const uint8_t *data, size_t len, uint8_t *out);

/* Decodes groups of 4 characters up to the first group that has any other
 * character, or to the last whole group. Returns the characters consumed, a
 * multiple of 4; out gets 3 bytes for each 4. */
size_t base64_decode(const uint8_t *text, size_t len, uint8_t *out);

/* The six bits of a character. */
uint8_t base64_value(uint8_t character);

/* For tests: the portable ones. */
void base64_encode_portable(const uint8_t *data, size_t len, uint8_t *out);
size_t base64_decode_portable(const uint8_t *text, size_t len, uint8_t *out);

#endif
