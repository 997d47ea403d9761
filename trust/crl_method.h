/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libcrypto asks of an X509_CRL: is this serial number in it, is it signed by this key.
 * trust/crl.c's other half. */
#ifndef SIGNET_TRUST_CRL_METHOD_H
#define SIGNET_TRUST_CRL_METHOD_H

#include "trust/crl.h"

/* Look-ups of one CRL that found something, at most; more find nothing and fail. */
#define CRL_HITS_MAX 4096

/* Reads a header whose questions are answered out of that CRL. */
int crl_method_read(const uint8_t *der, size_t len, struct crl *, X509_CRL **ret) must_check;

#endif
