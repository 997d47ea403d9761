/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system's trust, as p11-kit's trust module tells it: which certificates are
 * trusted, for mail or not, and which are distrusted.
 *
 * Life: system_trust_open, questions, system_trust_free. The module is loaded once into the
 * process, asked for everything, and finalized. With a cache file, what it said is
 * written there with the state (time, size, inode) of all files it said it read, and the next
 * process reads that instead.
 *
 * A module that is missing or fails is as one that trusts nothing. One thread.
 */
#ifndef SIGNET_TRUST_SYSTEM_TRUST_H
#define SIGNET_TRUST_SYSTEM_TRUST_H

#include <stdbool.h>
#include <openssl/x509.h>

#include "base/err.h"

/* Certificates that are taken from the module, and bytes of its cache, at most. */
#define SYSTEM_TRUST_CERTS_MAX 20000
#define SYSTEM_TRUST_CACHE_MAX (64u * 1024 * 1024)

struct system_trust;

int system_trust_open(struct system_trust **ret, const char *cache, const char *paths,
                      struct err *err) must_check;
void system_trust_free(struct system_trust **);

/* Calls each(arg, cert) for certificates of that subject that are trusted for mail, until it
 * returns non-zero, which is then returned. */
int system_trust_find(const struct system_trust *, const X509_NAME *subject,
                      int (*each)(void *arg, X509 *), void *arg) must_check;
/* The certificate itself, its issuer and serial number, or its key. */
bool system_trust_distrusts(const struct system_trust *, const X509 *);
/* Whether it came from the cache; for tests. */
bool system_trust_cached(const struct system_trust *);

#endif
