/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private keys in memory as what cms/ asks of a token: the callbacks of struct
 * cms_signer and struct cms_opener, with an EVP_PKEY * as their argument.
 */
#ifndef SIGNET_TESTS_SUPPORT_SOFT_KEY_H
#define SIGNET_TESTS_SUPPORT_SOFT_KEY_H

#include "cms/decrypt.h"
#include "cms/sign.h"

int soft_key_sign(void *key, const struct alg_sig *, const uint8_t *data, size_t len,
                  struct buf *out, struct err *err);
int soft_key_unwrap(void *key, const struct cms_unwrap *, struct secret *out, struct err *err);
int soft_key_agree(void *key, const uint8_t *point, size_t len, struct secret *z,
                   struct err *err);

/* An opener with the services that the key's type has; both are borrowed. */
struct cms_opener soft_key_opener(X509 *, EVP_PKEY *);

#endif
