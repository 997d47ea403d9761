/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of cms/digests.h, for cms/verify.c: the beginning of the stream, and a short
 * stream as a whole. */
#ifndef SIGNET_CMS_DIGESTS_INT_H
#define SIGNET_CMS_DIGESTS_INT_H

#include "cms/digests.h"

/* How many are kept: the headers of a SET and of a SEQUENCE in it, and a tag. */
#define DIGESTS_HEAD_MAX 32

const uint8_t *digests_head_view(const struct cms_digests *, size_t *ret_len);

/* The whole stream, kept for EdDSA without signed attributes, which signs the
 * content and not a digest: up to CMS_EDDSA_CONTENT_MAX, in sets that have a digest
 * which goes with EdDSA. NULL when it is not kept. */
const uint8_t *digests_whole_view(const struct cms_digests *, size_t *ret_len);

#endif
