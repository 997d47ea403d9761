/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Countersigning and adding signers, as calls on whole messages. Callers free. */
#ifndef SIGNET_TESTS_CMS_RESIGN_KIT_H
#define SIGNET_TESTS_CMS_RESIGN_KIT_H

#include "cms/addsign.h"
#include "cms/countersign.h"
#include "tests/cms/kit.h"

/* For messages that must come out the same twice. */
#define RESIGN_TIME 1700000000

/* One signer's message, detached, in DER with content, or in BER. */
enum resign_form { RESIGN_DETACHED, RESIGN_DER, RESIGN_BER, RESIGN_FORMS };
struct buf *resign_message(enum resign_form, struct person *, const void *content, size_t len);

/* Feeds data in pieces as read_message does. The code of the call that failed, or 0. */
int countersign_try(const struct cms_countersign_options *, const void *data, size_t len,
                    size_t split, struct buf *out, struct err *err);
int addsign_try(const struct cms_addsign_options *, const void *data, size_t len, size_t split,
                struct buf *out, struct err *err);
/* The same, failing the test. */
struct buf *countersign(const struct buf *message, struct person *, size_t index, size_t split);
struct buf *addsign(const struct buf *message, struct person *, const struct cms_digests *,
                    size_t split);

/* The SignerInfos of a message, borrowed. */
const uint8_t *signer_infos_view(const struct buf *message, size_t *ret_len);

/* libcrypto's CMS takes all of its signatures. Content: what it must give, or, when
 * detached, what it is given. */
void resign_libcrypto_accepts(const struct buf *message, bool detached, const void *content,
                              size_t len);

#endif
