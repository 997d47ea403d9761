/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the suites on the smaller content types share: each written in one call. */
#ifndef SIGNET_TESTS_CMS_CONTENTS_KIT_H
#define SIGNET_TESTS_CMS_CONTENTS_KIT_H

#include "tests/cms/env_kit.h"

/* Each fails the test when that fails; piece 0: all at once. The caller frees. */
struct buf *compress_content(const struct cms_compress_options *, const void *content, size_t len,
                             size_t piece);
struct buf *digest_content(const struct cms_digested_options *, const void *content, size_t len,
                           size_t piece);
struct buf *authenticate_content(const struct cms_authenticate_options *, const void *content,
                                 size_t len, size_t piece);
/* EncryptedData under test_kek() of the cipher's key length. */
struct buf *encrypted_data(const char *cipher, const void *content, size_t len, bool ber);
/* With test_kek() of this length as the content key, beside everything(). */
struct cms_decrypt_options with_key(size_t key_len);

/* Cut anywhere it is E_TRUNCATED; with any byte changed it fails with a sentence, or the
 * content comes out as it was. */
void assert_survives_damage(const struct buf *message, const struct cms_decrypt_options *,
                            const void *content, size_t len);

/* Frees a message and gives it without its ContentInfo, as it stands in another's content. */
struct buf *bare_structure(struct buf *message);
/* A message of tests/cms/peers. */
struct buf *peer_message(const char *name);

/* Replaces the first of these octets, found in the message, by others as long. */
void replace_octets(struct buf *message, const void *from, const void *to, size_t len);

/* "30 06 a0": identifiers of the elements of a message, depth first, down
 * to this depth. The caller frees. */
char *shape_of(const struct buf *message, unsigned depth);

#endif
