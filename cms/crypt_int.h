/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of crypt.c: CCM, and additional data that come last. */
#ifndef SIGNET_CMS_CRYPT_INT_H
#define SIGNET_CMS_CRYPT_INT_H

#include <openssl/evp.h>

#include "cms/crypt.h"

/* A cipher's context for raw use, without padding; NULL when that fails. */
EVP_CIPHER_CTX *crypt_raw(const char *ossl, const struct secret *key, const uint8_t *iv,
                          bool encrypt);

/* The tag that GCM would need without the additional data, when with them it has
 * *tag; size: of the content. */
int late_gcm(const struct cipher_params *, const struct secret *key, const uint8_t *aad,
             size_t aad_len, uint64_t size, uint8_t *tag) must_check;

/* The same for Poly1305, whose tag has lost two bits of the polynomial's value: up to
 * LATE_TAGS candidates, of which the number is returned, or E_*. */
#define LATE_TAGS 4
int late_poly1305(const struct cipher_params *, const struct secret *key, const uint8_t *aad,
                  size_t aad_len, uint64_t size, const uint8_t *tag,
                  uint8_t ret[LATE_TAGS][CIPHER_TAG_MAX]) must_check;

/* CCM (NIST SP 800-38C): counter mode and a chained MAC, each by libcrypto, since its
 * own CCM wants the whole message at once. */
struct ccm;
int ccm_new(struct ccm **ret, const struct cipher_params *, const struct secret *key,
            bool encrypt, int64_t size, const uint8_t *aad, size_t aad_len,
            struct err *err) must_check;
void ccm_free(struct ccm **);
int ccm_update(struct ccm *, const uint8_t *in, size_t len, uint8_t *out,
               struct err *err) must_check;
/* Gives the tag; aad as they are known now. */
int ccm_finish(struct ccm *, const uint8_t *aad, size_t aad_len, uint8_t *tag,
               struct err *err) must_check;

#endif
