/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/certs_int.h"
#include "trust/crl.h"

int
certs_put_crl(struct store *store, const uint8_t *der, size_t len, const char *path,
              struct err *err)
{
    struct crl *crl = NULL;
    struct err why = {0};
    int rc = crl_read(&crl, der, len, false, path, &why);

    if (rc == 0)
        rc = crl_keep(crl, store, &why);
    crl_free(&crl);
    if (rc == E_MALFORMED)
        return err_set(err, E_INPUT, "%s is damaged, or holds what is neither a certificate nor a "
                       "revocation list", path);
    if (rc != 0 && err)
        *err = why;
    return rc;
}
