/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OCSP (RFC 6960): one request for one certificate, and what an answer says of it.
 *
 * Life: ocsp_request, whose DER is posted; ocsp_read with what came; ocsp_find and ocsp_signer for
 * each certificate that is asked about; ocsp_free. CertIDs are made with SHA-1, which is what
 * responders expect; answers may use any digest.
 *
 * Pure but for the nonce. Thread-safe for different objects.
 */
#ifndef SIGNET_TRUST_OCSP_H
#define SIGNET_TRUST_OCSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ocsp.h>

#include "base/err.h"

#define OCSP_BYTES_MAX (64u * 1024)
/* Octets of the nonce (RFC 8954 2.1). */
#define OCSP_NONCE_BYTES 32
#define OCSP_MEDIA_TYPE "application/ocsp-request"
#define OCSP_CERTID_BYTES 32

struct ocsp_answer {
    OCSP_BASICRESP *basic;
    uint8_t *der;
    size_t len;
    char *source;      /* a URL; empty: it was brought, or is the store's */
    bool fetched;      /* by this run */
    bool live;         /* it has our nonce */
};

/* SHA-256 of the CertID with SHA-1: what the answer is stored by. */
int ocsp_certid(const X509 *cert, const X509 *issuer, uint8_t out[OCSP_CERTID_BYTES]) must_check;
/* A request with a nonce, and its DER; the caller frees both (OPENSSL_free). */
int ocsp_request(const X509 *cert, const X509 *issuer, OCSP_REQUEST **ret, uint8_t **ret_der,
                 size_t *ret_len) must_check;

/* An OCSPResponse, or a BasicOCSPResponse alone; copied. E_MALFORMED; E_DENIED when the responder
 * gives none ("tryLater"). */
int ocsp_read(struct ocsp_answer **ret, const uint8_t *der, size_t len, const char *source,
              struct err *err) must_check;
void ocsp_free(struct ocsp_answer **);

/* What it says of the certificate; NULL: nothing. */
OCSP_SINGLERESP *ocsp_find(const struct ocsp_answer *, const X509 *cert, const X509 *issuer);

/* Whether the issuer itself has signed it, or a responder that the issuer has named (4.2.2.2),
 * which was valid at that time. *ret_responder: that one, borrowed; NULL: the issuer. 0, or
 * E_UNTRUSTED with why. */
int ocsp_signer(const struct ocsp_answer *, X509 *issuer, time_t at, bool allow_weak,
                X509 **ret_responder, struct err *err) must_check;

#endif
