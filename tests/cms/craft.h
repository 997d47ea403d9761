/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages put together from parts, as no honest writer would. The caller frees. */
#ifndef SIGNET_TESTS_CMS_CRAFT_H
#define SIGNET_TESTS_CMS_CRAFT_H

#include "tests/cms/kit.h"

/* ContentInfo with SignedData: the contents of digestAlgorithms, encapContentInfo,
 * certificates (none when empty) and signerInfos. */
struct buf *craft_signed_data(const struct buf *digests, const struct buf *encap,
                              const struct buf *certs, const struct buf *signers);

/* The contents of an encapContentInfo: id-data, detached. */
struct buf *craft_no_content(void);

/* The SignerInfo with which the person signs this content. */
struct buf *craft_signer_info(struct person *, const void *content, size_t len);

#endif
