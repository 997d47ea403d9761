/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzz targets share: sinks, and people whose keys are the same in each run,
 * so that a seed which was signed once is good for ever.
 */
#ifndef SIGNET_FUZZ_KIT_H
#define SIGNET_FUZZ_KIT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/sink.h"
#include "cms/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* abort() with a line that says why. */
#define fuzz_assert(what) \
    do { \
        if (!(what)) \
            fuzz_fail(__FILE__, __LINE__, #what); \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* Adds up what comes, so that two runs compare; arg is a uint64_t. */
int fuzz_sum(void *arg, const uint8_t *data, size_t len, struct err *err);
/* Appends to the struct buf. */
struct sink fuzz_gather(struct buf *);

/* Made of constants. "ed25519" and "p256" sign, "p256" and "x25519" agree; "another" signs
 * what others signed: no seed has its certificate. */
enum fuzz_person { FUZZ_ED25519, FUZZ_P256, FUZZ_X25519, FUZZ_ANOTHER, FUZZ_PEOPLE };
EVP_PKEY *fuzz_key(enum fuzz_person);
X509 *fuzz_cert(enum fuzz_person);
struct cms_signer fuzz_signer(enum fuzz_person);
struct cms_opener fuzz_opener(enum fuzz_person);

/* len times the octet. */
struct secret *fuzz_secret(int octet, size_t len);

#endif
