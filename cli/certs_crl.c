/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/x509.h>

#include "cli/certs_int.h"

int
certs_put_crl(struct store *store, const uint8_t *der, size_t len, const char *path,
              struct err *err)
{
    (void)store, (void)der, (void)len;
    return err_set(err, E_UNSUPPORTED, "%s: revocation lists are not kept yet; give the file to "
                   "verify with --crl", path);
}
