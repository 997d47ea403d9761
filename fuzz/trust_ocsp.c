/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an OCSP responder answers, with a certificate and an issuer that it may or may not speak of. */
#include <stdlib.h>
#include <time.h>

#include "fuzz/kit.h"
#include "trust/ocsp.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    X509 *cert = fuzz_cert(FUZZ_P256), *issuer = fuzz_cert(FUZZ_ED25519), *responder = NULL;
    struct ocsp_answer *a = NULL;
    struct err err = {0};

    if (ocsp_read(&a, data, len, "http://responder.example/", &err) != 0) {
        fuzz_assert(a == NULL && err.text[0] != '\0');
        return 0;
    }
    fuzz_assert(a->basic != NULL && a->len > 0 && a->len <= OCSP_BYTES_MAX);
    (void)ocsp_find(a, cert, issuer);
    /* Nobody can sign as the issuer here. */
    fuzz_assert(ocsp_signer(a, issuer, (time_t)1700000000, true, &responder, &err) != 0);
    ocsp_free(&a);
    return 0;
}
