/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/recipient.h"

#include <openssl/crypto.h>

#include "cms/algid.h"
#include "cms/ber.h"
#include "cms/der.h"

static int
put_recipient(const struct cms_to *to, const struct secret *key, struct buf *out, long *version,
              struct err *err)
{
    SN_RECIPIENT *r = NULL;
    uint8_t *der = NULL;
    int len, rc;

    if ((to->cert != NULL) + (to->kek != NULL) + (to->password != NULL) != 1)
        return err_set(err, E_USAGE, "it needs one of certificate, key and password");
    if (to->cert != NULL && X509_get0_pubkey(to->cert) == NULL)
        return err_set_ossl(err, E_UNSUPPORTED, "its certificate's key cannot be used");
    if (to->cert != NULL && algid_key_is_weak(X509_get0_pubkey(to->cert)))
        return err_set(err, E_WEAK, "its key of %d bits is too weak",
                       EVP_PKEY_get_bits(X509_get0_pubkey(to->cert)));
    if (to->ukm_len > 0 && (to->cert == NULL || algid_key_type(X509_get0_pubkey(to->cert)) ==
                                                    ALG_KEY_RSA))
        return err_set(err, E_USAGE, "keying material is for key agreement, which its kind of key "
                       "does not do");
    if (to->ukm_len > CMS_UKM_MAX)
        return err_set(err, E_LIMIT, "keying material of more than %d bytes", CMS_UKM_MAX);
    rc = to->kek != NULL        ? kek_make(to, key, &r, err)
         : to->password != NULL ? password_make(to, key, &r, err)
         : algid_key_type(X509_get0_pubkey(to->cert)) == ALG_KEY_RSA
                                ? transport_make(to, key, &r, err)
                                : agree_make(to, key, &r, err);
    if (rc != 0)
        return rc;
    /* RFC 5652, 6.1 */
    if (r->type == SN_RECIPIENT_PWRI)
        *version = 3;
    else if (*version < 2 && (r->type != SN_RECIPIENT_KTRI || to->ski))
        *version = 2;
    len = i2d_SN_RECIPIENT(r, &der);
    rc = len <= 0 ? E_NOMEM : buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    SN_RECIPIENT_free(r);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "it cannot be encoded");
}

int
recipients_put(const struct cms_to *to, size_t count, const struct secret *key, struct buf *out,
               long *version, struct err *err)
{
    autofree_buf struct buf *all = buf_new();

    if (all == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        int rc = put_recipient(&to[i], key, all, version, err);

        if (rc != 0)
            return err_prefix(err, "recipient %zu", i + 1), rc;
    }
    return der_put_set(out, BER_SET | BER_CONSTRUCTED, all) == 0
        ? 0 : err_set(err, E_NOMEM, "out of memory");
}
