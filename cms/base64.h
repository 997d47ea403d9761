/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inner loops of base64 (RFC 4648, section 4): whole groups only, no padding.
 * With AVX2 where the processor has it, else portable C; both give the same. What
 * the processor has is asked at the first base64_expect of a long input, once in the
 * process: in a virtual machine the question costs more than a short input does.
 * Thread-safe.
 */
#ifndef SIGNET_CMS_BASE64_H
#define SIGNET_CMS_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that both functions may write behind their result, whatever is there. */
#define BASE64_SLACK 32

/* What base64_value gives for what is not in the alphabet. */
#define BASE64_NONE 0xff

/* Inputs from this on are long, bytes. */
#define BASE64_LONG 4096

/* So much is about to be encoded or decoded, in one call or many. */
void base64_expect(size_t len);

/* Encodes len bytes, a multiple of 3, to len / 3 * 4 characters. */
void base64_encode(const uint8_t *data, size_t len, uint8_t *out);

/* Decodes groups of 4 characters up to the first group that has any other
 * character, or to the last whole group. Returns the characters consumed, a
 * multiple of 4; out gets 3 bytes for each 4. */
size_t base64_decode(const uint8_t *text, size_t len, uint8_t *out);

/* The same over lines: LF or CRLF between two groups is passed over. *ret_len is what
 * out got. */
size_t base64_decode_lines(const uint8_t *text, size_t len, uint8_t *out, size_t *ret_len);

/* The six bits of a character. */
uint8_t base64_value(uint8_t character);

/* For tests: the portable ones. */
void base64_encode_portable(const uint8_t *data, size_t len, uint8_t *out);
size_t base64_decode_portable(const uint8_t *text, size_t len, uint8_t *out);
size_t base64_decode_lines_portable(const uint8_t *text, size_t len, uint8_t *out,
                                    size_t *ret_len);

#endif
