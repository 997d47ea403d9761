/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hexadecimal, lower case out, either case in. Pure functions. */
#ifndef SIGNET_BASE_HEX_H
#define SIGNET_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Writes 2 * len digits and a NUL to out. */
void hex_encode(const void *data, size_t len, char *out);

/* Decodes digits[0..len) into out (room for max bytes); sets *ret_len. E_MALFORMED
 * for an odd count or what is no digit, E_LIMIT when it would not fit. */
int hex_decode(const char *digits, size_t len, uint8_t *out, size_t max,
               size_t *ret_len) must_check;

#endif
