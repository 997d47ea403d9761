/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content's cipher as a stream, in both directions (RFC 5652, 6.3; RFC 5084;
 * RFC 8103). Inside of the library.
 *
 * Life: crypt_new with a key (copied to a secret of its own); crypt_update with
 * pieces; crypt_finish_encrypt or crypt_finish_decrypt; crypt_free.
 *
 * In AuthEnvelopedData the authenticated attributes stand BEHIND the content
 * (RFC 5083, 2.1), though all three AEAD ciphers want them first. So decryption takes
 * them last: of GCM and Poly1305, which are polynomials, the attributes' part is
 * added to the expected tag (crypt_late.c); CCM is a chain, and is computed again
 * over the content when that has no more than CRYPT_CCM_KEPT bytes, which are
 * kept for the purpose. The same is true of CCM content whose length did not stand
 * before it (segmented BER). Longer ones give E_UNSUPPORTED at the end.
 */
#ifndef SIGNET_CMS_CRYPT_H
#define SIGNET_CMS_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "cms/cipher.h"

/* How much longer the output of an update or finish can be than its input. */
#define CRYPT_BLOCK 16
/* Most bytes of one update. */
#define CRYPT_PIECE (64u * 1024)
/* Most CCM content kept for a second pass. */
#define CRYPT_CCM_KEPT (1024u * 1024)

struct crypt;

/* size: of the content in bytes, -1 when unknown; CCM alone looks at it. aad is
 * for encryption; to decrypt, give it to finish. E_CRYPTO, E_NOMEM, E_UNSUPPORTED
 * (this libcrypto has no such cipher), E_USAGE (CCM to encrypt without a size). */
int crypt_new(struct crypt **ret, const struct cipher_params *, const struct secret *key,
              bool encrypt, int64_t size, const uint8_t *aad, size_t aad_len,
              struct err *err) must_check;
void crypt_free(struct crypt **);

/* len at most CRYPT_PIECE; out has room for len + CRYPT_BLOCK. */
int crypt_update(struct crypt *, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len,
                 struct err *err) must_check;

/* out has room for CRYPT_BLOCK, tag for CIPHER_TAG_MAX. */
int crypt_finish_encrypt(struct crypt *, uint8_t *out, size_t *ret_len, uint8_t *tag,
                         struct err *err) must_check;
/* E_DECRYPT, without a sentence, whenever padding or tag are wrong: nothing more is
 * to be known. */
int crypt_finish_decrypt(struct crypt *, const uint8_t *aad, size_t aad_len, const uint8_t *tag,
                         size_t tag_len, uint8_t *out, size_t *ret_len, struct err *err) must_check;

#endif
