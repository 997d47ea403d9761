/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/smimea.h"

#include <string.h>
#include <openssl/evp.h>

/* Usage, selector, matching type (RFC 6698 2.1). */
#define FIELDS 3

int
smimea_parse(const uint8_t *rdata, size_t len, struct smimea *ret)
{
    struct smimea s;

    if (len <= FIELDS)
        return E_MALFORMED;
    if (rdata[0] > SMIMEA_DANE_EE || rdata[1] > 1 || rdata[2] > 2)
        return E_UNSUPPORTED;
    s = (struct smimea){.usage = rdata[0], .key = rdata[1] == 1, .matching = rdata[2],
                        .data = rdata + FIELDS, .len = len - FIELDS};
    if ((s.matching == 1 && s.len != 32) || (s.matching == 2 && s.len != 64))
        return E_MALFORMED;
    *ret = s;
    return 0;
}

bool
smimea_is_own(const struct smimea *s)
{
    return s->usage == SMIMEA_PKIX_EE || s->usage == SMIMEA_DANE_EE;
}

X509 *
smimea_certificate(const struct smimea *s)
{
    const unsigned char *at = s->data;
    X509 *cert = s->key || s->matching != 0 ? NULL : d2i_X509(NULL, &at, (long)s->len);

    if (cert != NULL && at != s->data + s->len) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

bool
smimea_matches(const struct smimea *s, const X509 *cert)
{
    uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
    int len = s->key ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : i2d_X509(cert, &der);
    const EVP_MD *md = s->matching == 1 ? EVP_sha256() : EVP_sha512();
    unsigned size = 0;
    bool same = false;

    if (len > 0 && s->matching == 0)
        same = (size_t)len == s->len && memcmp(der, s->data, s->len) == 0;
    else if (len > 0 && EVP_Digest(der, (size_t)len, hash, &size, md, NULL) == 1)
        same = size == s->len && memcmp(hash, s->data, size) == 0;
    OPENSSL_free(der);
    return same;
}
