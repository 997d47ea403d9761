/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/ocsp.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"

/* Answers about more certificates are not looked through. */
#define SINGLES_MAX 1024

int
ocsp_certid(const X509 *cert, const X509 *issuer, uint8_t out[OCSP_CERTID_BYTES])
{
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
    unsigned char *der = NULL;
    int len = id == NULL ? -1 : i2d_OCSP_CERTID(id, &der);
    int ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    return ok ? 0 : E_CRYPTO;
}

int
ocsp_request(const X509 *cert, const X509 *issuer, OCSP_REQUEST **ret, uint8_t **ret_der,
             size_t *ret_len)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
    unsigned char *der = NULL;
    int len;

    if (request == NULL || id == NULL || OCSP_request_add0_id(request, id) == NULL) {
        OCSP_CERTID_free(id);
        OCSP_REQUEST_free(request);
        return E_CRYPTO;
    }
    len = OCSP_request_add1_nonce(request, NULL, OCSP_NONCE_BYTES) == 1
              ? i2d_OCSP_REQUEST(request, &der)
              : -1;
    if (len <= 0) {
        OCSP_REQUEST_free(request);
        return E_CRYPTO;
    }
    *ret = request;
    *ret_der = der;
    *ret_len = (size_t)len;
    return 0;
}

static int
read_basic(const uint8_t *der, size_t len, OCSP_BASICRESP **ret, struct err *err)
{
    const unsigned char *at = der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)len);

    if (response == NULL) {
        at = der;
        *ret = d2i_OCSP_BASICRESP(NULL, &at, (long)len);
    } else {
        int status = OCSP_response_status(response);
        *ret = OCSP_response_get1_basic(response);
        OCSP_RESPONSE_free(response);
        if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
            OCSP_BASICRESP_free(*ret);
            *ret = NULL;
            return err_set(err, E_DENIED, "the responder answers \"%s\"",
                           OCSP_response_status_str(status));
        }
    }
    if (*ret != NULL && at == der + len)
        return 0;
    OCSP_BASICRESP_free(*ret);
    *ret = NULL;
    return err_set(err, E_MALFORMED, "the OCSP answer is malformed");
}

int
ocsp_read(struct ocsp_answer **ret, const uint8_t *der, size_t len, const char *source,
          struct err *err)
{
    struct ocsp_answer *a;
    OCSP_BASICRESP *basic = NULL;
    int rc;

    if (len == 0 || len > OCSP_BYTES_MAX)
        return err_set(err, len == 0 ? E_MALFORMED : E_LIMIT,
                       "the OCSP answer is empty, or larger than %u bytes", OCSP_BYTES_MAX);
    rc = read_basic(der, len, &basic, err);
    ERR_clear_error();
    if (rc != 0)
        return rc;
    a = calloc(1, sizeof *a);
    if (a != NULL) {
        a->basic = basic;
        a->source = strdup(source);
        a->der = malloc(len);
        a->len = len;
    } else {
        OCSP_BASICRESP_free(basic);
    }
    if (a == NULL || a->source == NULL || a->der == NULL) {
        ocsp_free(&a);
        return err_set(err, E_NOMEM, "out of memory for an OCSP answer");
    }
    memcpy(a->der, der, len);
    *ret = a;
    return 0;
}

void
ocsp_free(struct ocsp_answer **a)
{
    if (a == NULL || *a == NULL)
        return;
    OCSP_BASICRESP_free((*a)->basic);
    free((*a)->der);
    free((*a)->source);
    free(*a);
    *a = NULL;
}

OCSP_SINGLERESP *
ocsp_find(const struct ocsp_answer *a, const X509 *cert, const X509 *issuer)
{
    int count = OCSP_resp_count(a->basic);
    OCSP_SINGLERESP *found = NULL;

    for (int i = 0; found == NULL && i < count && i < SINGLES_MAX; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(a->basic, i);
        OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
        ASN1_INTEGER *serial = NULL;
        ASN1_OBJECT *alg = NULL;
        const EVP_MD *md;
        if (OCSP_id_get0_info(NULL, &alg, NULL, &serial, id) != 1 ||
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) != 0 ||
            (md = EVP_get_digestbyobj(alg)) == NULL)
            continue;
        OCSP_CERTID *ours = OCSP_cert_to_id(md, cert, issuer);
        if (ours != NULL && OCSP_id_cmp(ours, id) == 0)
            found = single;
        OCSP_CERTID_free(ours);
    }
    ERR_clear_error();
    return found;
}

static bool
is_weak(const X509_ALGOR *alg, const EVP_PKEY *key)
{
    struct algid_sig sig;

    return key == NULL || algid_key_is_weak(key) || algid_read_sig(alg, NULL, &sig, NULL) != 0 ||
           (sig.digest != NULL && sig.digest->weak);
}

/* 4.2.2.2: issued by that very CA, and for this. */
static int
check_delegate(X509 *responder, X509 *issuer, time_t at, bool allow_weak, struct err *err)
{
    const X509_ALGOR *alg;

    X509_get0_signature(NULL, &alg, responder);
    if (X509_check_issued(issuer, responder) != X509_V_OK ||
        X509_verify(responder, X509_get0_pubkey(issuer)) != 1)
        return err_set(err, E_UNTRUSTED, "it is signed by somebody whom the certificate's issuer "
                       "has not named");
    if ((X509_get_extension_flags(responder) & (EXFLAG_XKUSAGE | EXFLAG_INVALID)) !=
            EXFLAG_XKUSAGE ||
        (X509_get_extended_key_usage(responder) & XKU_OCSP_SIGN) == 0 ||
        (X509_get_key_usage(responder) & KU_DIGITAL_SIGNATURE) == 0)
        return err_set(err, E_UNTRUSTED, "its signer's certificate is not one for signing OCSP "
                       "answers");
    if (X509_cmp_time(X509_get0_notBefore(responder), &at) >= 0 ||
        X509_cmp_time(X509_get0_notAfter(responder), &at) <= 0)
        return err_set(err, E_UNTRUSTED, "its signer's certificate is expired or not yet valid");
    if (!allow_weak && is_weak(alg, X509_get0_pubkey(issuer)))
        return err_set(err, E_WEAK, "its signer's certificate is signed with a weak algorithm");
    return 0;
}

static int
check(const struct ocsp_answer *a, X509 *issuer, STACK_OF(X509) *known, time_t at,
      bool allow_weak, X509 **ret_responder, struct err *err)
{
    X509 *signer = NULL;
    int rc;

    if (OCSP_resp_get0_signer(a->basic, &signer, known) != 1 || signer == NULL)
        return err_set(err, E_UNTRUSTED, "its signer's certificate is not there");
    if (!allow_weak && is_weak(OCSP_resp_get0_tbs_sigalg(a->basic), X509_get0_pubkey(signer)))
        return err_set(err, E_WEAK, "it is signed with a weak algorithm");
    if (OCSP_basic_verify(a->basic, known, NULL, OCSP_NOVERIFY) != 1)
        return err_set(err, E_UNTRUSTED, "its signature is wrong");
    *ret_responder = NULL;
    if (EVP_PKEY_eq(X509_get0_pubkey(signer), X509_get0_pubkey(issuer)) == 1)
        return 0;
    rc = check_delegate(signer, issuer, at, allow_weak, err);
    if (rc == 0)
        *ret_responder = signer;
    return rc;
}

int
ocsp_signer(const struct ocsp_answer *a, X509 *issuer, time_t at, bool allow_weak,
            X509 **ret_responder, struct err *err)
{
    STACK_OF(X509) *known = sk_X509_new_null();
    int rc = known != NULL && sk_X509_push(known, issuer) > 0
                 ? check(a, issuer, known, at, allow_weak, ret_responder, err)
                 : err_set(err, E_NOMEM, "out of memory for an OCSP answer");

    sk_X509_free(known);
    ERR_clear_error();
    return rc;
}
