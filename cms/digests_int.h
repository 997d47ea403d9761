/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of cms/digests.h: the first bytes of the stream, for cms/verify.c. */
#ifndef SIGNET_CMS_DIGESTS_INT_H
#define SIGNET_CMS_DIGESTS_INT_H

#include "cms/digests.h"

/* How many are kept: the headers of a SET and of a SEQUENCE in it, and a tag. */
#define DIGESTS_HEAD_MAX 32

const uint8_t *digests_head_view(const struct cms_digests *, size_t *ret_len);

#endif
