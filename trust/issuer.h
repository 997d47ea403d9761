/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Issuers' certificates from where certificates say that they are (RFC 5280 4.2.2.1, AIA
 * caIssuers): a certificate in DER or PEM, or a certs-only PKCS #7 of them.
 *
 * Life: issuer_parse, or issuer_fetch for several certificates at once, all addresses of which
 * are fetched in parallel.
 *
 * What is returned is hostile: candidates, nothing more. One thread.
 */
#ifndef SIGNET_TRUST_ISSUER_H
#define SIGNET_TRUST_ISSUER_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "trust/fetch.h"

/* Addresses of one certificate, and of one call, at most. */
#define ISSUER_URLS_MAX 4
#define ISSUER_FETCHES_MAX 8
/* Bytes of one answer, certificates taken from it, at most. */
#define ISSUER_BYTES_MAX (256u * 1024)
#define ISSUER_CERTS_MAX 64

/* Appends the certificates of an answer; none is no error. */
int issuer_parse(const uint8_t *data, size_t len, STACK_OF(X509) *out) must_check;
/* Appends what the certificates' addresses answer; failures of those are no error. */
int issuer_fetch(struct fetcher *, STACK_OF(X509) *certs, STACK_OF(X509) *out,
                 struct err *err) must_check;

#endif
