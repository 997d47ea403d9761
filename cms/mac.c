/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/mac.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

/* The first of a digest is the one that is written. */
static const struct {
    int nid, digest, parameters;    /* as written: RFC 4231 has NULL, the others none */
} rows[] = {
    { NID_hmac_sha1, NID_sha1, V_ASN1_UNDEF },
    { NID_hmacWithSHA1, NID_sha1, V_ASN1_NULL },
    { NID_hmacWithSHA224, NID_sha224, V_ASN1_NULL },
    { NID_hmacWithSHA256, NID_sha256, V_ASN1_NULL },
    { NID_hmacWithSHA384, NID_sha384, V_ASN1_NULL },
    { NID_hmacWithSHA512, NID_sha512, V_ASN1_NULL },
    { NID_hmac_sha3_256, NID_sha3_256, V_ASN1_UNDEF },
    { NID_hmac_sha3_384, NID_sha3_384, V_ASN1_UNDEF },
    { NID_hmac_sha3_512, NID_sha3_512, V_ASN1_UNDEF },
};

#define ROWS (sizeof rows / sizeof *rows)

struct mac {
    EVP_MAC_CTX *ctx;
    size_t size;
};

/* Parameters are absent or NULL (RFC 3370, 3.1; RFC 4231, 3.1). */
const struct alg_digest *
mac_read(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid;
    int type, nid;

    X509_ALGOR_get0(&oid, &type, NULL, alg);
    nid = OBJ_obj2nid(oid);
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].nid == nid && (type == V_ASN1_UNDEF || type == V_ASN1_NULL))
            return alg_digest_by_nid(rows[i].digest);
    return NULL;
}

int
mac_write(const struct alg_digest *digest, X509_ALGOR *out)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].digest == digest->nid)
            return X509_ALGOR_set0(out, OBJ_nid2obj(rows[i].nid), rows[i].parameters, NULL) == 1
                ? 0 : E_NOMEM;
    return E_UNSUPPORTED;
}

void
mac_free(struct mac **pm)
{
    if (pm == NULL || *pm == NULL)
        return;
    EVP_MAC_CTX_free((*pm)->ctx);
    free(*pm);
    *pm = NULL;
}

int
mac_new(struct mac **ret, const struct alg_digest *digest, const struct secret *key,
        struct err *err)
{
    struct mac *m = calloc(1, sizeof *m);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest->ossl, 0),
        OSSL_PARAM_END,
    };

    if (m != NULL && hmac != NULL)
        m->ctx = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (m == NULL || m->ctx == NULL ||
        EVP_MAC_init(m->ctx, secret_data_view(key), secret_len(key), params) != 1) {
        mac_free(&m);
        return err_set_ossl(err, E_CRYPTO, "cannot start HMAC with %s", digest->name);
    }
    m->size = digest->size;
    *ret = m;
    return 0;
}

int
mac_update(struct mac *m, const uint8_t *data, size_t len, struct err *err)
{
    return EVP_MAC_update(m->ctx, data, len) == 1 ? 0 : err_set_ossl(err, E_CRYPTO, "HMAC failed");
}

int
mac_final(struct mac *m, uint8_t out[MAC_SIZE_MAX], struct err *err)
{
    size_t len = 0;

    if (EVP_MAC_final(m->ctx, out, &len, MAC_SIZE_MAX) == 1 && len == m->size)
        return 0;
    return err_set_ossl(err, E_CRYPTO, "HMAC failed");
}
