/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions for bare paddings have no successor in OpenSSL 3. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pkcs11/pad.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

int
pad_pkcs1(uint8_t *em, size_t size, const uint8_t *info, size_t info_len)
{
    if (size > INT_MAX || info_len > INT_MAX)
        return E_CRYPTO;
    if (RSA_padding_add_PKCS1_type_1(em, (int)size, info, (int)info_len) == 1)
        return 0;
    ERR_clear_error();
    return E_CRYPTO;
}

int
pad_pss(uint8_t *em, size_t size, EVP_PKEY *key, const struct alg_digest *digest,
        const uint8_t *hash)
{
    const EVP_MD *md = EVP_get_digestbynid(digest->nid);
    RSA *rsa = EVP_PKEY_get1_RSA(key);
    int rc = E_CRYPTO;

    if (rsa && md && (size_t)RSA_size(rsa) == size &&
        RSA_padding_add_PKCS1_PSS_mgf1(rsa, em, hash, md, md, (int)digest->size) == 1)
        rc = 0;
    RSA_free(rsa);
    ERR_clear_error();
    return rc;
}

int
unpad_pkcs1(uint8_t *out, const uint8_t *em, size_t size)
{
    int len = size > INT_MAX ? -1
                             : RSA_padding_check_PKCS1_type_2(out, (int)size, em, (int)size,
                                                              (int)size);

    ERR_clear_error();
    return len;
}

int
unpad_oaep(struct secret *out, const uint8_t *em, size_t size, const struct pad_oaep *oaep)
{
    const EVP_MD *md = EVP_get_digestbynid(oaep->digest->nid);
    const EVP_MD *mgf = EVP_get_digestbynid(oaep->mgf->nid);
    int len;

    if (!md || !mgf || size > INT_MAX || oaep->label_len > INT_MAX || secret_max(out) < size)
        return E_CRYPTO;
    len = RSA_padding_check_PKCS1_OAEP_mgf1(secret_mutable(out), (int)size, em, (int)size,
                                            (int)size, oaep->label, (int)oaep->label_len, md,
                                            mgf);
    ERR_clear_error();
    if (len < 0)
        return E_DECRYPT;
    secret_set_len(out, (size_t)len);
    return 0;
}
