/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256 (FIPS 180-4) for programs that do without libcrypto, as the agent does for its start
 * and its memory. Linked in from nettle, which uses the processor's instructions for it.
 */
#ifndef SIGNET_BASE_SHA256_H
#define SIGNET_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

void sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);

#endif
