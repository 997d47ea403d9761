/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sha256.h"

#include <nettle/sha2.h>

void
sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    sha256_update(&ctx, len, data);
    sha256_digest(&ctx, SHA256_SIZE, out);
}
