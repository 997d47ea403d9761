/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which elements are constructed (X.690 8.1.2.5): libcrypto's templates do not ask
 * it of a SET OF, and forget it in decoding, so that a message whose bit was
 * flipped would pass as the one that was signed.
 */
#ifndef SIGNET_CMS_SHAPE_H
#define SIGNET_CMS_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Whether, in one SignerInfo (RFC 5652 5.3), everything that holds elements is
 * constructed and everything that cannot is primitive. E_MALFORMED, E_LIMIT. */
int shape_check_signer(const uint8_t *der, size_t len) must_check;

#endif
